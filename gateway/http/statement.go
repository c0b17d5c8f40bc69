package http

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/history"
)

// This file has the statement of an account for a period. It adds up: opening, and entry by entry, is closing. As JSON it is
// one document whose balances are always those of the whole period, with the entries a page at a time; statement_csv.go has
// the other form.

type statementAnswer struct {
	Account     string             `json:"account"`
	From        string             `json:"from,omitempty"`
	To          string             `json:"to,omitempty"`
	Provisional bool               `json:"provisional"` // the period has not ended
	Balances    []statementBalance `json:"balances"`    // of every asset that the account has or had
	Count       string             `json:"count"`       // entries of the period
	Entries     []entryAnswer      `json:"entries"`
	More        bool               `json:"more"`
	Next        string             `json:"next,omitempty"`
	AsOf        string             `json:"as_of"`
	reach
}

type statementBalance struct {
	Asset   string      `json:"asset"`
	Opening string      `json:"opening"`
	Change  string      `json:"change"` // signed
	Closing string      `json:"closing"`
	Kinds   []kindTotal `json:"kinds"` // the change, by kinds of entries
}

type kindTotal struct {
	Kind    string `json:"kind"`
	In      string `json:"in"`
	Out     string `json:"out"`
	Entries string `json:"entries"`
}

// period is what a statement is asked for.
type period struct {
	account      wire.Account
	fromNs, toNs int64
	provisional  bool // it has not ended: what closes it now may not be what closes it then
}

// showStatement handles GET /v1/statement.
func showStatement(q *request) (any, *Error) {
	account := q.fields.text("account")
	var p period
	p.fromNs, p.toNs = q.fields.period()
	p.provisional = p.toNs == 0 || p.toNs > q.now.UnixNano()
	asCSV := q.wantsCSV()
	limit := q.fields.count("limit", q.s.limits.Page, q.s.limits.PageDefault)
	paged := q.fields.optional("limit") != "" || q.fields.optional("cursor") != ""
	after, err := q.cursor()
	if err != nil {
		q.fields.keep(err)
	}
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	if asCSV && paged {
		return nil, refuseField(InvalidValue, "format", "a CSV file comes whole: it takes neither limit nor cursor")
	}
	if p.account, err = q.readable(account, forOps|forCustody); err != nil {
		return nil, err
	}
	q.catchUpHistory()
	if asCSV {
		return q.statementCSV(p)
	}
	return q.statementJSON(p, after, limit)
}

// wantsCSV tells which form is asked for: by the parameter, or else by the header Accept.
func (q *request) wantsCSV() bool {
	q.ctx.Response.Header.Set("Vary", "Accept")
	switch q.fields.optional("format") {
	case "csv":
		return true
	case "json":
		return false
	case "":
	default:
		q.fields.keep(refuseField(InvalidValue, "format", "one of json, csv is needed"))
	}
	var csv, json float64
	for kind := range strings.SplitSeq(strings.ToLower(string(q.ctx.Request.Header.Peek("Accept"))), ",") {
		kind, params, _ := strings.Cut(kind, ";")
		switch strings.TrimSpace(kind) {
		case "text/csv":
			csv = quality(params)
		case "application/json":
			json = quality(params)
		}
	}
	return csv > json
}

// quality returns how much a form is wanted, by the parameters of its media range: 1 where they do not say, 0 for not at all.
func quality(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if strings.TrimSpace(name) != "q" {
			continue
		}
		if q, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil {
			return q
		}
	}
	return 1
}

// errStopping ends a reading of the history when the server shuts down.
var errStopping = errors.New("gateway/http: shutting down")

// statementJSON draws the statement up: the entries behind the one numbered after, and the balances of all.
func (q *request) statementJSON(p period, after uint64, limit int) (any, *Error) {
	if err := q.takeStatement(); err != nil {
		return nil, err
	}
	defer q.s.giveStatement()
	a := statementAnswer{Account: p.account.Name.String(), Provisional: p.provisional, Entries: []entryAnswer{}}
	st, err := q.s.history.Statement(p.account.ID, p.fromNs, p.toNs, nil, func(e *history.Entry) error {
		switch {
		case q.s.stopping.Load():
			return errStopping
		case e.Number <= after:
		case len(a.Entries) == limit:
			a.More = true
		default:
			a.Entries = append(a.Entries, q.entryText(e))
			a.Next = id(e.Number)
		}
		return nil
	})
	if errors.Is(err, errStopping) {
		return nil, refuse(ShuttingDown, "")
	}
	if err != nil {
		return nil, q.historyError(err)
	}
	if a.Next == "" && after != 0 {
		a.Next = id(after)
	}
	if p.fromNs != 0 {
		a.From = stamp(p.fromNs)
	}
	if p.toNs != 0 {
		a.To = stamp(p.toNs)
	}
	a.Count, a.AsOf, a.reach = id(st.Entries), id(st.Position), q.reaches()
	a.Balances = q.statementBalances(p.account.ID, st)
	return a, nil
}

// takeStatement waits for a turn to draw up a statement, no longer than the request may wait: it takes as long as there are
// entries in the period.
func (q *request) takeStatement() *Error {
	timer := time.NewTimer(max(q.s.limits.ReadWait-q.waited, 0))
	defer timer.Stop()
	select {
	case q.s.statements <- struct{}{}:
		return nil
	case <-timer.C:
		return refuse(Busy, "too many statements are being drawn up")
	}
}

func (s *Server) giveStatement() { <-s.statements }

// statementBalances words the balances of a statement: of the assets in it, and with zero of those that the account has had
// at another time, so that a statement always has the same ones.
func (q *request) statementBalances(acc wire.AccountID, st *history.Statement) []statementBalance {
	q.await(q.s.view.WaitFor, st.Position)
	all := []statementBalance{}
	word := func(a *history.StatementAsset) {
		of, _ := q.s.view.Asset(a.Asset)
		b := statementBalance{Asset: of.Code.String(), Opening: assetAmount(a.Opening, of),
			Change: difference(a.Opening, a.Closing, of), Closing: assetAmount(a.Closing, of), Kinds: []kindTotal{}}
		for _, k := range a.Kinds {
			b.Kinds = append(b.Kinds, kindTotal{k.Kind.String(), assetAmount(k.In, of), assetAmount(k.Out, of), id(k.Entries)})
		}
		all = append(all, b)
	}
	i := 0
	for _, b := range q.s.view.Balances(acc) {
		for ; i < len(st.Assets) && st.Assets[i].Asset < b.Asset; i++ {
			word(&st.Assets[i])
		}
		if i == len(st.Assets) || st.Assets[i].Asset != b.Asset {
			word(&history.StatementAsset{Asset: b.Asset})
		}
	}
	for ; i < len(st.Assets); i++ {
		word(&st.Assets[i])
	}
	return all
}

// difference returns what was added from one amount to another, with a minus where it became less.
func difference(from, to wire.Amount, of wire.Asset) string {
	if to.Less(from) {
		return "-" + assetAmount(from.MustSub(to), of)
	}
	return assetAmount(to.MustSub(from), of)
}
