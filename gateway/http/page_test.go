package http

import (
	"bytes"
	"compress/gzip"
	"io"
	nethttp "net/http"
	"slices"
	"strings"
	"testing"

	"uncross/gateway/web"
)

// pageVenue is a market whose server has the page.
func pageVenue(t *testing.T) (*venue, *web.Page) {
	t.Helper()
	page := web.New()
	v := openVenue(t, Limits{})
	v.server.page = page // before the first request
	return v, page
}

// fetch asks without following and without unpacking.
func (v *venue) fetch(method, path string, headers map[string]string) (*nethttp.Response, []byte) {
	v.t.Helper()
	r, err := nethttp.NewRequest(method, v.url+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	a, err := (&nethttp.Transport{DisableCompression: true}).RoundTrip(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return a, body
}

func TestPage(t *testing.T) {
	v, page := pageVenue(t)
	for _, name := range append(page.Names(), "") {
		want, _ := page.File(name)
		path := "/page/" + name
		if name == "" {
			path = "/"
		}
		a, body := v.fetch("GET", path, nil)
		if a.StatusCode != 200 || !bytes.Equal(body, want.Body) || a.Header.Get("Content-Type") != want.ContentType {
			t.Errorf("%s: %d %s, %d bytes", path, a.StatusCode, a.Header.Get("Content-Type"), len(body))
		}
		v.pageHeaders(path, a)
		a, body = v.fetch("GET", path, map[string]string{"If-None-Match": want.ETag})
		if a.StatusCode != 304 || len(body) != 0 || a.Header.Get("ETag") != want.ETag {
			t.Errorf("%s that the client has: %d, %d bytes", path, a.StatusCode, len(body))
		}
		v.pageHeaders(path, a)
		a, body = v.fetch("HEAD", path, nil)
		if a.StatusCode != 200 || len(body) != 0 {
			t.Errorf("HEAD %s: %d, %d bytes", path, a.StatusCode, len(body))
		}
		a, body = v.fetch("GET", path, map[string]string{"Accept-Encoding": "gzip, br"})
		if (a.Header.Get("Content-Encoding") == "gzip") != (want.Gzipped != nil) {
			t.Errorf("%s for who takes gzip: %q", path, a.Header.Get("Content-Encoding"))
		}
		if want.Gzipped != nil {
			r, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(r); err != nil || !bytes.Equal(text, want.Body) {
				t.Errorf("%s in gzip is another file: %v", path, err)
			}
		}
	}
}

// pageHeaders fails the test unless an answer has what keeps the page to itself.
func (v *venue) pageHeaders(path string, a *nethttp.Response) {
	v.t.Helper()
	policy := a.Header.Get("Content-Security-Policy")
	for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'", "form-action 'none'"} {
		if !slices.Contains(strings.Split(policy, "; "), part) {
			v.t.Errorf("%s: the policy %q lacks %s", path, policy, part)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "http") {
		v.t.Errorf("%s: the policy %q lets something in", path, policy)
	}
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Resource-Policy": "same-origin", "Vary": "Accept-Encoding",
	} {
		if got := a.Header.Get(name); got != want {
			v.t.Errorf("%s: %s is %q", path, name, got)
		}
	}
}

// TestPageRefusals: what is no file of the page is refused as everywhere, in JSON.
func TestPageRefusals(t *testing.T) {
	v, _ := pageVenue(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/page/", 404}, {"GET", "/page/nothing.js", 404}, {"GET", "/page/../server.go", 404}, {"GET", "/page/README.md", 404},
		{"GET", "/page/a/b", 404}, {"GET", "/index.html", 404}, {"POST", "/", 405}, {"DELETE", "/page/main.js", 405}, {"GET", "//", 404},
	} {
		a, body := v.fetch(c.method, c.path, nil)
		if a.StatusCode != c.status || a.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %d %s", c.method, c.path, a.StatusCode, body)
		}
		v.check.exchange(t, c.method, c.path, nil, a, body)
	}
	a, _ := v.fetch("POST", "/", nil)
	if a.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow: %q", a.Header.Get("Allow"))
	}
}

// TestNoPage: a server without a page has nothing at its addresses.
func TestNoPage(t *testing.T) {
	v := openVenue(t, Limits{})
	for _, path := range []string{"/", "/page/main.js"} {
		if a, body := v.fetch("GET", path, nil); a.StatusCode != 404 {
			t.Errorf("%s: %d %s", path, a.StatusCode, body)
		}
	}
}

// TestPageIsThrottled: the page counts like any other request without a session.
func TestPageIsThrottled(t *testing.T) {
	v := openVenue(t, Limits{AddressRate: 1, AddressBump: 3})
	v.server.page = web.New()
	statuses := map[int]int{}
	for range 8 {
		a, _ := v.fetch("GET", "/", map[string]string{"Uncross-Session": "x"}) // a header that nobody looks at does not help
		statuses[a.StatusCode]++
	}
	if statuses[429] == 0 || statuses[200] == 0 {
		t.Errorf("answers by status: %v", statuses)
	}
}
