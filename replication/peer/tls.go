package peer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// nodeURI is what precedes the node id in a certificate's URI.
const nodeURI = "uncross:node:"

// TLS is a node's certificate and key, and the authority that the certificates of all nodes are of. Connections are of
// TLS 1.3, and both sides show a certificate.
type TLS struct {
	certificate tls.Certificate
	roots       *x509.CertPool
	node        string
	expires     time.Time
}

// LoadTLS reads a node's certificate, its key and the authority's certificate from PEM files. The certificate must be of
// the authority, good for both sides of a connection, and name one node in a URI "uncross:node:<node id>". Names of hosts
// in it are not looked at: a node keeps its certificate when it moves.
func LoadTLS(certFile, keyFile, caFile string) (*TLS, error) {
	var pems [3][]byte
	for i, name := range []string{certFile, keyFile, caFile} {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("peer: %w", err)
		}
		pems[i] = b
	}
	t, err := NewTLS(pems[0], pems[1], pems[2])
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certFile, err)
	}
	return t, nil
}

// NewTLS is LoadTLS for PEM texts.
func NewTLS(cert, key, ca []byte) (*TLS, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("peer: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("peer: the authority's file has no certificate")
	}
	t := &TLS{certificate: pair, roots: roots, expires: pair.Leaf.NotAfter}
	chain := []*x509.Certificate{pair.Leaf}
	for _, der := range pair.Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("peer: %w", err)
		}
		chain = append(chain, c)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth} {
		if t.node, err = t.verify(chain, usage); err != nil {
			return nil, fmt.Errorf("peer: %w", err)
		}
	}
	return t, nil
}

// Node returns the node that the certificate names.
func (t *TLS) Node() string { return t.node }

// Expires returns when the certificate ends.
func (t *TLS) Expires() time.Time { return t.expires }

// verify checks a chain against the authority and returns the node that it names.
func (t *TLS) verify(chain []*x509.Certificate, usage x509.ExtKeyUsage) (string, error) {
	if len(chain) == 0 {
		return "", fmt.Errorf("%w: no certificate", ErrIdentity)
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	if _, err := chain[0].Verify(x509.VerifyOptions{
		Roots: t.roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{usage},
	}); err != nil {
		return "", fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	return certifiedNode(chain[0])
}

// certifiedNode returns the one node that a certificate names.
func certifiedNode(c *x509.Certificate) (string, error) {
	node := ""
	for _, u := range c.URIs {
		id, ok := strings.CutPrefix(u.String(), nodeURI)
		if !ok {
			continue
		}
		if node != "" || !validNodeID(id) {
			return "", fmt.Errorf("%w: the certificate names several nodes, or one wrongly", ErrIdentity)
		}
		node = id
	}
	if node == "" {
		return "", fmt.Errorf("%w: the certificate names no node (a URI %s…)", ErrIdentity, nodeURI)
	}
	return node, nil
}

// config is that of one connection. The node of the other side goes into *node once its certificate is verified.
func (t *TLS) config(usage x509.ExtKeyUsage, node *string) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{t.certificate},
		MinVersion:   tls.VersionTLS13,
		// Both sides verify in VerifyConnection: a certificate names a node, not a host.
		ClientAuth:             tls.RequireAnyClientCert,
		InsecureSkipVerify:     true,
		SessionTicketsDisabled: true, // each connection proves both identities anew
		VerifyConnection: func(s tls.ConnectionState) (err error) {
			*node, err = t.verify(s.PeerCertificates, usage)
			return err
		},
	}
}

// server does the TLS handshake of an incoming connection and returns the node of the other side.
func (t *TLS) server(c net.Conn) (net.Conn, string, error) {
	node := ""
	s := tls.Server(c, t.config(x509.ExtKeyUsageClientAuth, &node))
	if err := s.Handshake(); err != nil {
		return nil, "", tlsError(err)
	}
	return s, node, nil
}

// client does the TLS handshake of an outgoing connection and returns the node of the other side. It does not know yet
// whether that one takes this node's certificate.
func (t *TLS) client(ctx context.Context, c net.Conn) (net.Conn, string, error) {
	node := ""
	s := tls.Client(c, t.config(x509.ExtKeyUsageServerAuth, &node))
	if err := s.HandshakeContext(ctx); err != nil {
		return nil, "", tlsError(err)
	}
	return s, node, nil
}

// tlsError says what a failed TLS handshake means.
func tlsError(err error) error {
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &record):
		return fmt.Errorf("%w: the other side does not speak TLS, and this node asks for certificates", ErrIdentity)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: the other side ended the TLS handshake; it may have no certificates", ErrIdentity)
	case errors.Is(err, ErrIdentity):
		return err
	}
	return refusedCertificate(err)
}

// refusedCertificate names the alert of a side that does not take this node's certificate. In TLS 1.3 it comes with
// the first read behind the handshake.
func refusedCertificate(err error) error {
	var alert *net.OpError
	if errors.As(err, &alert) && alert.Op == "remote error" {
		return fmt.Errorf("%w: the other side does not take this node's certificate: %w", ErrIdentity, err)
	}
	return err
}
