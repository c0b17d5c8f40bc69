package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
)

// stub is a server that does what a test says. It keeps sessions as the real one does.
type stub struct {
	t     *testing.T
	store *auth.Store
	key   *auth.Key

	mu     sync.Mutex
	logons int
	calls  int
	answer func(call int, body []byte, w http.ResponseWriter)
}

func newStub(t *testing.T) (*stub, *Client) {
	t.Helper()
	k, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	k.ID, k.Role = 7, wire.Trader
	s := &stub{t: t, store: auth.NewStore(auth.Limits{}, time.Now), key: &k}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := New(Config{URL: server.URL, Key: &k})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

func refuse(w http.ResponseWriter, status int, reason string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":{"code":1,"reason":%q,"message":"words"}}`, reason)
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body := make([]byte, 0, 4096)
	buf := make([]byte, 4096)
	for {
		n, err := r.Body.Read(buf)
		if body = append(body, buf[:n]...); err != nil {
			break
		}
	}
	if r.URL.Path == "/v1/logon" {
		s.logon(w, body)
		return
	}
	h, err := auth.ParseHeaders(r.Header.Get(auth.HeaderSession), r.Header.Get(auth.HeaderSeq), r.Header.Get(auth.HeaderTime), r.Header.Get(auth.HeaderMac))
	if err == nil {
		_, err = s.store.Verify(&h, r.Method, r.URL.RequestURI(), body)
	}
	switch {
	case errors.Is(err, auth.ErrUnknownSession):
		refuse(w, 401, "unknown_session")
	case err != nil:
		s.t.Errorf("%s %s: %v", r.Method, r.URL, err)
		refuse(w, 401, "bad_signature")
	default:
		s.calls++
		s.answer(s.calls, body, w)
	}
}

func (s *stub) logon(w http.ResponseWriter, body []byte) {
	s.logons++
	var r auth.LogonRequest
	if err := json.Unmarshal(body, &r); err != nil {
		s.t.Error(err)
	}
	if err := r.Verify(s.key.Public(), time.Now()); err != nil {
		s.t.Error(err)
	}
	_, a, err := s.store.Open(&r)
	if err != nil {
		s.t.Error(err)
	}
	_ = json.NewEncoder(w).Encode(a)
}

// TestLogsOnAgain ends the session behind the client's back.
func TestLogsOnAgain(t *testing.T) {
	s, c := newStub(t)
	s.answer = func(_ int, _ []byte, w http.ResponseWriter) { fmt.Fprint(w, `{"x":1}`) }
	for range 3 {
		var out struct{ X int }
		if err := c.Do(context.Background(), "GET", "/v1/a%2Fb?c=d%20e", nil, &out); err != nil || out.X != 1 {
			t.Fatal(err, out)
		}
		s.store.DropKey(7)
	}
	if s.logons != 3 || s.calls != 3 {
		t.Errorf("%d logons, %d calls", s.logons, s.calls)
	}
}

// TestUntilRepeats gives every kind of temporary answer, then a cut connection, then the real one.
func TestUntilRepeats(t *testing.T) {
	s, c := newStub(t)
	temporary := []string{"busy", "not_ready", "not_leader", "shutting_down", "not_applied", "outcome_unknown", "too_many_requests"}
	var first string
	s.answer = func(call int, body []byte, w http.ResponseWriter) {
		if first == "" {
			first = string(body)
		}
		if string(body) != first {
			t.Errorf("the repeat has another body: %s", body)
		}
		switch {
		case call <= len(temporary):
			refuse(w, 503, temporary[call-1])
		case call == len(temporary)+1:
			panic(http.ErrAbortHandler) // cuts the connection
		default:
			fmt.Fprint(w, `{}`)
		}
	}
	if err := c.Until(context.Background(), "POST", "/v1/orders", map[string]string{"client_order_id": "1"}, nil); err != nil {
		t.Fatal(err)
	}
	if s.calls != len(temporary)+2 {
		t.Errorf("%d calls", s.calls)
	}
}

// TestUntilStops returns at once on a refusal that stands, and with the context's end on one that does not.
func TestUntilStops(t *testing.T) {
	s, c := newStub(t)
	s.answer = func(_ int, _ []byte, w http.ResponseWriter) { refuse(w, 422, "insufficient_funds") }
	var refused *Error
	if err := c.Until(context.Background(), "POST", "/v1/orders", nil, nil); !errors.As(err, &refused) || refused.Status != 422 || s.calls != 1 {
		t.Errorf("%v after %d calls", err, s.calls)
	}
	s.answer = func(_ int, _ []byte, w http.ResponseWriter) { refuse(w, 503, "busy") }
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := c.Until(ctx, "POST", "/v1/orders", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	s.answer = func(_ int, _ []byte, w http.ResponseWriter) { fmt.Fprint(w, `no JSON`) }
	var out struct{}
	if err := c.Until(context.Background(), "GET", "/v1/x", nil, &out); err == nil || !strings.Contains(err.Error(), "not understood") {
		t.Errorf("%v", err)
	}
	public, err := New(Config{URL: c.URL()})
	if err != nil {
		t.Fatal(err)
	}
	if err := public.Until(context.Background(), "GET", "/v1/x", nil, nil); err == nil || !strings.Contains(err.Error(), "key") {
		t.Errorf("%v", err)
	}
}

// TestSettleRepeatsWhatIsOpen answers some operations of a batch, loses some, and drops whole answers: in the end each
// has one final answer, and every operation was sent with the same content each time.
func TestSettleRepeatsWhatIsOpen(t *testing.T) {
	s, c := newStub(t)
	content := map[string]string{}
	s.answer = func(call int, body []byte, w http.ResponseWriter) {
		var in struct{ Operations []json.RawMessage }
		if err := json.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		var results []string
		for i, raw := range in.Operations {
			var op Operation
			if err := json.Unmarshal(raw, &op); err != nil || op.SentAtNs == 0 {
				t.Errorf("%s: %v", raw, err)
			}
			if was, ok := content[op.ClientOrderID]; ok && was != string(raw) {
				t.Errorf("%s was %s", raw, was)
			}
			content[op.ClientOrderID] = string(raw)
			switch {
			case i >= 2 && call < 5:
				results = append(results, `{"status":503,"error":{"code":1,"reason":"busy","message":"m"}}`)
			case op.ClientOrderID == "3":
				results = append(results, `{"status":409,"error":{"code":1,"reason":"order_not_open","message":"m"}}`)
			default:
				results = append(results, fmt.Sprintf(`{"status":200,"order":{"client_order_id":%q,"status":"new"}}`, op.ClientOrderID))
			}
		}
		if call == 2 {
			panic(http.ErrAbortHandler)
		}
		fmt.Fprintf(w, `{"results":[%s]}`, strings.Join(results, ","))
	}
	var ops []Operation
	for i := range 7 {
		ops = append(ops, Operation{Op: "new", Account: "A", ClientOrderID: fmt.Sprint(i)})
	}
	results, err := c.Settle(context.Background(), ops)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if i == 3 {
			if r.Error == nil || r.Error.Reason != "order_not_open" || r.Error.Status != 409 {
				t.Errorf("operation 3: %+v", r)
			}
		} else if r.Order == nil || r.Order.ClientOrderID != fmt.Sprint(i) {
			t.Errorf("operation %d: %+v", i, r)
		}
	}
	if len(content) != 7 {
		t.Errorf("%d operations were sent", len(content))
	}
}

// TestNonceGrows logs on twice while the clock stands still.
func TestNonceGrows(t *testing.T) {
	s, c := newStub(t)
	now := time.Now()
	c.clock = func() time.Time { return now }
	for range 3 {
		if err := c.Logon(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if s.logons != 3 || c.nonce.Load() != uint64(now.UnixNano())+2 {
		t.Errorf("%d logons, nonce %d", s.logons, c.nonce.Load())
	}
}

// TestLongAnswer: an answer is read whole or not at all, also where a part of it would be understood.
func TestLongAnswer(t *testing.T) {
	if text, err := readAll(strings.NewReader("[1] "), 4); err != nil || string(text) != "[1] " {
		t.Errorf("%q, %v", text, err)
	}
	if text, err := readAll(strings.NewReader("[1]  "), 4); !lasts(err) || text != nil {
		t.Errorf("%q, %v", text, err)
	}
}

func TestAddresses(t *testing.T) {
	for _, u := range []string{"", "localhost:8080", "ftp://x", "http://", "http://x/v1", "http://x?y"} {
		if _, err := New(Config{URL: u}); err == nil {
			t.Errorf("%q is taken", u)
		}
	}
	if c, err := New(Config{URL: "https://venue.example/"}); err != nil || c.URL() != "https://venue.example" {
		t.Errorf("%v", err)
	}
}
