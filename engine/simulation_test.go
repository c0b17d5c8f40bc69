package engine

import (
	"bytes"
	"flag"
	"testing"

	"github.com/cespare/xxhash/v2"

	"uncross/engine/wire"
)

var (
	simSeeds = flag.Int("sim.seeds", 10, "how many seeds TestSimulation simulates")
	simFirst = flag.Uint64("sim.first", 1, "the first seed of TestSimulation")
)

// TestSimulation simulates engine, sessions and ledger wholly deterministically: three replicas apply one log, made by
// leaders that lose batches, propose behind a gap, come late or twice, and give way to others. Clients repeat themselves
// and send again what was dropped. Replicas start again from older snapshots. A seed makes the same run, byte for byte.
func TestSimulation(t *testing.T) {
	var counts simCounts
	entries := 400
	if testing.Short() {
		entries = 100
	}
	for seed := *simFirst; seed < *simFirst+uint64(*simSeeds); seed++ {
		first := simulate(t, seed, entries, &counts)
		if again := simulate(t, seed, entries, new(simCounts)); again != first {
			t.Fatalf("seed %d: two runs differ: %x and %x", seed, first, again)
		}
		if other := simulate(t, seed+1, entries/4, new(simCounts)); other == first {
			t.Fatal("the seed changes nothing")
		}
	}
	if counts.dropped == 0 || counts.repeats == 0 || counts.duplicates == 0 || counts.messages == 0 || counts.restarts == 0 {
		t.Errorf("something never happened: %+v", counts)
	}
	t.Logf("%d seeds from %d: %+v", *simSeeds, *simFirst, counts)
}

// simulation is one run.
type simulation struct {
	t        *testing.T
	seed     uint64
	d        dice
	flow     *flow
	log      [][]byte // entries, from index 1 on
	replicas [3]replica
	ledger   *ledger
	answers  map[simRequest]simAnswer
	again    []wire.Command // dropped, to be sent again

	// What the engine must believe of the leaders' batches.
	term, sequence uint64
	// What the present leader believes: ahead of it after a batch was lost.
	leader, next uint64

	digest *xxhash.Digest
	events []wire.Event
	counts *simCounts
}

// simCounts tells how much was checked.
type simCounts struct{ commands, dropped, repeats, duplicates, messages, restarts int }

// replica is an engine, and the snapshot that it would start from.
type replica struct {
	e        *Engine
	snapshot []byte
	at       int // entries in the snapshot
}

// simulate runs a seed and returns a digest of everything that happened.
func simulate(t *testing.T, seed uint64, entries int, counts *simCounts) uint64 {
	t.Helper()
	s := &simulation{
		t: t, seed: seed, d: dice(seed * 0x2545f4914f6cdd1d), ledger: newLedger(),
		answers: make(map[simRequest]simAnswer), leader: 1, next: 1, digest: xxhash.New(), counts: counts,
	}
	for i := range s.replicas {
		s.replicas[i].e = New()
	}
	s.flow = newFlow(seed, s.replicas[0].e)
	s.flow.sessions = true
	s.propose(script(t, venueScript))
	for len(s.log) < entries {
		s.step()
	}
	for i := range s.replicas {
		s.restart(i)
		if err := s.replicas[i].e.Validate(); err != nil {
			s.fatalf("replica %d: %v", i, err)
		}
	}
	s.ledger.compare(t, s.replicas[0].e)
	return s.digest.Sum64()
}

func (s *simulation) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("seed %d, entry %d: "+format, append([]any{s.seed, len(s.log)}, args...)...)
}

// step makes one thing happen.
func (s *simulation) step() {
	commands := s.commands()
	switch s.d.IntN(40) {
	case 0, 1: // another leader
		s.leader += 1 + s.d.Uint64()%3
		s.next = 1
		s.propose(commands)
	case 2, 3: // a batch is lost, and its leader proposes some more before it knows
		lost := s.next
		s.next++
		s.again = append(s.again, commands...)
		for range s.d.IntN(4) {
			s.propose(s.commands())
		}
		if s.d.IntN(2) == 0 {
			s.next = lost // it knows, and fills the gap
		} else {
			s.leader, s.next = s.leader+1, 1
		}
	case 4: // a batch comes twice
		s.propose(commands)
		s.next--
		s.propose(s.commands())
	case 5: // a leader of an earlier term comes late
		if s.leader > 1 {
			leader, next := s.leader, s.next
			s.leader, s.next = leader-1, 1+s.d.Uint64()%4
			s.propose(commands)
			s.leader, s.next = leader, next
		}
	case 6, 7:
		s.snapshot(s.d.IntN(len(s.replicas)))
	case 8:
		s.restart(s.d.IntN(len(s.replicas)))
	default:
		s.propose(commands)
	}
}

