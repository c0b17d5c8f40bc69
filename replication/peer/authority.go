package peer

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"uncross/internal/nodeid"
)

// How long certificates are good for, and how much earlier than now they begin: clocks differ.
const (
	AuthorityValidity = 10 * 365 * 24 * time.Hour
	NodeValidity      = 2 * 365 * 24 * time.Hour
	validBefore       = time.Hour
)

// AuthorityFile and AuthorityKeyFile are the names of an authority's files in its directory. The key is needed to issue
// certificates alone; no node needs it.
const (
	AuthorityFile    = "ca.pem"
	AuthorityKeyFile = "ca.key"
)

// NewAuthority makes a certificate authority for a cluster's nodes, as PEM texts.
func NewAuthority(name string) (cert, key []byte, err error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: name, Organization: []string{"Uncross"}},
		NotAfter:              time.Now().Add(AuthorityValidity),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	return issue(template, nil)
}

// IssueNode makes a certificate for a node, and its key, as PEM texts. caCert and caKey are those of NewAuthority.
func IssueNode(caCert, caKey []byte, node string) (cert, key []byte, err error) {
	if err := nodeid.Check(node); err != nil {
		return nil, nil, fmt.Errorf("peer: %w", err)
	}
	ca, err := tls.X509KeyPair(caCert, caKey)
	if err != nil {
		return nil, nil, fmt.Errorf("peer: the authority: %w", err)
	}
	if !ca.Leaf.IsCA {
		return nil, nil, errors.New("peer: the certificate is not one of an authority")
	}
	return issue(&x509.Certificate{
		Subject:     pkix.Name{CommonName: node, Organization: []string{"Uncross"}},
		NotAfter:    earlier(time.Now().Add(NodeValidity), ca.Leaf.NotAfter),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		URIs:        []*url.URL{{Scheme: "uncross", Opaque: "node:" + node}},
	}, &ca)
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// issue signs a certificate with a new key; ca nil: with that key itself.
func issue(template *x509.Certificate, ca *tls.Certificate) (cert, key []byte, err error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("peer: %w", err)
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)); err != nil {
		return nil, nil, fmt.Errorf("peer: %w", err)
	}
	template.NotBefore = time.Now().Add(-validBefore)
	parent, signer := template, any(private)
	if ca != nil {
		parent, signer = ca.Leaf, ca.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, signer)
	if err != nil {
		return nil, nil, fmt.Errorf("peer: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("peer: %w", err)
	}
	cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), nil
}

// WriteAuthority makes an authority in a directory, which is made where it is missing. An authority that is there is
// never replaced.
func WriteAuthority(dir, name string) error {
	cert, key, err := NewAuthority(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	return writePair(filepath.Join(dir, AuthorityFile), cert, filepath.Join(dir, AuthorityKeyFile), key)
}

// WriteNode issues a certificate for a node with the authority in dir, writes it beside it as <node>.pem and <node>.key,
// and returns both names. What is there is never replaced: a new certificate is made after the old one was moved away.
func WriteNode(dir, node string) (certFile, keyFile string, err error) {
	var ca [2][]byte
	for i, name := range []string{AuthorityFile, AuthorityKeyFile} {
		if ca[i], err = os.ReadFile(filepath.Join(dir, name)); err != nil {
			return "", "", fmt.Errorf("peer: the authority: %w", err)
		}
	}
	if filepath.Base(node) != node || node == "ca" {
		return "", "", fmt.Errorf("peer: no file can be named after the node id %q", node)
	}
	cert, key, err := IssueNode(ca[0], ca[1], node)
	if err != nil {
		return "", "", err
	}
	certFile, keyFile = filepath.Join(dir, node+".pem"), filepath.Join(dir, node+".key")
	return certFile, keyFile, writePair(certFile, cert, keyFile, key)
}

// writePair writes a key and then its certificate, both anew.
func writePair(certFile string, cert []byte, keyFile string, key []byte) error {
	for _, name := range []string{certFile, keyFile} {
		if _, err := os.Lstat(name); err == nil {
			return fmt.Errorf("peer: %s is there already", name)
		}
	}
	if err := writeNew(keyFile, key, 0o600); err != nil {
		return err
	}
	return writeNew(certFile, cert, 0o644)
}

func writeNew(name string, data []byte, mode os.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("peer: %s: %w", name, err)
	}
	return nil
}
