package sim

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/raft"

	"uncross/engine"
	"uncross/engine/wire"
	"uncross/replication"
)

// oracle knows what the venue must be: the one log that all nodes commit, and an engine of its own that applies it. It
// holds everything that any node says against that, at the moment when it is said.
type oracle struct {
	fail func(format string, args ...any)

	mu      sync.Mutex
	written map[place]*entry // every entry that any node ever stored
	log     []*entry         // the committed ones; log[i] has index i+1
	engine  *engine.Engine
	events  []wire.Event
	starts  []int             // of each command's events, by Seq-1
	hashes  map[uint64]uint64 // full hash after an entry, by index
	highest uint64            // of the indexes that a node said it has applied
	calls   map[wire.Origin]*call
	jobs    []*job
}

type place struct{ index, term uint64 }

// entry is an entry of the log as it was first stored.
type entry struct {
	place
	kind             raft.LogType
	data, extensions []byte
}

func newOracle(fail func(string, ...any)) *oracle {
	return &oracle{
		fail: fail, written: make(map[place]*entry), engine: engine.New(),
		hashes: make(map[uint64]uint64), calls: make(map[wire.Origin]*call),
	}
}

// stored is told of an entry that a node writes. An index and a term name one content, on all nodes and for ever.
func (o *oracle) stored(who string, l *raft.Log) *entry {
	o.mu.Lock()
	defer o.mu.Unlock()
	at := place{l.Index, l.Term}
	e := o.written[at]
	if e == nil {
		e = &entry{at, l.Type, bytes.Clone(l.Data), bytes.Clone(l.Extensions)}
		o.written[at] = e
	} else if e.kind != l.Type || !bytes.Equal(e.data, l.Data) || !bytes.Equal(e.extensions, l.Extensions) {
		o.fail("%s stores entry %d of term %d with another content than was stored before", who, l.Index, l.Term)
	}
	return e
}

// applied is told that a node has applied everything up to state.Applied. mu is held.
func (o *oracle) applied(x *incarnation, s replication.State) {
	x.said = max(x.said, s.Applied) // what was read first may be told last
	o.highest = max(o.highest, s.Applied)
	for i := x.checked + 1; i <= s.Applied; i++ {
		e := x.log.at(i)
		if e == nil {
			continue // it was in a snapshot
		}
		if n := uint64(len(o.log)); i == n+1 {
			o.commit(e)
		} else if i <= n && o.log[i-1] != e {
			o.fail("%s has applied entry %d of term %d, others have that of term %d", x, i, e.term, o.log[i-1].term)
		}
	}
	x.checked = max(x.checked, min(s.Applied, uint64(len(o.log))))
	if want, ok := o.hashes[s.Applied]; ok && want != s.FullHash {
		o.fail("%s after entry %d has state %016x, the reference %016x", x, s.Applied, s.FullHash, want)
	}
}

// commit applies the next committed entry to the reference.
func (o *oracle) commit(e *entry) {
	o.log = append(o.log, e)
	if e.kind != raft.LogCommand {
		return
	}
	before := len(o.events)
	var err error
	if o.events, err = o.engine.ApplyBatch(e.data, o.events); err != nil {
		o.fail("entry %d of term %d was committed and cannot be applied: %v", e.index, e.term, err)
		return
	}
	full, _ := o.engine.Hashes()
	o.hashes[e.index] = full
	for i := before; i < len(o.events); i++ {
		if ev := &o.events[i]; ev.Ord == 0 {
			o.starts = append(o.starts, i)
			o.executed(ev)
		}
	}
}

// start returns where the events of a command begin. mu is held.
func (o *oracle) start(seq uint64) int {
	if seq > uint64(len(o.starts)) {
		return len(o.events)
	}
	return o.starts[seq-1]
}

// heard is told of events that a node published, in order, after the state that it has now.
func (o *oracle) heard(x *incarnation, live bool, s replication.State, events []wire.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if x.dead {
		return
	}
	o.applied(x, s)
	if live && !x.live {
		x.live = true
		if s.Applied < x.floor {
			o.fail("%s serves reads after entry %d; before it was started anew it had applied %d", x, s.Applied, x.floor)
		}
	}
	x.waiting = append(x.waiting, events...)
	o.compare(x)
}

