package http

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	nethttp "net/http"
	"net/netip"

	"github.com/valyala/fasthttp"

	"uncross/engine/wire"
)

// This file is where the stream, which package gateway/stream is, sits on this server's address: it is routed, throttled
// and refused like everything else, and takes the connection over when all is well. The connection keeps its place among
// Limits.Conns and Limits.ConnsPerIP until it is closed.

// Stream takes connections over that ask for it at GET /v1/stream.
type Stream interface {
	// Upgrade looks at the handshake and takes the connection over, or says why not. It may set headers of the refusal.
	Upgrade(ctx *fasthttp.RequestCtx) *Error
	// Describe returns the stream's description, AsyncAPI in YAML.
	Describe() []byte
	// Shutdown closes the connections that were taken over, and waits for them until ctx ends.
	Shutdown(ctx context.Context) error
}

// openStream handles GET /v1/stream.
func openStream(q *request) (any, *Error) {
	if q.s.stream == nil {
		return nil, refuse(NoSuchRoute, "")
	}
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	if q.s.stopping.Load() {
		return nil, refuse(ShuttingDown, "")
	}
	return nil, q.s.stream.Upgrade(q.ctx)
}

// describeStream handles GET /asyncapi.yaml.
func describeStream(q *request) (any, *Error) {
	if q.s.stream == nil {
		return nil, refuse(NoSuchRoute, "")
	}
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	return rawAnswer{"application/yaml", q.s.stream.Describe()}, nil
}

// CatchUp waits, for Limits.ReadWait at most, until the view has all that this server has answered before.
func (s *Server) CatchUp() { s.view.WaitFor(s.replies.seen.Load(), s.limits.ReadWait) }

// NetConn returns the connection below, for those who write many buffers at once. Only the limited connection itself may
// be closed: it has a place to give back.
func (c *limitedConn) NetConn() net.Conn { return c.Conn }

// WriteRefusal writes a whole HTTP answer that closes the connection, for where there is no request to answer any more.
func WriteRefusal(w io.Writer, e *Error) error {
	body, err := json.Marshal(errorBody{e.body()})
	if err != nil {
		return err
	}
	retry := ""
	if n := info(e.Reason).retry; n > 0 {
		retry = fmt.Sprintf("Retry-After: %d\r\n", n)
	}
	_, err = fmt.Fprintf(w, "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%sConnection: close\r\n\r\n%s",
		e.Status(), nethttp.StatusText(e.Status()), len(body), retry, body)
	return err
}

// Refuse makes an Error. Field is what it is about, detail says more in words; both may be empty.
func Refuse(r wire.Reason, field, detail string) *Error {
	return &Error{Reason: r, Field: field, Detail: detail}
}

// AuthError returns the refusal for an error of package auth.
func AuthError(err error) *Error { return authError(err) }

// MarshalJSON writes the refusal in the one shape that every interface shows.
func (e *Error) MarshalJSON() ([]byte, error) { return json.Marshal(e.body()) }

// AddressOf returns the address of a connection's other end, as it is counted: of IPv6 the network of 64 bits.
func AddressOf(c net.Conn) netip.Addr { return addressOf(remote(c)) }
