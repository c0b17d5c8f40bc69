package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"uncross/book"
	"uncross/gateway/client"
	"uncross/internal/neutral"
	"uncross/internal/recorded"
)

// TestStatementsOfADay replays a day of Chongqing Rural Commercial Bank on a real server, with fees, and asks for the
// statement of every account and of the venue's own, as JSON and as CSV. Line by line and in sum they are what the
// exchange's own trades come to by the rule for fees, worked out here anew; each adds up to the balances. After kill -9 they
// are the same.
func TestStatementsOfADay(t *testing.T) {
	prefix := filepath.Join(recorded.Dir(t), "sse_order_by_order", "601825_20230711")
	v := newVenue(t)
	v.mustStart()
	if r := replayOn(t, v, prefix, nil); r.Trades.Total != 5370 {
		t.Fatalf("%d trades", r.Trades.Total)
	}
	want := exchangeDay(t, prefix)
	t.Logf("turnover %v, quantity %v, fees %v", want.turnover, want.quantity, want.fees)
	before := holdStatements(t, v, want)
	if _, err := v.stop(syscall.SIGKILL); err == nil {
		t.Error("the server ended by itself")
	}
	v.mustStart()
	if after := holdStatements(t, v, want); !reflect.DeepEqual(before, after) {
		t.Error("the statements are others after kill -9")
	}
}

// The fees that package remote gives its instrument, in basis points.
const makerBps, takerBps = 2, 5

// dayTrade is a trade of the exchange with what it costs either side.
type dayTrade struct {
	neutral.Trade
	notional        int64
	buyFee, sellFee int64
}

// day is what the exchange's trades come to.
type day struct {
	trades                   []dayTrade
	turnover, quantity, fees *big.Int
}

// exchangeDay reads the exchange's trades and works out the fees: an order owes the sum of notional times rate of its
// fills, in 1/10,000; it has paid that sum rounded up to whole units after each of them.
func exchangeDay(t *testing.T, prefix string) *day {
	t.Helper()
	file, err := neutral.OpenTrades(prefix)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	d := &day{turnover: new(big.Int), quantity: new(big.Int), fees: new(big.Int)}
	owes := map[uint64]int64{} // by order
	pay := func(order uint64, notional, bps int64) int64 {
		before := (owes[order] + 9_999) / 10_000
		owes[order] += notional * bps
		return (owes[order]+9_999)/10_000 - before
	}
	rate := func(taker bool) int64 {
		if taker {
			return takerBps
		}
		return makerBps // in an auction both sides rest
	}
	for {
		var tr dayTrade
		if err := file.Next(&tr.Trade); errors.Is(err, io.EOF) {
			return d
		} else if err != nil {
			t.Fatal(err)
		}
		tr.notional = tr.Price * tr.Qty
		tr.buyFee = pay(tr.Buy, tr.notional, rate(tr.Taker == book.Buy))
		tr.sellFee = pay(tr.Sell, tr.notional, rate(tr.Taker == book.Sell))
		d.trades = append(d.trades, tr)
		d.turnover.Add(d.turnover, big.NewInt(tr.notional))
		d.quantity.Add(d.quantity, big.NewInt(tr.Qty))
		d.fees.Add(d.fees, big.NewInt(tr.buyFee+tr.sellFee))
	}
}

// statement is an account's statement, from either form.
type statement struct {
	Opening, Closing map[string]string // by asset
	Entries          []statementEntry
}

type statementEntry struct {
	Number    string `json:"number"`
	Time      string `json:"time"`
	Command   string `json:"command"`
	Kind      string `json:"kind"`
	Asset     string `json:"asset"`
	Change    string `json:"change"`
	Total     string `json:"total"`
	Symbol    string `json:"symbol"`
	TradeID   string `json:"trade_id"`
	OrderID   string `json:"order_id"`
	Reference string `json:"reference"`
}

