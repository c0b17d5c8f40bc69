package http

import (
	"errors"

	"uncross/engine/wire"
	"uncross/gateway/history"
)

// statementHeader names the columns of a statement as CSV. The rows are, by record: opening, one of each asset; entry; and
// closing, one of each asset, of the kind provisional where the period has not ended. A file without its closing rows was cut off.
var statementHeader = []string{"record", "number", "time", "command", "kind", "asset", "change", "total", "symbol", "trade_id",
	"order_id", "reference"}

// statementFile makes a statement as CSV, a page of the ledger at a time. It keeps the last total of each asset: what is
// printed as closing is what the printed entries lead to.
type statementFile struct {
	q      *request
	p      period
	asOf   uint64
	assets []wire.Asset
	totals map[wire.AssetID]wire.Amount
	number uint64 // of the last entry
	query  history.Query
	state  statementState
}

type statementState int

const (
	statementBegins statementState = iota
	statementEntries
	statementEnds
	statementOver
)

// errEnough ends a reading early.
var errEnough = errors.New("gateway/http: enough has been read")

// statementCSV answers with the statement as a file.
func (q *request) statementCSV(p period) (any, *Error) {
	f := &statementFile{q: q, p: p, asOf: q.s.history.Position(), totals: map[wire.AssetID]wire.Amount{},
		query: history.Query{Oldest: true, Limit: history.MaxLimit, FromNs: p.fromNs, ToNs: p.toNs}}
	_, err := q.s.history.Statement(p.account.ID, p.fromNs, p.toNs, func(st *history.Statement) error {
		for _, a := range st.Assets {
			f.totals[a.Asset] = a.Opening
		}
		return errEnough
	}, nil)
	if !errors.Is(err, errEnough) {
		return nil, q.historyError(err)
	}
	if !q.await(q.s.view.WaitFor, f.asOf) {
		return nil, refuse(Busy, "")
	}
	for _, b := range q.s.view.Balances(p.account.ID) { // every asset that an entry up to asOf can be of
		of, _ := q.s.view.Asset(b.Asset)
		f.assets = append(f.assets, of)
	}
	return &streamedAnswer{contentType: csvType, filename: p.filename(), next: f.next}, nil
}

// filename is such as statement-alice-20230711-20230712.csv; a bound that was not given is left out.
func (p *period) filename() string {
	name := "statement-" + safeName(p.account.Name.String())
	for _, ns := range [...]int64{p.fromNs, p.toNs} {
		if ns != 0 {
			s := stamp(ns)
			name += "-" + s[:4] + s[5:7] + s[8:10]
		}
	}
	return name + ".csv"
}

// next appends the next part of the file.
func (f *statementFile) next(dst []byte) ([]byte, *Error) {
	switch f.state {
	case statementBegins:
		f.state = statementEntries
		return appendCSV(dst, append([][]string{statementHeader}, f.balances("opening", "", f.p.fromNs)...)), nil
	case statementEntries:
		return f.entries(dst)
	case statementEnds:
		f.state = statementOver
		kind := ""
		if f.p.provisional {
			kind = "provisional"
		}
		return appendCSV(dst, f.balances("closing", kind, f.p.toNs)), nil
	}
	return dst, nil
}

// entries appends a page of the ledger, or what comes behind the last one.
func (f *statementFile) entries(dst []byte) ([]byte, *Error) {
	page, err := f.q.s.history.Ledger(f.p.account.ID, f.query)
	if err != nil {
		return dst, f.q.historyError(err)
	}
	if !page.More {
		f.state = statementEnds
	}
	f.query.Cursor = page.Next
	var rows [][]string
	for i := range page.Items {
		e := &page.Items[i]
		if e.Seq > f.asOf {
			f.state = statementEnds
			break
		}
		if !f.take(e) {
			return dst, refuse(HistoryTrimmed, "")
		}
		a := f.q.entryText(e)
		rows = append(rows, []string{"entry", a.Number, a.Time, a.Command, a.Kind, csvText(a.Asset), a.Change, a.Total, csvText(a.Symbol),
			a.TradeID, a.OrderID, csvText(a.Reference)})
	}
	if len(rows) == 0 {
		return f.next(dst)
	}
	return appendCSV(dst, rows), nil
}

// take takes one entry in, and reports whether it fits the one before it: the history may have been trimmed meanwhile, and
// goes on later then.
func (f *statementFile) take(e *history.Entry) bool {
	total, ok := f.totals[e.Asset], f.number == 0 || e.Number == f.number+1
	fits := false
	if e.Negative {
		total, fits = total.Sub(e.Amount)
	} else {
		total, fits = total.Add(e.Amount)
	}
	f.totals[e.Asset], f.number = total, e.Number
	return ok && fits && total == e.Total
}

// balances returns the rows of what there is of each asset.
func (f *statementFile) balances(record, kind string, ns int64) (rows [][]string) {
	at := ""
	if ns != 0 {
		at = stamp(ns)
	}
	for _, of := range f.assets {
		rows = append(rows, []string{record, "", at, "", kind, csvText(of.Code.String()), "", assetAmount(f.totals[of.ID], of), "", "", "", ""})
	}
	return rows
}
