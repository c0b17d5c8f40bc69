package http

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// plain returns a parsed value as encoding/json would have it.
func plainValue(v *jsonValue) any {
	switch v.kind {
	case jsonBool:
		return v.truth
	case jsonNumber:
		return json.Number(v.text)
	case jsonString:
		return v.text
	case jsonArray:
		all := []any{}
		for i := range v.items {
			all = append(all, plainValue(&v.items[i]))
		}
		return all
	case jsonObject:
		all := map[string]any{}
		for i := range v.fields {
			all[v.fields[i].name] = plainValue(&v.fields[i].value)
		}
		return all
	}
	return nil
}

func TestParseObject(t *testing.T) {
	const body = ` {"a":"x\"\\\/\b\f\n\r\t\u00e9\ud83d\ude42é🙂" , "b" : [ 1 , -0.5e+3, [ ] , { } , true,false,null ],"":"" } `
	v, err := parseObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	w := map[string]any{"a": "x\"\\/\b\f\n\r\té🙂é🙂", "": "",
		"b": []any{json.Number("1"), json.Number("-0.5e+3"), []any{}, map[string]any{}, true, false, nil}}
	if got := plainValue(v); !reflect.DeepEqual(got, w) {
		t.Errorf("got %v, want %v", got, w)
	}
	many := "{"
	for i := range maxFields + 1 {
		many += `"` + strings.Repeat("x", i+1) + `":1,`
	}
	if _, err := parseObject([]byte(strings.TrimSuffix(many, ",") + "}")); err == nil {
		t.Error("an object with too many fields is taken")
	}
}

// FuzzParseObject holds the reader to encoding/json: what it takes, that takes and reads the same.
func FuzzParseObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":"b"}`, `{"a":[1,{"b":null}],"c":-1.5e3}`, `{"a":"\u00e9\ud83d\ude42"}`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}", `{"\uD800":0}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		v, refused := parseObject(body)
		if refused != nil {
			if refused.Reason != MalformedJSON && refused.Reason != DuplicateField {
				t.Fatalf("refused with %v", refused)
			}
			return
		}
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.UseNumber()
		var w any
		if err := d.Decode(&w); err != nil || !utf8.Valid(body) {
			t.Fatalf("%q is taken, encoding/json says %v", body, err)
		}
		if got := plainValue(v); !reflect.DeepEqual(got, w) {
			t.Fatalf("%q: got %v, encoding/json says %v", body, got, w)
		}
	})
}

// FuzzAddress reads paths and queries: whatever comes, there is a route or a refusal.
func FuzzAddress(f *testing.F) {
	r := newRouter(routeTable())
	f.Add("GET", "/v1/orders/by-client-id/a%2Fb", "account=A&x=%20+y")
	f.Add("POST", "//", "a&&=b&a")
	f.Fuzz(func(t *testing.T, method, path, query string) {
		found, params, allow, err := r.find(method, "/"+path)
		if (found == nil) == (err == nil) || err != nil && (err.Reason == MethodNotAllowed) != (allow != "") {
			t.Fatalf("%s /%s: %v %v %q", method, path, found, err, allow)
		}
		if err == nil && len(params) != strings.Count(found.path, "{") {
			t.Fatalf("/%s: %q for %s", path, params, found.path)
		}
		all, err := parseQuery(query)
		seen := map[string]bool{}
		for _, p := range all {
			if seen[p.name] || len(all) > maxParams {
				t.Fatalf("%q: %v", query, all)
			}
			seen[p.name] = true
		}
		if err != nil && err.Status() != 400 {
			t.Fatalf("%q: %v", query, err)
		}
	})
}
