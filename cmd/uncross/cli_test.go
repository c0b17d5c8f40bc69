package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"uncross/engine/wire"
	"uncross/gateway/auth"
)

// call runs a command line in this process.
func call(stdin string, args ...string) (status int, stdout, stderr string) {
	var out, err bytes.Buffer
	status = run(args, streams{strings.NewReader(stdin), &out, &err})
	return status, out.String(), err.String()
}

// TestHelp asks every command for its help.
func TestHelp(t *testing.T) {
	parser, err := kong.New(&cli{})
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range parser.Model.Leaves(false) {
		path := strings.Fields(node.Path())
		if path[0] == parser.Model.Name {
			path = path[1:]
		}
		status, out, _ := call("", append(path, "--help")...)
		if status != 0 || !strings.Contains(out, "Usage: uncross "+strings.Join(path, " ")) {
			t.Errorf("%v: status %d, output\n%s", path, status, out)
		}
		if name := node.Name; name != "version" && !strings.Contains(out, "Example") {
			t.Errorf("the help of %s has no example", name)
		}
	}
}

// TestUsage holds the exit statuses of wrong command lines.
func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{}, exitUsage, "expected one of"},
		{[]string{"trade"}, exitUsage, "unexpected argument trade"},
		{[]string{"init"}, exitUsage, "missing flags"},
		{[]string{"serve", "--log-format", "xml"}, exitUsage, "log-format"},
		{[]string{"replay", "neutral", "x", "--book", "--to", "http://127.0.0.1:1", "--operator-key", "k"}, exitUsage, "can't be used together"},
		{[]string{"replay", "neutral", "no/such/set"}, exitFailed, "neither no/such/set.commands.csv"},
		{[]string{"replay", "neutral", "x", "--to", "http://127.0.0.1:1"}, exitUsage, "--to needs --operator-key"},
		{[]string{"replay", "neutral", "x", "--batch", "0"}, exitUsage, "--batch 0"},
		{[]string{"replay", "neutral", "x", "--patience", "0s"}, exitUsage, "--patience"},
		{[]string{"bench", "book", "--commands", "0"}, exitUsage, "greater than 0"},
		{[]string{"bench", "book", "--rates", "1000,0"}, exitUsage, "--rates 0"},
		{[]string{"verify", "--data", "no/such/directory"}, exitFailed, "holds no log"},
		{[]string{"serve", "--dev", "--listen", "0.0.0.0:0"}, exitUsage, "loopback"},
		{[]string{"serve", "--tls-cert", "x"}, exitUsage, "go together"},
		{[]string{"serve", "--dev", "--tls-cert", "x", "--tls-key", "y"}, exitUsage, "does not go with TLS"},
		{[]string{"serve", "--data", filepath.Join(t.TempDir(), "d"), "--listen", "127.0.0.1:0", "--tls-cert", "no/such", "--tls-key", "no/such"}, exitFailed, "no/such"},
		{[]string{"serve", "--listen", "foo"}, exitUsage, "--listen foo"},
		{[]string{"serve", "--listen", "127.0.0.1:99999"}, exitUsage, "--listen 127.0.0.1:99999"},
		{[]string{"serve", "--fix-listen", "foo"}, exitUsage, "--fix-listen foo"},
		{[]string{"serve", "--dev", "--fix-listen", "0.0.0.0:0"}, exitUsage, "loopback"},
		{[]string{"serve", "--fix-comp-id="}, exitUsage, "--fix-comp-id"},
		{[]string{"serve", "--fix-comp-id", " X"}, exitUsage, "--fix-comp-id"},
		{[]string{"serve", "--fix-reset-at", "25:00"}, exitUsage, "--fix-reset-at"},
		{[]string{"serve", "--fix-rate=-1"}, exitUsage, "--fix-rate"},
		{[]string{"serve", "--fix-max-connections=-1"}, exitUsage, "--fix-max-connections"},
		{[]string{"serve", "--node-id="}, exitUsage, "--node-id"},
		{[]string{"serve", "--node-id", "a b"}, exitUsage, "--node-id"},
		{[]string{"serve", "--raft-addr", "127.0.0.1:1", "--peers", "node-1=127.0.0.1:1,b c=127.0.0.1:2"}, exitUsage, "--peers: the node id"},
		{[]string{"restore", "--from", "cli_test.go", "--data", "no/such", "--node-id", "a b"}, exitUsage, "--node-id"},
		{[]string{"cluster", "add", "no de", "127.0.0.1:1", "--key", "no/such"}, exitUsage, `"no de"`},
		{[]string{"cluster", "certs", "--dir", "no/such", "--node", "a,b c"}, exitUsage, "--node"},
		{[]string{"serve", "--http-advertise", "a.example:8443"}, exitUsage, "--http-advertise"},
		{[]string{"serve", "--http-advertise", "https://a.example:x"}, exitUsage, "--http-advertise"},
		{[]string{"serve", "--http-advertise", "https://a.example/path"}, exitUsage, "--http-advertise"},
		{[]string{"serve", "--http-advertise", "https://:8443"}, exitUsage, "--http-advertise"},
		{[]string{"serve", "--leader-lease", "500ms"}, exitUsage, "--leader-lease 500ms is above --heartbeat-timeout 50ms"},
		{[]string{"serve", "--leader-lease", "1ms"}, exitUsage, "--leader-lease 1ms is below 5ms"},
		{[]string{"serve", "--heartbeat-timeout=-1s"}, exitUsage, "--heartbeat-timeout"},
		{[]string{"serve", "--heartbeat-timeout", "1s"}, exitUsage, "--election-timeout 50ms is below --heartbeat-timeout 1s"},
		{[]string{"serve", "--raft-addr", "127.0.0.1:1", "--leader-lease", "400ms"}, exitUsage, "--leader-lease 400ms is not below"},
		{[]string{"serve", "--snapshot-bytes=65535"}, exitUsage, "--snapshot-bytes"},
		{[]string{"serve", "--max-connections=-1"}, exitUsage, "--max-connections"},
		{[]string{"serve", "--answer-timeout=-1s"}, exitUsage, "--answer-timeout"},
		{[]string{"serve", "--snapshot-bytes=-5"}, exitUsage, "--snapshot-bytes"},
		{[]string{"serve", "--snapshot-bytes=100000", "--trailing-bytes=50001"}, exitUsage, "--trailing-bytes"},
		{[]string{"version"}, 0, ""},
	} {
		status, _, said := call("", c.args...)
		if status != c.status || !strings.Contains(said, c.says) {
			t.Errorf("%v: status %d, %q; expected %d, %q", c.args, status, said, c.status, c.says)
		}
	}
}

