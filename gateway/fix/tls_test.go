package fix_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"uncross/gateway/fix/message"
)

// selfSigned returns a configuration with a certificate of its own for 127.0.0.1.
func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

// TestTLS goes through a session over TLS, one that the venue ends among them, and shows that plain text is not answered.
func TestTLS(t *testing.T) {
	config := selfSigned(t)
	v := openVenue(t, "", options{tls: config})
	pool := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(config.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(leaf)
	secure := func(compID string) *rawClient {
		c := v.dial(t, compID)
		s := tls.Client(c.nc, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12})
		c.nc, c.r = s, message.NewReader(s, 1<<20)
		return c
	}
	a := secure("TRADE1")
	a.logon("")
	a.send("D", order("o1", "1", "10.00", "1"))
	a.want("8", "34=2|150=0")
	a.logout()
	b := secure("TRADE2")
	b.send("A", "98=0|108=1|554="+password)
	b.want("A", "108=1")
	if m := b.read(); tag(m, "35") != "0" {
		t.Errorf("want a heartbeat, got %s", m)
	}
	v.server.KeyRevoked(3)
	m := b.read()
	for tag(m, "35") == "0" || tag(m, "35") == "1" {
		m = b.read()
	}
	if tag(m, "35") != "5" {
		t.Errorf("want a Logout, got %s", m)
	}
	b.send("5", "")
	b.ends()

	plain := v.dial(t, "TRADE1")
	plain.send("A", "98=0|108=30|554="+password)
	if m := plain.read(); m != "" {
		t.Errorf("plain text is answered with %s", m)
	}
}
