package follow

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"uncross/engine/wire"
	"uncross/gateway/client"
)

// RESTBook is a book as REST tells it.
type RESTBook struct {
	Symbol    string
	Phase     string
	Sequence  uint64 // of the command that changed it last
	AsOf      uint64 // the last command that the answer has seen
	Depth     int    // asked for; 0: not known
	Bids      []Level
	Asks      []Level
	HasOrders bool // it is of level 3: orders in place of levels
	BidOrders []Order
	AskOrders []Order
}

// FetchInstrument reads an instrument's definition.
func FetchInstrument(ctx context.Context, c *client.Client, symbol string) (*Instrument, error) {
	var a struct {
		Symbol string `json:"symbol"`
		Tick   string `json:"tick"`
		Lot    string `json:"lot"`
	}
	if err := c.Public(ctx, "GET", instrumentPath(symbol, ""), &a); err != nil {
		return nil, err
	}
	return NewInstrument(0, a.Symbol, a.Tick, a.Lot)
}

func instrumentPath(symbol, rest string) string {
	return "/v1/instruments/" + url.PathEscape(symbol) + rest
}

// FetchBook reads a book, up to depth levels of either side with level 2, up to depth orders with level 3.
func FetchBook(ctx context.Context, c *client.Client, in *Instrument, level, depth int) (*RESTBook, error) {
	var text []byte
	target := instrumentPath(in.Symbol, fmt.Sprintf("/book?level=%d&depth=%d", level, depth))
	if err := c.Public(ctx, "GET", target, &text); err != nil {
		return nil, err
	}
	b, err := parseBook(text, in, level)
	if err != nil {
		return nil, fmt.Errorf("follow: GET %s: the answer is not understood: %w", target, err)
	}
	b.Depth = depth
	return b, nil
}

// restItem is a level of a book in REST's JSON, or an order of level 3.
type restItem struct {
	ID       string `json:"order_id"`
	Price    string `json:"price"`
	Quantity string `json:"quantity"`
	Orders   int    `json:"orders"`
}

func parseBook(text []byte, in *Instrument, level int) (*RESTBook, error) {
	var a struct {
		Symbol   string     `json:"symbol"`
		Phase    string     `json:"phase"`
		Sequence uint64     `json:"sequence,string"`
		AsOf     uint64     `json:"as_of,string"`
		Bids     []restItem `json:"bids"`
		Asks     []restItem `json:"asks"`
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return nil, err
	}
	r := reader{in: in}
	b := &RESTBook{Symbol: a.Symbol, Phase: a.Phase, Sequence: a.Sequence, AsOf: a.AsOf, HasOrders: level == 3}
	if b.HasOrders {
		b.BidOrders, b.AskOrders = r.restOrders(a.Bids), r.restOrders(a.Asks)
	} else {
		b.Bids, b.Asks = r.restLevels(a.Bids), r.restLevels(a.Asks)
	}
	return b, r.err
}

func (r *reader) restLevels(items []restItem) []Level {
	out := make([]Level, 0, len(items))
	for _, t := range items {
		out = append(out, Level{r.price(t.Price), r.qty(t.Quantity), t.Orders})
	}
	return out
}

func (r *reader) restOrders(items []restItem) []Order {
	out := make([]Order, 0, len(items))
	for _, t := range items {
		out = append(out, Order{wire.OrderID(r.id(t.ID)), r.price(t.Price), r.qty(t.Quantity)})
	}
	return out
}

// tradesPage is how many trades are read from REST at once.
const tradesPage = 1000

// EachTrade calls fn with an instrument's trades in their order, a page at a time, from the one behind the trade after, and
// returns the last command that the list has seen. Where the command of that trade is known (else 0) the list begins
// there. It ends early when fn returns false.
func EachTrade(ctx context.Context, c *client.Client, in *Instrument, after, command uint64, fn func([]Trade) bool) (asOf uint64, err error) {
	cursor := ""
	if command > 0 {
		cursor = EventID{Command: command}.just().String()
	}
	for {
		target := instrumentPath(in.Symbol, "/trades?sort=oldest&limit="+strconv.Itoa(tradesPage))
		if cursor != "" {
			target += "&cursor=" + url.QueryEscape(cursor)
		}
		var a struct {
			Items []tradeText `json:"items"`
			More  bool        `json:"more"`
			Next  string      `json:"next"`
			AsOf  uint64      `json:"as_of,string"`
		}
		if err := c.Public(ctx, "GET", target, &a); err != nil {
			return 0, err
		}
		r := reader{in: in}
		page := make([]Trade, 0, len(a.Items))
		for i := range a.Items {
			if t := r.trade(&a.Items[i]); t.ID > after {
				page = append(page, t)
				after = t.ID
			}
		}
		if r.err != nil {
			return 0, fmt.Errorf("follow: GET %s: the answer is not understood: %w", target, r.err)
		}
		if len(page) > 0 && !fn(page) || !a.More {
			return a.AsOf, nil
		}
		cursor = a.Next
	}
}
