package book_test

import (
	"math"
	"slices"

	"uncross/book"
)

// naive is the oracle: a book that is one slice of orders in the order of their priority, searched from end to end for
// everything. Its auction tries prices literally by the rule.
type naive struct {
	orders   []book.Order
	priority uint64
}

func crosses(taker book.Side, limit, maker book.Price) bool {
	if taker == book.Buy {
		return maker <= limit
	}
	return maker >= limit
}

func better(side book.Side, a, b book.Price) bool {
	if side == book.Buy {
		return a > b
	}
	return a < b
}

func (n *naive) find(id book.OrderID) int {
	return slices.IndexFunc(n.orders, func(o book.Order) bool { return o.ID == id })
}

// best returns the index of the order whose turn it is, −1 if the side is empty.
func (n *naive) best(side book.Side) int {
	at := -1
	for i, o := range n.orders {
		if o.Side == side && (at < 0 || better(side, o.Price, n.orders[at].Price)) {
			at = i
		}
	}
	return at
}

func (n *naive) take(i int, qty book.Qty) (left book.Qty) {
	n.orders[i].Qty -= qty
	left = n.orders[i].Qty
	if left == 0 {
		n.orders = slices.Delete(n.orders, i, i+1)
	}
	return left
}

func (n *naive) match(side book.Side, limit book.Price, qty book.Qty) (book.Qty, []book.Fill) {
	var fills []book.Fill
	for qty > 0 {
		i := n.best(side.Opposite())
		if i < 0 || !crosses(side, limit, n.orders[i].Price) {
			break
		}
		o := n.orders[i]
		q := min(qty, o.Qty)
		qty -= q
		fills = append(fills, book.Fill{Maker: o.ID, MakerData: o.Data, Price: o.Price, Qty: q, MakerLeft: n.take(i, q)})
	}
	return qty, fills
}

func (n *naive) total(side book.Side) book.Qty {
	sum := book.Qty(0)
	for _, o := range n.orders {
		if o.Side == side {
			sum += o.Qty
		}
	}
	return sum
}

func (n *naive) fillable(side book.Side, limit book.Price, upTo book.Qty) book.Qty {
	left := max(0, upTo)
	for _, o := range n.orders {
		if o.Side == side.Opposite() && crosses(side, limit, o.Price) {
			left -= min(left, o.Qty)
		}
	}
	return max(0, upTo) - left
}

func (n *naive) crossesNow(side book.Side, limit book.Price) bool {
	i := n.best(side.Opposite())
	return i >= 0 && crosses(side, limit, n.orders[i].Price)
}

func (n *naive) refuseNew(o book.Order, rests bool) book.Outcome {
	switch {
	case !o.Side.Valid() || o.Qty <= 0:
		return book.Invalid
	case n.find(o.ID) >= 0:
		return book.Duplicate
	case rests && o.Qty > math.MaxInt64-n.total(o.Side):
		return book.Overflow
	}
	return 0
}

func (n *naive) add(o book.Order) {
	n.priority++
	o.Priority = n.priority
	n.orders = append(n.orders, o)
}

func (n *naive) place(o book.Order, tif book.TimeInForce, post bool) (book.Result, []book.Fill) {
	if tif < book.GTC || tif > book.FOK {
		return book.Result{Outcome: book.Invalid, Left: o.Qty}, nil
	}
	if out := n.refuseNew(o, tif == book.GTC); out != 0 {
		return book.Result{Outcome: out, Left: o.Qty}, nil
	}
	if post && n.crossesNow(o.Side, o.Price) {
		return book.Result{Outcome: book.WouldTrade, Left: o.Qty}, nil
	}
	if tif == book.FOK && n.fillable(o.Side, o.Price, o.Qty) < o.Qty {
		return book.Result{Outcome: book.Killed, Left: o.Qty}, nil
	}
	left, fills := n.match(o.Side, o.Price, o.Qty)
	if left == 0 {
		return book.Result{Outcome: book.Filled}, fills
	}
	if tif != book.GTC {
		return book.Result{Outcome: book.Dropped, Left: left}, fills
	}
	o.Qty = left
	n.add(o)
	return book.Result{Outcome: book.Rested, Left: left}, fills
}

