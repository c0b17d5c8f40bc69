//go:build linux

package interop

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"uncross/gateway/client"
	"uncross/gateway/fix/initiator"
	"uncross/internal/nodes"
)

// This file has stock initiators come to nodes that do not lead: they are told who does, in a message that they log and do
// not count, and lose no report by it.

// notLoggedOn is how each engine logs that a message came before its logon was answered.
const (
	quickfixNotLoggedOn  = "Logon state is not valid for message"
	jspurefixNotLoggedOn = "msgType j received in state InitiationLogonSent"
)

// newFollowers is the venue of newFailover, and the node that leads is the last. It stays the leader also on a machine that
// has much else to do.
func newFollowers(t *testing.T) *failover {
	t.Helper()
	f := newFailover(t, "--heartbeat-timeout", "3s", "--election-timeout", "3s", "--leader-lease", "2s")
	leader := f.c.Leader()
	f.c.Nodes = append(slices.DeleteFunc(f.c.Nodes, func(n *nodes.Node) bool { return n == leader }), leader)
	return f
}

// told waits until the engine has logged that another node leads and that the message came too early, and finds that
// nothing of what the engine has received is counted.
func (p *program) told(name string, leader *nodes.Node, tooEarly string, received func() int) {
	p.t.Helper()
	before := received()
	m := p.expect(name, "word of who leads", func(l line) bool { return l.word == "in" && l.message().has("35=j") }).message()
	if want := leader.Name + " leads: FIX at " + leader.FIX; !m.has("34=0", "372=A", "380=4", "379="+leader.FIX, "58="+want) {
		p.t.Errorf("%s was told %s, expected %s", name, m, want)
	}
	p.expect(name, "the engine's own word", func(l line) bool { return l.word == "event" && strings.HasPrefix(l.text, tooEarly) })
	if after := received(); after != before {
		p.t.Errorf("%s: the engine expected number %d, and %d after it was told who leads", name, before, after)
	}
}

// rest enters an order of alice's that rests, and waits for its report.
func (f *failover) rest(id string) {
	f.t.Helper()
	f.p.send("ALICE1", "35=D|11=%s|55=%s|54=2|40=2|44=100|38=10|59=1|60=%s", id, failoverSymbol, now())
	f.p.receive("ALICE1", "35=8", "11="+id, "150=0")
}

// tradeAway has carol trade with what rests, while the engine is not there to hear of it.
func (f *failover) tradeAway(id string) {
	f.t.Helper()
	ops := []client.Operation{{Op: "new", Account: "carol", Symbol: failoverSymbol, Type: "limit", TimeInForce: "ioc",
		Side: "buy", Price: "100", Quantity: "3", ClientOrderID: id}}
	f.carol.Stamp(ops)
	bound, cancel := f.c.bound()
	defer cancel()
	if results, err := f.carol.Settle(bound, ops); err != nil || results[0].Order == nil || results[0].Order.Filled != "3" {
		f.t.Fatalf("%v %+v", err, results)
	}
}

// once waits for the report of a trade that the engine was not there for, and finds that it came once, and by resend.
func (f *failover) once(id string) {
	f.t.Helper()
	f.p.receive("ALICE1", "35=8", "43=Y", "11="+id, "150=F", "32=3")
	f.p.send("ALICE1", "35=H|11=%s|55=%s|54=2", id, failoverSymbol)
	f.p.receive("ALICE1", "35=8", "11="+id, "150=I", "14=3")
	if n := f.p.count("ALICE1", "app", "11="+id, "150=F"); n != 1 {
		f.t.Errorf("the report of a trade came %d times", n)
	}
}

// noResets finds that the engine was never made to begin its numbers again.
func (p *program) noResets(name string) {
	p.t.Helper()
	for _, l := range p.all() {
		if m := l.message(); l.name == name && (m.has("141=Y") || m.has("35=4") && !m.has("123=Y")) {
			p.t.Errorf("%s: numbers begin again: %s %s", name, l.word, l.text)
		}
	}
}

