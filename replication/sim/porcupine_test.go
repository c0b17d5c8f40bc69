package sim

import (
	"slices"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"uncross/engine/wire"
)

// explain checks with porcupine, which knows nothing of the log, that what the clients were told can have happened in one
// order in which every answer lies between its request and itself: for each account's gold, and for the book that has one
// price. A history that takes too long to explain is passed over; it returns how many were explained.
func explain(t *testing.T, r *Result) (explained int) {
	t.Helper()
	gold := make(map[wire.AccountID][]porcupine.Operation)
	var book []porcupine.Operation
	onBook := make(map[wire.Text]bool)
	for _, o := range r.History {
		if o.Request.Kind == wire.CmdNewOrder {
			var m wire.NewOrder
			m.Get(&o.Request)
			onBook[m.ClientID] = m.Instrument == narrow
		}
	}
	for _, o := range r.History {
		p := porcupine.Operation{ClientId: o.Client, Call: o.Asked.UnixNano(), Return: o.Told.UnixNano()}
		if in, out, ok := transfer(&o); ok {
			p.Input, p.Output = in, out
			gold[in.account] = append(gold[in.account], p)
		} else if in, out, ok := order(&o); ok && onBook[in.id] {
			p.Input, p.Output = in, out
			book = append(book, p)
		}
	}
	histories := [][]porcupine.Operation{book}
	models := []porcupine.Model{bookModel}
	for _, h := range gold {
		histories, models = append(histories, h), append(models, goldModel)
	}
	for i, h := range histories {
		switch porcupine.CheckOperationsTimeout(models[i], h, 2*time.Second) {
		case porcupine.Ok:
			explained++
		case porcupine.Illegal:
			t.Errorf("seed %d: %d operations cannot be explained by any order", r.o.Seed, len(h))
		}
	}
	return explained
}

// What a client asked about an account's gold, and what it was told.
type (
	transferIn struct {
		account wire.AccountID
		add     bool
		amount  uint64
	}
	transferOut struct {
		done      bool
		available uint64
	}
)

func transfer(o *Operation) (in transferIn, out transferOut, ok bool) {
	if o.Request.Kind != wire.CmdDeposit && o.Request.Kind != wire.CmdWithdraw {
		return in, out, false
	}
	var m wire.Transfer
	m.Get(&o.Request)
	in = transferIn{m.Account, o.Request.Kind == wire.CmdDeposit, m.Amount.Lo}
	if e := &o.Answer[0]; e.Kind == wire.EvDeposited || e.Kind == wire.EvWithdrawn {
		var d wire.Transferred
		d.GetEvent(e)
		out = transferOut{true, d.Available.Lo}
	}
	return in, out, m.Asset == gold
}

var goldModel = porcupine.Model{
	Init: func() any { return uint64(0) },
	Step: func(state, input, output any) (bool, any) {
		have, in, out := state.(uint64), input.(transferIn), output.(transferOut)
		switch {
		case in.add:
			have += in.amount
		case in.amount > have:
			return !out.done, have
		default:
			have -= in.amount
		}
		return out.done && out.available == have, have
	},
}

// What a client asked about an order in the book that has one price, and what it was told.
type (
	orderIn struct {
		kind wire.CommandKind
		id   wire.Text
		side wire.Side
		qty  wire.Qty
	}
	orderOut struct {
		done   bool
		filled wire.Qty // new order: on entry; query: so far
		left   wire.Qty // canceled
	}
	resting struct {
		id        wire.Text
		side      wire.Side
		qty, left wire.Qty
	}
)

func order(o *Operation) (in orderIn, out orderOut, ok bool) {
	in.kind = o.Request.Kind
	e := &o.Answer[0]
	switch in.kind {
	case wire.CmdNewOrder:
		var m wire.NewOrder
		m.Get(&o.Request)
		in.id, in.side, in.qty = m.ClientID, m.Side, m.Qty
		if e.Kind != wire.EvOrderAccepted {
			return in, out, true
		}
		var a wire.OrderAccepted
		a.GetEvent(e)
		out = orderOut{done: true, filled: a.First.Filled}
		for i := range o.Answer {
			if o.Answer[i].Kind == wire.EvTrade {
				var t wire.Trade
				t.GetEvent(&o.Answer[i])
				out.filled += t.Qty
			}
		}
	case wire.CmdCancelOrder:
		var m wire.CancelOrder
		m.Get(&o.Request)
		in.id = m.Target.ClientID
		if e.Kind == wire.EvOrderCanceled {
			var c wire.OrderCanceled
			c.GetEvent(e)
			out = orderOut{done: true, left: c.Left}
		}
	case wire.CmdQueryOrder:
		var m wire.QueryOrder
		m.Get(&o.Request)
		in.id = m.Target.ClientID
		if e.Kind == wire.EvOrderState {
			var s wire.OrderState
			s.GetEvent(e)
			out = orderOut{done: true, filled: s.Filled}
		}
	default:
		return in, out, false
	}
	return in, out, true
}

var bookModel = porcupine.Model{
	Init:  func() any { return []resting(nil) },
	Equal: func(a, b any) bool { return slices.Equal(a.([]resting), b.([]resting)) },
	Step: func(state, input, output any) (bool, any) {
		queue, in, out := state.([]resting), input.(orderIn), output.(orderOut)
		if in.kind == wire.CmdNewOrder {
			return enter(queue, in, out)
		}
		at := slices.IndexFunc(queue, func(r resting) bool { return r.id == in.id })
		if at < 0 || !out.done {
			return at < 0 && !out.done, queue
		}
		r := queue[at]
		if in.kind == wire.CmdQueryOrder {
			return out.filled == r.qty-r.left, queue
		}
		return out.left == r.left, slices.Delete(slices.Clone(queue), at, at+1)
	},
}

// enter matches a new order against the other side, the oldest first. All that rests is of one side.
func enter(queue []resting, in orderIn, out orderOut) (bool, any) {
	queue = slices.Clone(queue)
	left := in.qty
	for left > 0 && len(queue) > 0 && queue[0].side != in.side {
		n := min(left, queue[0].left)
		left -= n
		if queue[0].left -= n; queue[0].left == 0 {
			queue = queue[1:]
		}
	}
	if left > 0 {
		queue = append(queue, resting{in.id, in.side, in.qty, left})
	}
	return out.done && out.filled == in.qty-left, queue
}
