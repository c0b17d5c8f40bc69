package http

import (
	_ "embed"
	"sort"

	"uncross/engine/wire"
	"uncross/gateway/history"
	"uncross/gateway/view"
)

//go:embed openapi.yaml
var openAPI []byte

// OpenAPI returns the interface's description, OpenAPI 3.1 in YAML.
func OpenAPI() []byte { return openAPI }

// list is the shape of every list. Next is given again as cursor to go on after the last item.
type list[T any] struct {
	Items []T    `json:"items"`
	More  bool   `json:"more"`
	Next  string `json:"next,omitempty"`
	AsOf  string `json:"as_of"` // the last command that the list has seen
}

// page makes a list of all there is.
func page[T any](items []T, asOf uint64) list[T] {
	if items == nil {
		items = []T{}
	}
	return list[T]{Items: items, AsOf: id(asOf)}
}

type healthAnswer struct {
	Status string `json:"status"`
}

// health handles GET /healthz: the process answers.
func health(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	return healthAnswer{"ok"}, nil
}

// readiness handles GET /readyz: commands are taken and the views have caught up.
func readiness(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	if q.s.stopping.Load() {
		return nil, refuse(ShuttingDown, "")
	}
	if !q.s.core.Ready() || !q.s.view.Status().Initialised {
		return nil, refuse(NotReady, "")
	}
	return healthAnswer{"ready"}, nil
}

// describe handles GET /openapi.yaml.
func describe(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	return rawAnswer{"application/yaml", openAPI}, nil
}

type timeAnswer struct {
	Time   string `json:"time"`
	TimeNs string `json:"time_ns"`
}

// showTime handles GET /v1/time: the gateway's clock, against which request times are judged.
func showTime(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	ns := q.now.UnixNano()
	return timeAnswer{stamp(ns), id(uint64(ns))}, nil
}

type statusAnswer struct {
	Venue        string    `json:"venue"`
	ClusterID    string    `json:"cluster_id"`
	Version      string    `json:"version"`
	Ready        bool      `json:"ready"`
	Leader       bool      `json:"leader"`
	Term         string    `json:"term"`
	Index        string    `json:"index"`
	Command      string    `json:"command"`
	EngineTime   string    `json:"engine_time"`
	FullHash     string    `json:"full_hash"`
	BusinessHash string    `json:"business_hash"`
	Queue        queueText `json:"queue"`
	Log          logText   `json:"log"`
	View         string    `json:"view_command"`
	History      histText  `json:"history"`
	Count        countText `json:"count"`
}

type queueText struct {
	Waiting  int    `json:"waiting"`
	Capacity int    `json:"capacity"`
	EventLag string `json:"event_lag"`
}

type logText struct {
	First string `json:"first"`
	Last  string `json:"last"`
	Bytes string `json:"bytes"`
}

type histText struct {
	Command      string `json:"command"`
	Durable      string `json:"durable_command"`
	CompleteFrom string `json:"complete_from"`
}

type countText struct {
	Assets      int `json:"assets"`
	Instruments int `json:"instruments"`
	Accounts    int `json:"accounts"`
	OpenOrders  int `json:"open_orders"`
	Sessions    int `json:"sessions"`
}

// showStatus handles GET /v1/status.
func showStatus(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	n, v, h := q.s.core.Status(), q.s.view.Status(), q.s.history
	return statusAnswer{
		Venue: v.Venue.String(), ClusterID: hexText(v.ClusterID[:]), Version: q.s.version,
		Ready: q.s.core.Ready() && v.Initialised, Leader: n.Leader,
		Term: id(n.Term), Index: id(n.Index), Command: id(n.Seq), EngineTime: stamp(n.TimeNs),
		FullHash: hash(n.FullHash), BusinessHash: hash(n.BusinessHash),
		Queue:   queueText{n.InputQueued, n.InputSize, id(n.EventLag)},
		Log:     logText{id(n.LogFirst), id(n.LogLast), id(uint64(n.LogBytes))},
		View:    id(v.Applied),
		History: histText{id(h.Position()), id(h.Durable()), id(h.CompleteFrom())},
		Count:   countText{v.Assets, v.Instruments, v.Accounts, v.OpenOrders, q.s.sessions.Len()},
	}, nil
}

