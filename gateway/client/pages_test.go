package client

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestPages walks lists of several pages, one of them empty and one refused for the moment, and ends where it must.
func TestPages(t *testing.T) {
	s, c := newStub(t)
	s.answer = func(call int, _ []byte, w http.ResponseWriter) {
		switch call {
		case 1:
			fmt.Fprint(w, `{"items":[1,2],"more":true,"next":"a&b"}`)
		case 2:
			refuse(w, 503, "busy")
		case 3:
			fmt.Fprint(w, `{"items":[],"more":true,"next":"c"}`)
		case 4:
			fmt.Fprint(w, `{"items":[3],"more":false,"next":"d"}`)
		default:
			refuse(w, 410, "history_trimmed")
		}
	}
	var got []int
	for n, err := range Pages[int](context.Background(), c, "/v1/list?limit=2") {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n)
	}
	if !slices.Equal(got, []int{1, 2, 3}) {
		t.Errorf("got %v", got)
	}
	for n, err := range Pages[int](context.Background(), c, "/v1/list") {
		if err == nil || !strings.Contains(err.Error(), "history_trimmed") {
			t.Errorf("%d, %v: want the refusal", n, err)
		}
	}
}

// TestPagesPublic reads without a key. A server that sends in circles, and a reader that has had enough, end the walk.
func TestPagesPublic(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		fmt.Fprint(w, `{"items":[1],"more":true,"next":"x/y"}`)
	}))
	defer server.Close()
	c, err := New(Config{URL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	var items, errs int
	for _, err := range Pages[int](context.Background(), c, "/v1/list") {
		if err != nil {
			errs++
		} else {
			items++
		}
	}
	if items != 2 || errs != 1 {
		t.Errorf("%d items and %d errors of a list that goes in circles", items, errs)
	}
	if want := []string{"/v1/list", "/v1/list?cursor=x%2Fy"}; !slices.Equal(asked, want) {
		t.Errorf("asked for %q, want %q", asked, want)
	}
	asked = nil
	for range Pages[int](context.Background(), c, "/v1/list") {
		break
	}
	if len(asked) != 1 {
		t.Errorf("asked for %q after the reader had enough", asked)
	}
}
