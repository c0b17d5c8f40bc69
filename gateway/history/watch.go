package history

import (
	"sync"
	"sync/atomic"

	"uncross/engine/wire"
)

// touched is a set of accounts that keeps its memory.
type touched struct{ m map[wire.AccountID]struct{} }

func (t *touched) add(acc wire.AccountID) {
	if t.m == nil {
		t.m = map[wire.AccountID]struct{}{}
	}
	t.m[acc] = struct{}{}
}

func (t *touched) clear() { clear(t.m) }

// watchers are those who wait for news of accounts.
type watchers struct {
	n  atomic.Int64
	mu sync.Mutex
	of map[wire.AccountID]map[*func()]struct{}
}

// Watch has poke called after every batch with news of the account, when they can be read. It is called by the writer
// goroutine, so that it must not block, nor call the Store. A call may be under way when cancel returns.
func (s *Store) Watch(acc wire.AccountID, poke func()) (cancel func()) {
	ws := &s.watchers
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.of == nil {
		ws.of = map[wire.AccountID]map[*func()]struct{}{}
	}
	if ws.of[acc] == nil {
		ws.of[acc] = map[*func()]struct{}{}
	}
	ws.of[acc][&poke] = struct{}{}
	ws.n.Add(1)
	return sync.OnceFunc(func() {
		ws.mu.Lock()
		defer ws.mu.Unlock()
		delete(ws.of[acc], &poke)
		if len(ws.of[acc]) == 0 {
			delete(ws.of, acc)
		}
		ws.n.Add(-1)
	})
}

// wake pokes those who watch one of the accounts.
func (s *Store) wake(news *touched) {
	ws := &s.watchers
	if ws.n.Load() == 0 {
		return
	}
	ws.mu.Lock()
	var pokes []func()
	for acc := range news.m {
		for poke := range ws.of[acc] {
			pokes = append(pokes, *poke)
		}
	}
	ws.mu.Unlock()
	for _, poke := range pokes {
		poke()
	}
}