// TestPrecedence shows that the command line comes before the environment, that before the configuration file, and that
// before the default.
func TestPrecedence(t *testing.T) {
	dir := t.TempDir()
	yaml, json := filepath.Join(dir, "c.yaml"), filepath.Join(dir, "c.json")
	for path, text := range map[string]string{
		yaml: "listen: from-file:1\nsnapshot_bytes: 70000\nskip: [3, 4]\nanswer-timeout: 9s\n",
		json: `{"listen": "from-file:1", "snapshot-bytes": 70000, "skip": [3, 4], "answer_timeout": "9s"}`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, env  string // env: UNCROSS_LISTEN
		envConfig  string
		args       []string
		wantListen string
		wantBytes  int64
	}{
		{name: "default", wantListen: "127.0.0.1:8080"},
		{name: "YAML file", args: []string{"--config", yaml}, wantListen: "from-file:1", wantBytes: 70000},
		{name: "JSON file", args: []string{"--config", json}, wantListen: "from-file:1", wantBytes: 70000},
		{name: "file by environment", envConfig: yaml, wantListen: "from-file:1", wantBytes: 70000},
		{name: "environment before file", env: "from-env:2", args: []string{"--config", yaml}, wantListen: "from-env:2", wantBytes: 70000},
		{name: "environment alone", env: "from-env:2", wantListen: "from-env:2"},
		{name: "flag before both", env: "from-env:2", args: []string{"--config", yaml, "--listen", "from-flag:3"}, wantListen: "from-flag:3", wantBytes: 70000},
		{name: "flag before file", args: []string{"--listen", "from-flag:3", "--config", yaml}, wantListen: "from-flag:3", wantBytes: 70000},
	} {
		t.Run(c.name, func(t *testing.T) {
			for name, value := range map[string]string{"UNCROSS_LISTEN": c.env, "UNCROSS_CONFIG": c.envConfig} {
				t.Setenv(name, value) // restores it at the end
				if value == "" {
					os.Unsetenv(name)
				}
			}
			var got cli
			parser, err := kong.New(&got, kong.Resolvers(&configResolver{}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parser.Parse(append([]string{"serve"}, c.args...)); err != nil {
				t.Fatal(err)
			}
			if got.Serve.Listen != c.wantListen || got.Serve.SnapshotBytes != c.wantBytes {
				t.Errorf("listen %q, snapshot bytes %d; expected %q, %d", got.Serve.Listen, got.Serve.SnapshotBytes, c.wantListen, c.wantBytes)
			}
			if c.wantBytes == 7 && (len(got.Serve.Skip) != 2 || got.Serve.AnswerTimeout.Seconds() != 9) {
				t.Errorf("skip %v, answer timeout %v", got.Serve.Skip, got.Serve.AnswerTimeout)
			}
		})
	}
}

// TestConfigIsStrict refuses what is no setting.
func TestConfigIsStrict(t *testing.T) {
	for text, says := range map[string]string{
		"lisen: x\n":         `there is no setting "lisen"`,
		"listen: {a: b}\n":   "no text, number, truth value or list",
		"listen: [\n":        "configuration",
		"config: other\n":    `there is no setting "config"`,
		"log-level: loud\n":  "log-level",
		"skip: [one, two]\n": "skip",
	} {
		path := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if status, _, said := call("", "serve", "--config", path); status != exitUsage || !strings.Contains(said, says) {
			t.Errorf("%q: status %d, %q; expected %q", text, status, said, says)
		}
	}
	if status, _, said := call("", "serve", "--config", "no/such/file"); status != exitUsage || !strings.Contains(said, "no such file") {
		t.Errorf("no file: status %d, %q", status, said)
	}
}

// TestInit makes a directory and refuses to make it twice, or to put the key into it.
func TestInit(t *testing.T) {
	dir := t.TempDir()
	data, key := filepath.Join(dir, "data"), filepath.Join(dir, "operator.key")
	if status, _, said := call("", "init", "--data", data, "--key", filepath.Join(data, "operator.key")); status != exitFailed || !strings.Contains(said, "keep it elsewhere") {
		t.Errorf("key inside: status %d, %q", status, said)
	}
	if status, _, said := call("", "init", "--data", data, "--key", key, "--venue", " x"); status != exitFailed || !strings.Contains(said, "printable ASCII") {
		t.Errorf("bad name: status %d, %q", status, said)
	}
	if status, _, said := call("", "init", "--data", data, "--key", key, "--venue", "Test"); status != 0 {
		t.Fatalf("status %d, %q", status, said)
	}
	k, err := auth.LoadKey(key)
	if err != nil {
		t.Fatal(err)
	}
	g, err := dataDir(data).readGenesis()
	if err != nil {
		t.Fatal(err)
	}
	if g.OperatorPub != k.Public() || k.Role != wire.Operator || k.ID != wire.OperatorKey || g.Venue.String() != "Test" || g.ClusterID == [16]byte{} {
		t.Errorf("genesis %+v, key %d of role %v", g, k.ID, k.Role)
	}
	if st, err := os.Stat(key); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the key file: %v, %v", st.Mode(), err)
	}
	if text, err := os.ReadFile(dataDir(data).genesis()); err != nil || strings.Contains(string(text), "private") {
		t.Errorf("genesis.json: %s, %v", text, err)
	}
	if status, _, said := call("", "init", "--data", data, "--key", key+"2"); status != exitFailed || !strings.Contains(said, "prepared before") {
		t.Errorf("again: status %d, %q", status, said)
	}
}

// TestKeygen makes a key that can be read again, and does not overwrite it.
func TestKeygen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "alice.key")
	status, out, said := call("", "keygen", "--user", "alice", "--role", "trader", "--id", "7", file)
	if status != 0 || len(strings.TrimSpace(out)) != 44 {
		t.Fatalf("status %d, %q, %q", status, out, said)
	}
	k, err := auth.LoadKey(file)
	if err != nil || k.User != "alice" || k.Role != wire.Trader || k.ID != 7 {
		t.Errorf("key %+v, %v", k, err)
	}
	if status, _, said := call("", "keygen", "--user", "alice", "--role", "trader", file); status != exitFailed || !strings.Contains(said, "not overwritten") {
		t.Errorf("again: status %d, %q", status, said)
	}
}

