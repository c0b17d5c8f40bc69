package peer

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crypto/tls"
)

// authority is a directory with a certificate authority.
func authority(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := WriteAuthority(dir, "test"); err != nil {
		t.Fatal(err)
	}
	return dir
}

// identity returns a node's TLS of an authority.
func identity(t testing.TB, dir, node string) *TLS {
	t.Helper()
	certFile, keyFile := filepath.Join(dir, node+".pem"), filepath.Join(dir, node+".key")
	if _, err := os.Stat(certFile); err != nil {
		if _, _, err := WriteNode(dir, node); err != nil {
			t.Fatal(err)
		}
	}
	id, err := LoadTLS(certFile, keyFile, filepath.Join(dir, AuthorityFile))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func secured(id *TLS) func(*Config) { return func(c *Config) { c.TLS = id } }

func TestTLS(t *testing.T) {
	ca := authority(t)
	b, _ := open(t, "node-2", secured(identity(t, ca, "node-2")))
	b.Handle(ServiceInfo, echo)
	a, _ := open(t, "node-1", secured(identity(t, ca, "node-1")))
	c, err := a.Dial(t.Context(), "node-2", b.Address(), ServiceInfo)
	if err != nil {
		t.Fatal(err)
	}
	if v := c.(*tls.Conn).ConnectionState().Version; v != tls.VersionTLS13 {
		t.Errorf("TLS version %x", v)
	}
	if got, err := talk(c, "hello"); err != nil || got != "node-1 hello" {
		t.Errorf("%q, %v", got, err)
	}
}

// A connection that is given up is closed without a farewell, which would wait for a node that does not read: the transport
// holds its lock meanwhile.
func TestGiveUp(t *testing.T) {
	ca := authority(t)
	client, server := identity(t, ca, "node-1"), identity(t, ca, "node-2")
	here, there := net.Pipe() // keeps nothing: a farewell would be waited for
	done := make(chan error, 1)
	go func() {
		_, _, err := server.server(there)
		done <- err
	}()
	secured, _, err := client.client(t.Context(), here)
	if err = errors.Join(err, obtain(t, done)); err != nil {
		t.Fatal(err)
	}
	rest := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(io.Discard, there)
		rest <- n
	}()
	giveUp(secured)
	if n := obtain(t, rest); n != 0 {
		t.Errorf("%d bytes were still sent", n)
	}
}

// Whoever cannot prove who he is, is refused, and both ends know why.
func TestIdentities(t *testing.T) {
	ours, theirs := authority(t), authority(t)
	for _, test := range []struct {
		name         string
		here, there  *TLS   // of dialler and listener
		says, logged string // where it is known at that end
	}{
		{"another authority's", identity(t, theirs, "node-1"), identity(t, ours, "node-2"), "signed by unknown authority", "does not take this node's certificate"},
		{"plain to TLS", nil, identity(t, ours, "node-2"), "it may expect TLS", "does not speak TLS"},
		{"TLS to plain", identity(t, ours, "node-1"), nil, "", "speaks TLS and this node has no certificates"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, logged := open(t, "node-2", secured(test.there))
			b.Handle(ServiceInfo, echo)
			a, _ := open(t, "node-1", secured(test.here))
			c, err := a.Dial(t.Context(), "node-2", b.Address(), ServiceInfo)
			if err == nil || c != nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v", err)
			}
			logged.await(t, test.logged)
		})
	}

	// The dialler takes the listener's certificate, and is not taken: TLS 1.3 tells it late.
	t.Run("not taken", func(t *testing.T) {
		b, logged := open(t, "node-2", secured(identity(t, ours, "node-2")))
		a, _ := open(t, "node-1", secured(&TLS{
			certificate: identity(t, theirs, "node-1").certificate, roots: identity(t, ours, "node-2").roots, node: "node-1",
		}))
		_, err := a.Dial(t.Context(), "node-2", b.Address(), ServiceInfo)
		if !errors.Is(err, ErrIdentity) || !strings.Contains(err.Error(), "does not take this node's certificate") {
			t.Errorf("%v", err)
		}
		logged.await(t, "signed by unknown authority")
	})

	// A good certificate of another node.
	t.Run("claim", func(t *testing.T) {
		b, logged := open(t, "node-2", secured(identity(t, ours, "node-2")))
		b.Handle(ServiceInfo, echo)
		thief := *identity(t, ours, "node-3")
		thief.node = "node-1"
		a, _ := open(t, "node-1", secured(&thief))
		_, err := a.Dial(t.Context(), "node-2", b.Address(), ServiceInfo)
		if !errors.Is(err, ErrIdentity) || !strings.Contains(err.Error(), "the certificate is that of node-3, not of node-1") {
			t.Errorf("%v", err)
		}
		logged.await(t, "the certificate is that of node-3, not of node-1")
	})
	t.Run("claim of the listener", func(t *testing.T) {
		thief := *identity(t, ours, "node-3")
		thief.node = "node-2"
		b, _ := open(t, "node-2", secured(&thief))
		b.Handle(ServiceInfo, echo)
		a, _ := open(t, "node-1", secured(identity(t, ours, "node-1")))
		_, err := a.Dial(t.Context(), "node-2", b.Address(), ServiceInfo)
		if !errors.Is(err, ErrIdentity) || !strings.Contains(err.Error(), "the certificate is that of node-3, not of node-2") {
			t.Errorf("%v", err)
		}
	})
	t.Run("no certificate", func(t *testing.T) {
		b, logged := open(t, "node-2", secured(identity(t, ours, "node-2")))
		raw, err := tls.Dial("tcp", b.Address(), &tls.Config{InsecureSkipVerify: true})
		if err == nil {
			_, err = raw.Read(make([]byte, 1)) // the alert comes with the first read
			_ = raw.Close()
		}
		if err == nil {
			t.Error("taken without a certificate")
		}
		logged.await(t, "client didn't provide a certificate")
	})
	t.Run("wrong node", func(t *testing.T) {
		if _, err := Listen(Config{
			Listener: loopbackListener(t, "127.0.0.1:0"), NodeID: "node-2", Cluster: func() string { return cluster },
			SpoolDir: t.TempDir(), TLS: identity(t, ours, "node-1"),
		}); !errors.Is(err, ErrIdentity) {
			t.Errorf("%v", err)
		}
	})
}