// commands returns what the next batch has: what was dropped, again, or something new.
func (s *simulation) commands() (all []wire.Command) {
	s.flow.e = s.replicas[0].e
	for range 1 + s.d.IntN(1+s.d.IntN(40)) {
		if len(s.again) > 0 && s.d.IntN(3) > 0 {
			c := s.again[0]
			s.again = s.again[1:]
			s.flow.origin++
			c.TimeNs, c.Origin.Seq = s.flow.now, s.flow.origin
			all = append(all, c)
			continue
		}
		all = append(all, s.flow.next())
	}
	return all
}

// propose appends a batch to the log, and all replicas apply it.
func (s *simulation) propose(commands []wire.Command) {
	entry := batch(s.leader, s.next, commands)
	if s.leader > s.term {
		s.term, s.sequence = s.leader, 0
	}
	taken := s.leader == s.term && s.next == s.sequence+1
	if taken {
		s.sequence++
		s.counts.commands += len(commands)
	} else {
		s.counts.dropped += len(commands)
		s.again = append(s.again, commands...)
	}
	s.next++
	s.log = append(s.log, entry)
	_, _ = s.digest.Write(entry)
	var first []byte
	for i := range s.replicas {
		e := s.replicas[i].e
		before := e.Seq()
		events, err := e.ApplyBatch(entry, s.events[:0])
		if err != nil {
			s.fatalf("replica %d: %v", i, err)
		}
		e.SetApplied(uint64(len(s.log)))
		want := before
		if taken {
			want += uint64(len(commands))
		}
		if e.Seq() != want || !taken && len(events) > 0 {
			s.fatalf("replica %d is at command %d with %d events, it should be at %d", i, e.Seq(), len(events), want)
		}
		if got := encode(events); i == 0 {
			first = got
			s.events = events
			s.judge(commands, events)
		} else if !bytes.Equal(got, first) {
			s.fatalf("replica %d has other events than replica 0", i)
		}
	}
	_, _ = s.digest.Write(first)
	s.sameHashes()
}

func (s *simulation) sameHashes() {
	full, business := s.replicas[0].e.Hashes()
	for i := range s.replicas {
		if f, b := s.replicas[i].e.Hashes(); f != full || b != business {
			s.fatalf("replica %d has hashes %x %x, replica 0 %x %x", i, f, b, full, business)
		}
	}
	var b [8]byte
	for i := range b {
		b[i] = byte(full >> (8 * i))
	}
	_, _ = s.digest.Write(b[:])
}

// snapshot gives a replica a newer snapshot to start from.
func (s *simulation) snapshot(i int) {
	r := &s.replicas[i]
	img := r.e.Freeze()
	r.snapshot, r.at = snapshot(s.t, img), len(s.log)
	img.Release()
	_, _ = s.digest.Write(r.snapshot)
}

// restart starts a replica from its snapshot and the log behind it.
func (s *simulation) restart(i int) {
	s.counts.restarts++
	r := &s.replicas[i]
	want, _ := r.e.Hashes()
	r.e = New()
	if r.snapshot != nil {
		r.e = restore(s.t, r.snapshot)
		if r.e.Applied() != uint64(r.at) {
			s.fatalf("the snapshot is of entry %d, not %d", r.e.Applied(), r.at)
		}
	}
	for j := r.at; j < len(s.log); j++ {
		if _, err := r.e.ApplyBatch(s.log[j], nil); err != nil {
			s.fatalf("replica %d again: %v", i, err)
		}
		r.e.SetApplied(uint64(j + 1))
	}
	if got, _ := r.e.Hashes(); got != want {
		s.fatalf("replica %d has hash %x after a restart from entry %d, it had %x", i, got, r.at, want)
	}
}

// judge checks a batch's events: frames, money, repeats, sessions.
func (s *simulation) judge(commands []wire.Command, events []wire.Event) {
	s.ledger.take(s.t, events)
	if s.d.IntN(8) == 0 {
		s.ledger.compare(s.t, s.replicas[0].e)
	}
	for i := range commands {
		if len(events) == 0 {
			return // dropped
		}
		n := 1
		for events[n-1].Flags&wire.FlagLast == 0 {
			n++
		}
		if events[0].Origin != commands[i].Origin {
			s.fatalf("command %v was answered to %v", commands[i].Origin, events[0].Origin)
		}
		s.repeats(&commands[i], &events[0])
		s.session(&commands[i], &events[0])
		events = events[n:]
	}
	if len(events) > 0 {
		s.fatalf("%d events belong to no command", len(events))
	}
}

