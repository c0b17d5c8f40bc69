package http

import (
	_ "embed"
	"sort"

	"uncross/engine/wire"
	"uncross/gateway/view"
)

// openAPI is the interface's description, OpenAPI 3.1 in YAML.
//
//go:embed openapi.yaml
var openAPI []byte

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

// readiness handles GET /readyz: the views have caught up, so that reads are served, by a node that is a member still; with leader=1, commands are taken as well.
func readiness(q *request) (any, *Error) {
	leader := q.fields.optional("leader")
	if leader != "" && leader != "1" {
		q.fields.keep(refuseField(InvalidValue, "leader", "1 is needed, or nothing"))
	}
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	if q.s.stopping.Load() {
		return nil, refuse(ShuttingDown, "")
	}
	if q.s.removed() {
		return nil, refuse(NotReady, "this node was removed from the cluster: what it has is old and grows older")
	}
	if !q.s.core.Ready() || !q.s.view.Status().Initialised {
		return nil, refuse(NotReady, "")
	}
	if leader == "1" && !q.s.core.Leading() {
		return nil, q.s.notLeading()
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

type reasonAnswer struct {
	Code    int    `json:"code"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Status  int    `json:"status"`
}

// listReasons handles GET /v1/reasons. The cursor is the last code seen.
func listReasons(q *request) (any, *Error) {
	return wholeByCursor(q, Reasons, func(r *wire.Reason) uint32 { return uint32(*r) }, func(r *wire.Reason) reasonAnswer {
		i := info(*r)
		return reasonAnswer{int(*r), i.name, i.sentence, i.status}
	})
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
	return wholeByCursor(q, q.s.view.Assets, func(a *wire.Asset) uint32 { return uint32(a.ID) },
		func(a *wire.Asset) assetAnswer { return assetAnswer{Code: a.Code.String(), Decimals: int(a.Decimals)} })
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
	return wholeByCursor(q, q.s.view.Instruments, func(in *view.Instrument) uint32 { return uint32(in.ID) }, instrumentText)
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
