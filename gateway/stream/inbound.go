package stream

import (
	"bytes"
	"compress/flate"
	"errors"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/gobwas/ws"
)

// The codes of this interface's own that a connection is closed with.
const (
	closeNoPong  ws.StatusCode = 4000 // no answer to a ping
	closeTooSlow ws.StatusCode = 4001 // a channel that cannot be conflated, or nothing could be written
)

// fault is why a connection has to be closed: the code and the text of the close frame.
type fault struct {
	code ws.StatusCode
	text string
}

func (f *fault) Error() string { return f.text }

// inbound reads what a client sends, frame by frame, strictly by RFC 6455 and 7692. It holds no more than one message, and
// takes room for a payload only after its declared length has been found to be within the limit. One goroutine.
type inbound struct {
	r       io.Reader
	deflate bool // permessage-deflate was negotiated
	limits  *Limits

	head       [ws.MaxHeaderSize]byte
	headSize   int // bytes of the header that has been read
	control    [ws.MaxControlFramePayloadSize]byte
	body       []byte // of the message under way
	fragments  int    // frames of the message under way; 0: none is
	compressed bool   // the message under way
}

// next returns the next control frame, or the next whole text message, decompressed. The payload is good until next is
// called again. Errors: a *fault where the client broke a rule, else what reading failed with.
func (in *inbound) next() (ws.OpCode, []byte, error) {
	for {
		h, err := in.header()
		if err != nil {
			return 0, nil, err
		}
		if err := in.check(&h); err != nil {
			return 0, nil, err
		}
		if h.OpCode.IsControl() {
			payload, err := in.read(in.control[:0], &h)
			return h.OpCode, payload, err
		}
		if in.fragments == 0 {
			in.body, in.compressed = in.body[:0], h.Rsv1()
		}
		in.fragments++
		if in.body, err = in.read(in.body, &h); err != nil {
			return 0, nil, err
		}
		if h.Fin {
			in.fragments = 0
			payload, err := in.message()
			return ws.OpText, payload, err
		}
	}
}

// header reads a frame's header, whose length has to be in as few bytes as it can be.
func (in *inbound) header() (ws.Header, error) {
	in.headSize = 0
	h, err := ws.ReadHeaderBuffer((*headReader)(in), in.head[:0])
	switch {
	case errors.Is(err, ws.ErrHeaderLengthMSB):
		err = &fault{ws.StatusProtocolError, err.Error()}
	case err == nil && in.headSize > ws.HeaderSize(h):
		err = &fault{ws.StatusProtocolError, "a length in more bytes than it needs"}
	}
	return h, err
}

// headReader counts what a header takes, which the header itself does not tell.
type headReader inbound

func (r *headReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.headSize += n
	return n, err
}

// check refuses a frame by its header alone.
func (in *inbound) check(h *ws.Header) error {
	state := ws.StateServerSide
	if in.fragments > 0 {
		state = state.Set(ws.StateFragmented)
	}
	first := h.OpCode == ws.OpText || h.OpCode == ws.OpBinary
	plain := *h
	if in.deflate && first && in.fragments == 0 {
		plain.Rsv &^= ws.Rsv(true, false, false) // a message's first frame says that the message is compressed
	}
	switch err := ws.CheckHeader(plain, state); {
	case err != nil:
		return &fault{ws.StatusProtocolError, err.Error()}
	case h.OpCode == ws.OpBinary:
		return &fault{ws.StatusUnsupportedData, "requests are text"}
	case h.OpCode.IsControl():
		return nil
	case h.Length > int64(in.limits.Message-in.size()):
		return &fault{ws.StatusMessageTooBig, "a message has at most " + itoa(in.limits.Message) + " bytes"}
	case in.fragments >= in.limits.Fragments:
		return &fault{ws.StatusMessageTooBig, "a message has at most " + itoa(in.limits.Fragments) + " fragments"}
	}
	return nil
}

// size returns the bytes of the message under way.
func (in *inbound) size() int {
	if in.fragments == 0 {
		return 0
	}
	return len(in.body)
}

// read appends a frame's payload to dst, unmasked.
func (in *inbound) read(dst []byte, h *ws.Header) ([]byte, error) {
	start := len(dst)
	for need := int(h.Length); need > 0; {
		piece := min(need, readPiece) // a length that is only declared takes no room
		at := len(dst)
		dst = append(dst, make([]byte, piece)...)
		if _, err := io.ReadFull(in.r, dst[at:]); err != nil {
			return dst[:start], err
		}
		need -= piece
	}
	ws.Cipher(dst[start:], h.Mask, 0)
	return dst, nil
}

// readPiece is how much room is made at a time for a payload that has yet to come.
const readPiece = 4 << 10

// message returns the message that has just been completed.
func (in *inbound) message() ([]byte, error) {
	text := in.body
	if in.compressed {
		var err error
		if text, err = inflate(in.body, in.limits.Message); err != nil {
			return nil, err
		}
	}
	if cap(in.body) > readPiece {
		in.body = nil // the next is likely small again
	}
	if !utf8.Valid(text) {
		return nil, &fault{ws.StatusInvalidFramePayloadData, "text is UTF-8"}
	}
	return text, nil
}

// closeReason looks at the payload of a client's close frame and returns the code to answer with.
func closeReason(payload []byte) (ws.StatusCode, error) {
	if len(payload) == 0 {
		return 0, nil
	}
	if len(payload) == 1 {
		return 0, &fault{ws.StatusProtocolError, "half a status code"}
	}
	code, text := ws.ParseCloseFrameData(payload)
	err := ws.CheckCloseFrameData(code, text)
	switch {
	case errors.Is(err, ws.ErrProtocolInvalidUTF8):
		return 0, &fault{ws.StatusInvalidFramePayloadData, err.Error()}
	case err != nil:
		return 0, &fault{ws.StatusProtocolError, err.Error()}
	case code > ws.StatusRangePrivate.Max:
		return 0, &fault{ws.StatusProtocolError, "no such status code"}
	}
	return code, nil
}

// inflateTail completes a message's data: the bytes that the sender left out, and an empty last block.
var inflateTail = append(append([]byte{}, flushTail...), 1, 0, 0, 0xff, 0xff)

var inflaters = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}

// inflate decompresses a message, but not to more than most bytes, however small it came.
func inflate(data []byte, most int) ([]byte, error) {
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	source := io.MultiReader(bytes.NewReader(data), bytes.NewReader(inflateTail))
	if err := r.(flate.Resetter).Reset(source, nil); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(r, int64(most)+1))
	switch {
	case n > int64(most):
		return nil, &fault{ws.StatusMessageTooBig, "a message has at most " + itoa(most) + " bytes when it is decompressed"}
	case err != nil:
		return nil, &fault{ws.StatusInvalidFramePayloadData, "compressed data that cannot be decompressed"}
	}
	return out.Bytes(), nil
}