// holdStatements holds the statements of all accounts against the exchange's day, and returns them by account.
func holdStatements(t *testing.T, v *venue, want *day) map[string]statement {
	t.Helper()
	c, err := client.New(client.Config{URL: v.url(), Key: &v.operator})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]statement{}
	sums := map[string]*big.Int{} // by account's side and kind and asset
	for _, side := range []string{"b", "s", "venue"} {
		for n := 1; n <= 8; n++ {
			account := fmt.Sprintf("KILL/%s%d", side, n)
			if side == "venue" {
				account, n = side, 8
			}
			s := readStatement(t, c, account, "")
			addsUp(t, c, account, s)
			for _, e := range s.Entries {
				holdEntry(t, want, account, &e)
				addTo(sums, side+" "+e.Kind+" "+e.Asset, number(t, e.Change))
			}
			if s.Opening["REPLAY-QUOTE"] != "0" && side != "s" {
				t.Errorf("%s: opens with %v", account, s.Opening)
			}
			splits(t, c, account, s)
			all[account] = s
		}
	}
	fee := func(of func(*dayTrade) int64) string {
		sum := new(big.Int)
		for i := range want.trades {
			sum.Sub(sum, big.NewInt(of(&want.trades[i])))
		}
		return sum.String()
	}
	for what, sum := range map[string]string{
		"b trade REPLAY-BASE":           want.quantity.String(),
		"b trade REPLAY-QUOTE":          "-" + want.turnover.String(),
		"b fee REPLAY-QUOTE":            fee(func(d *dayTrade) int64 { return d.buyFee }),
		"s trade REPLAY-BASE":           "-" + want.quantity.String(),
		"s trade REPLAY-QUOTE":          want.turnover.String(),
		"s fee REPLAY-QUOTE":            fee(func(d *dayTrade) int64 { return d.sellFee }),
		"venue fee_income REPLAY-QUOTE": want.fees.String(),
	} {
		if got := sums[what]; got == nil || got.String() != sum {
			t.Errorf("%s: the statements come to %v, the exchange's trades to %s", what, got, sum)
		}
	}
	return all
}

func addTo(sums map[string]*big.Int, what string, n *big.Int) {
	if sums[what] == nil {
		sums[what] = new(big.Int)
	}
	sums[what].Add(sums[what], n)
}

// number reads a whole number: the assets of a replay have no decimals.
func number(t *testing.T, s string) *big.Int {
	t.Helper()
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		t.Fatalf("%q is no whole number", s)
	}
	return n
}

// nanos returns a time as a parameter has it.
func nanos(t *testing.T, instant string) string {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, instant)
	if err != nil {
		t.Fatal(err)
	}
	return strconv.FormatInt(at.UnixNano(), 10)
}

// holdEntry holds one line of a statement against the trade that it is of.
func holdEntry(t *testing.T, want *day, account string, e *statementEntry) {
	t.Helper()
	if e.Kind == "deposit" {
		if e.Reference != "replay" || e.TradeID != "" {
			t.Errorf("%s: %+v", account, *e)
		}
		return
	}
	n, err := strconv.Atoi(e.TradeID)
	if err != nil || n < 1 || n > len(want.trades) {
		t.Errorf("%s: %+v has no trade of the exchange", account, *e)
		return
	}
	d := &want.trades[n-1]
	order, fee, way := d.Buy, d.buyFee, int64(1)
	if strings.HasPrefix(account, "KILL/s") {
		order, fee, way = d.Sell, d.sellFee, -1
	}
	expected, of := map[string]int64{
		"trade REPLAY-BASE":       way * d.Qty,
		"trade REPLAY-QUOTE":      -way * d.notional,
		"fee REPLAY-QUOTE":        -fee,
		"fee_income REPLAY-QUOTE": d.buyFee + d.sellFee,
	}[e.Kind+" "+e.Asset]
	if !of || e.Change != strconv.FormatInt(expected, 10) || e.Symbol != "KILL" {
		t.Errorf("%s: %+v, want %d of trade %d", account, *e, expected, n)
	}
	if account != "venue" && account[len("KILL/b"):] != strconv.FormatUint(order%8+1, 10) {
		t.Errorf("%s: %+v is of another account's order %d", account, *e, order)
	}
}

