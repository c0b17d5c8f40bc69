package foreign

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"uncross/engine/wire"
	"uncross/gateway/mirror"
)

// model is a naive book: its orders in the order of their entry.
type model struct {
	orders []mirror.Resting
	next   wire.OrderID
}

// queue returns the orders of a side in priority order.
func (m *model) queue(side wire.Side) (out []mirror.Resting) {
	for _, o := range m.orders {
		if o.Side == side {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b mirror.Resting) int {
		if side == wire.Buy {
			return cmp.Compare(b.Price, a.Price)
		}
		return cmp.Compare(a.Price, b.Price)
	})
	return out
}

func (m *model) levels(side wire.Side, depth int) (out []mirror.Level) {
	for _, o := range m.queue(side) {
		if n := len(out); n > 0 && out[n-1].Price == o.Price {
			out[n-1].Qty += o.Qty
			out[n-1].Orders++
			continue
		}
		if len(out) == depth {
			break
		}
		out = append(out, mirror.Level{Price: o.Price, Qty: o.Qty, Orders: 1})
	}
	return out
}

// shows reports whether a price is one of the best levels.
func (m *model) shows(side wire.Side, price wire.Price, depth int) bool {
	return slices.ContainsFunc(m.levels(side, depth), func(l mirror.Level) bool { return l.Price == price })
}

// enter makes an order that does not cross.
func (m *model) enter(r *rand.Rand) mirror.Resting {
	m.next++
	o := mirror.Resting{Order: m.next, Side: wire.Side(1 + r.IntN(2)), Price: wire.Price(1001 + r.IntN(12)), Qty: wire.Qty(1 + r.IntN(9))}
	if o.Side == wire.Buy {
		o.Price = wire.Price(1000 - r.IntN(12))
	}
	m.orders = append(m.orders, o)
	return o
}

// take takes lots off an order.
func (m *model) take(id wire.OrderID, qty wire.Qty) {
	i := slices.IndexFunc(m.orders, func(o mirror.Resting) bool { return o.Order == id })
	if m.orders[i].Qty -= qty; m.orders[i].Qty == 0 {
		m.orders = slices.Delete(m.orders, i, i+1)
	}
}

// first returns the order of a random side whose turn it is.
func (m *model) first(r *rand.Rand) (mirror.Resting, bool) {
	q := m.queue(wire.Side(1 + r.IntN(2)))
	if len(q) == 0 {
		return mirror.Resting{}, false
	}
	return q[0], true
}

// lobsterDay makes the files of a random day that begins with some orders: only what happens in the window is in them.
func lobsterDay(r *rand.Rand, depth, messages int) (msgs, rows string) {
	var m model
	for range 30 {
		m.enter(r)
	}
	var a, b strings.Builder
	show := func(typ int, o mirror.Resting, qty wire.Qty) {
		direction := map[wire.Side]int{wire.Buy: 1, wire.Sell: -1}[o.Side]
		fmt.Fprintf(&a, "%d,%d,%d,%d,%d,%d\n", 34200+a.Len(), typ, o.Order, qty, o.Price, direction)
		buys, sells := m.levels(wire.Buy, depth), m.levels(wire.Sell, depth)
		var row []string
		for i := range depth {
			for _, side := range []struct {
				levels []mirror.Level
				dummy  wire.Price
			}{{sells, 9999999999}, {buys, -9999999999}} {
				l := mirror.Level{Price: side.dummy}
				if i < len(side.levels) {
					l = side.levels[i]
				}
				row = append(row, fmt.Sprintf("%d,%d", l.Price, l.Qty))
			}
		}
		b.WriteString(strings.Join(row, ",") + "\n")
	}
	show(lobHidden, mirror.Resting{Side: wire.Buy, Price: 1}, 1)
	for range messages {
		switch n := r.IntN(10); {
		case n < 5 || len(m.orders) == 0:
			if o := m.enter(r); m.shows(o.Side, o.Price, depth) {
				show(lobNew, o, o.Qty)
			}
		case n < 8:
			o := m.orders[r.IntN(len(m.orders))]
			qty, typ := o.Qty, lobDelete
			if o.Qty > 1 && n == 7 {
				qty, typ = o.Qty-1, lobReduce
			}
			seen := m.shows(o.Side, o.Price, depth)
			m.take(o.Order, qty)
			if seen {
				show(typ, o, qty)
			}
		default:
			if o, ok := m.first(r); ok {
				qty := wire.Qty(1 + r.IntN(int(o.Qty)))
				m.take(o.Order, qty)
				show(lobExecution, o, qty)
			}
		}
	}
	return strings.TrimSuffix(a.String(), "\n"), strings.TrimSuffix(b.String(), "\n")
}

