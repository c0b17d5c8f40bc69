package follow

import (
	"bufio"
	"bytes"
	"compress/flate"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws"

	"uncross/gateway/client"
)

// Path is where the stream is, below the venue's address.
const Path = "/v1/stream"

// The subprotocols.
const (
	ProtocolJSON   = "uncross.json.v1"
	ProtocolBinary = "uncross.binary.v1"
)

// Bounds of a connection.
const (
	DefaultMaxMessage = 16 << 20         // bytes of one message, after decompression
	DefaultQuiet      = 50 * time.Second // without a byte from the server, which sends a ping every 20 s
	dialTime          = 10 * time.Second // until the upgrade is answered
	writeTime         = 10 * time.Second
	defaultBuffer     = 16 << 10
)

// DialConfig says how a connection is made. The zero value of a field stands for its default.
type DialConfig struct {
	URL        string      // the venue's address, such as http://127.0.0.1:8080; ws and wss are taken as well
	URLs       []string    // of a Follower: further nodes of the venue, each the next when a connection has ended, or is silent
	Binary     bool        // ask for the binary form of the public channels
	Compress   bool        // offer permessage-deflate
	TLS        *tls.Config // nil: the system's authorities
	MaxMessage int         // bytes; default DefaultMaxMessage
	Buffer     int         // bytes that are read at once; default 16 KiB
	Quiet      time.Duration
	// Socket makes the TCP connection; nil: net.Dialer. Measurements set buffers of the socket here.
	Socket func(ctx context.Context, network, address string) (net.Conn, error)
}

// CloseError says that the other side has ended the connection, and why.
type CloseError struct {
	Code   int // 1005: none was given
	Reason string
}

// Error implements error.
func (e *CloseError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("the server closed the connection with code %d", e.Code)
	}
	return fmt.Sprintf("the server closed the connection with code %d: %s", e.Code, e.Reason)
}

// noStatus is the code of a close frame without one.
const noStatus = 1005

// TooSlow is the code of a connection that was cut off because it was too slow.
const TooSlow = 4001

var (
	errProtocol = errors.New("follow: the server's frames are not as RFC 6455 says")
	errTooLarge = errors.New("follow: the server's message is over the limit")
)

// Conn is one connection to a stream. One goroutine reads; any may write.
type Conn struct {
	conn       *hearing
	in         *bufio.Reader
	binary     bool
	deflate    bool
	max        int
	quiet      time.Duration
	extended   time.Time // when the read deadline was set
	header     [ws.MaxHeaderSize]byte
	message    []byte // of the message that is being read
	inflated   []byte
	inflater   io.ReadCloser
	compressed bytes.Reader
	received   int64

	writing sync.Mutex
	closing sync.Once
}

// Dial connects and upgrades. A refusal by the venue is a *client.Error.
func Dial(ctx context.Context, c DialConfig) (*Conn, error) {
	address, err := streamURL(c.URL)
	if err != nil {
		return nil, err
	}
	n := &Conn{max: c.MaxMessage, quiet: c.Quiet}
	if n.max <= 0 {
		n.max = DefaultMaxMessage
	}
	if n.quiet <= 0 {
		n.quiet = DefaultQuiet
	}
	if c.Buffer <= 0 {
		c.Buffer = defaultBuffer
	}
	var refused error
	d := ws.Dialer{
		Timeout: dialTime, NetDial: c.Socket, Protocols: []string{ProtocolJSON}, TLSConfig: c.TLS,
		OnStatusError: func(status int, _ []byte, answer io.Reader) { refused = upgradeRefusal(status, answer) },
	}
	if c.Binary {
		d.Protocols = []string{ProtocolBinary}
	}
	if c.Compress {
		d.Extensions = []httphead.Option{{Name: []byte("permessage-deflate"), Parameters: noTakeover()}}
	}
	conn, left, hand, err := d.Dial(ctx, address)
	if refused != nil {
		err = refused
	}
	if err != nil {
		return nil, fmt.Errorf("follow: connecting to %s: %w", address, err)
	}
	n.conn = &hearing{Conn: conn}
	n.conn.last.Store(time.Now().UnixNano())
	n.binary, n.deflate = hand.Protocol == ProtocolBinary, len(hand.Extensions) > 0
	if c.Binary && !n.binary {
		conn.Close()
		return nil, fmt.Errorf("follow: the server does not speak %s", ProtocolBinary)
	}
	source := io.Reader(n.conn)
	if left != nil { // what came together with the answer to the upgrade
		early, _ := left.Peek(left.Buffered())
		source = io.MultiReader(bytes.NewReader(bytes.Clone(early)), n.conn)
		ws.PutReader(left)
	}
	n.in = bufio.NewReaderSize(source, c.Buffer)
	return n, nil
}

