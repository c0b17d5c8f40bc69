package wire

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the golden vectors anew")

// commands are all kinds of commands with the bodies that make them, in the order of their numbers.
var commands = []struct {
	kind CommandKind
	body interface{ Get(*Command) }
	put  func(any, *Command)
}{
	{CmdGenesis, &Genesis{}, put[*Genesis]}, {CmdSetRules, &SetRules{}, put[*SetRules]}, {CmdTick, &Tick{}, put[*Tick]},
	{CmdLogon, &Logon{}, put[*Logon]}, {CmdAddAsset, &AddAsset{}, put[*AddAsset]},
	{CmdAddInstrument, &AddInstrument{}, put[*AddInstrument]}, {CmdSetInstrument, &SetInstrument{}, put[*SetInstrument]},
	{CmdSetPhase, &SetPhase{}, put[*SetPhase]}, {CmdAddFirm, &AddFirm{}, put[*AddFirm]}, {CmdAddUser, &AddUser{}, put[*AddUser]},
	{CmdAddKey, &AddKey{}, put[*AddKey]}, {CmdRevokeKey, &RevokeKey{}, put[*RevokeKey]},
	{CmdAddAccount, &AddAccount{}, put[*AddAccount]},
	{CmdDeposit, &Transfer{}, func(m any, c *Command) { m.(*Transfer).PutDeposit(c) }},
	{CmdWithdraw, &Transfer{}, func(m any, c *Command) { m.(*Transfer).PutWithdraw(c) }},
	{CmdNewOrder, &NewOrder{}, put[*NewOrder]}, {CmdCancelOrder, &CancelOrder{}, put[*CancelOrder]},
	{CmdReplaceOrder, &ReplaceOrder{}, put[*ReplaceOrder]}, {CmdCancelAll, &CancelAll{}, put[*CancelAll]},
	{CmdMassCancel, &MassCancel{}, put[*MassCancel]}, {CmdQueryOrder, &QueryOrder{}, put[*QueryOrder]},
	{CmdAddSession, &AddSession{}, put[*AddSession]}, {CmdSetSession, &SetSession{}, put[*SetSession]},
	{CmdSessionMessage, &SessionMessage{}, put[*SessionMessage]},
}

func put[T interface{ Put(*Command) }](m any, c *Command) { m.(T).Put(c) }

func putEvent[T interface{ PutEvent(*Event) }](m any, e *Event) { m.(T).PutEvent(e) }

// events are all kinds of events, likewise.
var events = []struct {
	kind EventKind
	body interface{ GetEvent(*Event) }
	put  func(any, *Event)
}{
	{EvRejected, &Rejected{}, putEvent[*Rejected]}, {EvAccepted, &Accepted{}, putEvent[*Accepted]},
	{EvVenue, &Genesis{}, putEvent[*Genesis]}, {EvAsset, &Asset{}, putEvent[*Asset]},
	{EvInstrument, &Instrument{}, putEvent[*Instrument]}, {EvPhase, &PhaseChanged{}, putEvent[*PhaseChanged]},
	{EvUncrossed, &Uncrossed{}, putEvent[*Uncrossed]}, {EvFirm, &Firm{}, putEvent[*Firm]}, {EvUser, &User{}, putEvent[*User]},
	{EvKey, &Key{}, putEvent[*Key]}, {EvAccount, &Account{}, putEvent[*Account]},
	{EvDeposited, &Transferred{}, func(m any, e *Event) { m.(*Transferred).PutEvent(e, EvDeposited) }},
	{EvWithdrawn, &Transferred{}, func(m any, e *Event) { m.(*Transferred).PutEvent(e, EvWithdrawn) }},
	{EvOrderAccepted, &OrderAccepted{}, putEvent[*OrderAccepted]}, {EvTrade, &Trade{}, putEvent[*Trade]},
	{EvOrderCanceled, &OrderCanceled{}, putEvent[*OrderCanceled]}, {EvOrderReplaced, &OrderReplaced{}, putEvent[*OrderReplaced]},
	{EvOrderState, &OrderState{}, putEvent[*OrderState]}, {EvMassCanceled, &MassCanceled{}, putEvent[*MassCanceled]},
	{EvStateHash, &StateHash{}, putEvent[*StateHash]},
	{EvImageBegin, &Image{}, func(m any, e *Event) { m.(*Image).PutEvent(e, EvImageBegin) }},
	{EvImageBalance, &Balance{}, putEvent[*Balance]},
	{EvImageEnd, &Image{}, func(m any, e *Event) { m.(*Image).PutEvent(e, EvImageEnd) }},
	{EvImageInstrument, &InstrumentState{}, putEvent[*InstrumentState]},
	{EvSession, &Session{}, putEvent[*Session]}, {EvSessionMessage, &SessionMessage{}, putEvent[*SessionMessage]},
	{EvOrderRejected, &OrderRejected{}, putEvent[*OrderRejected]},
}

// fill sets every field to bytes that are all different, counting on from n.
func fill(v reflect.Value, n *uint64) {
	if t, ok := v.Addr().Interface().(*Text); ok {
		*n++
		*t = MustText(fmt.Sprintf("text %d", *n))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	default:
		x := uint64(0)
		for range v.Type().Size() {
			*n++
			x = x<<8 | *n&0x7f
		}
		if v.CanInt() {
			v.SetInt(int64(x))
		} else {
			v.SetUint(x)
		}
	}
}

