package stream

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // RFC 6455 says so; it protects nothing
	"encoding/base64"
	"io"
	"strings"
	"time"

	"github.com/gobwas/httphead"
	"github.com/gobwas/ws/wsflate"
	"github.com/valyala/fasthttp"

	"uncross/gateway/http"
)

// The subprotocols.
const (
	ProtocolJSON   = "uncross.json.v1"   // public channels in JSON; taken where none is asked for
	ProtocolBinary = "uncross.binary.v1" // public channels in the binary form
)

// handshake is what client and server have agreed on.
type handshake struct {
	accept     string // Sec-WebSocket-Accept
	protocol   string // "" where the client asked for none
	extensions string // Sec-WebSocket-Extensions of the answer, "" for none
}

// Upgrade looks at the handshake and takes the connection over; what is wrong with it is returned, for an answer by HTTP.
// The connection's place among the limits is taken only when it has been handed over, since only then it is surely given
// back: see serve.
func (s *Server) Upgrade(ctx *fasthttp.RequestCtx) *http.Error {
	var h handshake
	if err := h.read(ctx); err != nil {
		return err
	}
	ctx.HijackSetNoResponse(true)
	ctx.Hijack(s.serve(h))
	return nil
}

// read checks a handshake by RFC 6455, section 4.2.1, and chooses among what the client offers.
func (h *handshake) read(ctx *fasthttp.RequestCtx) *http.Error {
	r := &ctx.Request.Header
	switch {
	case !r.IsHTTP11() || len(r.Host()) == 0:
		return http.Refuse(http.MalformedRequest, "", "a handshake is HTTP/1.1 and has a Host")
	case !hasToken(r.PeekAll("Upgrade"), "websocket") || !hasToken(r.PeekAll("Connection"), "upgrade"):
		ctx.Response.Header.Set("Upgrade", "websocket")
		ctx.Response.Header.Set("Connection", "Upgrade")
		return http.Refuse(http.UpgradeRequired, "", "Upgrade: websocket and Connection: Upgrade are needed")
	}
	version, err := single(r, "Sec-WebSocket-Version")
	if err != nil {
		return err
	}
	if version != "13" {
		ctx.Response.Header.Set("Upgrade", "websocket")
		ctx.Response.Header.Set("Sec-WebSocket-Version", "13")
		return http.Refuse(http.UpgradeRequired, "Sec-WebSocket-Version", "13 is needed")
	}
	key, err := single(r, "Sec-WebSocket-Key")
	if err != nil {
		return err
	}
	if nonce, e := base64.StdEncoding.Strict().DecodeString(key); e != nil || len(nonce) != 16 {
		return http.Refuse(http.MalformedRequest, "Sec-WebSocket-Key", "base64 of 16 bytes is needed")
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as above
	h.accept = base64.StdEncoding.EncodeToString(sum[:])
	if h.protocol, err = chooseProtocol(r.PeekAll("Sec-WebSocket-Protocol")); err != nil {
		return err
	}
	h.extensions, err = chooseExtensions(r.PeekAll("Sec-WebSocket-Extensions"))
	return err
}

// single returns a header that is given once, "" where it is absent.
func single(r *fasthttp.RequestHeader, name string) (string, *http.Error) {
	all := r.PeekAll(name)
	if len(all) > 1 {
		return "", http.Refuse(http.MalformedRequest, name, "the header is given twice")
	}
	if len(all) == 0 {
		return "", nil
	}
	return string(all[0]), nil
}

// hasToken reports whether one of the tokens in the lines of a header is the given one, in lower case.
func hasToken(lines [][]byte, token string) (found bool) {
	for _, line := range lines {
		for one := range strings.SplitSeq(string(line), ",") {
			found = found || strings.EqualFold(strings.TrimSpace(one), token)
		}
	}
	return found
}

// chooseProtocol returns the first subprotocol that is spoken here.
func chooseProtocol(lines [][]byte) (chosen string, err *http.Error) {
	for _, line := range lines {
		well := httphead.ScanTokens(line, func(token []byte) bool {
			if name := string(token); chosen == "" && (name == ProtocolJSON || name == ProtocolBinary) {
				chosen = name
			}
			return true
		})
		if !well {
			return "", http.Refuse(http.MalformedRequest, "Sec-WebSocket-Protocol", "")
		}
	}
	if chosen == "" && len(lines) > 0 {
		return "", http.Refuse(http.InvalidValue, "Sec-WebSocket-Protocol", ProtocolJSON+" and "+ProtocolBinary+" are spoken here")
	}
	return chosen, nil
}

// offer is one element of a client's Sec-WebSocket-Extensions.
type offer struct {
	name   string
	params map[string]string
	wrong  bool // a parameter twice
}

// chooseExtensions returns the answer to the first offer of permessage-deflate that can be met, "" where there is none.
// Offers that cannot be met are passed over, as RFC 7692 says.
func chooseExtensions(lines [][]byte) (string, *http.Error) {
	var offers []offer
	for _, line := range lines {
		last := -1
		well := httphead.ScanOptions(line, func(i int, name, attribute, value []byte) httphead.Control {
			if i != last {
				offers, last = append(offers, offer{name: string(name), params: map[string]string{}}), i
			}
			if o := &offers[len(offers)-1]; attribute != nil {
				_, twice := o.params[string(attribute)]
				o.wrong = o.wrong || twice
				o.params[string(attribute)] = string(value)
			}
			return httphead.ControlContinue
		})
		if !well {
			return "", http.Refuse(http.MalformedRequest, "Sec-WebSocket-Extensions", "")
		}
	}
	for i := range offers {
		if answer := offers[i].answer(); answer != "" {
			return answer, nil
		}
	}
	return "", nil
}

// answer returns the answer to an offer, "" where it cannot be met. What is compressed here has a window of 15 bits and
// takes nothing over from message to message, so that one compressed form serves all; any window can be decompressed.
func (o *offer) answer() string {
	if o.name != wsflate.ExtensionName || o.wrong {
		return ""
	}
	answer := wsflate.ExtensionName + "; server_no_context_takeover; client_no_context_takeover"
	for name, value := range o.params {
		switch {
		case (name == "server_no_context_takeover" || name == "client_no_context_takeover") && value == "":
		case name == "client_max_window_bits" && (value == "" || windowBits(value)):
		case name == "server_max_window_bits" && value == "15":
			answer += "; server_max_window_bits=15"
		default:
			return ""
		}
	}
	return answer
}

func windowBits(value string) bool {
	return value == "8" || value == "9" || len(value) == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5'
}

// write answers the handshake. It is written here and not by the HTTP server, which would skip the connection's handler, and
// with it the count of connections, where it finds the answer undeliverable.
func (h *handshake) write(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + h.accept + "\r\n")
	if h.protocol != "" {
		b.WriteString("Sec-WebSocket-Protocol: " + h.protocol + "\r\n")
	}
	if h.extensions != "" {
		b.WriteString("Sec-WebSocket-Extensions: " + h.extensions + "\r\n")
	}
	b.WriteString("\r\n")
	_, err := w.Write(b.Bytes())
	return err
}

// deadline is a moment from now on, by the machine's clock: sockets know no other.
func deadline(d time.Duration) time.Time { return time.Now().Add(d) }
