package http

import (
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/valyala/fasthttp"
)

// streamedAnswer is an answer that is made while it is sent, so that its length costs no memory. When a part cannot be
// made the connection is broken off before the answer's end: what is cut off is never taken for whole.
type streamedAnswer struct {
	contentType string
	filename    string                            // that a browser saves it under
	next        func(dst []byte) ([]byte, *Error) // appends the next part; nothing appended: that was all
	end         func()                            // called once, when nothing more is asked for; may be nil
}

// send hands the answer to the connection.
func (a *streamedAnswer) send(s *Server, ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.SetContentType(a.contentType)
	h.Set("Content-Disposition", `attachment; filename="`+a.filename+`"`)
	ctx.SetBodyStream(&parts{s: s, ctx: ctx, next: a.next, end: a.end}, -1)
}

// parts reads an answer part by part. Limits.WriteTime is the time for each part, not for all of them.
type parts struct {
	s         *Server
	ctx       *fasthttp.RequestCtx
	next      func(dst []byte) ([]byte, *Error)
	end       func()
	buf, rest []byte
}

// errCutOff ends an answer that cannot be finished.
var errCutOff = errors.New("gateway/http: the answer is broken off")

func (p *parts) Read(dst []byte) (int, error) {
	if len(p.rest) == 0 {
		if err := p.make(); err != nil {
			return 0, err
		}
	}
	n := copy(dst, p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

// Close is called when the answer is over, also when the client is gone.
func (p *parts) Close() error {
	if p.end != nil {
		p.end()
		p.end = nil
	}
	return nil
}

// make makes the next part. What panics is logged: it is a fault of this program.
func (p *parts) make() (err error) {
	defer func() {
		if v := recover(); v != nil {
			p.s.log.Error("an answer made the gateway panic", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = errCutOff
		}
	}()
	buf, refused := p.next(p.buf[:0])
	if refused != nil {
		p.s.log.Debug("an answer is broken off", "reason", ReasonName(refused.Reason))
		return errCutOff
	}
	if p.buf, p.rest = buf, buf; len(buf) == 0 {
		return io.EOF
	}
	if err := p.ctx.SetWriteDeadline(time.Now().Add(p.s.limits.WriteTime)); err != nil {
		return err
	}
	return nil
}
