package web

import (
	"bytes"
	"compress/gzip"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestFiles holds what is served against what is embedded.
func TestFiles(t *testing.T) {
	p := New()
	tags := map[string]string{}
	for _, name := range p.Names() {
		f, ok := p.File(name)
		if !ok || len(f.Body) == 0 {
			t.Errorf("%s is not there or empty", name)
		}
		if f.ContentType != contentTypes[path.Ext(name)] {
			t.Errorf("%s is %q", name, f.ContentType)
		}
		if other, twice := tags[f.ETag]; twice {
			t.Errorf("%s and %s have one ETag", name, other)
		}
		tags[f.ETag] = name
		if f.Gzipped != nil {
			r, err := gzip.NewReader(bytes.NewReader(f.Gzipped))
			if err != nil {
				t.Fatal(err)
			}
			if text, err := io.ReadAll(r); err != nil || !bytes.Equal(text, f.Body) {
				t.Errorf("%s in gzip is another file: %v", name, err)
			}
		}
	}
	top, _ := p.File("")
	if whole, _ := p.File(index); top.ETag != whole.ETag {
		t.Error("the page is not index.html")
	}
	for _, name := range []string{"README.md", "static", "../web.go", "nothing.js", "vendor"} {
		if _, ok := p.File(name); ok {
			t.Errorf("%s is served", name)
		}
	}
}

func TestHas(t *testing.T) {
	f := File{ETag: `"abc"`}
	for header, want := range map[string]bool{
		`"abc"`: true, `W/"abc"`: true, `"x", "abc"`: true, `*`: true, ``: false, `abc`: false, `"x"`: false,
	} {
		if f.Has(header) != want {
			t.Errorf("If-None-Match: %s: %v", header, !want)
		}
	}
}

// TestOwnFilesAlone finds what the policy would refuse, or what would leave this origin, in the text of the page.
func TestOwnFilesAlone(t *testing.T) {
	p := New()
	for _, name := range p.Names() {
		if name == "lightweight-charts.LICENSE.txt" || path.Ext(name) == ".mjs" {
			continue
		}
		f, _ := p.File(name)
		text := string(f.Body)
		for what, bad := range map[string]*regexp.Regexp{
			"markup from data":  regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment`),
			"code from text":    regexp.MustCompile(`\beval\(|new Function|setTimeout\(['"\x60]|javascript:`),
			"inline style":      regexp.MustCompile(`<style|\sstyle=|@import`),
			"inline script":     regexp.MustCompile(`<script>|\son[a-z]+="`),
			"something stored":  regexp.MustCompile(`localStorage|sessionStorage|indexedDB|document\.cookie`),
			"a float for money": regexp.MustCompile(`parseFloat`),
		} {
			if found := bad.FindString(text); found != "" {
				t.Errorf("%s has %s: %q", name, what, found)
			}
		}
		for _, link := range regexp.MustCompile("https?://[^\"'`\\s)]*").FindAllString(text, -1) {
			if !slices.Contains([]string{"https://www.tradingview.com/", "http://www.w3.org/2000/svg", "http://127.0.0.1:${port}"}, link) {
				t.Errorf("%s names another origin: %s", name, link)
			}
		}
	}
}

// TestEveryNameIsServed follows every import and every address in the page's files.
func TestEveryNameIsServed(t *testing.T) {
	p := New()
	named := map[string]bool{index: true, "lightweight-charts.LICENSE.txt": true}
	for _, name := range p.Names() {
		f, _ := p.File(name)
		for _, m := range regexp.MustCompile(`(?:from|import) '\./([^']+)'|(?:src|href)="/page/([^"]+)"`).FindAllStringSubmatch(string(f.Body), -1) {
			file := m[1] + m[2]
			named[file] = true
			if _, ok := p.File(file); !ok {
				t.Errorf("%s names %s, which is not served", name, file)
			}
		}
	}
	for _, name := range p.Names() {
		if !named[name] {
			t.Errorf("%s is served and nothing names it", name)
		}
	}
}

// TestAttribution: the chart library's licence and the notice that it asks for.
func TestAttribution(t *testing.T) {
	p := New()
	top, _ := p.File("")
	if text := string(top.Body); !strings.Contains(text, "TradingView Lightweight Charts™") || !strings.Contains(text, `href="https://www.tradingview.com/"`) {
		t.Error("the page does not name TradingView Lightweight Charts with its link")
	}
	if f, ok := p.File("lightweight-charts.LICENSE.txt"); !ok || !bytes.Contains(f.Body, []byte("Apache License")) {
		t.Error("the library's licence is not there")
	}
	lib, _ := p.File("lightweight-charts.standalone.production.mjs")
	if !bytes.Contains(lib.Body[:200], []byte("Lightweight Charts™ v5.2.1")) {
		t.Error("the library is of another version than static/vendor/README.md says")
	}
}
