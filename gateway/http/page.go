package http

import (
	"strings"

	"github.com/valyala/fasthttp"

	"uncross/gateway/web"
)

// This file is where the page for people sits on this server's address: GET / and GET /page/{file}. It is no part of the
// interface that openapi.yaml describes; it is throttled like everything else. Without Config.Page there is none, and these
// addresses answer as any other that is not there.

// pageFile returns the name of the page's file that a path stands for; "" is the page itself.
func pageFile(path string) (name string, ok bool) {
	if path == "/" {
		return "", true
	}
	name, ok = strings.CutPrefix(path, "/page/")
	return name, ok && name != ""
}

// pageAnswer is a file of the page.
type pageAnswer struct{ web.File }

// showPage answers with one of the page's files.
func (q *request) showPage(name string) (any, *Error) {
	f, ok := q.s.page.File(name)
	switch {
	case !ok:
		return nil, refuse(NoSuchRoute, "")
	case !q.ctx.IsGet() && !q.ctx.IsHead():
		q.ctx.Response.Header.Set("Allow", "GET, HEAD")
		return nil, refuse(MethodNotAllowed, "")
	case len(q.ctx.PostBody()) > 0:
		return nil, refuse(MalformedRequest, "no body is taken here")
	}
	return pageAnswer{f}, nil
}

// write writes the file, or 304 where the client has it. A browser asks each time, so that it never mixes the files of two
// versions of the program.
func (p *pageAnswer) write(ctx *fasthttp.RequestCtx) {
	h := &ctx.Response.Header
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", web.Policy)
	if ctx.IsTLS() { // without, browsers ignore it and complain
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("ETag", p.ETag)
	h.Set("Vary", "Accept-Encoding")
	if p.Has(string(ctx.Request.Header.Peek("If-None-Match"))) {
		ctx.SetStatusCode(fasthttp.StatusNotModified)
		return
	}
	h.SetContentType(p.ContentType)
	if p.Gzipped != nil && ctx.Request.Header.HasAcceptEncoding("gzip") {
		h.Set("Content-Encoding", "gzip")
		ctx.SetBody(p.Gzipped)
		return
	}
	ctx.SetBody(p.Body)
}
