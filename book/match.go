package book

// Fill is one trade of an incoming order with a resting one, at the resting order's price.
type Fill struct {
	Maker     OrderID
	MakerData uint64
	Price     Price
	Qty       Qty
	MakerLeft Qty // what the maker has left; 0: it is gone from the book
}

// Crosses reports whether an order that comes in on the given side with this limit would trade at once.
func (b *Book) Crosses(side Side, limit Price) bool {
	l := b.side(side.Opposite())
	return l.levels > 0 && l.best <= int64(limit)^l.flip
}

// Match trades an incoming order of the given side, limit and quantity against the other side: best price first, at one price
// first come first served. It appends the fills to the caller's buffer and returns the quantity that did not trade, which
// does not come to rest. It allocates only if the buffer is too small.
func (b *Book) Match(side Side, limit Price, qty Qty, fills []Fill) (Qty, []Fill) {
	qty, fills = b.match(side, limit, qty, fills)
	b.settle()
	return qty, fills
}

func (b *Book) match(side Side, limit Price, qty Qty, fills []Fill) (Qty, []Fill) {
	l := b.side(side.Opposite())
	worst := int64(limit) ^ l.flip
	for qty > 0 && l.levels > 0 && l.best <= worst {
		qty, fills = b.matchLevel(l, qty, fills)
	}
	return qty, fills
}

// matchLevel trades qty against the best level of l and returns what is left of it.
func (b *Book) matchLevel(l *ladder, qty Qty, fills []Fill) (Qty, []Fill) {
	key := l.best
	price := Price(key ^ l.flip)
	bl := b.blocks.Mut(l.touch)
	lv := &bl.levels[key&blockMask]
	before := qty
	h := lv.head
	for h != 0 && qty > 0 {
		o := b.orders.Mut(h)
		b.hash -= o.hash()
		if qty < o.qty {
			o.qty -= qty
			b.hash += o.hash()
			fills = append(fills, Fill{Maker: o.id, MakerData: o.data, Price: price, Qty: qty, MakerLeft: o.qty})
			qty = 0
			break
		}
		qty -= o.qty
		fills = append(fills, Fill{Maker: o.id, MakerData: o.data, Price: price, Qty: o.qty})
		next := o.next
		b.index.Delete(uint64(o.id))
		b.orders.Free(h)
		lv.orders--
		l.orders--
		h = next
	}
	lv.qty -= before - qty
	l.qty -= before - qty
	lv.head = h
	if h == 0 {
		lv.tail = 0
		l.dropLevel(l.touch, bl, key)
	} else {
		b.orders.Mut(h).prev = 0
	}
	return qty, fills
}

// Fillable returns how much of upTo lots an order that comes in on the given side with this limit would trade at once.
func (b *Book) Fillable(side Side, limit Price, upTo Qty) Qty {
	l := b.side(side.Opposite())
	worst := int64(limit) ^ l.flip
	sum := Qty(0)
	for r := l.first(); r.block != 0 && sum < upTo; r = l.after(r) {
		key, lv := l.at(r)
		if key > worst {
			break
		}
		sum += lv.qty
	}
	return max(0, min(sum, upTo))
}