func (n *naive) market(side book.Side, qty book.Qty) (book.Result, []book.Fill) {
	if !side.Valid() || qty <= 0 {
		return book.Result{Outcome: book.Invalid, Left: qty}, nil
	}
	limit := book.Price(math.MaxInt64)
	if side == book.Sell {
		limit = math.MinInt64
	}
	left, fills := n.match(side, limit, qty)
	if left > 0 {
		return book.Result{Outcome: book.Dropped, Left: left}, fills
	}
	return book.Result{Outcome: book.Filled}, fills
}

func (n *naive) rest(o book.Order) book.Outcome {
	if out := n.refuseNew(o, true); out != 0 {
		return out
	}
	n.add(o)
	return book.Rested
}

func (n *naive) cancel(id book.OrderID) (book.Order, bool) {
	i := n.find(id)
	if i < 0 {
		return book.Order{}, false
	}
	o := n.orders[i]
	n.orders = slices.Delete(n.orders, i, i+1)
	return o, true
}

func (n *naive) amend(id book.OrderID, price book.Price, left book.Qty, post, trades bool) (book.Result, []book.Fill) {
	i := n.find(id)
	if i < 0 {
		return book.Result{Outcome: book.Unknown, Left: left}, nil
	}
	if left <= 0 {
		return book.Result{Outcome: book.Invalid, Left: left}, nil
	}
	o := n.orders[i]
	if left > math.MaxInt64-(n.total(o.Side)-o.Qty) {
		return book.Result{Outcome: book.Overflow, Left: left}, nil
	}
	if price == o.Price && left < o.Qty {
		n.orders[i].Qty = left
		return book.Result{Outcome: book.Reduced, Left: left}, nil
	}
	if trades && post && n.crossesNow(o.Side, price) {
		return book.Result{Outcome: book.WouldTrade, Left: left}, nil
	}
	n.orders = slices.Delete(n.orders, i, i+1)
	var fills []book.Fill
	if trades {
		left, fills = n.match(o.Side, price, left)
	}
	if left == 0 {
		return book.Result{Outcome: book.Filled}, fills
	}
	o.Price, o.Qty = price, left
	n.add(o)
	return book.Result{Outcome: book.Rested, Left: left}, fills
}

// walk returns the orders of a side by price and then by time.
func (n *naive) walk(side book.Side) []book.Order {
	var out []book.Order
	for _, o := range n.orders {
		if o.Side == side {
			out = append(out, o)
		}
	}
	slices.SortStableFunc(out, func(a, b book.Order) int {
		switch {
		case a.Price == b.Price:
			return 0
		case better(side, a.Price, b.Price):
			return -1
		}
		return 1
	})
	return out
}

func (n *naive) levels(side book.Side) []book.Level {
	var out []book.Level
	for _, o := range n.walk(side) {
		if len(out) == 0 || out[len(out)-1].Price != o.Price {
			out = append(out, book.Level{Price: o.Price})
		}
		l := &out[len(out)-1]
		l.Qty += o.Qty
		l.Orders++
	}
	return out
}

// stretch is a run of prices, all of which an auction sees alike.
type stretch struct {
	lo, hi  book.Price
	volume  book.Qty
	surplus book.Qty  // absolute
	side    book.Side // of the surplus
}