// TestGolden holds every kind to its bytes. The files change with a new version of a layout only.
func TestGolden(t *testing.T) {
	var c, e strings.Builder
	for _, k := range commands {
		n := uint64(k.kind)
		fill(reflect.ValueOf(k.body).Elem(), &n)
		cmd := Command{Key: 0x01020304, TimeNs: 0x1112131415161718, SentNs: -2, Origin: Origin{0x2122232425262728, 0x31}}
		k.put(k.body, &cmd)
		b := AppendCommand(nil, &cmd)
		fmt.Fprintf(&c, "%d %s\n", k.kind, hex.EncodeToString(b))
		roundCommand(t, k.kind, k.body, &cmd, b)
	}
	for _, k := range events {
		n := uint64(k.kind)
		fill(reflect.ValueOf(k.body).Elem(), &n)
		ev := Event{Flags: FlagLast | FlagRepeat, Ord: 7, Seq: 0x0102030405060708, TimeNs: 9, Origin: Origin{10, 11}}
		k.put(k.body, &ev)
		b := AppendEvent(nil, &ev)
		fmt.Fprintf(&e, "%d %s\n", k.kind, hex.EncodeToString(b))
		roundEvent(t, k.kind, k.body, &ev, b)
	}
	golden(t, "commands.golden", c.String())
	golden(t, "events.golden", e.String())
	golden(t, "batch.golden", hex.EncodeToString(Batch{Term: 0x0102030405060708, Sequence: 9, Count: 10}.AppendHeader(nil))+"\n")
}

func roundCommand(t *testing.T, k CommandKind, body interface{ Get(*Command) }, c *Command, b []byte) {
	t.Helper()
	var back Command
	rest, err := DecodeCommand(&back, append(bytes.Clone(b), 0xee))
	if err != nil || len(rest) != 1 || back != *c || back.Kind != k || !k.Known() {
		t.Fatalf("command %d does not come back: %v", k, err)
	}
	again := reflect.New(reflect.TypeOf(body).Elem())
	again.Interface().(interface{ Get(*Command) }).Get(&back)
	if !reflect.DeepEqual(again.Interface(), body) {
		t.Fatalf("the body of command %d does not come back: %v, was %v", k, again, body)
	}
	for i := range len(b) {
		if _, err := DecodeCommand(&back, b[:i]); err == nil {
			t.Fatalf("command %d cut off at %d is accepted", k, i)
		}
	}
}

func roundEvent(t *testing.T, k EventKind, body interface{ GetEvent(*Event) }, e *Event, b []byte) {
	t.Helper()
	var back Event
	rest, err := DecodeEvent(&back, append(bytes.Clone(b), 0xee))
	if err != nil || len(rest) != 1 || back != *e || back.Kind != k || !k.Known() {
		t.Fatalf("event %d does not come back: %v", k, err)
	}
	again := reflect.New(reflect.TypeOf(body).Elem())
	again.Interface().(interface{ GetEvent(*Event) }).GetEvent(&back)
	if !reflect.DeepEqual(again.Interface(), body) {
		t.Fatalf("the body of event %d does not come back: %v, was %v", k, again, body)
	}
	for i := range len(b) {
		if _, err := DecodeEvent(&back, b[:i]); err == nil {
			t.Fatalf("event %d cut off at %d is accepted", k, i)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: the bytes are others than the golden ones:\n%s", name, got)
	}
}

// TestKinds: every kind in the tables above is known, and no other.
func TestKinds(t *testing.T) {
	known := 0
	for k := range 256 {
		if CommandKind(k).Known() {
			known++
		}
		if EventKind(k).Known() {
			known++
		}
	}
	if known != len(commands)+len(events) {
		t.Errorf("%d kinds are known, the tests have %d", known, len(commands)+len(events))
	}
}

// TestPutClears: a command that is used again carries nothing of what it was.
func TestPutClears(t *testing.T) {
	var c, fresh Command
	n := uint64(0)
	long := new(NewOrder)
	fill(reflect.ValueOf(long).Elem(), &n)
	long.Put(&c)
	(&MassCancel{Instrument: 3}).Put(&c)
	(&MassCancel{Instrument: 3}).Put(&fresh)
	if c != fresh {
		t.Error("a command keeps bytes of what it was before")
	}
}

func TestAppendPanicsOnUnknownKind(t *testing.T) {
	for name, f := range map[string]func(){
		"command": func() { AppendCommand(nil, &Command{Kind: 255}) },
		"event":   func() { AppendEvent(nil, &Event{Kind: 255}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s of unknown kind is written", name)
				}
			}()
			f()
		}()
	}
}

// TestCodecAllocatesNothing: bodies are written and read on the stack.
func TestCodecAllocatesNothing(t *testing.T) {
	var c Command
	var e Event
	b := make([]byte, 0, 512)
	order := NewOrder{Account: 2, Qty: 3, ClientID: MustText("x")}
	trade := Trade{Trade: 5, Notional: Amount{Lo: 7}}
	if n := testing.AllocsPerRun(100, func() {
		order.Put(&c)
		var o NewOrder
		o.Get(&c)
		b = AppendCommand(b[:0], &c)
		if _, err := DecodeCommand(&c, b); err != nil {
			t.Fatal(err)
		}
		trade.PutEvent(&e)
		var tr Trade
		tr.GetEvent(&e)
		b = AppendEvent(b[:0], &e)
		if _, err := DecodeEvent(&e, b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
