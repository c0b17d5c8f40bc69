package stream

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"sync"

	"github.com/gobwas/ws"
)

// This file makes the frames that the server sends: never masked, never in fragments.

// CompressFrom is the size in bytes from which a message is worth compressing.
const CompressFrom = 1 << 10

const (
	finalBit      = 0x80 // the frame is its message's last
	compressedBit = 0x40 // RSV1: the message is compressed (RFC 7692)
)

// Frame returns a payload as one whole frame, as text or as binary.
func Frame(payload []byte, binary bool) []byte {
	return appendFrame(make([]byte, 0, headerSize(len(payload))+len(payload)), finalBit|opOf(binary), payload)
}

// Deflate returns a payload as one whole compressed frame, for those who negotiated permessage-deflate without context
// takeover. It is nil where that does not pay: below CompressFrom, or where the compressed form is not smaller.
func Deflate(payload []byte, binary bool) []byte {
	if len(payload) < CompressFrom {
		return nil
	}
	d := deflaters.Get().(*deflater)
	defer deflaters.Put(d)
	d.out.Reset()
	d.w.Reset(&d.out)
	_, err := d.w.Write(payload)
	if err == nil {
		err = d.w.Flush()
	}
	if err != nil {
		panic("gateway/stream: compressing into memory: " + err.Error())
	}
	// A flush ends with an empty stored block, whose last four bytes the other side puts back.
	packed := bytes.TrimSuffix(d.out.Bytes(), flushTail)
	if headerSize(len(packed))+len(packed) >= headerSize(len(payload))+len(payload) {
		return nil
	}
	return appendFrame(make([]byte, 0, headerSize(len(packed))+len(packed)), finalBit|compressedBit|opOf(binary), packed)
}

// flushTail ends every flushed piece of deflate data, and is left out of messages.
var flushTail = []byte{0, 0, 0xff, 0xff}

type deflater struct {
	out bytes.Buffer
	w   *flate.Writer
}

// deflaters are kept because each is half a megabyte. The fastest level: messages are compressed while others wait.
var deflaters = sync.Pool{New: func() any {
	d := &deflater{}
	d.w, _ = flate.NewWriter(&d.out, flate.BestSpeed) // fails for levels that do not exist
	return d
}}

func opOf(binary bool) byte {
	if binary {
		return byte(ws.OpBinary)
	}
	return byte(ws.OpText)
}

func headerSize(n int) int {
	switch {
	case n < 126:
		return 2
	case n < 1<<16:
		return 4
	}
	return 10
}

func appendFrame(dst []byte, first byte, payload []byte) []byte {
	switch n := len(payload); headerSize(n) {
	case 2:
		dst = append(dst, first, byte(n))
	case 4:
		dst = binary.BigEndian.AppendUint16(append(dst, first, 126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(n))
	}
	return append(dst, payload...)
}

// controlFrame returns a ping, pong or close frame. The payload has at most 125 bytes.
func controlFrame(op ws.OpCode, payload []byte) []byte {
	return appendFrame(make([]byte, 0, 2+len(payload)), finalBit|byte(op), payload)
}

// closeFrame returns a close frame; one without a code has no payload.
func closeFrame(code ws.StatusCode, text string) []byte {
	if code == 0 {
		return controlFrame(ws.OpClose, nil)
	}
	return controlFrame(ws.OpClose, ws.NewCloseFrameBody(code, text))
}
