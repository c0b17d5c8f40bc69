package wal

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/batchrepr"
	pebblerecord "github.com/cockroachdb/pebble/v2/record"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"
)

// Damage is the first thing found wrong with a store. It is an error.
type Damage struct {
	Index    uint64 // entry concerned; 0 if it cannot be told
	LastGood uint64 // last entry found sound before it; 0 if none
	File     string // file concerned, if known
	Offset   int64  // in File, bytes; -1 if unknown
	What     string
	Advice   string
	cause    error
}

func (d *Damage) Error() string {
	var b strings.Builder
	b.WriteString("the log is damaged: ")
	b.WriteString(d.What)
	if d.Index != 0 {
		fmt.Fprintf(&b, " (index %d", d.Index)
		if d.LastGood != 0 {
			fmt.Fprintf(&b, ", last good index before it %d", d.LastGood)
		}
		b.WriteByte(')')
	} else if d.LastGood != 0 {
		fmt.Fprintf(&b, " (last good index before it %d)", d.LastGood)
	}
	if d.File != "" {
		fmt.Fprintf(&b, "; file %s", d.File)
		if d.Offset >= 0 {
			fmt.Fprintf(&b, " at offset %d", d.Offset)
		}
	}
	if d.Advice != "" {
		b.WriteString(". What to do: ")
		b.WriteString(d.Advice)
	}
	return b.String()
}

func (d *Damage) Unwrap() error { return d.cause }

const (
	joinAnew      = "run \"uncross cluster remove NODE\" for it at the leader first, then let it join anew as a non-voter: start it with --join on an empty data directory"
	adviceReplace = "nothing was changed; keep a copy of the directory. A node that forgot entries must not vote: " +
		"replace it from a healthy replica (" + joinAnew + "), or restore a backup"
	adviceTripwire = "if the file was lost by hand or its disk is not there, bring it back; if it lies elsewhere, say where with --tripwire; if you are sure that nothing else is missing, " +
		"start once with --reset-tripwire; otherwise replace the node from a healthy replica (" + joinAnew + ")"
	adviceMissing = "nothing was changed. Bring the log's directory back as it was: its disk may not be there. If it is lost, restore a backup into an empty directory, " +
		"or replace the node from a healthy replica: " + joinAnew + ". For either, move this tripwire file away too"
	adviceMixed = "nothing was changed; bring the log and the tripwire file of one store together. If the log was restored from a backup " +
		"and its tripwire file is the old log's, move that file away: the start then takes the one that came with the restored log"
)

func damagef(index, lastGood uint64, format string, args ...any) *Damage {
	return &Damage{Index: index, LastGood: lastGood, Offset: -1, What: fmt.Sprintf(format, args...), Advice: adviceReplace}
}

var (
	blockAt  = regexp.MustCompile(`block (\d+)/\d+`)
	fileName = regexp.MustCompile(`\S*(MANIFEST-\d+|OPTIONS-\d+|\d{6}\.(?:sst|log|blob)|marker\.\S+)`)
)

// pebbleDamage turns an error of Pebble's into damage, with the file and offset
// Pebble reports.
func pebbleDamage(lastGood uint64, err error) *Damage {
	d := damagef(0, lastGood, "Pebble cannot read its files: %v", err)
	d.cause = err
	if lastGood != 0 {
		d.Index = lastGood + 1
	}
	if i := pebble.ExtractDataCorruptionInfo(err); i != nil {
		d.File = i.Path
	} else if m := fileName.FindString(err.Error()); m != "" {
		d.File = strings.Trim(m, `"'()`)
	}
	if m := blockAt.FindStringSubmatch(err.Error()); m != nil {
		d.Offset, _ = strconv.ParseInt(m[1], 10, 64)
	}
	return d
}

// walEnd is where reading a WAL file stopped.
type walEnd struct {
	file     string
	offset   int64
	lastGood uint64 // greatest log index written by a batch before offset
	err      error  // nil: the file ends cleanly
}

// scanWALs reads every WAL file in dir, oldest first, and says where each one ends.
func scanWALs(fs vfs.FS, dir string) ([]walEnd, error) {
	logs, err := wal.Scan(wal.Dir{FS: fs, Dirname: dir})
	if err != nil {
		return nil, err
	}
	var ends []walEnd
	for _, ll := range logs {
		ends = append(ends, scanWAL(ll))
	}
	return ends, nil
}

func scanWAL(ll wal.LogicalLog) walEnd {
	_, path := ll.SegmentLocation(0)
	end := walEnd{file: path}
	r := ll.OpenForRead()
	defer func() { _ = r.Close() }()
	for {
		rec, off, err := r.NextRecord()
		end.offset = off.Physical
		var b []byte
		if err == nil {
			b, err = io.ReadAll(rec)
		}
		if errors.Is(err, io.EOF) {
			return end
		}
		if err != nil {
			end.err = err
			return end
		}
		end.note(b)
	}
}

// note remembers the last log index that batch b writes.
func (e *walEnd) note(b []byte) {
	r := batchrepr.Read(b)
	for {
		kind, key, _, ok, err := r.Next()
		if err != nil || !ok {
			return
		}
		if i, isLog := logIndex(key); isLog && kind == pebble.InternalKeyKindSet {
			e.lastGood = i
		}
	}
}

// locate adds to d the place in a WAL file where it may have come from: a chunk
// that is certainly damaged, or, for a lost tail, the place where the newest WAL that holds
// anything stops being readable.
func (d *Damage) locate(fs vfs.FS, dir string) {
	if d.File != "" && d.Offset >= 0 {
		return
	}
	ends, err := scanWALs(fs, dir)
	if err != nil {
		return
	}
	for i, e := range ends {
		certain := e.err != nil && !errors.Is(e.err, pebblerecord.ErrUnexpectedEOF)
		unclean := e.err != nil && (i < len(ends)-1 || d.lostTail())
		if !certain && !unclean {
			continue
		}
		d.File, d.Offset = e.file, e.offset
		if d.LastGood == 0 {
			d.LastGood = e.lastGood
		}
		if d.Index == 0 && d.LastGood != 0 {
			d.Index = d.LastGood + 1
		}
		return
	}
}

// errLostTail marks damage found by the tripwire alone.
var errLostTail = errors.New("the newest writes are missing")

func (d *Damage) lostTail() bool { return errors.Is(d.cause, errLostTail) }
