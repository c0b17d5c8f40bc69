package book

// AuctionResult is the outcome of a call auction, or the indication of what it would be now.
type AuctionResult struct {
	Price       Price
	Volume      Qty
	Surplus     Qty  // what stays unmatched among the orders that could trade at Price
	SurplusSide Side // the side of the surplus; 0 if there is none
}

// Pair is one trade of a call auction between two resting orders. All are at the one price of the auction.
type Pair struct {
	Buy, Sell         OrderID
	BuyData, SellData uint64
	Qty               Qty
	BuyLeft, SellLeft Qty // what the orders have left; 0: gone from the book
}

// cross is what pairing the best buys with the best sells, as far as they cross, comes to.
type cross struct {
	volume            Qty
	lastBuy, lastSell Price // the worst prices that trade
	nextBuy, nextSell Price // the best prices that something is left at
	restBuy, restSell Qty   // how much is left there; 0: nothing is left on this side
}

// pair pairs levels that come one after the other, the best first.
func pair(buys, sells func() (Level, bool)) cross {
	var c cross
	buy, moreBuys := buys()
	sell, moreSells := sells()
	for moreBuys && moreSells && buy.Price >= sell.Price {
		q := min(buy.Qty, sell.Qty)
		c.volume += q
		c.lastBuy, c.lastSell = buy.Price, sell.Price
		if buy.Qty -= q; buy.Qty == 0 {
			buy, moreBuys = buys()
		}
		if sell.Qty -= q; sell.Qty == 0 {
			sell, moreSells = sells()
		}
	}
	if moreBuys {
		c.nextBuy, c.restBuy = buy.Price, buy.Qty
	}
	if moreSells {
		c.nextSell, c.restSell = sell.Price, sell.Qty
	}
	return c
}

// steps walks the levels of one ladder. It is valid until the book changes.
type steps struct {
	l *ladder
	r rung
}

// next returns the next level; false behind the last one.
func (s *steps) next() (Level, bool) {
	if s.r.block == 0 {
		return Level{}, false
	}
	key, lv := s.l.at(s.r)
	s.r = s.l.after(s.r)
	return Level{Price: Price(key ^ s.l.flip), Qty: lv.qty, Orders: int(lv.orders)}, true
}

// Auction returns the price and volume at which Uncross would trade now; false if nothing crosses. Indicate has the rule.
func (b *Book) Auction(ref Price, hasRef bool) (AuctionResult, bool) {
	buys := steps{b.side(Buy), b.side(Buy).first()}
	sells := steps{b.side(Sell), b.side(Sell).first()}
	return Indicate(buys.next, sells.next, ref, hasRef)
}

// Indicate returns the price and volume at which a call auction would trade orders whose levels are given; false if nothing
// crosses. Each function gives the levels of its side one after the other, the best first, and false behind the last one; no
// more of them are asked for than trade, and one of each side behind them.
//
// The price is chosen among all ticks from the best sell to the best buy: the greatest volume at which every better-priced
// order trades completely; then the least surplus; then, if the surplus is of buys at all of these prices the highest, if it
// is of sells at all of them the lowest; then the one nearest to the reference price, or, without one, the middle (the lower
// of two). (CME's rules for the indicative opening price, and the rule of the Shanghai exchange.)
//
// The prices need not be tried one by one. The greatest volume is what pairing the best buys with the best sells comes to.
// A price p has that volume when lastSell ≤ p ≤ lastBuy (the worst prices that trade), and completes better orders when
// nextBuy ≤ p ≤ nextSell (the best prices that something is left at). In that interval there is a surplus of buys at nextBuy
// only and one of sells at nextSell only, since nextBuy < nextSell.
//
//	sells    lastSell ●        ○ nextSell
//	                  ├────────┤        ● trades, ○ is left
//	buys  nextBuy ○   └────────┴─● lastBuy
func Indicate(buys, sells func() (Level, bool), ref Price, hasRef bool) (AuctionResult, bool) {
	c := pair(buys, sells)
	if c.volume == 0 {
		return AuctionResult{}, false
	}
	return c.result(ref, hasRef), true
}

// result chooses the price; c.volume is not 0.
func (c *cross) result(ref Price, hasRef bool) AuctionResult {
	lo, hi := c.lastSell, c.lastBuy
	if c.restBuy > 0 {
		lo = max(lo, c.nextBuy)
	}
	if c.restSell > 0 {
		hi = min(hi, c.nextSell)
	}
	buysOver := c.restBuy > 0 && lo == c.nextBuy    // a surplus of buys at lo
	sellsOver := c.restSell > 0 && hi == c.nextSell // a surplus of sells at hi
	free := uint64(hi) - uint64(lo) + 1             // prices without a surplus; 0 stands for 2⁶⁴
	if buysOver {
		free--
	}
	if sellsOver {
		free--
	}
	switch {
	case free != 0 || !buysOver && !sellsOver:
		if buysOver {
			lo++
		}
		if sellsOver {
			hi--
		}
	case buysOver && (!sellsOver || c.restBuy < c.restSell):
		hi = lo
	case sellsOver && (!buysOver || c.restSell < c.restBuy):
		lo = hi
	}
	price := lo + Price((uint64(hi)-uint64(lo))/2)
	if hasRef {
		price = max(lo, min(ref, hi))
	}
	r := AuctionResult{Price: price, Volume: c.volume}
	if c.restBuy > 0 && price == c.nextBuy {
		r.Surplus, r.SurplusSide = c.restBuy, Buy
	}
	if c.restSell > 0 && price == c.nextSell {
		r.Surplus, r.SurplusSide = c.restSell, Sell
	}
	return r
}

// Uncross ends a call auction: it trades at the one price that Auction finds. Buys and sells are paired by price and time,
// each pair for the smaller of the two quantities; the pairs are appended to the caller's buffer. What is left keeps its
// priority, and the book is not crossed any more. A Volume of 0 says that nothing crossed.
func (b *Book) Uncross(ref Price, hasRef bool, pairs []Pair) (AuctionResult, []Pair) {
	r, ok := b.Auction(ref, hasRef)
	if !ok {
		return AuctionResult{}, pairs
	}
	left := r.Volume
	for left > 0 {
		var p Pair
		buy, sell := b.head(b.side(Buy)), b.head(b.side(Sell))
		p.Qty = min(buy.qty, sell.qty)
		p.Buy, p.BuyData, p.BuyLeft = buy.id, buy.data, buy.qty-p.Qty
		p.Sell, p.SellData, p.SellLeft = sell.id, sell.data, sell.qty-p.Qty
		pairs = append(pairs, p)
		b.take(b.side(Buy), p.Qty)
		b.take(b.side(Sell), p.Qty)
		left -= p.Qty
	}
	if left != 0 || b.Crossed() {
		panic("book: an auction did not trade its volume")
	}
	b.settle()
	return r, pairs
}

// head returns the first order of the best level of l, which has one.
func (b *Book) head(l *ladder) *order {
	_, lv := l.at(l.first())
	return b.orders.At(lv.head)
}

// take trades qty of the first order of the best level of l, which has at least that much.
func (b *Book) take(l *ladder, qty Qty) {
	_, lv := l.at(l.first())
	h := lv.head
	o := b.orders.Mut(h)
	if o.qty == qty {
		b.unlink(o)
		b.index.Delete(uint64(o.id))
		b.orders.Free(h)
		return
	}
	b.hash -= o.hash()
	o.qty -= qty
	lv.qty -= qty
	l.qty -= qty
	b.hash += o.hash()
}
