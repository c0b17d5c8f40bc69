package stream

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

	"github.com/gobwas/ws"
)

// certificate makes one for 127.0.0.1, and returns what the server and its clients need.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, &about, &about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"}
}

// TestTLS: over TLS everything comes as well, large messages and small ones, and who does not read is cut off as well. Who does
// read is told no more at a time than the system holds for it, as in TestSlowReaders.
func TestTLS(t *testing.T) {
	server, clients := certificate(t)
	v := openWith(t, options{limits: Limits{Write: time.Second}, serverTLS: server, clientTLS: clients})
	topic := Topic{Channel: Phases, Instrument: gold}
	good := v.connect()
	v.stream.limits.SendBuffer = 16 << 10
	stuck := v.connect()
	for _, c := range []*client{good, stuck} {
		c.subscribe(on("status", "XAU-USD"))
	}
	for i := range 399 {
		v.told.tell(topic, phases("XAU-USD", i, 1+i%7*7000))
		if i%7 != 6 {
			continue
		}
		for at := i - 6; at <= i; at++ {
			if a := good.message(); a["previous"] != itoa(at) {
				t.Fatalf("%v, want %d", a["previous"], at)
			}
		}
	}
	eventually(t, "who does not read is gone", func() bool { return v.stream.Status().Connections == 1 })
	good.login("alice")
	good.raw(frame(shut, true, []byte{3, 0xe8}))
	good.closedWith(ws.StatusNormalClosure)
	last := v.connect()
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.shutdown()
	}()
	last.closedWith(ws.StatusGoingAway)
	<-done
}