// compare holds a node's events against the reference. What the reference does not know yet waits.
func (o *oracle) compare(x *incarnation) {
	for len(x.waiting) > 0 {
		ev := &x.waiting[0]
		if ev.Flags&wire.FlagImage != 0 {
			if ev.Flags&wire.FlagLast != 0 {
				x.imaged = true
				x.next = ev.Seq + 1
			}
			x.waiting = x.waiting[1:]
			continue
		}
		if x.position == 0 && x.imaged {
			if x.next > uint64(len(o.starts))+1 {
				return
			}
			x.position = o.start(x.next)
			x.imaged = false
		}
		if x.position >= len(o.events) {
			return
		}
		if want := &o.events[x.position]; *ev != *want {
			o.fail("%s published event %d.%d of kind %d, the reference has %d.%d of kind %d (origin %v, %v)",
				x, ev.Seq, ev.Ord, ev.Kind, want.Seq, want.Ord, want.Kind, ev.Origin, want.Origin)
			return
		}
		x.position++
		if ev.Flags&wire.FlagLast != 0 {
			o.answer(x, ev)
		}
		x.waiting = x.waiting[1:]
	}
	x.waiting = nil
}

// A job is one thing that a client wants done. It sends it again, with the same client id, until it has the answer.
type job struct {
	client  *client
	command wire.Command
	effects int       // commands in the log that did it, or refused it for good
	firstAt uint64    // number of the one that did
	calls   []*call   // in order
	answer  *answer   // the first
	asked   time.Time // when it was sent first
	told    time.Time // when the answer came
}

// A call is one sending of a job to one node.
type call struct {
	job    *job
	node   *incarnation
	number uint64      // its place among the client's calls
	seq    uint64      // the command that it became
	never  error       // the node said that it certainly is not applied
	done   chan result // the answer, or a refusal
}

type result struct {
	answer *answer
	err    error
}

// answer is what a client was told: the events of its command.
type answer struct {
	seq    uint64
	events []wire.Event
}

var errGone = errors.New("sim: the node is gone")

func (o *oracle) newJob(c *client, command wire.Command) *job {
	o.mu.Lock()
	defer o.mu.Unlock()
	j := &job{client: c, command: command}
	o.jobs = append(o.jobs, j)
	return j
}

func (o *oracle) answered(j *job) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return j.answer != nil
}

// complete reports whether a state is that after the last entry.
func (o *oracle) complete(s replication.State) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	full, _ := o.engine.Hashes()
	return s.Seq == o.engine.Seq() && s.FullHash == full
}

// send registers a call before it is made.
func (o *oracle) send(j *job, x *incarnation, origin wire.Origin) *call {
	c := &call{job: j, node: x, number: origin.Seq, done: make(chan result, 4)}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(j.calls) == 0 {
		j.asked = time.Now()
	}
	j.calls = append(j.calls, c)
	o.calls[origin] = c
	if x.dead {
		c.done <- result{err: errGone}
	}
	return c
}

// refused is told that a call is not taken, or not known to be applied.
func (o *oracle) refused(x *incarnation, origin wire.Origin, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.calls[origin]
	if x.dead || c == nil || c.node != x {
		return
	}
	if !errors.Is(err, replication.ErrUnknownOutcome) {
		c.never = err
		if c.seq != 0 {
			o.fail("%s refused call %v with %q, but it is command %d", x, origin, err, c.seq)
		}
	}
	c.done <- result{err: err}
}

// executed is told of the first event of every command in the log. mu is held.
func (o *oracle) executed(ev *wire.Event) {
	c := o.calls[ev.Origin]
	if c == nil {
		o.fail("command %d has an origin %v that nobody sent", ev.Seq, ev.Origin)
		return
	}
	if c.never != nil {
		o.fail("%s refused call %v with %q, and it is command %d", c.node, ev.Origin, c.never, ev.Seq)
	}
	if c.seq != 0 {
		o.fail("call %v is command %d and command %d", ev.Origin, c.seq, ev.Seq)
	}
	c.seq = ev.Seq
	// What one client sends to one node is applied in the order in which it was sent.
	if last := c.node.order[c.job.client]; last > c.number {
		o.fail("call %v to %s was applied after call %d, which was sent later", ev.Origin, c.node, last)
	}
	c.node.order[c.job.client] = c.number
	if took(ev) {
		if c.job.effects++; c.job.effects > 1 {
			o.fail("a job of client %d was done twice: by command %d and command %d", c.job.client.number, c.job.firstAt, ev.Seq)
		}
		c.job.firstAt = ev.Seq
	}
}