// addsUp holds a statement against itself and the account's balances: opening, line by line, closing.
func addsUp(t *testing.T, c *client.Client, account string, s statement) {
	t.Helper()
	running := map[string]*big.Int{}
	for asset, opening := range s.Opening {
		running[asset] = number(t, opening)
	}
	for i, e := range s.Entries {
		if running[e.Asset] == nil {
			t.Fatalf("%s: no opening balance of %s", account, e.Asset)
		}
		running[e.Asset].Add(running[e.Asset], number(t, e.Change))
		if running[e.Asset].String() != e.Total || e.Number != strconv.Itoa(i+1) {
			t.Fatalf("%s: line %d, %+v: comes to %v", account, i+1, e, running[e.Asset])
		}
	}
	var balances struct {
		Items []struct{ Asset, Total string }
	}
	if err := c.Do(context.Background(), "GET", "/v1/balances?account="+url.QueryEscape(account), nil, &balances); err != nil {
		t.Fatal(err)
	}
	for _, b := range balances.Items {
		if r := running[b.Asset]; (r == nil && b.Total != "0") || (r != nil && (r.String() != b.Total || s.Closing[b.Asset] != b.Total)) {
			t.Errorf("%s: %s comes to %v, closes with %s, the balance is %s", account, b.Asset, r, s.Closing[b.Asset], b.Total)
		}
	}
	if len(s.Closing) != len(s.Opening) || len(s.Closing) > len(balances.Items) {
		t.Errorf("%s: opens with %v, closes with %v, has %v", account, s.Opening, s.Closing, balances.Items)
	}
}

// splits cuts the day in two at some line: the first part closes with what the second opens with.
func splits(t *testing.T, c *client.Client, account string, whole statement) {
	t.Helper()
	if len(whole.Entries) == 0 {
		t.Errorf("%s: nothing happened", account)
		return
	}
	at := nanos(t, whole.Entries[len(whole.Entries)/2].Time)
	first := readStatement(t, c, account, "&to_ns="+at)
	second := readStatement(t, c, account, "&from_ns="+at)
	for asset, total := range whole.Closing {
		middle, ok := first.Closing[asset]
		if !ok {
			middle = "0" // nobody had heard of it yet
		}
		if second.Opening[asset] != middle || second.Closing[asset] != total {
			t.Errorf("%s: %s closes with %s and opens with %s", account, asset, middle, second.Opening[asset])
		}
	}
	if got := append(first.Entries, second.Entries...); !reflect.DeepEqual(got, whole.Entries) {
		t.Errorf("%s: %d and %d lines of %d", account, len(first.Entries), len(second.Entries), len(whole.Entries))
	}
}

// readStatement reads a statement in both forms, which must say the same.
func readStatement(t *testing.T, c *client.Client, account, query string) statement {
	t.Helper()
	target := "/v1/statement?account=" + url.QueryEscape(account) + query
	a, b := statementJSON(t, c, target), statementCSV(t, c, target)
	if !reflect.DeepEqual(a, b) {
		t.Fatalf("%s: the JSON and the CSV differ: %d and %d lines, opening %v and %v, closing %v and %v", account,
			len(a.Entries), len(b.Entries), a.Opening, b.Opening, a.Closing, b.Closing)
	}
	return a
}

// statementJSON reads a statement page by page.
func statementJSON(t *testing.T, c *client.Client, target string) statement {
	t.Helper()
	s := statement{Opening: map[string]string{}, Closing: map[string]string{}}
	for cursor := ""; ; {
		var page struct {
			Balances []struct{ Asset, Opening, Change, Closing string }
			Entries  []statementEntry
			More     bool
			Next     string
		}
		if err := c.Do(context.Background(), "GET", target+"&limit=1000&cursor="+cursor, nil, &page); err != nil {
			t.Fatal(err)
		}
		for _, b := range page.Balances {
			sum := new(big.Int).Add(number(t, b.Opening), number(t, b.Change))
			if sum.String() != b.Closing {
				t.Errorf("%+v does not add up", b)
			}
			s.Opening[b.Asset], s.Closing[b.Asset] = b.Opening, b.Closing
		}
		s.Entries = append(s.Entries, page.Entries...)
		if !page.More {
			return s
		}
		cursor = page.Next
	}
}

// statementCSV reads a statement as a spreadsheet does.
func statementCSV(t *testing.T, c *client.Client, target string) statement {
	t.Helper()
	var text []byte
	if err := c.Do(context.Background(), "GET", target+"&format=csv", nil, &text); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	const header = "record number time command kind asset change total symbol trade_id order_id reference"
	if strings.Join(rows[0], " ") != header {
		t.Fatalf("header %q", rows[0])
	}
	s := statement{Opening: map[string]string{}, Closing: map[string]string{}}
	for _, r := range rows[1:] {
		switch r[0] {
		case "opening":
			s.Opening[r[5]] = r[7]
		case "closing":
			s.Closing[r[5]] = r[7]
		case "entry":
			s.Entries = append(s.Entries, statementEntry{r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11]})
		default:
			t.Fatalf("row %q", r)
		}
	}
	return s
}
