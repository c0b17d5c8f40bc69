package http

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"uncross/engine/wire"
)

// contract is openapi.yaml with its schemas compiled.
type contract struct {
	routes  *router
	paths   map[string]map[string]operationDoc // path, then method
	params  map[string]paramDoc
	schemas map[string]*jsonschema.Schema

	mu   sync.Mutex
	used map[string]bool // method and path of the exchanges that were answered with 200
}

type paramDoc struct {
	Name     string
	In       string
	Required bool
	Schema   struct {
		Ref     string `yaml:"$ref"`
		Type    string
		Minimum *int
		Maximum *int
		Enum    []string
		Default string
	}
}

type operationDoc struct {
	OperationID string   `yaml:"operationId"`
	Roles       []string `yaml:"x-roles"`
	Security    []any
	Parameters  []struct {
		Ref string `yaml:"$ref"`
	}
	RequestBody struct {
		Content map[string]struct{ Schema schemaRef }
	} `yaml:"requestBody"`
	Responses map[string]struct {
		Ref     string `yaml:"$ref"`
		Content map[string]struct{ Schema schemaRef }
	}
}

type schemaRef struct {
	Ref string `yaml:"$ref"`
}

func (s schemaRef) name() string { return s.Ref[strings.LastIndexByte(s.Ref, '/')+1:] }

var (
	contractOnce sync.Once
	contractDoc  *contract
)

// loadContract compiles openapi.yaml once for all tests.
func loadContract(t testing.TB) *contract {
	t.Helper()
	contractOnce.Do(func() {
		var doc struct {
			Paths      map[string]map[string]operationDoc
			Components struct {
				Schemas    map[string]any
				Parameters map[string]paramDoc
			}
		}
		var whole any
		if err := yaml.Unmarshal(openAPI, &doc); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(openAPI, &whole); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		compiler := jsonschema.NewCompiler()
		compiler.DefaultDraft(jsonschema.Draft2020)
		if err := compiler.AddResource("openapi.json", plain); err != nil {
			t.Fatal(err)
		}
		c := &contract{routes: newRouter(routeTable()), paths: doc.Paths, params: doc.Components.Parameters,
			schemas: map[string]*jsonschema.Schema{}, used: map[string]bool{}}
		for name := range doc.Components.Schemas {
			s, err := compiler.Compile("openapi.json#/components/schemas/" + name)
			if err != nil {
				t.Fatalf("schema %s: %v", name, err)
			}
			c.schemas[name] = s
		}
		contractDoc = c
	})
	if contractDoc == nil {
		t.Fatal("openapi.yaml could not be read")
	}
	return contractDoc
}

// valid fails the test unless a JSON text fits the named schema.
func (c *contract) valid(t testing.TB, schema string, text []byte) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Errorf("not JSON: %v in %q", err, text)
		return
	}
	s := c.schemas[schema]
	if s == nil {
		t.Errorf("openapi.yaml has no schema %q", schema)
		return
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("not as openapi.yaml says: %v in %s", err, text)
	}
}

// exchange holds one exchange against openapi.yaml.
func (c *contract) exchange(t testing.TB, method, path string, in []byte, a *http.Response, out []byte) {
	t.Helper()
	if a.Header.Get("X-Content-Type-Options") != "nosniff" || a.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s %s: the answer lacks its headers", method, path)
	}
	if a.StatusCode != http.StatusOK {
		c.valid(t, "ErrorBody", out)
		c.knownReason(t, a, out)
		return
	}
	r, _, _, err := c.routes.find(method, path)
	if err != nil {
		t.Errorf("%s %s was answered with 200 and has no route", method, path)
		return
	}
	c.mu.Lock()
	c.used[r.method+" "+r.path] = true
	c.mu.Unlock()
	doc := c.paths[r.path][strings.ToLower(method)]
	kind := a.Header.Get("Content-Type")
	content, ok := doc.Responses["200"].Content[kind]
	if !ok {
		t.Errorf("%s %s is answered as %q, openapi.yaml says otherwise", method, path, kind)
	}
	if kind == "application/json" {
		c.valid(t, content.Schema.name(), out)
	}
	if body, ok := doc.RequestBody.Content["application/json"]; ok {
		c.valid(t, body.Schema.name(), in)
	}
}

