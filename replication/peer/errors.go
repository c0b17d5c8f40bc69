package peer

import (
	"errors"
	"fmt"
)

// Code says why a connection was refused. Numbers never change.
type Code uint8

// The reasons of a refusal.
const (
	CodeVersion     Code = 1 // the other side speaks another version
	CodeCluster     Code = 2 // it belongs to another cluster
	CodeIncarnation Code = 3 // it belongs to another incarnation of the cluster
	CodeIdentity    Code = 4 // its certificate is not that of the node that it says it is
	CodeNode        Code = 5 // another node was meant
	CodeSelf        Code = 6 // both sides have the same node id
	CodeService     Code = 7 // the service is not known here
	CodeNotReady    Code = 8 // this node does not know its cluster yet
	CodeBusy        Code = 9 // too many connections
	CodeMalformed   Code = 10
)

// What a refused connection, or one that was refused by this side, is about. They are found by errors.Is.
var (
	ErrVersion     = errors.New("another version of the peer protocol")
	ErrCluster     = errors.New("another cluster")
	ErrIncarnation = errors.New("another incarnation of the cluster")
	// ErrIdentity: a certificate is missing, not of the cluster's authority, or not of the node that it is used by.
	ErrIdentity = errors.New("the node's identity is not proved")
	ErrNode     = errors.New("another node")
	ErrService  = errors.New("unknown service")
	ErrNotReady = errors.New("the node does not know its cluster yet")
	ErrBusy     = errors.New("too many connections")
	// ErrMalformed: what the other side sent is not of this protocol.
	ErrMalformed = errors.New("malformed handshake")
	// ErrClosed: the port is closed.
	ErrClosed = errors.New("the peer port is closed")
)

var codeErrors = map[Code]error{
	CodeVersion: ErrVersion, CodeCluster: ErrCluster, CodeIncarnation: ErrIncarnation, CodeIdentity: ErrIdentity,
	CodeNode: ErrNode, CodeSelf: ErrNode, CodeService: ErrService, CodeNotReady: ErrNotReady, CodeBusy: ErrBusy,
	CodeMalformed: ErrMalformed,
}

// Refusal is the error of a connection that one side refused. It unwraps to one of the errors above.
type Refusal struct {
	Code    Code
	Reason  string // what was found, for a human
	Node    string // of the side that refused, where it said so
	Cluster string // of the side that refused, where it said so
}

// Error returns the reason, and who gave it.
func (r *Refusal) Error() string {
	if r.Node == "" {
		return "refused: " + r.Reason
	}
	return fmt.Sprintf("refused by %s: %s", r.Node, r.Reason)
}

// Unwrap returns the error that stands for the code.
func (r *Refusal) Unwrap() error { return codeErrors[r.Code] }
