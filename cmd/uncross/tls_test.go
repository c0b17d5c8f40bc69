package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"uncross/gateway/client"
	"uncross/internal/nodes/nodestest"
)

// TestTLS serves with a certificate that it signed itself: who is told about it talks to the server, who is not is
// refused at once, and nobody does so without TLS.
func TestTLS(t *testing.T) {
	v, cert, roots := secureVenue(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	told, err := client.New(client.Config{URL: "https://" + v.address, Key: &v.operator, Roots: roots})
	if err != nil {
		t.Fatal(err)
	}
	if err := told.Until(ctx, "GET", "/v1/session", nil, nil); err != nil {
		t.Errorf("with the certificate: %v", err)
	}
	untold, err := client.New(client.Config{URL: "https://" + v.address, Key: &v.operator})
	if err != nil {
		t.Fatal(err)
	}
	var refused *tls.CertificateVerificationError
	if err := untold.Until(ctx, "GET", "/v1/session", nil, nil); !errors.As(err, &refused) || ctx.Err() != nil {
		t.Errorf("without the certificate: %v", err)
	}
	plain, err := client.New(client.Config{URL: v.url(), Key: &v.operator})
	if err != nil {
		t.Fatal(err)
	}
	if err := plain.Do(ctx, "GET", "/v1/session", nil, nil); err == nil {
		t.Error("a server with a certificate answers without TLS")
	}

	status, out, said := call("", "sign", "--ca-cert", cert, "--key", v.keyFile, "GET", "https://"+v.address+"/v1/session")
	if status != 0 || !strings.Contains(out, "cacert = ") {
		t.Errorf("sign: status %d, %q, %q", status, out, said)
	}
	if status, _, said := call("", "sign", "--ca-cert", v.keyFile, "--key", v.keyFile, "GET", "https://"+v.address+"/v1/session"); status != exitFailed || !strings.Contains(said, "no certificate") {
		t.Errorf("sign with something else than a certificate: status %d, %q", status, said)
	}
}

// secureVenue starts a server with a certificate that it signed itself. roots are who trusts that.
func secureVenue(t *testing.T, flags ...string) (v *venue, cert string, roots *x509.CertPool) {
	t.Helper()
	cert, key := selfSigned(t, t.TempDir())
	v = newVenue(t, append([]string{"--tls-cert", cert, "--tls-key", key}, flags...)...)
	v.address = nodestest.FreeAddress(t)
	v.mustStart()
	roots, err := caFlag{CACert: cert}.roots()
	if err != nil {
		t.Fatal(err)
	}
	return v, cert, roots
}

// selfSigned writes a certificate for 127.0.0.1 and its key.
func selfSigned(t *testing.T, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	public, err := x509.CreateCertificate(rand.Reader, &template, &template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", public), write("key.pem", "PRIVATE KEY", secret)
}
