package peer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// A handshake's bytes are not to change within a version, and a refusal's never.
func TestHandshakeBytes(t *testing.T) {
	h := hello{1, "raft", "ab", "node-1", "node-2"}
	if want := "UXPP\x01\x00\x16\x00\x04raft\x02ab\x06node-1\x06node-2"; string(h.encode()) != want {
		t.Errorf("a hello is %q", h.encode())
	}
	a := answer{1, CodeCluster, "node-2", "cd", "no"}
	if want := "UXPP\x01\x00\x0e\x00\x02\x06node-2\x02cd\x02no"; string(a.encode()) != want {
		t.Errorf("an answer is %q", a.encode())
	}
	if got, err := readHello(bytes.NewReader(h.encode())); err != nil || got != h {
		t.Errorf("%+v is read as %+v, %v", h, got, err)
	}
	if got, err := readAnswer(bytes.NewReader(a.encode())); err != nil || got != a {
		t.Errorf("%+v is read as %+v, %v", a, got, err)
	}
	long := answer{1, CodeBusy, "n", "c", strings.Repeat("ü", 200)}
	if got, err := readAnswer(bytes.NewReader(long.encode())); err != nil || len(got.reason) > maxText || !strings.HasSuffix(got.reason, "ü…") {
		t.Errorf("a long reason is read as %q, %v", got.reason, err)
	}
}

func FuzzHandshake(f *testing.F) {
	f.Add(hello{1, "raft", cluster, "node-1", "node-2"}.encode())
	f.Add(hello{2, "raft", cluster, "node-1", ""}.encode())
	f.Add(answer{1, 0, "node-2", cluster, ""}.encode())
	f.Add(answer{2, CodeVersion, "node-2", cluster, "another version"}.encode())
	f.Add([]byte("UXPP\x01\x00\xff\xff"))
	f.Add([]byte("\x16\x03\x01\x02\x00\x01\x00\x01"))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		h, err := readHello(r)
		if read := len(b) - r.Len(); read > helloHead+MaxHello {
			t.Fatalf("%d bytes were read", read)
		}
		if err == nil && h.version == Version {
			if got, err := readHello(bytes.NewReader(h.encode())); err != nil || got != h {
				t.Fatalf("%+v is read as %+v, %v", h, got, err)
			}
			if refusal := h.check("node-9", cluster, h.node, true); refusal != nil && refusal.Unwrap() == nil {
				t.Fatalf("a refusal without an error: %v", refusal)
			}
		}
		a, err := readAnswer(bytes.NewReader(b))
		if err == nil && a.version == Version {
			if got, err := readAnswer(bytes.NewReader(a.encode())); err != nil || got != a {
				t.Fatalf("%+v is read as %+v, %v", a, got, err)
			}
		}
		if err == nil && a.version != Version && a.code == 0 {
			t.Fatal("another version was taken")
		}
	})
}

func TestDial(t *testing.T) {
	b, _ := open(t, "node-2", nil)
	b.Handle(ServiceInfo, echo)
	a, _ := open(t, "node-1", nil)
	for _, node := range []string{"node-2", ""} {
		c, err := a.Dial(t.Context(), node, b.Address(), ServiceInfo)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := talk(c, "hello"); err != nil || got != "node-1 hello" {
			t.Errorf("%q, %v", got, err)
		}
	}
}

