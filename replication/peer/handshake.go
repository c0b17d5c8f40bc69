package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"

	"uncross/internal/nodeid"
)

const (
	helloMagic = "UXPP"
	helloHead  = 8 // bytes of magic, version and length
	maxText    = 255
	maxNodeID  = nodeid.Max
	maxCluster = 128
	maxService = 32
	tlsRecord  = 0x16 // first byte of a TLS client's first record
	tlsAlert   = 0x15 // first byte of a TLS server's answer to what is not TLS
	tlsMajor   = 0x03 // second byte of both
	reasonCut  = "…"
	plainOfTLS = "the other side speaks TLS and this node has no certificates"
	silent     = "the other side ended the handshake without a word: it may expect TLS, or not be a node"
)

// hello is what the dialler says first.
type hello struct {
	version  uint16
	service  string
	cluster  string // "": not known yet
	node     string // the dialler
	expected string // the node that it means to reach; "": any
}

// answer is what the other side says to a hello.
type answer struct {
	version uint16
	code    Code // 0: the connection is taken
	node    string
	cluster string
	reason  string
}

func appendText(b []byte, s string) []byte {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText-len(reasonCut)], "") + reasonCut
	}
	return append(append(b, byte(len(s))), s...)
}

func appendHead(b []byte, version uint16) []byte {
	b = append(b, helloMagic...)
	b = binary.LittleEndian.AppendUint16(b, version)
	return append(b, 0, 0) // the length, set by closeHead
}

func closeHead(b []byte) []byte {
	binary.LittleEndian.PutUint16(b[6:], uint16(len(b)-helloHead))
	return b
}

func (h hello) encode() []byte {
	b := appendHead(nil, h.version)
	for _, s := range []string{h.service, h.cluster, h.node, h.expected} {
		b = appendText(b, s)
	}
	return closeHead(b)
}

func (a answer) encode() []byte {
	b := append(appendHead(nil, a.version), byte(a.code))
	for _, s := range []string{a.node, a.cluster, a.reason} {
		b = appendText(b, s)
	}
	return closeHead(b)
}

// texts takes n texts from b, and reports false when they are not there or something is left over.
func texts(b []byte, n int, spare bool) ([]string, bool) {
	all := make([]string, n)
	for i := range all {
		if len(b) == 0 || len(b) < 1+int(b[0]) {
			return nil, false
		}
		all[i] = string(b[1 : 1+int(b[0])])
		b = b[1+int(b[0]):]
	}
	return all, spare || len(b) == 0
}

// readMessage reads one message of the handshake and returns its version and what follows the head.
func readMessage(r io.Reader) (version uint16, body []byte, err error) {
	var head [helloHead]byte
	if n, err := io.ReadFull(r, head[:]); err != nil {
		if n >= 2 && (head[0] == tlsRecord || head[0] == tlsAlert) && head[1] == tlsMajor {
			return 0, nil, fmt.Errorf("%w: %s", ErrIdentity, plainOfTLS)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, nil, fmt.Errorf("%w: %s", ErrMalformed, silent)
		}
		return 0, nil, err
	}
	if string(head[:4]) != helloMagic {
		if (head[0] == tlsRecord || head[0] == tlsAlert) && head[1] == tlsMajor {
			return 0, nil, fmt.Errorf("%w: %s", ErrIdentity, plainOfTLS)
		}
		return 0, nil, fmt.Errorf("%w: it begins with %q", ErrMalformed, head[:4])
	}
	length := binary.LittleEndian.Uint16(head[6:])
	if length > MaxHello {
		return 0, nil, fmt.Errorf("%w: %d bytes, more than %d", ErrMalformed, length, MaxHello)
	}
	body = make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, fmt.Errorf("%w: it ends too early", ErrMalformed)
	}
	return binary.LittleEndian.Uint16(head[4:]), body, nil
}

