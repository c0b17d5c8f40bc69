package sim

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"

	"github.com/hashicorp/raft"

	"uncross/wal"
)

// shadowLog is a process's log store. It tells the oracle what is written, and remembers which entries there are or were,
// and what the store has promised to keep.
type shadowLog struct {
	*wal.Store
	x *incarnation
	// turn is taken by each writer. The store has a mutex for that, but simulated time cannot go on while a goroutine waits
	// for a mutex whose owner sleeps, as on a slow disk.
	turn chan struct{}

	mu      sync.Mutex
	entries map[uint64]*entry
	durable promise

	unwritten map[string]string // a planted bug: the vote
}

// raftKeys are the keys of raft's term and vote.
var raftKeys = []string{"CurrentTerm", "LastVoteTerm", "LastVoteCand"}

// promise is what a log store has said is durable.
type promise struct {
	last   *entry            // the last entry; nil: none
	stable map[string]string // raft's term and vote, and the node's own marks
	coming map[string]string // being written: they may be there or not
}

func newShadow(x *incarnation, s *wal.Store) (*shadowLog, error) {
	l := &shadowLog{
		Store: s, x: x, turn: make(chan struct{}, 1), entries: make(map[uint64]*entry),
		unwritten: make(map[string]string), durable: promise{stable: make(map[string]string), coming: make(map[string]string)},
	}
	first, err1 := s.FirstIndex()
	last, err2 := s.LastIndex()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	for i := first; i <= last && i > 0; i++ {
		var e raft.Log
		if err := s.GetLog(i, &e); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
		l.durable.last = l.note(&e)
	}
	for _, key := range raftKeys {
		if v, err := s.Get([]byte(key)); err == nil && len(v) > 0 {
			l.durable.stable[key] = string(v)
		}
	}
	return l, nil
}

// promised returns what the store has said so far that it keeps; nil of a store that never opened.
func (l *shadowLog) promised() *promise {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return &promise{l.durable.last, maps.Clone(l.durable.stable), maps.Clone(l.durable.coming)}
}

// kept holds a log that was opened again against what its store had promised.
func (p *promise) kept(l *shadowLog) error {
	if p.last != nil {
		if e := l.at(p.last.index); e != p.last {
			return fmt.Errorf("entry %d of term %d is not there (%+v)", p.last.index, p.last.term, e)
		}
	}
	for key, want := range p.stable {
		got, err := l.Get([]byte(key))
		if err != nil {
			return err
		}
		if coming, ok := p.coming[key]; string(got) != want && (!ok || string(got) != coming) {
			return fmt.Errorf("%s is %x, it was %x", key, got, want)
		}
	}
	return nil
}

func (l *shadowLog) note(e *raft.Log) *entry {
	n := l.x.box.w.oracle.stored(l.x.String(), e)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries[e.Index] = n
	return n
}

// at returns an entry that the log has, or had before it was cut behind a snapshot.
func (l *shadowLog) at(index uint64) *entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entries[index]
}

// take waits for the turn; the returned function gives it back.
func (l *shadowLog) take() func() {
	l.turn <- struct{}{}
	return func() { <-l.turn }
}

// GetLog implements raft.LogStore. Raft panics when an entry that is to be applied is not there, which would take the whole
// program and the trace with it: the run fails here, and the process stands still.
func (l *shadowLog) GetLog(index uint64, e *raft.Log) error {
	err := l.Store.GetLog(index, e)
	if errors.Is(err, raft.ErrLogNotFound) && calledBy("raft.(*Raft).processLogs") {
		first, _ := l.FirstIndex() // for the words alone
		last, _ := l.LastIndex()
		l.x.box.w.fail("%s has no entry %d to apply, its log is %d to %d: raft would panic", l.x, index, first, last)
		l.x.stuck.Store(true)
		<-make(chan struct{})
	}
	return err
}

func (l *shadowLog) StoreLog(e *raft.Log) error { return l.StoreLogs([]*raft.Log{e}) }

func (l *shadowLog) StoreLogs(es []*raft.Log) error {
	defer l.take()()
	var last *entry
	for _, e := range es {
		last = l.note(e)
	}
	err := l.Store.StoreLogs(es)
	if err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.durable.last = last
	}
	return err
}

func (l *shadowLog) DeleteRange(from, to uint64) error {
	defer l.take()()
	first, err := l.FirstIndex()
	if err != nil {
		return err
	}
	l.mu.Lock()
	if d := l.durable.last; d != nil && d.index <= to {
		l.durable.last = nil // nothing more is promised than what stays
		if from > first {
			l.durable.last = l.entries[from-1]
		}
		// The end goes, not the part behind a snapshot: these entries are not the log's any more.
		for i := from; l.entries[i] != nil; i++ {
			delete(l.entries, i)
		}
	}
	l.mu.Unlock()
	return l.Store.DeleteRange(from, to)
}

func (l *shadowLog) Set(key, value []byte) error {
	return l.keep(string(key), string(value), func() error { return l.Store.Set(key, value) })
}

func (l *shadowLog) SetUint64(key []byte, value uint64) error {
	return l.keep(string(key), string(binary.BigEndian.AppendUint64(nil, value)), func() error { return l.Store.SetUint64(key, value) })
}

func (l *shadowLog) keep(key, value string, write func() error) error {
	defer l.take()()
	if l.x.box.w.o.Bug == NoVotes && key != "CurrentTerm" && slices.Contains(raftKeys, key) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.unwritten[key] = value
		return nil
	}
	l.mu.Lock()
	l.durable.coming[key] = value
	l.mu.Unlock()
	if err := write(); err != nil {
		if l.x.box.w.oracle.isDead(l.x) {
			l.x.stuck.Store(true)
			runtime.Goexit() // raft would panic; the process has ended long since
		}
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.durable.coming, key)
	l.durable.stable[key] = value
	return nil
}

// Get finds also what was not written.
func (l *shadowLog) Get(key []byte) ([]byte, error) {
	l.mu.Lock()
	v, ok := l.unwritten[string(key)]
	l.mu.Unlock()
	if ok {
		return []byte(v), nil
	}
	return l.Store.Get(key)
}

// GetUint64 finds also what was not written.
func (l *shadowLog) GetUint64(key []byte) (uint64, error) {
	l.mu.Lock()
	v, ok := l.unwritten[string(key)]
	l.mu.Unlock()
	if ok {
		return binary.BigEndian.Uint64([]byte(v)), nil
	}
	return l.Store.GetUint64(key)
}

func (l *shadowLog) Close() error {
	defer l.take()()
	return l.Store.Close()
}

// calledBy reports whether a function is among this goroutine's callers.
func calledBy(function string) bool {
	stack := make([]byte, 1<<16)
	return bytes.Contains(stack[:runtime.Stack(stack, false)], []byte(function))
}