// TestLobsterDays runs random days with windows of several depths.
func TestLobsterDays(t *testing.T) {
	for _, depth := range []int{1, 2, 3, 10, 20} {
		taken, left := uint64(0), uint64(0)
		for seed := range uint64(20) {
			messages, rows := lobsterDay(rand.New(rand.NewPCG(seed, uint64(depth))), depth, 400)
			w := newFollower()
			l := newLobster(textLines("messages", messages), textLines("rows", rows), w.take)
			w.check(t, l.Books(), l.Run(nil))
			r := &l.Result
			if !r.OK() || r.Problems.Total() != 0 || r.Rows.Equal != r.Rows.Total || r.Rows.Total == 0 || r.Levels != depth || r.Head == 0 {
				t.Fatalf("depth %d, seed %d: %+v", depth, seed, r)
			}
			taken, left = taken+r.Taken, left+r.Left
		}
		// There are twelve prices a side.
		if edges := depth < 12; edges != (taken > 0) || edges != (left > 0) {
			t.Errorf("depth %d: %d levels taken, %d left", depth, taken, left)
		}
	}
}

// TestITCHDays runs random days of several instruments, with every message that changes a book, against a naive book.
func TestITCHDays(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		var books [4]model
		refs := map[wire.OrderID]uint64{} // of the model's orders
		ref := uint64(0)
		var text strings.Builder
		executions := uint64(0)
		for range 1000 {
			i := 1 + r.IntN(3)
			m := &books[i]
			m.next = wire.OrderID(i) + 4*(m.next/4+1) // unique in all books
			switch n := r.IntN(12); {
			case n < 5 || len(m.orders) == 0:
				o := m.enter(r)
				ref++
				refs[o.Order] = ref
				fmt.Fprintf(&text, "%c locate=%d ref=%d side=%c shares=%d stock=S%d price=%d mpid=AB\n", "AF"[n%2], i, ref, " BS"[o.Side], o.Qty, i, o.Price)
			case n < 7:
				if o, ok := m.first(r); ok {
					executions++
					qty := wire.Qty(1 + r.IntN(int(o.Qty)))
					m.take(o.Order, qty)
					fmt.Fprintf(&text, "%c locate=%d ref=%d shares=%d printable=Y price=%d\n", "EC"[n-5], i, refs[o.Order], qty, o.Price)
				}
			case n < 9:
				o := m.orders[r.IntN(len(m.orders))]
				qty := wire.Qty(1 + r.IntN(int(o.Qty)))
				m.take(o.Order, qty)
				fmt.Fprintf(&text, "X locate=%d ref=%d shares=%d\n", i, refs[o.Order], qty)
			case n < 10:
				o := m.orders[r.IntN(len(m.orders))]
				m.take(o.Order, o.Qty)
				fmt.Fprintf(&text, "D locate=%d ref=%d\n", i, refs[o.Order])
			default:
				o := m.orders[r.IntN(len(m.orders))]
				m.take(o.Order, o.Qty)
				price, qty := o.Price, wire.Qty(1+r.IntN(9))
				if n == 11 {
					price = o.Price + 1 - 2*wire.Price(o.Side&1) // away from the other side
				}
				ref++
				fmt.Fprintf(&text, "U locate=%d ref=%d new=%d shares=%d price=%d\n", i, refs[o.Order], ref, qty, price)
				refs[o.Order] = ref
				m.orders = append(m.orders, mirror.Resting{Order: o.Order, Side: o.Side, Price: price, Qty: qty})
			}
		}
		w := newFollower()
		x := newITCH("day", bufio.NewReader(bytes.NewReader(itchBytes(t, text.String()))), nil, w.take)
		w.check(t, x.Books(), x.Run(nil))
		res := &x.Result
		if !res.OK() || res.Problems.Total() != 0 || res.Executions != (Count{executions, executions}) || res.Unknown != [256]uint64{} {
			t.Fatalf("seed %d: %s, %+v", seed, res.First, res.Problems)
		}
		for i := 1; i <= 3; i++ {
			for _, side := range []wire.Side{wire.Buy, wire.Sell} {
				k := x.Books().Book(wire.InstrumentID(i))
				if got, want := k.Levels(side, 0, nil), books[i].levels(side, 1<<30); !slices.Equal(got, want) {
					t.Fatalf("seed %d, instrument %d: %+v, want %+v", seed, i, got, want)
				}
				at := 0
				for o := range k.Orders(side) {
					want := books[i].queue(side)[at]
					if named, ok := x.market.find(Name{wire.InstrumentID(i), refs[want.Order]}); !ok || named != o || o.Qty != want.Qty || o.Price != want.Price {
						t.Fatalf("seed %d: order %+v where %+v is", seed, o, want)
					}
					at++
				}
			}
		}
	}
}