// Every way in which two nodes do not belong together is told at both ends.
func TestRefusals(t *testing.T) {
	other := strings.Repeat("f", 32)
	for _, test := range []struct {
		name           string
		node           string // of the dialler
		here, there    string // clusters of dialler and listener
		meant, service string
		err            error
		says           string
	}{
		{"cluster", "node-1", other, cluster, "node-2", ServiceInfo, ErrCluster, "this node belongs to cluster " + cluster + ", not to " + other},
		{"incarnation", "node-1", cluster, cluster + "/0a", "node-2", ServiceInfo, ErrIncarnation, "this node belongs to incarnation 0a of the cluster, not to the first incarnation"},
		{"older incarnation", "node-1", cluster + "/0a", cluster, "node-2", ServiceInfo, ErrIncarnation, "not to incarnation 0a"},
		{"node", "node-1", cluster, cluster, "node-3", ServiceInfo, ErrNode, "this is node-2, and node-3 was meant"},
		{"self", "node-2", cluster, cluster, "node-2", ServiceInfo, ErrNode, "both nodes are called node-2"},
		{"service", "node-1", cluster, cluster, "node-2", "nonsense", ErrService, `\"nonsense\" is not served here`},
		{"not ready", "node-1", cluster, "", "node-2", ServiceInfo, ErrNotReady, "does not know its cluster"},
		{"nothing is ready", "node-1", "", "", "node-2", ServiceGenesis, ErrNotReady, "does not know its cluster"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, logged := open(t, "node-2", func(c *Config) { c.Cluster = func() string { return test.there } })
			b.Handle(ServiceInfo, echo)
			b.Handle(ServiceGenesis, echo)
			a, _ := open(t, test.node, func(c *Config) { c.Cluster = func() string { return test.here } })
			_, err := a.Dial(t.Context(), test.meant, b.Address(), test.service)
			refusal := new(Refusal)
			if !errors.Is(err, test.err) || !errors.As(err, &refusal) || refusal.Node != "node-2" || refusal.Cluster != test.there ||
				!strings.Contains(err.Error(), strings.ReplaceAll(test.says, `\`, "")) {
				t.Errorf("%v", err)
			}
			logged.await(t, test.says)
			if s := b.Stats(); s.Accepted != 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A node without a cluster can ask for the genesis, and for nothing else.
func TestGenesis(t *testing.T) {
	b, _ := open(t, "node-2", nil)
	b.Handle(ServiceGenesis, echo)
	b.Handle(ServiceInfo, echo)
	a, _ := open(t, "node-1", func(c *Config) { c.Cluster = func() string { return "" } })
	c, err := a.Dial(t.Context(), "", b.Address(), ServiceGenesis)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := talk(c, "x"); err != nil || got != "node-1 x" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := a.Dial(t.Context(), "", b.Address(), ServiceInfo); !errors.Is(err, ErrNotReady) {
		t.Errorf("%v", err)
	}
	// The other side does not trust it to be so kind.
	raw := dialRaw(t, b.Address(), hello{Version, ServiceInfo, "", "node-1", ""}.encode())
	if a, err := readAnswer(raw); err != nil || a.code != CodeCluster {
		t.Errorf("%+v, %v", a, err)
	}
}

func dialRaw(t *testing.T, address string, say []byte) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(longest))
	if _, err := c.Write(say); err != nil {
		t.Fatal(err)
	}
	return c
}

// Nodes of different versions can tell each other so, also when the newer one's messages are longer.
func TestVersions(t *testing.T) {
	b, logged := open(t, "node-2", nil)
	newer := append(hello{7, ServiceInfo, cluster, "node-1", ""}.encode(), "more"...)
	closeHead(newer)
	a, err := readAnswer(dialRaw(t, b.Address(), newer))
	if err != nil || a.code != CodeVersion || a.version != Version || a.node != "node-2" {
		t.Errorf("%+v, %v", a, err)
	}
	logged.await(t, "version 1 of the peer protocol, not 7")

	for _, test := range []struct {
		answer []byte
		says   string
	}{
		{answer{7, 0, "node-3", cluster, ""}.encode(), "version 7, this node has 1"},
		{append(answer{7, CodeVersion, "node-3", cluster, "speak 7"}.encode(), "more"...), "refused by node-3: speak 7"},
	} {
		address := answering(t, func(c net.Conn) { _, _ = c.Write(closeHead(test.answer)) })
		if _, err := b.Dial(t.Context(), "node-3", address, ServiceInfo); !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v", err)
		}
	}
}

// answering returns an address at which one connection is answered, once its hello has been read.
func answering(t *testing.T, answer func(net.Conn)) string {
	t.Helper()
	l := loopbackListener(t, "127.0.0.1:0")
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		_, _ = readHello(c)
		answer(c)
		_ = c.Close()
	}()
	return l.Addr().String()
}

// The dialler does not believe an answer that does not fit, whoever gives it.
func TestLyingAnswer(t *testing.T) {
	p, _ := open(t, "node-1", nil)
	for _, test := range []struct {
		node, cluster string
		err           error
	}{
		{"node-3", cluster, ErrNode}, {"node-2", "ff", ErrCluster}, {"node-2", cluster + "/01", ErrIncarnation}, {"no node", cluster, ErrMalformed},
	} {
		address := answering(t, func(c net.Conn) {
			_, _ = c.Write(answer{Version, 0, test.node, test.cluster, ""}.encode())
			_, _ = io.Copy(io.Discard, c)
		})
		if c, err := p.Dial(t.Context(), "node-2", address, ServiceInfo); !errors.Is(err, test.err) || c != nil {
			t.Errorf("%+v: %v", test, err)
		}
	}
}

// Strangers are turned away and said so at warn, a bounded number of times.
func TestStrangers(t *testing.T) {
	p, logged := open(t, "node-1", nil)
	for i, say := range []string{"GET / HTTP/1.1\r\n\r\n", "UXPP\x01\x00\xff\xff", "UXPP\x01\x00\x02\x00\x09a", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "x"} {
		c := dialRaw(t, p.Address(), []byte(say))
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, c)
		logged.await(t, "refused a connection")
		if i == 3 {
			logged.await(t, "speaks TLS")
		}
	}
	for range 3 * MaxLogLines {
		c := dialRaw(t, p.Address(), []byte("nonsense"))
		_, _ = io.Copy(io.Discard, c)
	}
	if n := strings.Count(logged.String(), "\n"); n != MaxLogLines {
		t.Errorf("%d lines are in the log", n)
	}
}

func TestLimitedLog(t *testing.T) {
	p, logged := open(t, "node-1", nil)
	for range MaxLogLines + 5 {
		p.log.warn("x")
	}
	p.log.since = p.log.since.Add(-time.Minute)
	p.log.warn("y")
	logged.await(t, "msg=y part=peer lines_left_out=5")
}

// A connection that says nothing has its place for a time only, and others have places meanwhile.
func TestSlowHandshake(t *testing.T) {
	timeless(t, func(t *testing.T, w *wires) {
		p, logged := open(t, "node-1", func(c *Config) { c.Listener = w.listen("") })
		begun := time.Now()
		quiet, err := w.dial(t.Context(), p.Address())
		if err != nil {
			t.Fatal(err)
		}
		p.Handle(ServiceInfo, echo)
		b := plugged(t, w, "node-2", "", nil)
		if c, err := b.Dial(t.Context(), "node-1", p.Address(), ServiceInfo); err != nil {
			t.Fatal(err)
		} else if _, err := talk(c, "x"); err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, quiet); err != nil || time.Since(begun) != HandshakeTimeout {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
		logged.await(t, "i/o timeout")
	})
}

func TestTooMany(t *testing.T) {
	p, logged := open(t, "node-1", nil)
	p.Handle(ServiceInfo, echo)
	b, _ := open(t, "node-2", nil)
	var all []net.Conn
	for i := range MaxConnsPerNode {
		c, err := b.Dial(t.Context(), "node-1", p.Address(), ServiceInfo)
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		all = append(all, c)
	}
	if _, err := b.Dial(t.Context(), "node-1", p.Address(), ServiceInfo); !errors.Is(err, ErrBusy) {
		t.Errorf("%v", err)
	}
	logged.await(t, fmt.Sprintf("%d of them of node-2", MaxConnsPerNode))
	_ = all[0].Close()
	if !comes(func() bool {
		c, err := b.Dial(t.Context(), "node-1", p.Address(), ServiceInfo)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}) {
		t.Fatal("a place was not given back")
	}

	// Handshakes have places of their own.
	q, logged := open(t, "node-3", nil)
	for range MaxHandshakesPerAddress {
		dialRaw(t, q.Address(), nil)
	}
	full := dialRaw(t, q.Address(), nil)
	if _, err := full.Read(make([]byte, 1)); err == nil {
		t.Error("one too many was taken")
	}
	logged.await(t, "too many handshakes")
}

func TestClose(t *testing.T) {
	p, _ := open(t, "node-1", nil)
	begun, ended := make(chan struct{}), make(chan error, 1)
	p.Handle(ServiceInfo, func(ctx context.Context, _ string, c net.Conn) {
		close(begun)
		_, err := c.Read(make([]byte, 1))
		<-ctx.Done()
		ended <- err
	})
	b, _ := open(t, "node-2", nil)
	c, err := b.Dial(t.Context(), "node-1", p.Address(), ServiceInfo)
	if err != nil {
		t.Fatal(err)
	}
	obtain(t, begun) // a port that closes before lets no handler begin
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := obtain(t, ended); err == nil {
		t.Error("the handler's connection was not closed")
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still open")
	}
	if _, err := p.Dial(t.Context(), "node-2", b.Address(), ServiceInfo); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	if _, err := b.Dial(t.Context(), "node-1", p.Address(), ServiceInfo); err == nil {
		t.Error("a closed port was dialled")
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// ctx bounds a dial, also one to something that never answers.
func TestDialGivesUp(t *testing.T) {
	p, _ := open(t, "node-1", nil)
	l := loopbackListener(t, "127.0.0.1:0")
	defer func() { _ = l.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := p.Dial(ctx, "node-2", l.Addr().String(), ServiceInfo); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

func TestListenRefuses(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"node id":   func(c *Config) { c.NodeID = "a node" },
		"Advertise": func(c *Config) { c.Advertise = ":7000" },
		"address":   func(c *Config) { c.Advertise = "0.0.0.0:7000" },
		"Cluster":   func(c *Config) { c.Cluster = nil },
		"SpoolDir":  func(c *Config) { c.SpoolDir = "" },
		"certificates are needed": func(c *Config) {
			_ = c.Listener.Close()
			c.Listener = loopbackListener(t, "0.0.0.0:0")
		},
	} {
		cfg := Config{Listener: loopbackListener(t, "127.0.0.1:0"), NodeID: "node-1", Cluster: func() string { return cluster }, SpoolDir: t.TempDir()}
		change(&cfg)
		if _, err := Listen(cfg); err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(name, "ise")) && name != "Advertise" {
			t.Errorf("%s: %v", name, err)
		}
		if c, err := net.Dial("tcp", cfg.Listener.Addr().String()); err == nil {
			_ = c.Close()
			t.Errorf("%s: the listener is still open", name)
		}
	}
}