// simRequest is what names a request that is remembered, simAnswer what it was and came to first.
type (
	simRequest struct {
		account wire.AccountID
		kind    wire.CommandKind // deposit, withdraw, or 0: order requests share their ids
		id      wire.Text
	}
	simAnswer struct {
		command wire.Command // kind and body alone
		kind    wire.EventKind
		number  uint64 // order, or the balance after a transfer
		reason  wire.Reason
		sent    int64
	}
)

// repeats holds an answer against the first one of the same id: the same content is answered the same and does nothing,
// other content is refused, within the window.
func (s *simulation) repeats(c *wire.Command, ev *wire.Event) {
	id, ok := requestID(c)
	if !ok {
		return
	}
	now := simAnswer{command: wire.Command{Kind: c.Kind, Body: c.Body}, kind: ev.Kind, sent: ev.TimeNs}
	now.number, now.reason = told(ev)
	if c.SentNs > 0 {
		now.sent = c.SentNs
	}
	first, known := s.answers[id]
	repeat := ev.Flags&wire.FlagRepeat != 0
	switch {
	case now.reason != wire.ReasonNone && now.reason < wire.DuplicateClientID:
		return // not known by whom, for whom, or when
	case !known && repeat:
		s.fatalf("the first request %v is answered as a repeat", id)
	case known && first.sent < ev.TimeNs-RepeatWindow:
		if repeat {
			return // remembered for longer, as it may
		}
	case known && first.command == now.command:
		if !repeat || now.kind != first.kind || now.number != first.number || now.reason != first.reason {
			s.fatalf("a repeat of %v is answered %+v, at first it was %+v", id, now, first)
		}
		s.counts.repeats++
		return
	case known:
		if repeat || now.reason != wire.DuplicateClientID {
			s.fatalf("%v with other content is answered %+v", id, now)
		}
		s.counts.duplicates++
		return
	}
	if now.reason == wire.ReasonNone || now.reason >= FirstRemembered {
		s.answers[id] = now
	}
}

// requestID returns the name of a request that is remembered.
func requestID(c *wire.Command) (r simRequest, ok bool) {
	switch c.Kind {
	case wire.CmdNewOrder:
		var m wire.NewOrder
		m.Get(c)
		r.account, r.id = m.Account, m.ClientID
	case wire.CmdCancelOrder:
		var m wire.CancelOrder
		m.Get(c)
		r.account, r.id = m.Account, m.ClientID
	case wire.CmdReplaceOrder:
		var m wire.ReplaceOrder
		m.Get(c)
		r.account, r.id = m.Account, m.ClientID
	case wire.CmdDeposit, wire.CmdWithdraw:
		var m wire.Transfer
		m.Get(c)
		r.account, r.id, r.kind = m.Account, m.Reference, c.Kind
	}
	return r, !r.id.IsEmpty()
}

// told returns what an answer says: the order, or the balance after a transfer, or the reason of a refusal.
func told(ev *wire.Event) (number uint64, reason wire.Reason) {
	switch ev.Kind {
	case wire.EvOrderAccepted:
		var m wire.OrderAccepted
		m.GetEvent(ev)
		return uint64(m.Order), 0
	case wire.EvOrderCanceled:
		var m wire.OrderCanceled
		m.GetEvent(ev)
		return uint64(m.Order), 0
	case wire.EvOrderReplaced:
		var m wire.OrderReplaced
		m.GetEvent(ev)
		return uint64(m.Order), 0
	case wire.EvDeposited, wire.EvWithdrawn:
		var m wire.Transferred
		m.GetEvent(ev)
		return m.Available.Lo, 0
	case wire.EvRejected:
		var m wire.Rejected
		m.GetEvent(ev)
		return 0, m.Reason
	case wire.EvOrderRejected:
		var m wire.OrderRejected
		m.GetEvent(ev)
		return 0, m.Reason
	}
	return 0, 0
}

// session checks that a session's message comes out as it went in, and only of its own key and while it is enabled.
func (s *simulation) session(c *wire.Command, ev *wire.Event) {
	if c.Kind != wire.CmdSessionMessage || ev.Kind != wire.EvSessionMessage {
		return
	}
	var in, out wire.SessionMessage
	in.Get(c)
	out.GetEvent(ev)
	if in != out {
		s.fatalf("a session's message went in as %+v and came out as %+v", in, out)
	}
	s.counts.messages++
	// The batch is applied as a whole by now: what a later command of it changed does not show the past.
	if def, ok := s.replicas[0].e.Session(in.Session); !ok || def.Key != c.Key {
		s.fatalf("a message of key %d was taken for session %+v", c.Key, def)
	}
}
