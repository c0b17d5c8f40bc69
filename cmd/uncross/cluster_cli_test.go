package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/internal/archive"
)

// fakeNodes are two nodes as an operator's commands meet them: node-1 leads, node-2 says so.
type fakeNodes struct {
	t        *testing.T
	key      auth.Key
	leader   *httptest.Server
	follower *httptest.Server
	asked    []string
	answer   func(w http.ResponseWriter, r *http.Request) bool // before the usual answers
	backup   []byte
}

func newFakeNodes(t *testing.T) *fakeNodes {
	t.Helper()
	k, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	k.ID, k.User, k.Role = wire.OperatorKey, "operator", wire.Operator
	f := &fakeNodes{t: t, key: k}
	serve := func(leads bool) *httptest.Server {
		store := auth.NewStore(auth.Limits{}, time.Now)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serve(w, r, store, leads) }))
		t.Cleanup(s.Close)
		return s
	}
	f.leader, f.follower = serve(true), serve(false)
	return f
}

func (f *fakeNodes) serve(w http.ResponseWriter, r *http.Request, store *auth.Store, leads bool) {
	refuse := func(status int, reason, more string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":{"code":1,"reason":%q,"message":"words"%s}}`, reason, more)
	}
	if r.URL.Path == "/healthz" {
		fmt.Fprint(w, `{"status":"ok"}`)
		return
	}
	if r.URL.Path == "/v1/logon" {
		var l auth.LogonRequest
		_ = json.NewDecoder(r.Body).Decode(&l)
		_, a, err := store.Open(&l)
		if err != nil {
			f.t.Error(err)
		}
		_ = json.NewEncoder(w).Encode(a)
		return
	}
	if f.answer != nil && f.answer(w, r) {
		return
	}
	if !leads && r.Method != "GET" && r.URL.Path != "/v1/admin/snapshot" {
		refuse(503, "not_leader", fmt.Sprintf(`,"leader":{"node":"node-1","http":%q}`, f.leader.URL))
		return
	}
	body := map[string]any{}
	_ = json.NewDecoder(r.Body).Decode(&body)
	text, _ := json.Marshal(body)
	f.asked = append(f.asked, r.Method+" "+strings.TrimPrefix(r.URL.Path, "/v1/admin/")+" "+string(text))
	switch r.URL.Path {
	case "/v1/admin/cluster":
		fmt.Fprintf(w, `{"cluster_id":"ab","node":"node-2","leading":false,"leader":{"node":"node-1","http":%q},"members":[
			{"node":"node-1","http":%q,"address":"h1:7","voter":true,"role":"leader","ready":true,"heard_ms":120,"term":"2","index":"9","command":"100","full_hash":"aa","log_bytes":"1","version":"v1"},
			{"node":"node-2","address":"h2:7","voter":true,"role":"follower","ready":true,"heard_ms":0,"term":"2","index":"9","command":"100","full_hash":"bb","log_bytes":"1","version":"v2"},
			{"node":"node-9","address":"h9:7","voter":true,"ready":false,"heard_ms":8212,"term":"1","index":"8","command":"99","full_hash":"cc","log_bytes":"1","version":"v1","problem":"gone"},
			{"node":"node-3","address":"h3:7","voter":false,"ready":false,"term":"0","index":"0","command":"0","full_hash":"00","log_bytes":"0","problem":"not reached"}]}`, f.leader.URL, f.leader.URL)
	case "/v1/admin/snapshot":
		fmt.Fprint(w, `{"index":"9"}`)
	case "/v1/admin/backup":
		_, _ = w.Write(f.backup)
	default:
		fmt.Fprint(w, `{"change":"x"}`)
	}
}

// run calls a command on the follower.
func (f *fakeNodes) run(keyFile string, args ...string) (status int, stdout, stderr string) {
	return call("", append(args, "--key", keyFile, "--server", "http://127.0.0.1:1,"+f.follower.URL)...)
}

func (f *fakeNodes) keyFile() string {
	f.t.Helper()
	path := filepath.Join(f.t.TempDir(), "operator.key")
	if err := auth.SaveKey(path, f.key); err != nil {
		f.t.Fatal(err)
	}
	return path
}

