// Package archive packs files into one stream that says of itself whether it is whole: backups, and a node's stores on their
// way to another node.
//
// An archive is a tar file that every tar program can list and unpack:
//
//	member │ member │ … │ MANIFEST.json │ two blocks of zeros
//
// The manifest comes last, since a stream is written before it is known whole. It has the size and the SHA-256 of every
// member in their order, and a SHA-256 of itself. A stream without it is incomplete, whatever came before.
//
// Nothing in an archive is free: a header is made from a member's name and size alone, padding is zero, the manifest is
// written in one way. The reader makes every header and the manifest anew and compares, so that any changed byte is found,
// also one that another tar program would not look at. Owners, times, links, devices and sparse files do not exist: the
// reader knows plain files only. Names are relative paths of letters, digits, '.', '_' and '-'.
//
// Threading: a Writer belongs to one goroutine; the functions keep no state.
package archive

import "errors"

// The errors that callers tell apart with errors.Is. Each is wrapped in one that says what was found, and where.
var (
	// ErrDamaged: the archive is not as it was written, or no archive.
	ErrDamaged = errors.New("damaged archive")
	// ErrIncomplete: the archive ends before its manifest does: it was cut off.
	ErrIncomplete = errors.New("incomplete archive")
	// ErrVersion: the archive is of a version that this program does not read.
	ErrVersion = errors.New("archive of another version")
	// ErrRefused: the archive is more than the reader's limits allow, or has a member that it does not accept.
	ErrRefused = errors.New("refused archive")
)

// Limits of every archive.
const (
	// MaxMembers is how many members an archive has at most, the manifest not counted.
	MaxMembers = 100_000
	// MaxName is the greatest length of a member's name in bytes.
	MaxName = 100
	// MaxManifest is the greatest length of the manifest in bytes.
	MaxManifest = 32 << 20
	// DefaultBytes is how many bytes Extract writes at most where its limits do not say: 1 TiB.
	DefaultBytes = int64(1) << 40
)