// knownReason fails the test unless a refusal's code, name, sentence and status are those of the reasons table.
func (c *contract) knownReason(t testing.TB, a *http.Response, out []byte) {
	t.Helper()
	var b errorBody
	if err := json.Unmarshal(out, &b); err != nil {
		t.Error(err)
		return
	}
	r := wire.Reason(b.Error.Code)
	i := info(r)
	if i.name != b.Error.Reason || i.sentence != b.Error.Message || i.sentence == "" {
		t.Errorf("not in the reasons table: %s", out)
	}
	if i.status != a.StatusCode && !(r == wire.UnknownKey && a.StatusCode == 404) {
		t.Errorf("%s is answered with %d, the table says %d", i.name, a.StatusCode, i.status)
	}
}

// TestOpenAPIHasEveryRoute holds the routes and openapi.yaml against each other, both ways.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	c := loadContract(t)
	var routes, documented []string
	for _, r := range routeTable() {
		routes = append(routes, r.method+" "+r.path)
		doc := c.paths[r.path][strings.ToLower(r.method)]
		if got := rolesOf(doc.Roles); got != r.access {
			t.Errorf("%s %s: access %b, openapi.yaml says %b", r.method, r.path, r.access, got)
		}
		if (len(doc.Security) > 0) != (r.access != public) {
			t.Errorf("%s %s: security does not fit its access", r.method, r.path)
		}
		if (len(doc.RequestBody.Content) > 0) != r.body {
			t.Errorf("%s %s: a body is taken: %v, openapi.yaml says otherwise", r.method, r.path, r.body)
		}
		_, upgrades := doc.Responses["101"]
		if doc.Responses["default"].Ref == "" || (len(doc.Responses["200"].Content) == 0) != upgrades {
			t.Errorf("%s %s: responses are missing in openapi.yaml", r.method, r.path)
		}
		c.pathParams(t, r.path, doc)
	}
	for path, methods := range c.paths {
		for method := range methods {
			documented = append(documented, strings.ToUpper(method)+" "+path)
		}
	}
	sort.Strings(routes)
	sort.Strings(documented)
	if !slices.Equal(routes, documented) {
		t.Errorf("routes:\n%s\nopenapi.yaml:\n%s", strings.Join(routes, "\n"), strings.Join(documented, "\n"))
	}
}

// pathParams fails the test unless the braces of a path are the operation's path parameters.
func (c *contract) pathParams(t *testing.T, path string, doc operationDoc) {
	t.Helper()
	var inPath, documented []string
	for _, s := range strings.Split(path, "/") {
		if strings.HasPrefix(s, "{") {
			inPath = append(inPath, strings.Trim(s, "{}"))
		}
	}
	for _, p := range doc.Parameters {
		d, ok := c.params[p.Ref[strings.LastIndexByte(p.Ref, '/')+1:]]
		if !ok {
			t.Errorf("%s: no parameter %s", path, p.Ref)
		}
		if d.In == "path" {
			documented = append(documented, d.Name)
		}
	}
	if !slices.Equal(inPath, documented) {
		t.Errorf("%s: path parameters %v, openapi.yaml says %v", path, inPath, documented)
	}
}

func rolesOf(names []string) (a access) {
	for r := wire.Trader; r <= wire.Operator; r++ {
		if slices.Contains(names, r.String()) {
			a |= 1 << r
		}
	}
	return a
}

// TestReasonsTable holds the numbers and names of all reasons to be unique, and their sentences and statuses to be there.
func TestReasonsTable(t *testing.T) {
	names := map[string]bool{}
	last := wire.Reason(0)
	for _, r := range Reasons() {
		i := info(r)
		if r <= last || names[i.name] || i.name == "" || i.sentence == "" || i.status < 400 || i.status > 599 {
			t.Errorf("reason %d: %+v", r, i)
		}
		last, names[i.name] = r, true
		if _, own := gatewayReasons[r]; own != (r >= wire.FirstGatewayReason) {
			t.Errorf("reason %d is in the wrong table", r)
		}
	}
}