type reasonAnswer struct {
	Code    int    `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Status  int    `json:"status"`
}

// listReasons handles GET /v1/reasons.
func listReasons(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	var all []reasonAnswer
	for _, r := range Reasons() {
		i := info(r)
		all = append(all, reasonAnswer{int(r), i.name, i.sentence, i.status})
	}
	return page(all, q.s.view.Applied()), nil
}

// Reasons returns every reason of the engine and of the gateway by number.
func Reasons() []wire.Reason {
	all := wire.Reasons()
	own := len(all)
	for r := range gatewayReasons {
		all = append(all, r)
	}
	sort.Slice(all[own:], func(i, j int) bool { return all[own+i] < all[own+j] })
	return all
}

type assetAnswer struct {
	Code     string `json:"code"`
	Decimals int    `json:"decimals"`
	Repeat   bool   `json:"repeat,omitempty"`
}

// listAssets handles GET /v1/assets.
func listAssets(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	q.catchUp()
	asOf := q.s.view.Applied()
	var all []assetAnswer
	for _, a := range q.s.view.Assets() {
		all = append(all, assetAnswer{Code: a.Code.String(), Decimals: int(a.Decimals)})
	}
	return page(all, asOf), nil
}

type instrumentAnswer struct {
	Symbol      string `json:"symbol"`
	Base        string `json:"base"`
	Quote       string `json:"quote"`
	Phase       string `json:"phase"`
	Tick        string `json:"tick"`
	Lot         string `json:"lot"`
	MinPrice    string `json:"min_price"`
	MaxPrice    string `json:"max_price"`
	MinQuantity string `json:"min_quantity"`
	MaxQuantity string `json:"max_quantity"`
	MinNotional string `json:"min_notional"`
	MakerFeeBps int    `json:"maker_fee_bps"`
	TakerFeeBps int    `json:"taker_fee_bps"`
	LastPrice   string `json:"last_price,omitempty"`
	LastSize    string `json:"last_quantity,omitempty"`
	Repeat      bool   `json:"repeat,omitempty"`
}

func instrumentText(in *view.Instrument) instrumentAnswer {
	l := &in.Limits
	a := instrumentAnswer{
		Symbol: in.Symbol.String(), Base: in.BaseCode.String(), Quote: in.QuoteCode.String(), Phase: in.Phase.String(),
		Tick: in.Tick(), Lot: in.Lot(), MinPrice: in.Price(l.MinPrice), MaxPrice: in.Price(l.MaxPrice),
		MinQuantity: in.Qty(l.MinQty), MaxQuantity: in.Qty(l.MaxQty),
		MinNotional: quote(in, wire.Amount{Lo: l.MinNotional}), MakerFeeBps: int(l.MakerBps), TakerFeeBps: int(l.TakerBps),
	}
	if in.Last.Price != 0 {
		a.LastPrice, a.LastSize = in.Price(in.Last.Price), in.Qty(in.Last.Qty)
	}
	return a
}

// listInstruments handles GET /v1/instruments.
func listInstruments(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	q.catchUp()
	asOf := q.s.view.Applied()
	var all []instrumentAnswer
	for _, in := range q.s.view.Instruments() {
		all = append(all, instrumentText(&in))
	}
	return page(all, asOf), nil
}

// showInstrument handles GET /v1/instruments/{symbol}.
func showInstrument(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	q.catchUp()
	in, err := q.instrument(q.params[0])
	if err != nil {
		return nil, err
	}
	return instrumentText(&in), nil
}

type levelAnswer struct {
	Price    string `json:"price"`
	Quantity string `json:"quantity"`
	Orders   int    `json:"orders"`
}

type bookAnswer struct {
	Symbol string        `json:"symbol"`
	Phase  string        `json:"phase"`
	AsOf   string        `json:"as_of"`
	Time   string        `json:"time"`
	Bids   []levelAnswer `json:"bids"`
	Asks   []levelAnswer `json:"asks"`
}

// showBook handles GET /v1/instruments/{symbol}/book: level 1 is the best price of each side, level 2 the best depth.
func showBook(q *request) (any, *Error) {
	level := q.fields.count("level", 2, 2)
	depth := q.fields.count("depth", q.s.limits.Depth, 10)
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	if level == 1 {
		depth = 1
	}
	q.catchUp()
	in, err := q.instrument(q.params[0])
	if err != nil {
		return nil, err
	}
	b, _ := q.s.view.Book(in.ID, depth)
	return bookAnswer{
		Symbol: in.Symbol.String(), Phase: in.Phase.String(), AsOf: id(b.Seq), Time: stamp(b.TimeNs),
		Bids: levelsText(&in, b.Bids), Asks: levelsText(&in, b.Asks),
	}, nil
}

func levelsText(in *view.Instrument, levels []view.Level) []levelAnswer {
	all := make([]levelAnswer, 0, len(levels))
	for _, l := range levels {
		all = append(all, levelAnswer{in.Price(l.Price), in.Qty(l.Qty), l.Orders})
	}
	return all
}

type tradeAnswer struct {
	TradeID  string `json:"trade_id"`
	Command  string `json:"command"`
	Time     string `json:"time"`
	Price    string `json:"price"`
	Quantity string `json:"quantity"`
	Taker    string `json:"taker_side"`
}

// takerText names the side of the incoming order; in an auction there is none.
func takerText(s wire.Side) string {
	if s == 0 {
		return "none"
	}
	return s.String()
}

// listTrades handles GET /v1/instruments/{symbol}/trades: the latest ones, newest first.
func listTrades(q *request) (any, *Error) {
	limit := q.fields.count("limit", q.s.limits.Page, q.s.limits.PageDefault)
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	q.catchUp()
	in, err := q.instrument(q.params[0])
	if err != nil {
		return nil, err
	}
	asOf := q.s.view.Applied()
	trades, _ := q.s.view.Trades(in.ID, limit)
	if len(trades) < limit {
		return q.pastTrades(&in, limit, asOf)
	}
	var all []tradeAnswer
	for _, t := range trades {
		all = append(all, tradeAnswer{id(t.ID), id(t.Seq), stamp(t.TimeNs), in.Price(t.Price), in.Qty(t.Qty), takerText(t.Taker)})
	}
	return page(all, asOf), nil
}

// pastTrades lists the latest trades from the history: after a start from a snapshot the view has seen none yet.
func (q *request) pastTrades(in *view.Instrument, limit int, asOf uint64) (any, *Error) {
	past, err := q.s.history.Trades(in.ID, history.Query{Limit: limit})
	if err != nil {
		return nil, q.historyError(err)
	}
	var all []tradeAnswer
	for i := range past.Items {
		t := &past.Items[i]
		all = append(all, tradeAnswer{id(t.Trade.Trade), id(t.Seq), stamp(t.TimeNs), in.Price(t.Price), in.Qty(t.Qty), takerText(t.Taker)})
	}
	return page(all, asOf), nil
}
