package replication

import (
	"encoding/binary"
	"fmt"

	"github.com/hashicorp/raft"
)

// witness is what the proposing leader knew of its own state: the hash of everything after the entry that it had applied
// last. It goes along with every entry that holds commands, in raft.Log.Extensions:
//
//	offset size
//	     0    1  version, 1
//	     1    8  raft index of the entry that the leader had applied last; 0: none
//	     9    8  full hash of the engine's state after it
//
// Numbers are little-endian. Entries of logs that were written before there were witnesses have no extensions, and are
// taken as they are. Bytes of another version are refused: a node that cannot read them cannot know that it agrees. The
// version must be raised when what the full hash is made of changes.
type witness struct {
	applied uint64
	hash    uint64
}

const (
	witnessVersion = 1
	witnessSize    = 1 + 8 + 8
)

// encode returns the extensions of an entry.
func (w witness) encode() []byte {
	b := make([]byte, 1, witnessSize)
	b[0] = witnessVersion
	b = binary.LittleEndian.AppendUint64(b, w.applied)
	return binary.LittleEndian.AppendUint64(b, w.hash)
}

// decodeWitness reads the extensions of an entry.
func decodeWitness(b []byte) (w witness, err error) {
	if len(b) > 0 && b[0] != witnessVersion {
		return w, fmt.Errorf("its extensions are of version %d, this program knows %d: use the program that wrote them", b[0], witnessVersion)
	}
	if len(b) != witnessSize {
		return w, fmt.Errorf("its extensions have %d bytes, not %d", len(b), witnessSize)
	}
	return witness{binary.LittleEndian.Uint64(b[1:]), binary.LittleEndian.Uint64(b[9:])}, nil
}

// witnessed is how many entries back a node can compare. A leader is at most MaxInFlight entries behind what it proposes.
const witnessed = 64

// hashes remembers the state's hash after each of the last entries, and holds the leaders' witnesses against them. It
// belongs to the engine thread.
type hashes struct {
	points [witnessed]witness // a ring; index n%witnessed
	n      uint64             // how many there were
}

// add notes the state after an entry.
func (h *hashes) add(applied, hash uint64) {
	if h.n > 0 && h.points[(h.n-1)%witnessed].applied == applied {
		h.points[(h.n-1)%witnessed].hash = hash
		return
	}
	h.points[h.n%witnessed] = witness{applied, hash}
	h.n++
}

// check holds an entry's witness against this node's own past, before the entry is applied. checked is false where there
// is nothing to compare: an old entry, or one of a leader whose state was from before this node's snapshot.
func (h *hashes) check(l *raft.Log) (checked bool, err error) {
	if len(l.Extensions) == 0 {
		return false, nil
	}
	w, err := decodeWitness(l.Extensions)
	if err != nil {
		return false, fmt.Errorf("entry %d (term %d): %w", l.Index, l.Term, err)
	}
	for i := range min(h.n, witnessed) {
		p := h.points[(h.n-1-i)%witnessed]
		switch {
		case p.applied == w.applied && p.hash == w.hash:
			return true, nil
		case p.applied == w.applied:
			return true, fmt.Errorf("%w: after entry %d the leader of term %d had the state %016x, this node has %016x%s",
				ErrDiverged, w.applied, l.Term, w.hash, p.hash, divergedWayOut(l.Index))
		case p.applied < w.applied:
			return true, fmt.Errorf("%w: the leader of term %d had last applied entry %d, with the state %016x; here the last before it is entry %d, with %016x%s",
				ErrDiverged, l.Term, w.applied, w.hash, p.applied, p.hash, divergedWayOut(l.Index))
		}
	}
	return false, nil
}

func divergedWayOut(index uint64) string {
	return fmt.Sprintf(" (seen at entry %d, which was not applied).\n"+
		"One of the two is wrong. Where the other nodes go on, it is this one: remove its data and let it join again as an empty node. "+
		"Where every follower says this, it is the leader: stop it, let the others elect one of them, and do the same with its data. "+
		"uncross verify shows what each node's data come to", index)
}
