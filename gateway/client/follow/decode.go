package follow

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/client"
)

// answer is a message that is no channel's: what a request came to, or an error.
type answer struct {
	Type          string         `json:"type"`
	ID            string         `json:"id"`
	Subscriptions []Subscription `json:"subscriptions"`
	Error         *client.Error  `json:"error"`
	pongAnswer
}

// envelope is any JSON message of the server's.
type envelope struct {
	answer
	Instruments []struct {
		Instrument uint32 `json:"instrument"`
		Symbol     string `json:"symbol"`
		Tick       string `json:"tick"`
		Lot        string `json:"lot"`
	} `json:"instruments"`

	Channel  string  `json:"channel"`
	Symbol   string  `json:"symbol"`
	Interval string  `json:"interval"`
	Previous uint64  `json:"previous,string"`
	Sequence uint64  `json:"sequence,string"`
	Time     string  `json:"time"`
	Part     int     `json:"part"`
	Parts    int     `json:"parts"`
	Checksum *uint32 `json:"checksum"`

	Bids    []tuple `json:"bids"`
	Asks    []tuple `json:"asks"`
	Changes []tuple `json:"changes"`
	Bid     *tuple  `json:"bid"`
	Ask     *tuple  `json:"ask"`

	Account string `json:"account"`
	Event   string `json:"event"`
}

// tuple is a JSON array of strings and numbers, as text.
type tuple struct {
	field [5]string
	n     int
}

var errTuple = errors.New("follow: an array of strings and numbers is expected")

// UnmarshalJSON implements json.Unmarshaler; b is sound JSON.
func (t *tuple) UnmarshalJSON(b []byte) error {
	*t = tuple{}
	if len(b) < 2 || b[0] != '[' {
		return errTuple
	}
	for i := 1; i < len(b)-1; {
		switch c := b[i]; {
		case c == ',' || c == ' ' || c == '\n' || c == '\t' || c == '\r':
			i++
		case t.n == len(t.field):
			return errTuple
		case c == '"':
			end := i + 1
			for b[end] != '"' {
				if b[end] == '\\' {
					return errTuple // nothing that the venue sends here has one
				}
				end++
			}
			t.field[t.n], i = string(b[i+1:end]), end+1
			t.n++
		case c == '-' || c >= '0' && c <= '9':
			end := i
			for end < len(b)-1 && b[end] != ',' && b[end] != ' ' {
				end++
			}
			t.field[t.n], i = string(b[i:end]), end
			t.n++
		default:
			return errTuple
		}
	}
	return nil
}

// decoder reads messages. It learns the instruments from the answers to subscriptions.
type decoder struct {
	byName map[string]*Instrument
	byID   map[uint32]*Instrument
}

func newDecoder() *decoder {
	return &decoder{byName: map[string]*Instrument{}, byID: map[uint32]*Instrument{}}
}

// decode reads a text message: an answer or a channel's message, the other is nil.
func (d *decoder) decode(text []byte) (*answer, *Message, error) {
	var e envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, nil, fmt.Errorf("follow: a message is not understood: %w", err)
	}
	if e.Channel == "" {
		return &e.answer, nil, d.learn(&e)
	}
	m := &Message{
		Channel: e.Channel, Snapshot: e.Type == "snapshot", Symbol: e.Symbol, Interval: e.Interval, Previous: e.Previous, Sequence: e.Sequence,
		Part: e.Part, Parts: e.Parts, Checksum: e.Checksum, Account: e.Account, Raw: text,
	}
	r := reader{in: d.byName[e.Symbol]}
	m.TimeNs = r.time(e.Time)
	if m.Instrument = r.in; m.Instrument == nil && !keyOf(m).Private() {
		return nil, nil, fmt.Errorf("follow: a message of %q, which no answer has named", e.Symbol)
	}
	r.body(m, &e, text)
	if r.err != nil {
		return nil, nil, fmt.Errorf("follow: a message of %s is not understood: %w", e.Channel, r.err)
	}
	return nil, m, nil
}

// learn takes over the instruments that an answer names.
func (d *decoder) learn(e *envelope) error {
	for _, i := range e.Instruments {
		in, err := NewInstrument(i.Instrument, i.Symbol, i.Tick, i.Lot)
		if err != nil {
			return err
		}
		if old := d.byName[i.Symbol]; old == nil || *old != *in {
			d.byName[i.Symbol], d.byID[i.Instrument] = in, in
		}
	}
	return nil
}

// reader makes numbers of text and keeps the first error.
type reader struct {
	in  *Instrument
	err error
}

func (r *reader) keep(err error) {
	if r.err == nil {
		r.err = err
	}
}

// time reads nanoseconds, or a time in words.
func (r *reader) time(text string) int64 {
	if text == "" {
		return 0
	}
	if ns, err := strconv.ParseInt(text, 10, 64); err == nil {
		return ns
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	r.keep(err)
	return t.UnixNano()
}

func (r *reader) price(text string) wire.Price {
	p, err := r.in.ParsePrice(text)
	r.keep(err)
	return p
}

// priceOr0 reads a price that may be absent.
func (r *reader) priceOr0(text string) wire.Price {
	if text == "" {
		return 0
	}
	return r.price(text)
}

func (r *reader) qty(text string) wire.Qty {
	if text == "" {
		return 0
	}
	q, err := r.in.ParseQty(text)
	r.keep(err)
	return q
}

func (r *reader) id(text string) uint64 {
	n, err := strconv.ParseUint(text, 10, 64)
	r.keep(err)
	return n
}

// side reads buy or sell; anything else is none.
func (r *reader) side(text string) wire.Side {
	switch text {
	case "buy":
		return wire.Buy
	case "sell":
		return wire.Sell
	}
	return 0
}

func (r *reader) shape(t *tuple, n int) bool {
	if t.n != n {
		r.keep(fmt.Errorf("an array of %d where %d are expected", t.n, n))
	}
	return t.n == n
}

func (r *reader) level(t *tuple) (l Level) {
	if r.shape(t, 3) {
		l = Level{r.price(t.field[0]), r.qty(t.field[1]), int(r.id(t.field[2]))}
	}
	return l
}

func (r *reader) levels(ts []tuple) []Level {
	out := make([]Level, 0, len(ts))
	for i := range ts {
		out = append(out, r.level(&ts[i]))
	}
	return out
}

func (r *reader) orders(ts []tuple) []Order {
	out := make([]Order, 0, len(ts))
	for i := range ts {
		if t := &ts[i]; r.shape(t, 3) {
			out = append(out, Order{wire.OrderID(r.id(t.field[0])), r.price(t.field[1]), r.qty(t.field[2])})
		}
	}
	return out
}

var changeKinds = map[string]ChangeKind{"add": Added, "change": Changed, "remove": Removed}

func (r *reader) changes(ts []tuple) []Change {
	out := make([]Change, 0, len(ts))
	for i := range ts {
		t := &ts[i]
		if !r.shape(t, 5) {
			continue
		}
		c := Change{Kind: changeKinds[t.field[0]], Side: r.side(t.field[1])}
		c.Order = Order{wire.OrderID(r.id(t.field[2])), r.price(t.field[3]), r.qty(t.field[4])}
		if c.Kind == 0 || c.Side == 0 {
			r.keep(fmt.Errorf("a change %q of side %q", t.field[0], t.field[1]))
		}
		out = append(out, c)
	}
	return out
}