// TestClusterCommands: each is sent to the leader, also where the first address is nobody's and the second a follower's.
func TestClusterCommands(t *testing.T) {
	f := newFakeNodes(t)
	key := f.keyFile()
	for _, c := range []struct {
		args        []string
		asked, says string
	}{
		{[]string{"add", "node-4", "h4:7"}, `POST cluster/members {"address":"h4:7","node":"node-4"}`, "node-4 at h4:7 is a learner"},
		{[]string{"promote", "node-4"}, `POST cluster/members/node-4/promote {}`, "node-4 has a vote"},
		{[]string{"transfer"}, `POST cluster/transfer {}`, "handed over"},
		{[]string{"transfer", "node-4"}, `POST cluster/transfer {"node":"node-4"}`, "node-4 leads"},
		{[]string{"remove", "node-4"}, `DELETE cluster/members/node-4 {}`, "no member any more"},
		{[]string{"snapshot"}, `POST snapshot {}`, "log entry 9"},
	} {
		f.asked = nil
		status, out, err := f.run(key, append([]string{"cluster"}, c.args...)...)
		if status != 0 || !strings.Contains(out, c.says) || strings.Join(f.asked, "|") != c.asked {
			t.Errorf("%v: status %d, asked %q, says %q %q", c.args, status, f.asked, out, err)
		}
	}
	status, out, err := f.run(key, "cluster", "status")
	for _, part := range []string{"cluster ab; as node-2 knows it, node-1 leads", "node-1  leader", "node-3  unknown", "node-9  unknown   yes   no     99       1       8.212s", "A follower may learn", "its state differs from that of node-1", "not reached", "runs v2", "120ms", "never"} {
		if status != 0 || !strings.Contains(out, part) {
			t.Errorf("status %d %s: %q is not in\n%s", status, err, part, out)
		}
	}
	if status, out, _ := f.run(key, "cluster", "status", "--json"); status != 0 || !json.Valid([]byte(out)) {
		t.Errorf("%d %s", status, out)
	}
}

// TestClusterErrors: what goes wrong is told with what to do.
func TestClusterErrors(t *testing.T) {
	f := newFakeNodes(t)
	key := f.keyFile()
	for answer, says := range map[string]string{
		`{"error":{"code":1067,"reason":"change_refused","message":"words","detail":"node-4 is a member already"}}`: "uncross: node-4 is a member already",
		`{"error":{"code":1062,"reason":"not_leader","message":"words"}}`:                                           "there is no leader at this moment",
		`{"error":{"code":1062,"reason":"not_leader","message":"words","leader":{"node":"node-9"}}}`:                "node-9 is not where clients can go",
		`{"error":{"code":1064,"reason":"outcome_unknown","message":"words"}}`:                                      "it is not known whether",
		`{"error":{"code":20,"reason":"role_not_allowed","message":"words"}}`:                                       "needs the key of an operator",
	} {
		f.answer = func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(503)
			fmt.Fprint(w, answer)
			return true
		}
		if status, _, err := f.run(key, "cluster", "promote", "node-4"); status != exitFailed || !strings.Contains(err, says) {
			t.Errorf("%s: status %d, says %q", answer, status, err)
		}
	}
	status, _, err := call("", "cluster", "status", "--key", key, "--server", "http://127.0.0.1:1")
	if status != exitFailed || !strings.Contains(err, "no node answers") || !strings.Contains(err, "http://127.0.0.1:1") {
		t.Errorf("status %d, says %q", status, err)
	}
}

// TestBackupCommand: a file of the name is whole, or there is none.
func TestBackupCommand(t *testing.T) {
	f := newFakeNodes(t)
	key, to := f.keyFile(), filepath.Join(t.TempDir(), "venue.tar")
	var b strings.Builder
	w := archive.NewWriter(&b)
	if err := w.AddStream("state", 5, strings.NewReader("state")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	nothing := func(what string) {
		t.Helper()
		if all, _ := filepath.Glob(to + "*"); len(all) != 0 {
			t.Errorf("%s: %v is left", what, all)
		}
	}
	f.backup = []byte(b.String())[:b.Len()/2]
	if status, _, err := f.run(key, "backup", "--to", to); status != exitFailed || !strings.Contains(err, "no backup was made") {
		t.Errorf("half a backup: %d %s", status, err)
	}
	nothing("half a backup")
	f.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(503)
		fmt.Fprint(w, `{"error":{"code":1060,"reason":"busy","message":"words","detail":"another backup is under way"}}`)
		return true
	}
	if status, _, err := f.run(key, "backup", "--to", to); status != exitFailed || !strings.Contains(err, "another backup is under way") {
		t.Errorf("refused: %d %s", status, err)
	}
	nothing("refused")
	f.answer, f.backup = nil, []byte(b.String())
	if status, out, err := f.run(key, "backup", "--to", to); status != 0 || !strings.Contains(out, "checked") {
		t.Fatalf("%d %s %s", status, out, err)
	}
	if got, err := os.ReadFile(to); err != nil || string(got) != b.String() {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if info, err := os.Stat(to); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if status, _, err := f.run(key, "backup", "--to", to); status != exitFailed || !strings.Contains(err, "there already") {
		t.Errorf("over a file: %d %s", status, err)
	}
}