func noTakeover() httphead.Parameters {
	var p httphead.Parameters
	p.Set([]byte("server_no_context_takeover"), nil)
	p.Set([]byte("client_no_context_takeover"), nil)
	return p
}

// streamURL makes the stream's address from the venue's.
func streamURL(text string) (string, error) {
	base, err := BaseURL(text)
	if err != nil {
		return "", err
	}
	return "ws" + strings.TrimPrefix(base, "http") + Path, nil
}

// BaseURL makes the venue's address, as package client takes it, from that or from the stream's.
func BaseURL(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" && u.Path != Path {
		return "", fmt.Errorf("follow: %q is no address of a venue such as http://127.0.0.1:8080", text)
	}
	switch u.Scheme {
	case "http", "ws":
		return "http://" + u.Host, nil
	case "https", "wss":
		return "https://" + u.Host, nil
	}
	return "", fmt.Errorf("follow: %q: http, https, ws or wss is needed", text)
}

// maxRefusal bounds what is read of the body of a refused upgrade.
const maxRefusal = 64 << 10

// upgradeRefusal reads why an upgrade was refused.
func upgradeRefusal(status int, answer io.Reader) error {
	plain := fmt.Errorf("the server answers the upgrade with status %d", status)
	a, err := http.ReadResponse(bufio.NewReader(answer), nil)
	if err != nil {
		return plain
	}
	defer a.Body.Close()
	var body struct {
		Error *client.Error `json:"error"`
	}
	if err := json.NewDecoder(io.LimitReader(a.Body, maxRefusal)).Decode(&body); err != nil || body.Error == nil {
		return plain
	}
	body.Error.Status = status
	return body.Error
}

// Binary reports whether the public channels come in the binary form.
func (n *Conn) Binary() bool { return n.binary }

// Compressed reports whether the server may compress messages.
func (n *Conn) Compressed() bool { return n.deflate }

// Received returns how many bytes of frames have been read, headers included. It is the reader's to call.
func (n *Conn) Received() int64 { return n.received }

// heard returns when the last byte came. Any goroutine may call it.
func (n *Conn) heard() time.Time { return time.Unix(0, n.conn.last.Load()) }

// Read returns the next message, text or binary; it answers pings meanwhile. The bytes hold until the next call. It fails
// with a *CloseError when the server ends the connection, and with what the socket says otherwise.
func (n *Conn) Read() (payload []byte, binary bool, err error) {
	n.message = n.message[:0]
	var first ws.Header
	begun := false
	for {
		n.extend()
		h, err := ws.ReadHeaderBuffer(n.in, n.header[:])
		if err != nil {
			return nil, false, err
		}
		n.received += h.Length + int64(ws.HeaderSize(h))
		if h.OpCode.IsControl() {
			if err := n.control(h); err != nil {
				return nil, false, err
			}
			continue
		}
		if h.Masked || h.OpCode.IsReserved() || begun != (h.OpCode == ws.OpContinuation) || h.Rsv != 0 && (begun || !n.deflate || h.Rsv != ws.Rsv(true, false, false)) {
			return nil, false, errProtocol
		}
		if !begun {
			first, begun = h, true
		}
		if h.Length > int64(n.max-len(n.message)) {
			return nil, false, errTooLarge
		}
		if err := n.take(int(h.Length)); err != nil {
			return nil, false, err
		}
		if h.Fin {
			break
		}
	}
	payload = n.message
	if first.Rsv != 0 {
		if payload, err = n.inflate(payload); err != nil {
			return nil, false, err
		}
	}
	return payload, first.OpCode == ws.OpBinary, nil
}

