package stream

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

// contract is asyncapi.yaml with its schemas compiled. Messages of clients and of the server are held against it.
type contract struct {
	doc      document
	schemas  map[string]*jsonschema.Schema // by name
	refs     map[string][]string           // schemas that a schema refers to
	requests map[string]string             // schema of the request with that op
	told     map[string]string             // schema of the message with that heading

	mu   sync.Mutex
	seen map[string]bool // messages
}

type document struct {
	AsyncAPI string `yaml:"asyncapi"`
	Channels map[string]struct {
		Address  string
		Messages map[string]ref
	}
	Operations map[string]struct {
		Action   string
		Channel  ref
		Messages []ref
		Reply    struct {
			Channel  ref
			Messages []ref
		}
	}
	Components struct {
		Messages map[string]struct{ Payload ref }
		Schemas  map[string]any
	}
}

type ref struct {
	Ref string `yaml:"$ref"`
}

func (r ref) name() string { return r.Ref[strings.LastIndexByte(r.Ref, '/')+1:] }

var loadContract = func() func(testing.TB) *contract {
	var once sync.Once
	var c *contract
	return func(t testing.TB) *contract {
		t.Helper()
		once.Do(func() { c = readContract(t) })
		if c == nil {
			t.Fatal("asyncapi.yaml could not be read")
		}
		return c
	}
}()

func readContract(t testing.TB) *contract {
	t.Helper()
	c := &contract{schemas: map[string]*jsonschema.Schema{}, refs: map[string][]string{}, requests: map[string]string{},
		told: map[string]string{}, seen: map[string]bool{}}
	if err := yaml.Unmarshal(asyncAPI, &c.doc); err != nil {
		t.Fatal(err)
	}
	var whole any
	if err := yaml.Unmarshal(asyncAPI, &whole); err != nil {
		t.Fatal(err)
	}
	plain, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	resource, err := jsonschema.UnmarshalJSON(bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource("asyncapi.json", resource); err != nil {
		t.Fatal(err)
	}
	for name, schema := range c.doc.Components.Schemas {
		if c.schemas[name], err = compiler.Compile("asyncapi.json#/components/schemas/" + name); err != nil {
			t.Fatalf("schema %s: %v", name, err)
		}
		c.refs[name] = refsIn(schema)
	}
	for name, message := range c.doc.Components.Messages {
		schema := message.Payload.name()
		switch properties := propertiesOf(c.doc.Components.Schemas, schema); {
		case properties["op"] != "":
			c.requests[properties["op"]] = name
		case properties["channel"] != "":
			c.told[properties["channel"]+" "+properties["type"]] = name
		case properties["type"] != "":
			c.told[properties["type"]] = name
		}
	}
	return c
}

// refsIn returns the names of the schemas that a schema refers to.
func refsIn(v any) (names []string) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			if s, ok := x.(string); ok && k == "$ref" {
				names = append(names, s[strings.LastIndexByte(s, '/')+1:])
				continue
			}
			names = append(names, refsIn(x)...)
		}
	case []any:
		for _, x := range v {
			names = append(names, refsIn(x)...)
		}
	}
	return names
}

// propertiesOf returns the constants that a message's schema, or the first of its alternatives, states.
func propertiesOf(schemas map[string]any, name string) map[string]string {
	out := map[string]string{}
	schema, _ := schemas[name].(map[string]any)
	if any, ok := schema["oneOf"].([]any); ok {
		return propertiesOf(schemas, refsIn(any[0])[0])
	}
	properties, _ := schema["properties"].(map[string]any)
	for name, p := range properties {
		if p, ok := p.(map[string]any); ok {
			if s, ok := p["const"].(string); ok {
				out[name] = s
			}
		}
	}
	return out
}

func (c *contract) see(name string) {
	c.mu.Lock()
	c.seen[name] = true
	c.mu.Unlock()
}

// request holds what a client sends against asyncapi.yaml.
func (c *contract) request(t testing.TB, text []byte) {
	t.Helper()
	var q struct{ Op string }
	if err := json.Unmarshal(text, &q); err != nil || c.requests[q.Op] == "" {
		t.Errorf("asyncapi.yaml has no such request: %s", text)
		return
	}
	c.valid(t, c.requests[q.Op], text)
}

// message holds what the server sends against asyncapi.yaml.
func (c *contract) message(t testing.TB, text []byte) {
	t.Helper()
	var a struct {
		Channel, Type, Kind string
		Part                int
	}
	err := json.Unmarshal(text, &a)
	name := c.told[strings.TrimSpace(a.Channel+" "+a.Type)]
	if err != nil || name == "" {
		t.Errorf("asyncapi.yaml has no such message: %s", text)
		return
	}
	c.valid(t, name, text)
	if a.Kind != "" {
		c.see(name + " " + a.Kind)
	}
	if a.Part > 0 {
		c.see(name + " in parts")
	}
}

