package replication

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/hashicorp/raft"

	"uncross/wal"
)

// backupLogMagic is what a backup's log begins with.
const backupLogMagic = "UNXBLOG1"

const backupEntryHead = 8 + 8 + 8 + 4 + 4 + 1

// writeBackupEntry writes one entry of a backup's log:
//
//	index u64 │ term u64 │ appended at, Unix ns, 0: unknown, i64 │ length of data u32 │ length of extensions u32 │ raft's type u8 │
//	data │ extensions
//
// Numbers are little-endian. The file has no checksums: it travels in an archive, which has.
func writeBackupEntry(w io.Writer, l *raft.Log) error {
	appended := int64(0)
	if !l.AppendedAt.IsZero() {
		appended = l.AppendedAt.UnixNano()
	}
	le := binary.LittleEndian
	b := make([]byte, 0, backupEntryHead+len(l.Data)+len(l.Extensions))
	b = le.AppendUint64(le.AppendUint64(b, l.Index), l.Term)
	b = le.AppendUint64(b, uint64(appended))
	b = le.AppendUint32(le.AppendUint32(b, uint32(len(l.Data))), uint32(len(l.Extensions)))
	b = append(append(append(b, byte(l.Type)), l.Data...), l.Extensions...)
	_, err := w.Write(b)
	return err
}

// readBackupEntry reads the next entry; io.EOF: there is none.
func readBackupEntry(r io.Reader) (*raft.Log, error) {
	var h [backupEntryHead]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w: the log of the backup is cut off", ErrDamaged)
		}
		return nil, err
	}
	le := binary.LittleEndian
	l := &raft.Log{Index: le.Uint64(h[:]), Term: le.Uint64(h[8:]), Type: raft.LogType(h[32])}
	if ns := int64(le.Uint64(h[16:])); ns != 0 {
		l.AppendedAt = time.Unix(0, ns)
	}
	data, extensions := le.Uint32(h[24:]), le.Uint32(h[28:])
	if data > wal.MaxData || extensions > wal.MaxExtensions {
		return nil, fmt.Errorf("%w: entry %d of the backup claims %d and %d bytes", ErrDamaged, l.Index, data, extensions)
	}
	b := make([]byte, data+extensions)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("%w: entry %d of the backup is cut off: %w", ErrDamaged, l.Index, err)
	}
	l.Data = b[:data:data]
	if extensions > 0 {
		l.Extensions = b[data:]
	}
	return l, nil
}
