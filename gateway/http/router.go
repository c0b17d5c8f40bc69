package http

import (
	"net/url"
	"sort"
	"strings"

	"uncross/engine/wire"
)

// access is who may use a route. The engine checks the roles of commands again.
type access uint8

const (
	public     access = 0
	forTrader  access = 1 << wire.Trader
	forReader  access = 1 << wire.ReadOnly
	forCustody access = 1 << wire.Custodian
	forOps     access = 1 << wire.Operator
	anyRole           = forTrader | forReader | forCustody | forOps
)

// route is one method at one path. A segment in braces takes any text.
type route struct {
	method  string
	path    string
	access  access
	body    bool // takes a JSON body
	handler func(q *request) (any, *Error)
}

// shows reports whether the route shows what the views have: every GET but those that tell of the node itself. The stream sees to
// it by itself.
func (t *route) shows() bool {
	switch t.path {
	case "/healthz", "/readyz", "/openapi.yaml", "/asyncapi.yaml", "/v1/time", "/v1/status", "/v1/reasons", "/v1/stream", "/v1/session":
		return false
	}
	return t.method == "GET" && !t.ofCluster()
}

// ofCluster reports whether the route is about the nodes, and not about the venue.
func (t *route) ofCluster() bool {
	return strings.HasPrefix(t.path, "/v1/admin/cluster") || t.path == "/v1/admin/backup" || t.path == "/v1/admin/snapshot"
}

// changes reports whether the route's answer is that of commands.
func (t *route) changes() bool { return t.method != "GET" && !t.ofCluster() && t.path != "/v1/session" }

// commands reports whether the route is for commands alone: a logon is taken by a follower as well.
func (t *route) commands() bool { return t.changes() && t.path != "/v1/logon" }

// router finds routes. It is not changed after it is made.
type router struct {
	byLength map[int][]*routeNode
}

type routeNode struct {
	segments []string // "" takes any
	methods  map[string]*route
	allow    string
}

func newRouter(table []route) *router {
	r := &router{byLength: map[int][]*routeNode{}}
	byPath := map[string]*routeNode{}
	for i := range table {
		t := &table[i]
		n := byPath[t.path]
		if n == nil {
			n = &routeNode{segments: strings.Split(t.path[1:], "/"), methods: map[string]*route{}}
			for i, s := range n.segments {
				if s[0] == '{' {
					n.segments[i] = ""
				}
			}
			byPath[t.path] = n
			r.byLength[len(n.segments)] = append(r.byLength[len(n.segments)], n)
		}
		if n.methods[t.method] != nil {
			panic("gateway/http: route twice: " + t.method + " " + t.path)
		}
		n.methods[t.method] = t
		n.allow = allowed(n.methods)
	}
	// A fixed segment wins over one that takes any text.
	for _, nodes := range r.byLength {
		sort.SliceStable(nodes, func(i, j int) bool { return wildcards(nodes[i]) < wildcards(nodes[j]) })
	}
	return r
}

func wildcards(n *routeNode) (count int) {
	for _, s := range n.segments {
		if s == "" {
			count++
		}
	}
	return count
}

func allowed(methods map[string]*route) string {
	var all []string
	for m := range methods {
		all = append(all, m)
	}
	sort.Strings(all)
	return strings.Join(all, ", ")
}

// find returns the route of a method and a path as sent, with the texts of its braces. When the path is known and the
// method is not, allow has the methods that are.
func (r *router) find(method, path string) (t *route, params []string, allow string, err *Error) {
	segments := strings.Split(path[1:], "/")
	for _, n := range r.byLength[len(segments)] {
		if !n.match(segments) {
			continue
		}
		t = n.methods[method]
		if t == nil {
			return nil, nil, n.allow, refuse(MethodNotAllowed, "")
		}
		for i, s := range n.segments {
			if s != "" {
				continue
			}
			text, e := url.PathUnescape(segments[i])
			if e != nil || text == "" {
				return nil, nil, "", refuse(MalformedRequest, "a part of the path is empty or wrongly escaped")
			}
			params = append(params, text)
		}
		return t, params, "", nil
	}
	return nil, nil, "", refuse(NoSuchRoute, "")
}

func (n *routeNode) match(segments []string) bool {
	for i, s := range n.segments {
		if s != "" && s != segments[i] {
			return false
		}
	}
	return true
}

// parseQuery splits a query as sent. Nothing is dropped silently: a parameter that is given twice is refused.
func parseQuery(raw string) ([]param, *Error) {
	var all []param
	for raw != "" {
		var one string
		one, raw, _ = strings.Cut(raw, "&")
		if one == "" {
			continue
		}
		name, value, _ := strings.Cut(one, "=")
		name, err1 := url.QueryUnescape(name)
		value, err2 := url.QueryUnescape(value)
		if err1 != nil || err2 != nil {
			return nil, refuse(MalformedRequest, "a part of the query is wrongly escaped")
		}
		for i := range all {
			if all[i].name == name {
				return nil, refuseField(UnknownParameter, shorten(name), "given twice")
			}
		}
		if len(all) == maxParams {
			return nil, refuse(MalformedRequest, "the query has too many parameters")
		}
		all = append(all, param{name: name, value: value})
	}
	return all, nil
}

// maxParams bounds a query, so that the search for duplicates stays cheap.
const maxParams = 32