// TestMBODays runs random days of two instruments against the levels of a naive book behind every record.
func TestMBODays(t *testing.T) {
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 2))
		var books [3]model
		records := []string{"sequence,ts_event,instrument_id,action,side,price,size,order_id,symbol"}
		levels := []string{"instrument_id,ts_event,sequence," + strings.Join(levelHeader(3), ",")}
		fills := uint64(0)
		for n := range 600 {
			i := 1 + r.IntN(2)
			m := &books[i]
			before := len(records)
			put := func(action byte, side wire.Side, price wire.Price, qty wire.Qty, id wire.OrderID) {
				records = append(records, fmt.Sprintf("%d,%d,%d,%c,%c,%d.5,%d,%d,S%d", n, n/2, i, action, "NBA"[side], price, qty, id, i))
			}
			switch k := r.IntN(10); {
			case k < 5 || len(m.orders) == 0:
				o := m.enter(r)
				put('A', o.Side, o.Price, o.Qty, o.Order)
			case k < 6:
				o := m.orders[r.IntN(len(m.orders))]
				qty := wire.Qty(1 + r.IntN(int(o.Qty)))
				m.take(o.Order, qty)
				put('C', o.Side, o.Price, qty, o.Order)
			case k < 8:
				o := m.orders[r.IntN(len(m.orders))]
				price, qty := o.Price-wire.Price(r.IntN(2))*(3-2*wire.Price(o.Side)), wire.Qty(1+r.IntN(9))
				if price == o.Price && qty <= o.Qty {
					if qty < o.Qty {
						m.take(o.Order, o.Qty-qty)
					}
				} else {
					m.take(o.Order, o.Qty)
					m.orders = append(m.orders, mirror.Resting{Order: o.Order, Side: o.Side, Price: price, Qty: qty})
				}
				put('M', o.Side, price, qty, o.Order)
			default:
				if o, ok := m.first(r); ok {
					fills++
					qty := wire.Qty(1 + r.IntN(int(o.Qty)))
					m.take(o.Order, qty)
					put('T', o.Side.Opposite(), o.Price, qty, 0)
					put('F', o.Side, o.Price, qty, o.Order)
					put('C', o.Side, o.Price, qty, o.Order)
				}
			}
			if len(records) > before {
				levels = append(levels, fmt.Sprintf("%d,%d,%d,", i, n/2, n)+levelRow(m, 3))
			}
		}
		w := newFollower()
		m, err := newMBO(textLines("mbo", strings.Join(records, "\n")), textLines("mbp", strings.Join(levels, "\n")), MBOOptions{Sink: w.take, Unlinked: seed%4 == 0})
		if err != nil {
			t.Fatal(err)
		}
		w.check(t, m.Books(), m.Run(nil))
		rows := uint64(len(levels) - 1)
		if res := &m.Result; res.Problems.Total() != 0 || res.Head != fills || res.Fills != fills || res.Rows != (Count{rows, rows}) || !res.OK() {
			t.Fatalf("seed %d: %s, rows %+v, %+v", seed, res.First, res.Rows, res.Problems)
		}
	}
}

func levelHeader(depth int) (names []string) {
	for i := range depth {
		for _, side := range []string{"ask", "bid"} {
			for _, what := range []string{"ct", "px", "sz"} {
				names = append(names, fmt.Sprintf("%s_%s_%02d", side, what, i))
			}
		}
	}
	return names
}

// levelRow writes the levels of a book in the order of levelHeader.
func levelRow(m *model, depth int) string {
	buys, sells := m.levels(wire.Buy, depth), m.levels(wire.Sell, depth)
	var cells []string
	for i := range depth {
		for _, side := range [][]mirror.Level{sells, buys} {
			if i < len(side) {
				cells = append(cells, fmt.Sprintf("%d,%d.500000000,%d", side[i].Orders, side[i].Price, side[i].Qty))
			} else {
				cells = append(cells, "0,,0")
			}
		}
	}
	return strings.Join(cells, ",")
}
