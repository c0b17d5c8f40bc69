package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

//go:embed static
var static embed.FS

// Policy is the page's Content-Security-Policy. In connect-src, 'self' is this origin's WebSockets as well.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// index is the page itself.
const index = "index.html"

// contentTypes are the kinds of files that are served, by the ends of their names. What has no kind here is not served.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".mjs":  "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// File is one file as it is served.
type File struct {
	ContentType string
	ETag        string // strong, of Body; quoted as in the header
	Body        []byte
	Gzipped     []byte // Body in gzip; nil where that does not pay
}

// Page is all files of the page by their names.
type Page struct{ files map[string]File }

// New reads the embedded files. It panics where they are not as this package needs them, which a test would have found.
func New() *Page {
	p := &Page{files: map[string]File{}}
	err := fs.WalkDir(static, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		kind, ok := contentTypes[path.Ext(name)]
		if !ok {
			return nil
		}
		body, err := static.ReadFile(name)
		if err != nil {
			return err
		}
		base := path.Base(name)
		if _, twice := p.files[base]; twice {
			return fmt.Errorf("two files are named %s", base)
		}
		p.files[base], err = newFile(kind, body)
		return err
	})
	if err != nil {
		panic("gateway/web: " + err.Error())
	}
	return p
}

func newFile(kind string, body []byte) (File, error) {
	sum := sha256.Sum256(body)
	f := File{ContentType: kind, ETag: `"` + hex.EncodeToString(sum[:12]) + `"`, Body: body}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return f, err
	}
	if _, err := w.Write(body); err != nil {
		return f, err
	}
	if err := w.Close(); err != nil {
		return f, err
	}
	if packed.Len() < len(body)*9/10 {
		f.Gzipped = packed.Bytes()
	}
	return f, nil
}

// File returns the file of that name; "" is the page itself. ok is false where there is none.
func (p *Page) File(name string) (f File, ok bool) {
	if name == "" {
		name = index
	}
	f, ok = p.files[name]
	return f, ok
}

// Names returns the names of all files, sorted.
func (p *Page) Names() (all []string) {
	for name := range p.files {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// Has reports whether an If-None-Match header names this version of the file.
func (f *File) Has(ifNoneMatch string) bool {
	for tag := range strings.SplitSeq(ifNoneMatch, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || strings.TrimPrefix(tag, "W/") == f.ETag {
			return true
		}
	}
	return false
}
