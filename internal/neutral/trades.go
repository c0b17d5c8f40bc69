package neutral

import "uncross/book"

const tradeHeader = "n,exch_seq,time_ms,buy_id,sell_id,price,qty,taker"

// Trades reads a trades file.
type Trades struct {
	t    *table
	last uint64
}

// OpenTrades opens the trades file of a set, plain or gzip.
func OpenTrades(prefix string) (*Trades, error) {
	t, err := openTable(prefix+".trades", tradeHeader)
	if err != nil {
		return nil, err
	}
	return &Trades{t: t}, nil
}

// Close closes the file.
func (r *Trades) Close() { r.t.close() }

// Next reads the next trade into tr, or returns io.EOF at the end. Any other error names file and line.
func (r *Trades) Next(tr *Trade) error {
	t := r.t
	if err := t.row(); err != nil {
		return err
	}
	var v [7]int64
	for i, name := range [7]string{"n", "exch_seq", "time_ms", "buy_id", "sell_id", "price", "qty"} {
		read := t.positive
		if name == "exch_seq" || name == "time_ms" {
			read = t.whole
		}
		var err error
		if v[i], err = read(i, name); err != nil {
			return err
		}
	}
	*tr = Trade{N: uint64(v[0]), Buy: uint64(v[3]), Sell: uint64(v[4]), Price: v[5], Qty: v[6]}
	if tr.N < r.last {
		return t.errorf("n is %d after %d: trades come in the order of their commands", tr.N, r.last)
	}
	r.last = tr.N
	switch t.fields[7] {
	case "B":
		tr.Taker = book.Buy
	case "S":
		tr.Taker = book.Sell
	case "N":
	default:
		return t.errorf("taker is %q, expected one of B S N", t.fields[7])
	}
	return nil
}