// TestMatch runs the sandbox from standard input and from a file.
func TestMatch(t *testing.T) {
	const lines = "{\"cmd\":\"asset\",\"code\":\"EUR\",\"decimals\":2}\nwrong\n{\"cmd\":\"tick\"}\n"
	status, out, said := call(lines, "match")
	if status != exitFailed || strings.Count(out, "\n") != 1 || !strings.Contains(said, "line 2: ") {
		t.Errorf("stops: status %d, %q, %q", status, out, said)
	}
	file := filepath.Join(t.TempDir(), "lines")
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, said = call("", "match", "--keep-going", file)
	if status != exitFailed || strings.Count(out, "\n") != 2 || !strings.Contains(said, "line 2: ") || !strings.Contains(said, "1 wrong lines were passed over") {
		t.Errorf("goes on: status %d, %q, %q", status, out, said)
	}
	if status, out, said = call(`{"cmd":"tick"}`, "match"); status != 0 || !strings.Contains(out, `"event":"accepted"`) {
		t.Errorf("good: status %d, %q, %q", status, out, said)
	}
}

// TestReplayInProcess runs a small set, and one with a wrong trade in it.
func TestReplayInProcess(t *testing.T) {
	small := filepath.Join("..", "..", "internal", "neutral", "testdata", "small")
	for _, how := range []string{"--book", "--symbol=x"} {
		status, out, said := call("", "replay", "neutral", how, small)
		if status != 0 || !strings.Contains(out, "8 of 8 equal, 0 too many") || !strings.Contains(out, "difference   none") {
			t.Errorf("%s: status %d\n%s%s", how, status, out, said)
		}
	}
	dir := t.TempDir()
	for _, name := range []string{"commands", "trades"} {
		text, err := os.ReadFile(small + "." + name + ".csv")
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.Replace(text, []byte("10,9,2100,8,2,110,4,B"), []byte("10,9,2100,8,2,110,3,B"), 1)
		if err := os.WriteFile(filepath.Join(dir, "wrong."+name+".csv"), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	status, out, _ := call("", "replay", "neutral", filepath.Join(dir, "wrong"))
	if status != exitFailed || !strings.Contains(out, "7 of 8 equal") || !strings.Contains(out, "the first one: command 10: trade 1") {
		t.Errorf("wrong trade: status %d\n%s", status, out)
	}
}

// TestCurlQuote keeps a body whole on its way through curl's configuration.
func TestCurlQuote(t *testing.T) {
	if got, want := curlQuote("{\"a\":\"x\\y\"}\n"), `"{\"a\":\"x\\y\"}\n"`; got != want {
		t.Errorf("got %s, expected %s", got, want)
	}
}
