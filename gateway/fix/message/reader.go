package message

import (
	"bytes"
	"errors"
	"io"
)

// The errors of Reader besides those of the stream it reads.
var (
	ErrTooLarge = errors.New("message: larger than the limit") // final: every further call returns it
	ErrGarbled  = errors.New("message: garbled")               // only after StopOnGarbled(true); reading can go on
)

// Bounds of Reader.
const (
	MinMaxBytes   = 512 // the least limit that NewReader takes; a smaller one is raised to it
	firstBuffer   = 8 << 10
	maxBeginValue = 16 // longest BeginString that still counts as a frame's beginning
	maxLength     = 12 // digits of BodyLength, zeros in front included
	keptGarbled   = 96 // bytes of a garbled message kept for a log line
	maxEmptyReads = 100
)

const (
	frameStart   = "8=FIX"
	trailerStart = "\x0110="
)

// Reader finds the frames in a stream. It skips what FIX calls garbled: a frame that does not begin with BeginString,
// BodyLength, MsgType, or whose BodyLength or CheckSum is wrong.
//
//	…junk 8=FIX.4.4|9=63|35=A|34=1|…|10=168|8=FIX.4.4|9=…
//	└skip┘└──────────── frame ─────────────┘└ next
//
// After a wrong BodyLength, everything up to and including the first CheckSum field behind the stated end is skipped, or
// up to the next "8=FIX" behind it if that comes first. So a length that is too short costs that message, and one that
// is too long costs the following one as well; sequence numbers bring both back.
type Reader struct {
	in         io.Reader
	buf        []byte
	start, end int // buf[start:end] is not yet looked at or belongs to a begun frame
	max        int
	state      readState
	prev       byte  // the byte before start
	later      error // came together with bytes; returned when they are used up
	fatal      error
	ready      []byte // frame that Pending found ahead of Next
	readyErr   error

	garbled uint64
	last    []byte
	stop    bool
}

// readState says what is at start.
type readState uint8

const (
	atFrame   readState = iota // a frame should begin here
	inJunk                     // counted as garbled already; looking for a frame's beginning
	inTrailer                  // counted already; looking for a CheckSum field or a frame's beginning
)

// NewReader returns a Reader of frames of at most maxBytes bytes.
func NewReader(r io.Reader, maxBytes int) *Reader {
	maxBytes = max(maxBytes, MinMaxBytes)
	return &Reader{in: r, max: maxBytes, prev: soh, buf: make([]byte, min(maxBytes, firstBuffer))}
}

// StopOnGarbled makes Next return ErrGarbled, once for each garbled message, instead of skipping it in silence: before a
// logon, a garbled message is a reason to hang up.
func (r *Reader) StopOnGarbled(on bool) { r.stop = on }

// Next returns the next whole frame, valid until the following call of Next. Errors: ErrTooLarge, ErrGarbled, and what
// the stream returns: io.EOF between frames, io.ErrUnexpectedEOF inside one, a timeout as it is. After a timeout, Next may
// be called again and goes on where it was.
func (r *Reader) Next() ([]byte, error) {
	for {
		frame, err := r.take()
		if frame != nil || err != nil {
			return frame, err
		}
		if err := r.fill(); err != nil {
			return nil, err
		}
	}
}

// Pending reports whether Next would return at once, with a frame or an error, and without reading from the stream. The
// frame that Next returned last stays valid.
func (r *Reader) Pending() bool {
	if r.ready == nil && r.readyErr == nil {
		r.ready, r.readyErr = r.take()
	}
	return r.ready != nil || r.readyErr != nil || r.later != nil
}

// Buffered returns how many bytes there are of a frame that has begun and is not whole yet.
func (r *Reader) Buffered() int {
	if r.state != atFrame {
		return 0
	}
	return r.end - r.start
}

// Garbled returns how many garbled messages were skipped; a run of bytes that belong to no message counts as one.
func (r *Reader) Garbled() uint64 { return r.garbled }

// LastGarbled returns the beginning of the last garbled message, with SOH written as '|', for a log line.
func (r *Reader) LastGarbled() string {
	v := bytes.ReplaceAll(r.last, []byte{soh}, []byte{'|'})
	return string(bytes.ToValidUTF8(v, []byte{'?'}))
}

// take returns a frame or an error that the buffer's bytes decide, and neither when more bytes are needed.
func (r *Reader) take() ([]byte, error) {
	if r.fatal != nil {
		return nil, r.fatal
	}
	if r.ready != nil || r.readyErr != nil {
		frame, err := r.ready, r.readyErr
		r.ready, r.readyErr = nil, nil
		return frame, err
	}
	for r.start < r.end {
		before := r.garbled
		frame, more := r.step()
		switch {
		case frame != nil:
			return frame, nil
		case r.fatal != nil:
			return nil, r.fatal
		case r.garbled != before && r.stop:
			return nil, ErrGarbled
		case more:
			return nil, nil
		}
	}
	return nil, nil
}

// step looks at what is at start: it returns a frame, or more when the bytes there do not decide yet, or moves on.
func (r *Reader) step() (frame []byte, more bool) {
	switch r.state {
	case inJunk:
		return nil, r.seekFrame()
	case inTrailer:
		return nil, r.seekTrailer()
	}
	b := r.buf[r.start:r.end]
	if n := min(len(b), len(frameStart)); string(b[:n]) != frameStart[:n] {
		r.count(b)
		r.state = inJunk
		return nil, false
	} else if n < len(frameStart) {
		return nil, true
	}
	head, verdict := scanHead(b)
	switch verdict {
	case headOpen:
		return nil, true
	case headBad:
		r.count(b)
		r.advance(1)
		r.state = inJunk
		return nil, false
	}
	if head.length > r.max-head.size-trailerSize {
		r.fatal = ErrTooLarge
		return nil, false
	}
	total := head.size + head.length + trailerSize
	if len(b) < total {
		return nil, true
	}
	return r.judge(b[:total:total], head), false
}