// TestQuickFIXAtFollowers has an unmodified QuickFIX with three hosts of which the third leads, on a new session, and then
// on one with a report waiting.
func TestQuickFIXAtFollowers(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes and their ends take a while")
	}
	dictionary, program := dictionary(t), buildQuickfix(t)
	f := newFollowers(t)
	leader, settings := f.c.Nodes[2], f.settings(dictionary)
	received := func() (in int) {
		text, _ := os.ReadFile(filepath.Join(f.dir, "FIX.4.4-ALICE1-UNCROSS.seqnums"))
		if _, err := fmt.Sscanf(string(text), "%d : %d", new(int), &in); err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		return in
	}
	usual := append(slices.Clone(quickfixUsual), quickfixNotLoggedOn)
	for _, id := range []string{"first", "second"} {
		f.p = startProgram(t, exec.Command(program, settings, dictionary))
		f.p.tell("logon", "ALICE1")
		for range 2 {
			f.p.told("ALICE1", leader, quickfixNotLoggedOn, received)
		}
		f.p.expect("ALICE1", "the logon", func(l line) bool { return l.word == "on" })
		if id == "second" {
			f.once("first")
		}
		f.rest(id)
		if err := f.p.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		f.p.expect("-", "the engine's end", func(l line) bool { return l.word == "end" })
		f.p.noResets("ALICE1")
		f.p.audit(usual)
		f.tradeAway("carol-" + id)
	}
}

// TestJspurefixAtAFollower has jspurefix, which knows one host, come to a node that does not lead, again and again, with a
// report waiting. It goes on when that node leads.
func TestJspurefixAtAFollower(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes and their ends take a while")
	}
	f := newFollowers(t)
	here, away, folder := f.c.Nodes[0], f.c.Nodes[2], t.TempDir()
	_, port, _ := strings.Cut(here.FIX, ":")
	f.p = startJspurefixAt(t, port, folder, failoverPassword)
	received := func() (in int) {
		time.Sleep(nodes.Look) // it writes its file when it likes
		for _, file := range must(filepath.Glob(filepath.Join(folder, "*ALICE1*.seqnums"))) {
			_, _ = fmt.Sscanf(string(must(os.ReadFile(file))), "%d : %d", new(int), &in)
		}
		return max(in, 1)
	}
	turnedAway := func() {
		f.p.tell("logon", "ALICE1")
		f.p.told("ALICE1", away, jspurefixNotLoggedOn, received)
		f.p.expect("ALICE1", "the end of the try", func(l line) bool { return l.word == "off" })
	}
	turnedAway() // a new session, that expects number 1
	f.lead(here)
	f.p.logon("ALICE1")
	f.rest("first")
	f.lead(away)
	f.p.expect("ALICE1", "the end of the connection", func(l line) bool { return l.word == "off" })
	f.tradeAway("carol-first")
	for range 3 {
		turnedAway()
	}
	f.lead(here)
	f.p.logon("ALICE1")
	f.once("first")
	f.p.noResets("ALICE1")
	f.p.audit([]string{jspurefixNotLoggedOn, "unexpected state - transport failed?"})
}

// TestInitiatorAtAFollower has our own initiator, which is given the address of one node that does not lead: it goes to the
// leader.
func TestInitiatorAtAFollower(t *testing.T) {
	if testing.Short() {
		t.Skip("three processes and their ends take a while")
	}
	f := newFollowers(t)
	var told initiator.ElsewhereError
	session, err := initiator.Open(initiator.Config{Address: f.c.Nodes[0].FIX, Sender: "ALICE1", Target: "UNCROSS", Password: failoverPassword,
		OnSession: func(e initiator.Event) {
			if elsewhere := (*initiator.ElsewhereError)(nil); errors.As(e.Err, &elsewhere) {
				told = *elsewhere
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := f.c.bound()
	defer cancel()
	if err := session.WaitFirst(ctx); err != nil {
		t.Fatal(err)
	}
	if err := session.Close(ctx); err != nil {
		t.Error(err)
	}
	if leader := f.c.Nodes[2]; told.Address != leader.FIX || told.Text != leader.Name+" leads: FIX at "+leader.FIX {
		t.Errorf("told %+v", told)
	}
}

// lead hands leadership over to a node.
func (f *failover) lead(n *nodes.Node) {
	f.t.Helper()
	f.c.Make(f.c.Admin, "cluster/transfer", object{"node": n.Name}, nil)
	f.c.Await(n.Name+" leads", func() bool { return n.Leads(f.t.Context()) })
}

// must is for what does not fail.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
