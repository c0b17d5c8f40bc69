package engine

import "uncross/engine/wire"

// request is what the engine keeps of the command that it is applying: what a refusal names, and what identifies it as
// a repeat.
type request struct {
	kind     wire.CommandKind
	origin   wire.Origin
	ord      uint32 // events so far
	account  wire.AccountID
	order    wire.OrderID
	clientID wire.Text
	memory
}

// Apply carries out one command and appends its events to out, at least one. It does no I/O and keeps neither c nor out.
// It panics on a command of a kind that wire does not know and on a broken invariant, never on the content of a command.
func (e *Engine) Apply(c *wire.Command, out []wire.Event) []wire.Event {
	e.out = out
	e.seq++
	e.now = max(e.now, c.TimeNs)
	e.running = request{kind: c.Kind, origin: c.Origin}
	if r := e.access(c); r != wire.ReasonNone {
		e.refuse(c, r)
	} else if r = e.dispatch(c); r != wire.ReasonNone {
		e.refuse(c, r)
	}
	if e.seq%HashInterval == 0 {
		e.emitHash()
	}
	e.out[len(e.out)-1].Flags |= wire.FlagLast
	out, e.out = e.out, nil
	return out
}

// dispatch hands c to its handler, which either does all of it or gives the reason why it changed nothing.
func (e *Engine) dispatch(c *wire.Command) wire.Reason {
	switch c.Kind {
	case wire.CmdNewOrder:
		return e.newOrder(c)
	case wire.CmdCancelOrder:
		return e.cancelOrder(c)
	case wire.CmdReplaceOrder:
		return e.replaceOrder(c)
	case wire.CmdCancelAll:
		return e.cancelAll(c)
	case wire.CmdMassCancel:
		return e.massCancel(c)
	case wire.CmdQueryOrder:
		return e.queryOrder(c)
	case wire.CmdDeposit, wire.CmdWithdraw:
		return e.transfer(c)
	case wire.CmdSetPhase:
		return e.setPhase(c)
	case wire.CmdLogon:
		return e.logon(c)
	case wire.CmdTick:
		e.accept(0)
		return wire.ReasonNone
	case wire.CmdGenesis:
		return e.genesis(c)
	case wire.CmdSetRules:
		return e.setRules(c)
	case wire.CmdAddAsset:
		return e.addAsset(c)
	case wire.CmdAddInstrument:
		return e.addInstrument(c)
	case wire.CmdSetInstrument:
		return e.setInstrument(c)
	case wire.CmdAddFirm:
		return e.addFirm(c)
	case wire.CmdAddUser:
		return e.addUser(c)
	case wire.CmdAddKey:
		return e.addKey(c)
	case wire.CmdRevokeKey:
		return e.revokeKey(c)
	case wire.CmdAddAccount:
		return e.addAccount(c)
	case wire.CmdAddSession:
		return e.addSession(c)
	case wire.CmdSetSession:
		return e.setSession(c)
	case wire.CmdSessionMessage:
		return e.sessionMessage(c)
	}
	panic("engine: command of unknown kind")
}

// emit appends an event with its header filled in; the caller puts the body.
func (e *Engine) emit() *wire.Event {
	e.out = append(e.out, wire.Event{Ord: e.running.ord, Seq: e.seq, TimeNs: e.now, Origin: e.running.origin})
	e.running.ord++
	return &e.out[len(e.out)-1]
}

// accept answers a command that has nothing more to say.
func (e *Engine) accept(number uint64) {
	m := wire.Accepted{Command: e.running.kind, Number: number}
	m.PutEvent(e.emit())
}

// repeated marks the events of the running command as an earlier answer given again.
func (e *Engine) repeated() wire.Reason {
	for i := len(e.out) - int(e.running.ord); i < len(e.out); i++ {
		e.out[i].Flags |= wire.FlagRepeat
	}
	return wire.ReasonNone
}

func (e *Engine) emitHash() {
	if invariants {
		if err := e.Validate(); err != nil {
			panic(err)
		}
	}
	var m wire.StateHash
	m.Full, m.Business = e.Hashes()
	m.PutEvent(e.emit())
}

// Seq returns the number of the last command, 0 before the first.
func (e *Engine) Seq() uint64 { return e.seq }

// Now returns the engine time: the greatest time stamped on a command so far, nanoseconds since the Unix epoch.
func (e *Engine) Now() int64 { return e.now }

// SetApplied records the log index of the last entry that was applied. It is part of a snapshot and of no hash.
func (e *Engine) SetApplied(index uint64) { e.applied = index }

// Applied returns what SetApplied recorded, also after a restore.
func (e *Engine) Applied() uint64 { return e.applied }