// took reports whether the command of an answer did what it asked for, or was refused in a way that is remembered.
func took(ev *wire.Event) bool {
	if ev.Flags&wire.FlagRepeat != 0 {
		return false
	}
	switch ev.Kind {
	case wire.EvOrderAccepted, wire.EvOrderCanceled, wire.EvOrderReplaced, wire.EvDeposited, wire.EvWithdrawn:
		return true
	case wire.EvRejected:
		var r wire.Rejected
		r.GetEvent(ev)
		return r.Reason >= engine.FirstRemembered && !r.ClientID.IsEmpty()
	case wire.EvOrderRejected:
		var r wire.OrderRejected
		r.GetEvent(ev)
		return r.Reason >= engine.FirstRemembered && !r.ClientID.IsEmpty()
	}
	return false
}

// answer hands a command's events to the client that waits for them. mu is held, and the event is the command's last.
func (o *oracle) answer(x *incarnation, last *wire.Event) {
	c := o.calls[last.Origin]
	if c == nil || c.node != x {
		return
	}
	a := &answer{seq: last.Seq, events: o.events[o.start(last.Seq):x.position:x.position]}
	if c.job.answer == nil {
		c.job.answer, c.job.told = a, time.Now()
	}
	c.done <- result{answer: a}
}

// gone ends an incarnation: nothing that it says from now on counts. It returns false when it was dead before.
func (o *oracle) gone(x *incarnation) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if x.dead {
		return false
	}
	x.dead = true
	for _, c := range o.calls {
		if c.node == x {
			select {
			case c.done <- result{err: errGone}:
			default:
			}
		}
	}
	return true
}

func (o *oracle) isDead(x *incarnation) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return x.dead
}

// finish checks what can be checked only at the end.
func (o *oracle) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.highest > uint64(len(o.log)) {
		o.fail("entry %d is applied, but the content of %d is nowhere known", o.highest, len(o.log)+1)
	}
	if err := o.engine.Validate(); err != nil {
		o.fail("the venue's books do not add up: %v", err)
	}
	for _, j := range o.jobs {
		if j.answer == nil {
			o.fail("client %d never got an answer to a job that it sent %d times", j.client.number, len(j.calls))
			return
		}
		// Whichever of the calls was answered, the answer tells of the same execution.
		if first := firstSeq(&j.answer.events[0]); first != 0 && j.effects == 1 && first != j.firstAt {
			o.fail("client %d was told of command %d, its job was done by command %d", j.client.number, first, j.firstAt)
		}
	}
	o.inRealTime()
}

// inRealTime checks that what was asked after an answer had come was done after what the answer told of.
func (o *oracle) inRealTime() {
	byEnd, byStart := slices.Clone(o.jobs), slices.Clone(o.jobs)
	slices.SortStableFunc(byEnd, func(a, b *job) int { return a.told.Compare(b.told) })
	slices.SortStableFunc(byStart, func(a, b *job) int { return a.asked.Compare(b.asked) })
	last := uint64(0)
	for _, j := range byStart {
		for len(byEnd) > 0 && byEnd[0].told.Before(j.asked) {
			last = max(last, byEnd[0].doneAt())
			byEnd = byEnd[1:]
		}
		if j.doneAt() <= last {
			o.fail("client %d asked after command %d was answered, and its job is command %d", j.client.number, last, j.doneAt())
			return
		}
	}
}

// doneAt returns the command that did the job.
func (j *job) doneAt() uint64 {
	if j.effects > 0 {
		return j.firstAt
	}
	return j.answer.seq
}

// firstSeq returns which command an answer speaks of: its own, or, of a repeat, the first; 0 where it does not say.
func firstSeq(ev *wire.Event) uint64 {
	if ev.Flags&wire.FlagRepeat == 0 {
		return ev.Seq
	}
	switch ev.Kind {
	case wire.EvOrderAccepted:
		var m wire.OrderAccepted
		m.GetEvent(ev)
		return m.First.Seq
	case wire.EvOrderCanceled:
		var m wire.OrderCanceled
		m.GetEvent(ev)
		return m.First.Seq
	case wire.EvOrderReplaced:
		var m wire.OrderReplaced
		m.GetEvent(ev)
		return m.First.Seq
	}
	return 0
}

func (x *incarnation) String() string { return fmt.Sprintf("%s.%d", x.box.id, x.number) }

// Operation is a job as its client saw it.
type Operation struct {
	Client      int
	Asked, Told time.Time // when it was sent first, and when the answer came
	Request     wire.Command
	Answer      []wire.Event
}

// history returns the jobs that were answered.
func (o *oracle) history() (all []Operation) {
	for _, j := range o.jobs {
		if j.answer != nil {
			all = append(all, Operation{j.client.number, j.asked, j.told, j.command, j.answer.events})
		}
	}
	return all
}
