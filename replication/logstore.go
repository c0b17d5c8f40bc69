package replication

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// guardedLog passes a log store through and makes every failure of it fatal: raft itself would step down and go on, or
// panic, and a write that failed once may still land later.
type guardedLog struct {
	LogStore
	fatal func(error)
}

// IsMonotonic reports whether the store refuses gaps; raft then empties it after installing a snapshot.
func (g guardedLog) IsMonotonic() bool {
	m, ok := g.LogStore.(raft.MonotonicLogStore)
	return ok && m.IsMonotonic()
}

func (g guardedLog) GetLog(index uint64, l *raft.Log) error {
	err := g.LogStore.GetLog(index, l)
	if err != nil && !errors.Is(err, raft.ErrLogNotFound) {
		g.fatal(fmt.Errorf("reading entry %d of the log: %w", index, err))
	}
	return err
}

func (g guardedLog) StoreLog(l *raft.Log) error { return g.StoreLogs([]*raft.Log{l}) }

func (g guardedLog) StoreLogs(logs []*raft.Log) error {
	err := g.LogStore.StoreLogs(logs)
	if err != nil {
		g.fatal(fmt.Errorf("writing entries %d to %d of the log: %w", logs[0].Index, logs[len(logs)-1].Index, err))
	}
	return err
}

func (g guardedLog) DeleteRange(first, last uint64) error {
	err := g.LogStore.DeleteRange(first, last)
	if err != nil {
		g.fatal(fmt.Errorf("removing entries %d to %d of the log: %w", first, last, err))
	}
	return err
}

// guardedStable does the same for raft's votes and terms.
type guardedStable struct {
	raft.StableStore
	fatal func(error)
}

func (g guardedStable) Set(key, value []byte) error {
	return g.check(key, g.StableStore.Set(key, value))
}

func (g guardedStable) SetUint64(key []byte, value uint64) error {
	return g.check(key, g.StableStore.SetUint64(key, value))
}

func (g guardedStable) check(key []byte, err error) error {
	if err != nil {
		g.fatal(fmt.Errorf("writing raft's %q: %w", key, err))
	}
	return err
}
