package traders

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/client"
	"uncross/gateway/decimal"
)

// How much of an instrument the feed asks for, and how often.
const (
	feedDepth  = 25
	feedPrints = 60
	feedEvery  = 250 * time.Millisecond
)

// Feed asks the venue for the books and trades of its instruments, over and over, and shows the latest answers.
type Feed struct {
	public *client.Client
	all    []*Instrument

	mu     sync.Mutex
	latest map[string]*View // by symbol; a view is not changed once it is here
	trades uint64           // greatest number of a trade that was seen
}

// NewFeed returns a feed that has not asked yet.
func NewFeed(public *client.Client, all []*Instrument) *Feed {
	return &Feed{public: public, all: all, latest: map[string]*View{}}
}

// Run asks until ctx ends. What cannot be answered now is asked again: the traders go on with what there was.
func (f *Feed) Run(ctx context.Context) {
	for ctx.Err() == nil {
		start := time.Now()
		for _, in := range f.all {
			if v, err := f.ask(ctx, in); err == nil {
				f.keep(v)
			}
		}
		pause(ctx, feedEvery-time.Since(start))
	}
}

// pause waits, and returns at once when ctx has ended.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// View returns a copy of the public part of a view, and false before there has been an answer.
func (f *Feed) View(symbol string) (View, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := f.latest[symbol]
	if v == nil {
		return View{}, false
	}
	return *v, true
}

// Trades returns the greatest number of a trade that has been seen: the venue numbers them from 1.
func (f *Feed) Trades() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.trades
}

func (f *Feed) keep(v *View) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.latest[v.In.Symbol] = v
	if len(v.Prints) > 0 {
		f.trades = max(f.trades, v.Prints[0].ID)
	}
}

// bookAnswer and tradesAnswer are what is read of the answers.
type bookAnswer struct {
	Phase string      `json:"phase"`
	Bids  []levelText `json:"bids"`
	Asks  []levelText `json:"asks"`
}

type levelText struct {
	Price string `json:"price"`
	Qty   string `json:"quantity"`
}

type tradesAnswer struct {
	Items []struct {
		ID    string `json:"trade_id"`
		Price string `json:"price"`
		Qty   string `json:"quantity"`
	} `json:"items"`
}

// ask asks for one instrument.
func (f *Feed) ask(ctx context.Context, in *Instrument) (*View, error) {
	path := "/v1/instruments/" + url.PathEscape(in.Symbol)
	var b bookAnswer
	if err := f.public.Public(ctx, "GET", path+"/book?depth="+strconv.Itoa(feedDepth), &b); err != nil {
		return nil, err
	}
	var t tradesAnswer
	if err := f.public.Public(ctx, "GET", path+"/trades?limit="+strconv.Itoa(feedPrints), &t); err != nil {
		return nil, err
	}
	v := &View{In: in}
	var err error
	if v.Phase, err = parsePhase(b.Phase); err != nil {
		return nil, err
	}
	if v.Bids, err = levels(in, b.Bids); err != nil {
		return nil, err
	}
	if v.Asks, err = levels(in, b.Asks); err != nil {
		return nil, err
	}
	for _, item := range t.Items {
		p := Print{}
		if p.ID, err = strconv.ParseUint(item.ID, 10, 64); err != nil {
			return nil, err
		}
		if p.Price, p.Qty, err = numbers(in, item.Price, item.Qty); err != nil {
			return nil, err
		}
		v.Prints = append(v.Prints, p)
	}
	return v, nil
}

func levels(in *Instrument, texts []levelText) (all []Level, err error) {
	for _, t := range texts {
		l := Level{}
		if l.Price, l.Qty, err = numbers(in, t.Price, t.Qty); err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// numbers reads a price and a quantity.
func numbers(in *Instrument, price, qty string) (wire.Price, wire.Qty, error) {
	p, err := in.ParsePrice(price)
	if err != nil {
		return 0, 0, err
	}
	q, err := in.ParseQty(qty)
	return p, q, err
}

func parsePhase(s string) (wire.Phase, error) {
	for p := wire.Phase(1); p.Valid(); p++ {
		if p.String() == s {
			return p, nil
		}
	}
	return 0, fmt.Errorf("traders: the venue names a phase %q", s)
}

// Discover asks the venue for the instruments of the scenes, and for the last price of each, 0 where there is none.
func Discover(ctx context.Context, public *client.Client, scenes []Scene) (all []*Instrument, last []wire.Price, err error) {
	var assets struct {
		Items []struct {
			Code     string `json:"code"`
			Decimals uint8  `json:"decimals"`
		} `json:"items"`
	}
	if err := public.Public(ctx, "GET", "/v1/assets", &assets); err != nil {
		return nil, nil, err
	}
	decimals := map[string]uint8{}
	for _, a := range assets.Items {
		decimals[a.Code] = a.Decimals
	}
	for _, s := range scenes {
		var a struct {
			Base  string `json:"base"`
			Quote string `json:"quote"`
			Tick  string `json:"tick"`
			Lot   string `json:"lot"`
			Last  string `json:"last_price"`
		}
		if err := public.Public(ctx, "GET", "/v1/instruments/"+url.PathEscape(s.Symbol), &a); err != nil {
			return nil, nil, fmt.Errorf("traders: asking for %s: %w", s.Symbol, err)
		}
		d := decimal.Instrument{BaseDecimals: decimals[a.Base], QuoteDecimals: decimals[a.Quote]}
		if d.PriceDecimals, d.TickSize, err = decimal.DefineTick(a.Tick); err != nil {
			return nil, nil, err
		}
		if d.LotSize, err = decimal.DefineLot(a.Lot, d.BaseDecimals); err != nil {
			return nil, nil, err
		}
		in, err := NewInstrument(d, a.Base, a.Quote, s)
		if err != nil {
			return nil, nil, err
		}
		var price wire.Price
		if a.Last != "" {
			if price, err = in.ParsePrice(a.Last); err != nil {
				return nil, nil, err
			}
		}
		all, last = append(all, in), append(last, price)
	}
	return all, last, nil
}
