package http

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"uncross/engine/wire"
)

// replies carries the events of this gateway's commands to the requests that wait for them.
//
//	request: open ─▶ Submit ─▶ wait ──────────────▶ answer
//	                             ▲ done (buffered, so that the carrier never waits)
//	event ring ─▶ run ─ by Origin ┘
//
// A command's events are collected until the one flagged last. A request that gave up waiting has closed its entry;
// events without an entry are dropped.
type replies struct {
	node   uint64        // this gateway's number in every Origin, random at each start
	next   atomic.Uint64 // last Origin.Seq given out
	open   atomic.Int64  // entries
	seen   atomic.Uint64 // greatest command number handed to a request
	most   int           // events kept of one command; what follows is added up
	shards [replyShards]replyShard
}

const replyShards = 32

type replyShard struct {
	mu      sync.Mutex
	waiting map[uint64]*reply
	_       [40]byte // keeps shards on their own cache lines
}

// reply is what came back for one command.
type reply struct {
	id      uint64
	events  []wire.Event // the first ones
	beyond  tally        // of the trades that followed them
	refused wire.Reason  // set: it was not applied, or nobody knows
	done    chan struct{}
}

// tally is the sum of trades that are not listed.
type tally struct {
	trades   uint64
	qty      wire.Qty
	notional wire.Amount
}

func newReplies(node uint64, most int) *replies {
	r := &replies{node: node, most: most}
	for i := range r.shards {
		r.shards[i].waiting = map[uint64]*reply{}
	}
	return r
}

// expect opens an entry for a command about to be submitted, and returns the Origin to submit it with.
func (r *replies) expect() (*reply, wire.Origin) {
	p := &reply{id: r.next.Add(1), done: make(chan struct{}, 1)}
	sh := &r.shards[p.id%replyShards]
	sh.mu.Lock()
	sh.waiting[p.id] = p
	sh.mu.Unlock()
	r.open.Add(1)
	return p, wire.Origin{Node: r.node, Seq: p.id}
}

// forget closes an entry and reports whether it was still open: false means that the answer is there after all.
func (r *replies) forget(p *reply) bool {
	sh := &r.shards[p.id%replyShards]
	sh.mu.Lock()
	_, open := sh.waiting[p.id]
	delete(sh.waiting, p.id)
	sh.mu.Unlock()
	if open {
		r.open.Add(-1)
	}
	return open
}

// wait returns when the answer is there, or marks the reply as unknown when the timer fires first. The timer may be
// shared by the replies of one request: fired reports that it has been used up.
func (r *replies) wait(p *reply, timer <-chan time.Time) (fired bool) {
	select {
	case <-p.done:
		return false
	default:
	}
	select {
	case <-p.done:
		return false
	case <-timer:
		if r.forget(p) {
			p.refused = OutcomeUnknown
		} else {
			<-p.done
		}
		return true
	}
}

// refuse ends the wait for a command that will not be applied, or whose outcome nobody knows.
func (r *replies) refuse(o wire.Origin, why wire.Reason) {
	if o.Node != r.node {
		return
	}
	sh := &r.shards[o.Seq%replyShards]
	sh.mu.Lock()
	p := sh.waiting[o.Seq]
	if p != nil {
		p.refused = why
	}
	r.finish(sh, p)
}

// finish completes p, which may be nil, and unlocks its shard.
func (r *replies) finish(sh *replyShard, p *reply) {
	if p != nil {
		delete(sh.waiting, p.id)
		r.open.Add(-1)
		p.done <- struct{}{}
	}
	sh.mu.Unlock()
}

// deliver takes one event.
func (r *replies) deliver(e *wire.Event) {
	if e.Origin.Node != r.node || e.Flags&wire.FlagImage != 0 {
		return
	}
	sh := &r.shards[e.Origin.Seq%replyShards]
	sh.mu.Lock()
	p := sh.waiting[e.Origin.Seq]
	if p == nil {
		sh.mu.Unlock()
		return
	}
	p.add(e, r.most)
	if e.Flags&wire.FlagLast == 0 {
		sh.mu.Unlock()
		return
	}
	if e.Seq > r.seen.Load() { // the only writer is the goroutine of run
		r.seen.Store(e.Seq)
	}
	r.finish(sh, p)
}

// add keeps an event. Beyond most, trades are added up; of the cancels, as many as there may be, only the latest is
// kept: it is the one of the command's own order, or one of many that are counted in the event that ends them.
func (p *reply) add(e *wire.Event, most int) {
	switch {
	case len(p.events) < most:
		p.events = append(p.events, *e)
	case e.Kind == wire.EvTrade:
		var t wire.Trade
		t.GetEvent(e)
		p.beyond.trades++
		p.beyond.qty += t.Qty
		p.beyond.notional = p.beyond.notional.MustAdd(t.Notional)
	case e.Kind == wire.EvOrderCanceled && p.events[len(p.events)-1].Kind == wire.EvOrderCanceled:
		p.events[len(p.events)-1] = *e
	default:
		p.events = append(p.events, *e)
	}
}

// find returns the last event of the given kind, nil when there is none.
func (p *reply) find(kind wire.EventKind) *wire.Event {
	for i := len(p.events) - 1; i >= 0; i-- {
		if p.events[i].Kind == kind {
			return &p.events[i]
		}
	}
	return nil
}

// errLost is returned by run when its reader skipped events: it must be lossless.
var errLost = errors.New("gateway/http: the reply reader lost events: it must be a lossless one")

// run delivers events until stop is closed or the ring ends.
func (r *replies) run(src Source, stop <-chan struct{}) error {
	buf := make([]wire.Event, 256)
	for {
		n, lost, ok := src.Read(buf, stop)
		if lost > 0 {
			return errLost
		}
		for i := range buf[:n] {
			r.deliver(&buf[i])
		}
		if !ok {
			return nil
		}
	}
}