// readHello reads a hello. Of another version, only the version is read.
func readHello(r io.Reader) (hello, error) {
	version, body, err := readMessage(r)
	if err != nil || version != Version {
		return hello{version: version}, err
	}
	all, ok := texts(body, 4, false)
	if !ok {
		return hello{version: version}, fmt.Errorf("%w: texts of wrong length", ErrMalformed)
	}
	h := hello{version, all[0], all[1], all[2], all[3]}
	switch {
	case len(h.service) > maxService || !plainText(h.service):
		err = fmt.Errorf("%w: service %q", ErrMalformed, h.service)
	case len(h.cluster) > maxCluster || h.cluster != "" && !plainText(h.cluster):
		err = fmt.Errorf("%w: cluster %q", ErrMalformed, h.cluster)
	case !validNodeID(h.node):
		err = fmt.Errorf("%w: node id %q", ErrMalformed, h.node)
	case h.expected != "" && !validNodeID(h.expected):
		err = fmt.Errorf("%w: expected node id %q", ErrMalformed, h.expected)
	}
	return h, err
}

// readAnswer reads an answer. Of another version, it is read when it is a refusal, whose form never changes.
func readAnswer(r io.Reader) (answer, error) {
	version, body, err := readMessage(r)
	if err != nil {
		return answer{}, err
	}
	if len(body) == 0 {
		return answer{}, fmt.Errorf("%w: an empty answer", ErrMalformed)
	}
	a := answer{version: version, code: Code(body[0])}
	if version != Version && a.code == 0 {
		return answer{}, fmt.Errorf("%w: version %d, this node has %d", ErrVersion, version, Version)
	}
	all, ok := texts(body[1:], 3, version != Version)
	if !ok {
		return answer{}, fmt.Errorf("%w: texts of wrong length", ErrMalformed)
	}
	a.node, a.cluster, a.reason = all[0], all[1], strings.ToValidUTF8(all[2], "?")
	if a.node != "" && !validNodeID(a.node) || len(a.cluster) > maxCluster || a.cluster != "" && !plainText(a.cluster) {
		return answer{}, fmt.Errorf("%w: node %q of cluster %q", ErrMalformed, a.node, a.cluster)
	}
	return a, nil
}

// plainText reports whether s is printable ASCII without spaces, and not empty.
func plainText(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != ""
}

// validNodeID reports whether s may name a node.
func validNodeID(s string) bool { return nodeid.Valid(s) }

// check returns why a hello is refused by a node of the given cluster, or nil. certificate is the node that the other
// side's certificate names, "" on a plain connection.
func (h hello) check(self, cluster, certificate string, known bool) *Refusal {
	refuse := func(code Code, format string, args ...any) *Refusal {
		return &Refusal{Code: code, Reason: fmt.Sprintf(format, args...), Node: self, Cluster: cluster}
	}
	switch {
	case h.version != Version:
		return refuse(CodeVersion, "this node speaks version %d of the peer protocol, not %d", Version, h.version)
	case certificate != "" && certificate != h.node:
		return refuse(CodeIdentity, "the certificate is that of %s, not of %s", certificate, h.node)
	case cluster == "":
		return refuse(CodeNotReady, "this node does not know its cluster yet")
	case h.cluster == "" && h.service != ServiceGenesis:
		return refuse(CodeCluster, "no cluster was named, and only genesis is served without")
	case h.cluster != "" && h.cluster != cluster:
		return differ(refuse, cluster, h.cluster)
	case h.expected != "" && h.expected != self:
		return refuse(CodeNode, "this is %s, and %s was meant: an address in the cluster's configuration is wrong", self, h.expected)
	case h.node == self:
		return refuse(CodeSelf, "both nodes are called %s", self)
	case !known:
		return refuse(CodeService, "the service %q is not served here, or not yet", h.service)
	}
	return nil
}

// differ says how two clusters differ, as seen by a node of the first.
func differ(refuse func(Code, string, ...any) *Refusal, own, other string) *Refusal {
	ownID, ownIncarnation, _ := strings.Cut(own, "/")
	otherID, otherIncarnation, _ := strings.Cut(other, "/")
	if ownID != otherID {
		return refuse(CodeCluster, "this node belongs to cluster %s, not to %s", ownID, otherID)
	}
	name := func(s string) string {
		if s == "" {
			return "the first incarnation"
		}
		return "incarnation " + s
	}
	return refuse(CodeIncarnation, "this node belongs to %s of the cluster, not to %s; a backup was restored in between, or they were "+
		"founded apart, with other --peers: a node of before joins anew with an empty data directory and --join", name(ownIncarnation), name(otherIncarnation))
}
