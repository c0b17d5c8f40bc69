// Package web is the page that a node shows to people: instruments, the book, trades, candles, orders and balances, served
// from the binary at the server's address. It needs no build step and nothing from elsewhere.
//
//	browser ── GET /, /page/{file} ─────▶ gateway/http ─▶ Page.File        this package: bytes and their headers
//	   │ ───── GET /v1/…, signed POST ──▶ gateway/http                     what everybody else uses
//	   └────── WebSocket /v1/stream ────▶ gateway/stream
//
// The files in static are plain HTML, CSS and ES modules; each module is about one thing and is served under its own name.
// static/vendor has what others wrote (see its README). A Page is made once and not changed; it may be used from any
// goroutine.
//
// Invariants:
//   - The page does what any client does, over the public interfaces. No route exists for it alone.
//   - Policy holds: no script, style, font, image or connection from another origin, nothing inline, no eval, no frames;
//     and no script can write markup, since trusted types are required and no policy for them may be made.
//   - A key file is read in the browser and never leaves it. Its private half is imported so that no script can take it
//     out again, and it ends with the page: nothing is stored.
//   - Money is text or whole units in the browser too. Floats are for drawing.
//   - A number that a person writes is taken where it can be read in one way, which is shown; 1,234 and 05 are refused at the
//     field, and nothing is sent.
//   - A book is shown as proven only while its copy's checksum was equal to the venue's.
package web