// look judges one price: ok is false if a better-priced order would not trade completely there.
func (n *naive) look(p book.Price) (s stretch, ok bool) {
	var demand, supply, betterBuys, betterSells book.Qty
	for _, o := range n.orders {
		switch {
		case o.Side == book.Buy && o.Price >= p:
			demand += o.Qty
			if o.Price > p {
				betterBuys += o.Qty
			}
		case o.Side == book.Sell && o.Price <= p:
			supply += o.Qty
			if o.Price < p {
				betterSells += o.Qty
			}
		}
	}
	s = stretch{lo: p, hi: p, volume: min(demand, supply)}
	switch {
	case demand > supply:
		s.surplus, s.side = demand-supply, book.Buy
	case supply > demand:
		s.surplus, s.side = supply-demand, book.Sell
	}
	return s, betterBuys <= s.volume && betterSells <= s.volume
}

// everyTick looks at all prices from lo to hi one by one.
func (n *naive) everyTick(lo, hi book.Price) (out []stretch) {
	for p := lo; ; p++ {
		if s, ok := n.look(p); ok {
			out = append(out, s)
		}
		if p == hi {
			return out
		}
	}
}

// everyStretch looks at each level's price and at each gap between two.
func (n *naive) everyStretch(lo, hi book.Price) (out []stretch) {
	var prices []book.Price
	for _, o := range n.orders {
		if o.Price >= lo && o.Price <= hi {
			prices = append(prices, o.Price)
		}
	}
	slices.Sort(prices)
	prices = slices.Compact(prices)
	for i, p := range prices {
		if s, ok := n.look(p); ok {
			out = append(out, s)
		}
		if i+1 < len(prices) && prices[i+1]-1 > p {
			if s, ok := n.look(p + 1); ok {
				s.hi = prices[i+1] - 1
				out = append(out, s)
			}
		}
	}
	return out
}

// auction applies the rule step by step to the prices that can be.
func (n *naive) auction(ref book.Price, hasRef, literal bool) (book.AuctionResult, bool) {
	bi, si := n.best(book.Buy), n.best(book.Sell)
	if bi < 0 || si < 0 || n.orders[bi].Price < n.orders[si].Price {
		return book.AuctionResult{}, false
	}
	var all []stretch
	if lo, hi := n.orders[si].Price, n.orders[bi].Price; literal {
		all = n.everyTick(lo, hi)
	} else {
		all = n.everyStretch(lo, hi)
	}
	most := book.Qty(0)
	for _, s := range all {
		most = max(most, s.volume)
	}
	all = slices.DeleteFunc(all, func(s stretch) bool { return s.volume < most })
	least := book.Qty(math.MaxInt64)
	for _, s := range all {
		least = min(least, s.surplus)
	}
	all = slices.DeleteFunc(all, func(s stretch) bool { return s.surplus > least })
	only := func(side book.Side) bool {
		return !slices.ContainsFunc(all, func(s stretch) bool { return s.side != side })
	}
	lo, hi := all[0].lo, all[len(all)-1].hi
	switch {
	case only(book.Buy):
		lo = hi
	case only(book.Sell):
		hi = lo
	}
	price := lo + book.Price((uint64(hi)-uint64(lo))/2)
	if hasRef {
		price = max(lo, min(ref, hi))
	}
	s, _ := n.look(price)
	return book.AuctionResult{Price: price, Volume: s.volume, Surplus: s.surplus, SurplusSide: s.side}, true
}

func (n *naive) uncross(ref book.Price, hasRef bool) (book.AuctionResult, []book.Pair) {
	r, ok := n.auction(ref, hasRef, false)
	if !ok {
		return r, nil
	}
	var pairs []book.Pair
	for left := r.Volume; left > 0; {
		b, s := n.orders[n.best(book.Buy)], n.orders[n.best(book.Sell)]
		q := min(b.Qty, s.Qty, left)
		p := book.Pair{Buy: b.ID, Sell: s.ID, BuyData: b.Data, SellData: s.Data, Qty: q}
		p.BuyLeft = n.take(n.best(book.Buy), q)
		p.SellLeft = n.take(n.best(book.Sell), q)
		pairs = append(pairs, p)
		left -= q
	}
	return r, pairs
}