func TestLoadTLS(t *testing.T) {
	ours, theirs := authority(t), authority(t)
	_ = identity(t, ours, "node-1")
	at := func(dir, name string) string { return filepath.Join(dir, name) }
	if _, err := LoadTLS(at(ours, "node-1.pem"), at(ours, "node-1.key"), at(theirs, AuthorityFile)); !errors.Is(err, ErrIdentity) {
		t.Errorf("another authority: %v", err)
	}
	if _, err := LoadTLS(at(ours, "node-1.pem"), at(ours, AuthorityKeyFile), at(ours, AuthorityFile)); err == nil {
		t.Error("another key was taken")
	}
	if _, err := LoadTLS(at(ours, AuthorityFile), at(ours, AuthorityKeyFile), at(ours, AuthorityFile)); !errors.Is(err, ErrIdentity) {
		t.Errorf("the authority as a node: %v", err)
	}
	if _, err := LoadTLS(at(ours, "node-1.pem"), at(ours, "node-1.key"), at(ours, "node-1.key")); err == nil {
		t.Error("a key as authority was taken")
	}
}

func TestWriteNode(t *testing.T) {
	dir := authority(t)
	if err := WriteAuthority(dir, "test"); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("%v", err)
	}
	certFile, keyFile, err := WriteNode(dir, "node-1")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := WriteNode(dir, "node-1"); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("%v", err)
	}
	for _, node := range []string{"", "a b", "../x", "ca", strings.Repeat("n", maxNodeID+1)} {
		if _, _, err := WriteNode(dir, node); err == nil {
			t.Errorf("a certificate for %q was made", node)
		}
	}
	for name, mode := range map[string]os.FileMode{keyFile: 0o600, certFile: 0o644, filepath.Join(dir, AuthorityKeyFile): 0o600} {
		if i, err := os.Stat(name); err != nil || i.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, i.Mode(), err)
		}
	}
	b, err := os.ReadFile(certFile)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(b)
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if node, err := certifiedNode(c); err != nil || node != "node-1" || c.IsCA || c.NotBefore.After(time.Now()) {
		t.Errorf("%q, %v, %+v", node, err, c)
	}
}

// Plain connections stay on this machine.
func TestPlainDial(t *testing.T) {
	a, _ := open(t, "node-1", func(c *Config) {
		c.Dialer = nil
	})
	b, _ := open(t, "node-2", nil)
	b.Handle(ServiceInfo, echo)
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Skip(err)
	}
	for _, address := range addresses {
		n, ok := address.(*net.IPNet)
		if !ok || n.IP.IsLoopback() || n.IP.To4() == nil {
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(n.IP.String(), "0"))
		if err != nil {
			t.Skip(err)
		}
		defer func() { _ = l.Close() }()
		if _, err := a.Dial(t.Context(), "node-2", l.Addr().String(), ServiceInfo); !errors.Is(err, ErrIdentity) {
			t.Errorf("%v", err)
		}
		return
	}
	t.Skip("this machine has no other address")
}