func (c *contract) valid(t testing.TB, message string, text []byte) {
	t.Helper()
	c.see(message)
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Errorf("not JSON: %v in %q", err, text)
		return
	}
	if err := c.schemas[c.doc.Components.Messages[message].Payload.name()].Validate(v); err != nil {
		t.Errorf("not as asyncapi.yaml says: %v in %s", err, text)
	}
}

// reachable returns every schema that the messages come to.
func (c *contract) reachable() map[string]bool {
	all := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if !all[name] {
			all[name] = true
			for _, r := range c.refs[name] {
				visit(r)
			}
		}
	}
	for _, m := range c.doc.Components.Messages {
		visit(m.Payload.name())
	}
	return all
}

// TestAsyncAPI holds the document's own parts together: every operation and channel that there is, every reference, no schema
// that nothing uses.
func TestAsyncAPI(t *testing.T) {
	c := loadContract(t)
	if c.doc.AsyncAPI != "3.0.0" || len(c.doc.Channels) != 1 || c.doc.Channels["stream"].Address != "/v1/stream" {
		t.Errorf("asyncapi %q, channels %v", c.doc.AsyncAPI, c.doc.Channels)
	}
	messages := slices.Sorted(maps.Keys(c.doc.Components.Messages))
	if listed := slices.Sorted(maps.Keys(c.doc.Channels["stream"].Messages)); !slices.Equal(listed, messages) {
		t.Errorf("the channel has the messages\n%v\ncomponents have\n%v", listed, messages)
	}
	used := map[string]bool{}
	received := map[string]bool{}
	sent := map[string]bool{}
	for name, op := range c.doc.Operations {
		if op.Channel.name() != "stream" || len(op.Messages) == 0 {
			t.Errorf("operation %s has no channel or message", name)
		}
		for _, r := range append(slices.Clone(op.Messages), op.Reply.Messages...) {
			if c.doc.Components.Messages[r.name()].Payload.Ref == "" || !strings.HasPrefix(r.Ref, "#/channels/stream/messages/") {
				t.Errorf("operation %s: there is no message %s", name, r.Ref)
			}
			used[r.name()] = true
		}
		switch op.Action {
		case "receive":
			received[name] = true
			if len(op.Messages) != 1 || op.Messages[0].name() != name || len(op.Reply.Messages) != 2 {
				t.Errorf("operation %s: a request has its own message and two replies", name)
			}
		case "send":
			sent[name] = true
		default:
			t.Errorf("operation %s: action %q", name, op.Action)
		}
	}
	if want := []string{"list", "login", "logout", "ping", "subscribe", "unsubscribe"}; !slices.Equal(slices.Sorted(maps.Keys(received)), want) {
		t.Errorf("operations received: %v, want %v", received, want)
	}
	for ch := Book; ch <= Balances; ch++ {
		if !sent[ch.String()] {
			t.Errorf("the channel %s has no operation", ch)
		}
	}
	if len(sent) != int(Balances)+1 || !sent["loginOver"] {
		t.Errorf("operations sent: %v", sent)
	}
	for _, name := range messages {
		if !used[name] {
			t.Errorf("no operation has the message %s", name)
		}
	}
	all := c.reachable()
	for name, refs := range c.refs {
		if !all[name] {
			t.Errorf("no message comes to the schema %s", name)
		}
		for _, r := range refs {
			if c.schemas[r] == nil {
				t.Errorf("schema %s refers to %s, which is not there", name, r)
			}
		}
	}
}

// TestEveryMessageIsSeen fails when a message of asyncapi.yaml has no test that sees it on a socket, whole, and in parts where it may
// come so.
func TestEveryMessageIsSeen(t *testing.T) {
	c := loadContract(t)
	for _, run := range []func(*testing.T){TestRequests, TestLogin, TestExecutions, TestBalances, TestPublished, TestParts, TestBinary, TestSessionEnds} {
		run(t)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, message := range c.doc.Components.Messages {
		if !c.seen[name] {
			t.Errorf("the message %s was never seen", name)
		}
		schema, _ := c.doc.Components.Schemas[message.Payload.name()].(map[string]any)
		properties, _ := schema["properties"].(map[string]any)
		if properties["part"] != nil && !c.seen[name+" in parts"] {
			t.Errorf("the message %s was never seen in parts", name)
		}
	}
	for _, kind := range []string{"accepted", "rejected", "replaced", "fill", "canceled"} {
		if !c.seen["executions_update "+kind] {
			t.Errorf("an execution of kind %s was never seen", kind)
		}
	}
}