// judge takes a frame that is whole by its BodyLength and returns it, or nil when it is garbled.
func (r *Reader) judge(frame []byte, head frameHead) []byte {
	body := head.size + head.length
	sum, ok := trailerSum(frame[body-1:])
	if !ok {
		r.count(frame)
		r.advance(body - 1)
		r.state = inTrailer
		return nil
	}
	r.advance(len(frame))
	if sum != int(CheckSum(frame[:body])) || head.length < len("35=X|") || string(frame[head.size:head.size+3]) != "35=" {
		r.count(frame)
		return nil
	}
	return frame
}

// trailerSum reads SOH "10=", three digits and SOH.
func trailerSum(v []byte) (sum int, ok bool) {
	const digitsAt = len(trailerStart)
	if string(v[:digitsAt]) != trailerStart || v[digitsAt+3] != soh {
		return 0, false
	}
	return digits(v[digitsAt : digitsAt+3])
}

// frameHead is BeginString and BodyLength.
type frameHead struct {
	size   int // bytes up to and including the SOH after BodyLength
	length int // BodyLength
}

type headVerdict uint8

const (
	headGood headVerdict = iota
	headOpen             // more bytes are needed
	headBad              // no frame begins so
)

// scanHead reads "8=…|9=…|" at the beginning of b, which begins with "8=FIX".
func scanHead(b []byte) (frameHead, headVerdict) {
	const valueAt = len("8=")
	begin := bytes.IndexByte(b[valueAt:min(len(b), valueAt+maxBeginValue+1)], soh)
	if begin < 0 {
		return frameHead{}, openIf(len(b) <= valueAt+maxBeginValue)
	}
	at := valueAt + begin + 1
	rest := b[at:]
	if n := min(len(rest), 2); string(rest[:n]) != "9="[:n] {
		return frameHead{}, headBad
	} else if n < 2 {
		return frameHead{}, headOpen
	}
	length, i := 0, 2
	for ; i < len(rest) && rest[i] != soh; i++ {
		if rest[i] < '0' || rest[i] > '9' || i == 2+maxLength {
			return frameHead{}, headBad
		}
		length = length*10 + int(rest[i]-'0')
	}
	if i == len(rest) {
		return frameHead{}, headOpen
	}
	if length == 0 {
		return frameHead{}, headBad
	}
	return frameHead{size: at + i + 1, length: length}, headGood
}

func openIf(open bool) headVerdict {
	if open {
		return headOpen
	}
	return headBad
}

// seekFrame moves start to the next beginning of a frame; more when there is none among the bytes so far.
func (r *Reader) seekFrame() (more bool) {
	b := r.buf[r.start:r.end]
	i := findFrame(b, r.prev)
	if i < 0 {
		r.advance(max(0, len(b)-len(frameStart)+1))
		return true
	}
	r.advance(i)
	r.state = atFrame
	return false
}

// findFrame returns where "8=FIX" is in b with no digit before it ("58=FIX" is a text's beginning), or -1.
func findFrame(b []byte, prev byte) int {
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte(frameStart))
		if i < 0 {
			return -1
		}
		i += at
		if i > 0 {
			prev = b[i-1]
		}
		if prev < '0' || prev > '9' {
			return i
		}
		at = i + 1
	}
}

// seekTrailer moves start behind the next "10=", whose value is then junk, or to a frame's beginning.
func (r *Reader) seekTrailer() (more bool) {
	b := r.buf[r.start:r.end]
	trailer := bytes.Index(b, []byte(trailerStart))
	head := b
	if trailer >= 0 {
		head = b[:trailer]
	}
	if i := findFrame(head, r.prev); i >= 0 {
		r.advance(i)
		r.state = atFrame
		return false
	}
	if trailer < 0 {
		r.advance(max(0, len(b)-len(frameStart)+1))
		return true
	}
	r.advance(trailer + len(trailerStart))
	r.state = inJunk
	return false
}

// advance uses up n bytes.
func (r *Reader) advance(n int) {
	if n > 0 {
		r.prev = r.buf[r.start+n-1]
		r.start += n
	}
}

// count counts a garbled message and keeps its beginning.
func (r *Reader) count(b []byte) {
	r.garbled++
	r.last = append(r.last[:0], b[:min(len(b), keptGarbled)]...)
}

// fill reads once from the stream, after making room.
func (r *Reader) fill() error {
	if r.later != nil {
		err := r.later
		r.later = nil
		return r.ended(err)
	}
	r.makeRoom()
	for range maxEmptyReads {
		n, err := r.in.Read(r.buf[r.end:])
		r.end += n
		if n > 0 {
			r.later = err
			return nil
		}
		if err != nil {
			return r.ended(err)
		}
	}
	return io.ErrNoProgress
}

// ended tells the end of the stream inside a frame from its end between frames.
func (r *Reader) ended(err error) error {
	if err == io.EOF && r.Buffered() > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// makeRoom sees to free bytes behind end. A begun frame is at most max bytes long, so the buffer never has to be larger.
func (r *Reader) makeRoom() {
	if r.start == r.end {
		r.start, r.end = 0, 0
	}
	if r.end < len(r.buf) {
		return
	}
	if r.start == 0 {
		r.buf = append(r.buf, make([]byte, min(len(r.buf), r.max-len(r.buf)))...)
		return
	}
	r.end = copy(r.buf, r.buf[r.start:r.end])
	r.start = 0
}