// extend moves the read deadline on; once a second is enough.
func (n *Conn) extend() {
	if now := time.Now(); now.Sub(n.extended) >= time.Second {
		n.extended = now
		_ = n.conn.SetReadDeadline(now.Add(n.quiet)) // a socket that is closed says so at the read
	}
}

// step is how far the buffer grows before the bytes are there: a length is only a claim.
const step = 64 << 10

// take appends the next bytes to the message.
func (n *Conn) take(length int) error {
	for length > 0 {
		part := min(length, step)
		was := len(n.message)
		if cap(n.message)-was < part {
			grown := make([]byte, was, max(2*cap(n.message), was+part))
			copy(grown, n.message)
			n.message = grown
		}
		n.message = n.message[:was+part]
		if _, err := io.ReadFull(n.in, n.message[was:]); err != nil {
			return err
		}
		length -= part
	}
	return nil
}

// control deals with a control frame.
func (n *Conn) control(h ws.Header) error {
	if h.Masked || h.Rsv != 0 || !h.Fin || h.OpCode.IsReserved() || h.Length > ws.MaxControlFramePayloadSize {
		return errProtocol
	}
	var space [ws.MaxControlFramePayloadSize]byte
	payload := space[:h.Length]
	if _, err := io.ReadFull(n.in, payload); err != nil {
		return err
	}
	switch h.OpCode {
	case ws.OpPing:
		return n.write(ws.NewPongFrame(bytes.Clone(payload)))
	case ws.OpClose:
		code, reason := ws.ParseCloseFrameData(payload)
		e := &CloseError{Code: int(code), Reason: reason}
		if code.Empty() {
			e.Code = noStatus
		}
		_ = n.write(ws.NewCloseFrame(bytes.Clone(payload[:min(2, len(payload))]))) // it ends in any case
		return e
	}
	return nil
}

// tail ends a message that was compressed without its own end (RFC 7692, 7.2.2), and the stream.
var tail = []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}

// inflate decompresses a message.
func (n *Conn) inflate(payload []byte) ([]byte, error) {
	n.message = append(n.message, tail...)
	n.compressed.Reset(n.message[:len(payload)+len(tail)])
	if n.inflater == nil {
		n.inflater = flate.NewReader(&n.compressed)
	} else if err := n.inflater.(flate.Resetter).Reset(&n.compressed, nil); err != nil {
		return nil, err
	}
	out := bytes.NewBuffer(n.inflated[:0])
	size, err := io.Copy(out, io.LimitReader(n.inflater, int64(n.max)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %v", errProtocol, err)
	case size > int64(n.max):
		return nil, errTooLarge
	}
	n.inflated = out.Bytes()
	return n.inflated, nil
}

// Send sends a value as JSON in one text message.
func (n *Conn) Send(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	return n.write(ws.NewTextFrame(text))
}

// write sends one frame, masked as a client's must be; the payload is changed by that.
func (n *Conn) write(f ws.Frame) error {
	frame, err := ws.CompileFrame(ws.MaskFrameInPlace(f))
	if err != nil {
		return fmt.Errorf("follow: %w", err)
	}
	n.writing.Lock()
	defer n.writing.Unlock()
	if err := n.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	_, err = n.conn.Write(frame)
	return err
}

// Close says goodbye and closes the socket; a Read that waits fails. It may be called more than once.
func (n *Conn) Close() {
	n.closing.Do(func() {
		_ = n.write(ws.NewCloseFrame(ws.NewCloseFrameBody(ws.StatusNormalClosure, ""))) // the socket is closed whatever comes of it
		n.conn.Close()
	})
}
