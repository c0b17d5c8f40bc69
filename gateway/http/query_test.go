package http

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"uncross/engine/wire"
	"uncross/gateway/client"
)

// TestQueryParameters holds the query of every route against openapi.yaml: what is described there is taken, what is not
// is refused, what is needed is needed, and bounds and choices are those described.
func TestQueryParameters(t *testing.T) {
	v := market(t, Limits{AddressRate: 1_000_000, AddressBump: 1_000_000})
	v.server.stream = &echoStream{shutdown: make(chan struct{})}
	known := v.queryNames(t)
	for _, r := range routeTable() {
		v.holdQuery(t, &r, known)
	}
}

// queryNames returns the name of every query parameter that openapi.yaml has or that the package's source reads.
func (v *venue) queryNames(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, p := range v.check.params {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	documented := len(names)
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	reads := []string{"optional", "text", "count", "number", "nanos", "before", "name", "id32", "text36", "choice"}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || !slices.Contains(reads, calledName(call)) {
				return true
			}
			for _, a := range call.Args {
				if l, ok := a.(*ast.BasicLit); ok && l.Kind == token.STRING {
					name, err := strconv.Unquote(l.Value)
					if err != nil {
						t.Fatal(err)
					}
					names = append(names, name)
				}
			}
			return true
		})
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) <= documented {
		t.Fatal("the source could not be read")
	}
	return names
}

func calledName(c *ast.CallExpr) string {
	switch f := c.Fun.(type) {
	case *ast.SelectorExpr:
		return f.Sel.Name
	case *ast.Ident:
		return f.Name
	}
	return ""
}

// holdQuery holds one route's query against openapi.yaml. Nothing is ever done: each request has one parameter that is
// not known, or one with a bad value, or lacks one.
func (v *venue) holdQuery(t *testing.T, r *route, known []string) {
	t.Helper()
	const stranger = "no_such_parameter"
	var all, needed []param
	docs := v.check.queryOf(r)
	for _, d := range docs {
		p := param{name: d.Name, value: sample(d)}
		all = append(all, p)
		if d.Required {
			needed = append(needed, p)
		}
	}
	v.wantQuery(t, r, append(slices.Clone(all), param{name: stranger}), UnknownParameter, stranger)
	v.wantQuery(t, r, append(slices.Clone(needed), param{name: stranger}), UnknownParameter, stranger)
	for _, name := range known {
		if !slices.ContainsFunc(all, func(p param) bool { return p.name == name }) {
			v.wantQuery(t, r, append(slices.Clone(all), param{name: name, value: "1"}), UnknownParameter, name)
		}
	}
	at := func(name string) int { return slices.IndexFunc(all, func(p param) bool { return p.name == name }) }
	if from, to := at("from_ns"), at("to_ns"); from >= 0 {
		backwards := slices.Clone(all)
		backwards[from].value, backwards[to].value = "10", "5"
		v.wantQuery(t, r, backwards, InvalidValue, "to_ns")
	}
	for i, d := range docs {
		if d.Required {
			v.wantQuery(t, r, slices.Delete(slices.Clone(all), i, i+1), MissingField, d.Name)
		}
		for _, bad := range badValues(d) {
			q := slices.Clone(all)
			q[i].value = bad
			v.wantQuery(t, r, q, InvalidValue, d.Name)
		}
	}
}

// queryOf returns the query parameters that openapi.yaml has for a route.
func (c *contract) queryOf(r *route) (docs []paramDoc) {
	for _, p := range c.paths[r.path][strings.ToLower(r.method)].Parameters {
		if d := c.params[p.Ref[strings.LastIndexByte(p.Ref, '/')+1:]]; d.In == "query" {
			docs = append(docs, d)
		}
	}
	return docs
}

// sample returns a value that a parameter takes.
func sample(d paramDoc) string {
	switch {
	case len(d.Schema.Enum) > 0:
		return d.Schema.Enum[0]
	case d.Schema.Type == "integer":
		return "1"
	case d.Name == "account":
		return "A"
	case d.Name == "symbol":
		return "BTC/USD"
	case d.Name == "cursor":
		return ""
	}
	return "1"
}

// badValues returns values that a parameter does not take, as far as its schema tells.
func badValues(d paramDoc) (bad []string) {
	s := &d.Schema
	if s.Minimum != nil {
		bad = append(bad, strconv.Itoa(*s.Minimum-1))
	}
	if s.Maximum != nil {
		bad = append(bad, strconv.Itoa(*s.Maximum+1))
	}
	switch {
	case s.Type == "integer":
		bad = append(bad, "x", "1.0", " 1", "1e3", "18446744073709551616")
	case len(s.Enum) > 0:
		bad = append(bad, "no-such-choice", strings.ToUpper(s.Enum[0]))
	case strings.HasSuffix(s.Ref, "/ID"):
		bad = append(bad, "x", "-1", "+1", "01", "18446744073709551616")
	}
	return bad
}

// wantQuery fails the test unless a request with a query is refused for a reason that names the field.
func (v *venue) wantQuery(t *testing.T, r *route, query []param, reason wire.Reason, field string) {
	t.Helper()
	target := v.pathOf(t, r)
	for i, p := range query {
		target += map[bool]string{true: "?", false: "&"}[i == 0] + p.name + "=" + url.QueryEscape(p.value)
	}
	var body any
	if r.body {
		body = m{}
	}
	var refused *client.Error
	if err := v.send(r, target, body); !errors.As(err, &refused) {
		t.Errorf("%s %s: got %v, want %s of %s", r.method, target, err, ReasonName(reason), field)
	} else if refused.Reason != ReasonName(reason) || refused.Field != field {
		t.Errorf("%s %s: refused with %v, want %s of %s", r.method, target, refused, ReasonName(reason), field)
	}
}

// pathOf returns a path of a route.
func (v *venue) pathOf(t *testing.T, r *route) string {
	t.Helper()
	path := strings.NewReplacer("{symbol}", "BTC%2FUSD", "{order_id}", "1", "{client_order_id}", "x", "{key}", "1",
		"{comp_id}", "X", "{node}", "node-2").Replace(r.path)
	if strings.Contains(path, "{") {
		t.Fatalf("what stands in %s?", path)
	}
	return path
}

// send sends a request as one who may: signed where the route needs it.
func (v *venue) send(r *route, target string, body any) error {
	for _, who := range []struct {
		access access
		user   string
	}{{forOps, "operator"}, {forTrader, "alice"}, {forReader, "alice-reads"}, {forCustody, "custodian"}} {
		if r.access&who.access != 0 {
			return v.keys[who.user].Do(context.Background(), r.method, target, body, nil)
		}
	}
	q, err := http.NewRequest(r.method, v.url+target, nil)
	if err != nil {
		return err
	}
	if body != nil {
		q, err = http.NewRequest(r.method, v.url+target, bytes.NewReader([]byte("{}")))
		if err != nil {
			return err
		}
		q.Header.Set("Content-Type", "application/json")
	}
	a, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer a.Body.Close()
	var b struct{ Error *client.Error }
	if err := json.NewDecoder(a.Body).Decode(&b); err != nil || b.Error == nil {
		return err
	}
	return b.Error
}
