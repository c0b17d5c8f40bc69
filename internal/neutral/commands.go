package neutral

import "uncross/book"

const commandHeader = "n,exch_seq,time_ms,cmd,id,side,otype,tif,price,qty,src"

// Columns of the commands file.
const (
	colN = iota
	colExchSeq
	colTime
	colCmd
	colID
	colSide
	colType
	colTIF
	colPrice
	colQty
	colSrc
)

// Commands reads a commands file.
type Commands struct {
	t    *table
	n    uint64
	past bool // a command other than Resting has been read
}

// OpenCommands opens the commands file of a set, plain or gzip.
func OpenCommands(prefix string) (*Commands, error) {
	t, err := openTable(prefix+".commands", commandHeader)
	if err != nil {
		return nil, err
	}
	return &Commands{t: t}, nil
}

// Close closes the file.
func (r *Commands) Close() { r.t.close() }

// Next reads the next command into c, or returns io.EOF at the end. Any other error names file and line.
func (r *Commands) Next(c *Command) error {
	t := r.t
	if err := t.row(); err != nil {
		return err
	}
	*c = Command{LineNum: t.line, Text: t.text}
	n, err := t.positive(colN, "n")
	if err != nil {
		return err
	}
	r.n++
	if c.N = uint64(n); c.N != r.n {
		return t.errorf("n is %d, expected %d: commands are numbered without gaps", c.N, r.n)
	}
	if c.TimeMs, err = t.whole(colTime, "time_ms"); err != nil {
		return err
	}
	if _, err = t.whole(colExchSeq, "exch_seq"); err != nil {
		return err
	}
	switch t.fields[colCmd] {
	case "N", "A", "R":
		c.Kind = Kind(t.fields[colCmd][0])
		err = r.order(c)
	case "C":
		c.Kind = Cancel
		err = r.cancel(c)
	case "X":
		c.Kind = Uncross
		err = r.uncross(c)
	default:
		return t.errorf("cmd is %q, expected one of N A X C R", t.fields[colCmd])
	}
	if err != nil {
		return err
	}
	if c.Kind == Resting && r.past {
		return t.errorf("an R row after other commands: orders that rested before come first")
	}
	r.past = r.past || c.Kind != Resting
	switch t.fields[colSrc] {
	case "O", "R", "T", "S":
		return nil
	}
	return t.errorf("src is %q, expected one of O R T S", t.fields[colSrc])
}

// order reads the columns of N, A and R rows.
func (r *Commands) order(c *Command) (err error) {
	t := r.t
	if err = r.ident(c); err != nil {
		return err
	}
	switch t.fields[colType] {
	case "L", "P":
	case "M":
		c.Market = t.fields[colPrice] == ""
	default:
		return t.errorf("otype is %q, expected one of L M P", t.fields[colType])
	}
	switch t.fields[colTIF] {
	case "GTC":
		c.TIF = book.GTC
	case "IOC":
		c.TIF = book.IOC
	default:
		return t.errorf("tif is %q, expected GTC or IOC", t.fields[colTIF])
	}
	if c.Kind != New && (c.Market || c.TIF != book.GTC) {
		return t.errorf("cmd %c with otype %s and tif %s: only a GTC order with a price can rest", c.Kind, t.fields[colType], t.fields[colTIF])
	}
	if c.Market && c.TIF != book.IOC {
		return t.errorf("a market order without a price cannot be GTC")
	}
	if !c.Market {
		if c.Price, err = t.positive(colPrice, "price"); err != nil {
			return err
		}
	}
	c.Qty, err = t.positive(colQty, "qty")
	return err
}

// cancel reads the columns of C rows; qty is the exchange's own figure of what was left.
func (r *Commands) cancel(c *Command) (err error) {
	if err = r.ident(c); err != nil {
		return err
	}
	if err = r.t.empty(colType, colTIF, colPrice); err != nil {
		return err
	}
	c.Qty, err = r.t.positive(colQty, "qty")
	return err
}

// uncross reads the columns of X rows; price and qty are the exchange's own result.
func (r *Commands) uncross(c *Command) (err error) {
	if err = r.t.empty(colID, colSide, colType, colTIF); err != nil {
		return err
	}
	if c.Price, err = r.t.whole(colPrice, "price"); err != nil {
		return err
	}
	c.Qty, err = r.t.whole(colQty, "qty")
	return err
}

func (r *Commands) ident(c *Command) error {
	id, err := r.t.positive(colID, "id")
	if err != nil {
		return err
	}
	c.ID = uint64(id)
	switch r.t.fields[colSide] {
	case "B":
		c.Side = book.Buy
	case "S":
		c.Side = book.Sell
	default:
		return r.t.errorf("side is %q, expected B or S", r.t.fields[colSide])
	}
	return nil
}
