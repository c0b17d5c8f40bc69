package http

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	nethttp "net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"uncross/engine/wire"
	"uncross/gateway/history"
)

// TestBalanceChangesTellBalances lives a while on random venues: after each change the balances are those that the venue
// showed at that command, and the last ones are those that it shows now.
func TestBalanceChangesTellBalances(t *testing.T) {
	for _, seed := range seeds(t) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		v := market(t, Limits{})
		v.secondInstrument()
		v.live(t, rnd, 200)
		for account, user := range map[string]string{"A": "alice-reads", "B": "custodian", "venue": "operator"} {
			path := "/v1/balance-changes?account=" + account
			all := every(t, v.keys[user], path+"&sort=oldest&limit=7")
			now := map[string]any{}
			reasons := map[string]int{}
			event := ""
			for _, c := range all {
				if e := text(c, "event") + text(c, "side"); e == event || c["reason"] != "trade" && strings.HasPrefix(event, text(c, "event")) {
					t.Errorf("%s: event %s comes twice", account, e) // a trade of the account with itself does, from either side
				} else {
					event = e
				}
				reasons[text(c, "reason")]++
				for _, b := range c["balances"].([]any) {
					sum := new(big.Rat).Add(decimalOf(t, b.(m)["available"]), decimalOf(t, b.(m)["held"]))
					if sum.Cmp(decimalOf(t, b.(m)["total"])) != 0 {
						t.Errorf("%v does not add up", b)
					}
					now[text(b, "asset")] = b
				}
			}
			for _, b := range v.do(user, "GET", "/v1/balances?account="+account, nil)["items"].([]any) {
				if !reflect.DeepEqual(now[text(b, "asset")], b) {
					t.Errorf("seed %d, %s: changes lead to %v, the balance is %v", seed, account, now[text(b, "asset")], b)
				}
			}
			backward := every(t, v.keys[user], path+"&limit=5")
			slices.Reverse(backward)
			if !reflect.DeepEqual(backward, all) {
				t.Errorf("seed %d, %s: backward %d changes, forward %d", seed, account, len(backward), len(all))
			}
			needed := []string{"deposit", "order", "cancel", "trade"}
			if account == "venue" {
				needed = []string{"fee_income"}
			}
			for _, r := range needed {
				if reasons[r] == 0 {
					t.Errorf("seed %d, %s: no change for %s among %v", seed, account, r, reasons)
				}
			}
		}
		one := every(t, v.keys["alice"], "/v1/balance-changes?account=A&order_id=2")
		for _, c := range one {
			if c["order_id"] != "2" {
				t.Errorf("%v is of another order", c)
			}
		}
	}
}

// TestAccountsOfOthers reads balance changes and statements that are not the reader's own, and with what cannot be.
func TestAccountsOfOthers(t *testing.T) {
	v := market(t, Limits{})
	for _, path := range []string{"/v1/balance-changes", "/v1/statement"} {
		for _, c := range []struct {
			user, query string
			reason      wire.Reason
		}{
			{"alice", "?account=B", wire.NotYourAccount}, {"alice-reads", "?account=B", wire.NotYourAccount},
			{"bob", "?account=venue", wire.NotYourAccount}, {"alice", "", MissingField}, {"alice", "?account=nobody", wire.UnknownAccount},
			{"alice", "?account=A&limit=0", InvalidValue}, {"alice", "?account=A&from_ns=-1", InvalidValue},
			{"alice", "?account=A&cursor=x", InvalidCursor}, {"alice", "?account=A&nothing=1", UnknownParameter},
		} {
			v.refused(c.user, "GET", path+c.query, nil, c.reason)
		}
		for _, user := range []string{"alice", "alice-reads", "custodian", "operator"} {
			v.do(user, "GET", path+"?account=A", nil)
		}
		if err := v.client(nil).Public(context.Background(), "GET", path+"?account=A", nil); err == nil || !strings.Contains(err.Error(), "not_authenticated") {
			t.Errorf("%s without a session: %v", path, err)
		}
	}
	for query, reason := range map[string]wire.Reason{
		"&sort=oldest": UnknownParameter, "&symbol=BTC%2FUSD": UnknownParameter, "&format=xml": InvalidValue,
		"&from_ns=2&to_ns=1": InvalidValue, "&format=csv&limit=1": InvalidValue, "&format=csv&cursor=1": InvalidValue,
		"&format=csv&from_ns=2&to_ns=1": InvalidValue, "&cursor=01": InvalidCursor,
	} {
		v.refused("alice", "GET", "/v1/statement?account=A"+query, nil, reason)
	}
	v.refused("alice", "GET", "/v1/statement?account=B&format=csv", nil, wire.NotYourAccount)
}

// printed is a statement as it was printed, in either form.
type printed struct {
	opening, closing map[string]string // by asset
	entries          []map[string]string
}

// TestStatementAddsUp draws up statements of random venues, for all of time and for pieces of it, as JSON and as CSV. Each
// adds up from the printed numbers alone, its balances are those of the venue, and one period closes with what the next one
// opens with.
func TestStatementAddsUp(t *testing.T) {
	for _, seed := range seeds(t) {
		rnd := rand.New(rand.NewPCG(seed, 4))
		v := market(t, Limits{})
		v.secondInstrument()
		v.live(t, rnd, 250)
		for account, user := range map[string]string{"A": "alice", "B": "bob", "venue": "operator"} {
			whole := v.statement(t, user, account, "", rnd)
			for _, b := range v.do(user, "GET", "/v1/balances?account="+account, nil)["items"].([]any) {
				if got := whole.closing[text(b, "asset")]; got != text(b, "total") {
					t.Errorf("seed %d, %s: closes with %s, the balance is %v", seed, account, got, b)
				}
			}
			for asset, opening := range whole.opening {
				if opening != "0" {
					t.Errorf("the beginning opens with %s of %s", opening, asset)
				}
			}
			var cuts []string
			for range 3 {
				cuts = append(cuts, nanosOf(t, whole.entries[rnd.IntN(len(whole.entries))]["time"]))
			}
			slices.Sort(cuts)
			from, was := "", whole.opening
			var entries []map[string]string
			for _, to := range append(cuts, "") {
				query := ""
				if from != "" {
					query += "&from_ns=" + from
				}
				if to != "" {
					query += "&to_ns=" + to
				}
				part := v.statement(t, user, account, query, rnd)
				if !reflect.DeepEqual(part.opening, was) {
					t.Errorf("seed %d, %s%s: opens with %v, the period before closes with %v", seed, account, query, part.opening, was)
				}
				entries = append(entries, part.entries...)
				from, was = to, part.closing
			}
			if !reflect.DeepEqual(entries, whole.entries) || !reflect.DeepEqual(was, whole.closing) {
				t.Errorf("seed %d, %s: the pieces have %d entries, the whole %d", seed, account, len(entries), len(whole.entries))
			}
		}
	}
}

// statement reads a statement in both forms, which must say the same, and holds it to adding up.
func (v *venue) statement(t *testing.T, user, account, query string, rnd *rand.Rand) printed {
	t.Helper()
	target := "/v1/statement?account=" + account + query
	a := v.statementPages(t, user, fmt.Sprintf("%s&limit=%d", target, 1+rnd.IntN(60)))
	b := v.statementFile(t, user, target+"&format=csv")
	if !reflect.DeepEqual(a, b) {
		t.Fatalf("%s: the forms differ\n%v\n%v", target, a, b)
	}
	running := map[string]*big.Rat{}
	for asset, s := range a.opening {
		running[asset] = decimalOf(t, s)
	}
	for i, e := range a.entries {
		r := running[e["asset"]]
		if r.Add(r, decimalOf(t, e["change"])).Cmp(decimalOf(t, e["total"])) != 0 {
			t.Fatalf("%s: %v comes to %v", target, e, r)
		}
		if i > 0 && decimalOf(t, e["number"]).Cmp(new(big.Rat).Add(decimalOf(t, a.entries[i-1]["number"]), big.NewRat(1, 1))) != 0 {
			t.Fatalf("%s: %v comes behind %v", target, e, a.entries[i-1])
		}
	}
	for asset, s := range a.closing {
		if running[asset].Cmp(decimalOf(t, s)) != 0 {
			t.Errorf("%s: %s comes to %v and closes with %s", target, asset, running[asset], s)
		}
	}
	return a
}

// statementPages reads a statement as JSON; the balances are the same on every page, and so are their kinds.
func (v *venue) statementPages(t *testing.T, user, target string) printed {
	t.Helper()
	p := printed{opening: map[string]string{}, closing: map[string]string{}}
	var balances any
	kinds := map[string]*big.Rat{}
	for cursor := ""; ; {
		page := v.do(user, "GET", target+"&cursor="+cursor, nil)
		if balances == nil {
			balances = page["balances"]
		} else if !reflect.DeepEqual(balances, page["balances"]) {
			t.Errorf("%s: the balances are others on a later page", target)
		}
		for _, e := range page["entries"].([]any) {
			row := map[string]string{}
			for _, column := range statementHeader[1:] {
				if s := text(e, column); s != "<absent>" {
					row[column] = s
				}
			}
			p.entries = append(p.entries, row)
			of := row["asset"] + " " + row["kind"]
			if kinds[of] == nil {
				kinds[of] = new(big.Rat)
			}
			kinds[of].Add(kinds[of], decimalOf(t, row["change"]))
		}
		if page["more"] == false {
			if text(page, "count") != fmt.Sprint(len(p.entries)) {
				t.Errorf("%s: %d entries, it says %v", target, len(p.entries), page["count"])
			}
			break
		}
		cursor = text(page, "next")
	}
	for _, b := range balances.([]any) {
		asset := text(b, "asset")
		p.opening[asset], p.closing[asset] = text(b, "opening"), text(b, "closing")
		change := new(big.Rat).Sub(decimalOf(t, p.closing[asset]), decimalOf(t, p.opening[asset]))
		if change.Cmp(decimalOf(t, b.(m)["change"])) != 0 {
			t.Errorf("%s: %v does not add up", target, b)
		}
		for _, k := range b.(m)["kinds"].([]any) {
			of := asset + " " + text(k, "kind")
			sum := new(big.Rat).Sub(decimalOf(t, k.(m)["in"]), decimalOf(t, k.(m)["out"]))
			if kinds[of] == nil || kinds[of].Cmp(sum) != 0 {
				t.Errorf("%s: %v, the entries come to %v", target, k, kinds[of])
			}
			delete(kinds, of)
		}
	}
	if len(kinds) > 0 {
		t.Errorf("%s: entries of kinds that the balances do not have: %v", target, kinds)
	}
	return p
}

// statementFile reads a statement as CSV and undoes the guard of its texts.
func (v *venue) statementFile(t *testing.T, user, target string) printed {
	t.Helper()
	var file []byte
	if err := v.keys[user].Do(context.Background(), "GET", target, nil, &file); err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(file, []byte("\n")); n != bytes.Count(file, []byte("\r\n")) || n == 0 || !bytes.HasSuffix(file, []byte("\r\n")) {
		t.Error("not every line ends with CRLF")
	}
	rows, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil || !slices.Equal(rows[0], statementHeader) {
		t.Fatal(err, rows[0])
	}
	p := printed{opening: map[string]string{}, closing: map[string]string{}}
	for _, r := range rows[1:] {
		switch r[0] {
		case "opening":
			p.opening[r[5]] = r[7]
		case "closing":
			p.closing[r[5]] = r[7]
		case "entry":
			if len(p.closing) > 0 {
				t.Error("an entry behind the closing")
			}
			row := map[string]string{}
			for i, column := range statementHeader {
				cell := r[i]
				if i > 0 && cell != "" {
					if number := column == "change"; !number && strings.ContainsRune("=+-@", rune(cell[0])) {
						t.Errorf("a spreadsheet takes %q for a formula", cell)
					}
					row[column] = strings.TrimPrefix(cell, "'")
				}
			}
			p.entries = append(p.entries, row)
		default:
			t.Errorf("row %q", r)
		}
	}
	return p
}

// TestCSVText holds the guard against formulas to be one that can be undone.
func TestCSVText(t *testing.T) {
	for in, out := range map[string]string{"": "", "a": "a", "a=b": "a=b", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@x": "'@x", "'": "''", "'=1": "''=1"} {
		if got := csvText(in); got != out || strings.TrimPrefix(got, "'") != in {
			t.Errorf("%q becomes %q, want %q", in, got, out)
		}
	}
	if got := string(appendCSV([]byte("x"), [][]string{{"a,b", `c"d`, ""}})); got != "x\"a,b\",\"c\"\"d\",\r\n" {
		t.Errorf("%q", got)
	}
}

// TestStatementForms asks for the form by header and by parameter, and looks at the headers of the file.
func TestStatementForms(t *testing.T) {
	v := market(t, Limits{})
	v.do("operator", "POST", "/v1/admin/accounts", m{"name": `a "b"/c`, "user": "alice"})
	for _, c := range []struct {
		target, accept, want string
	}{
		{"?account=A", "", "application/json"},
		{"?account=A", "*/*", "application/json"},
		{"?account=A", "text/csv", csvType},
		{"?account=A", "Text/CSV;q=0.9, text/plain", csvType},
		{"?account=A", "application/json, text/csv", "application/json"},
		{"?account=A", "text/html,application/json;q=0.9", "application/json"},
		{"?account=A", "text/csv;q=0", "application/json"},
		{"?account=A", "text/csv; Q=0.000, */*", "application/json"},
		{"?account=A", "text/csv;charset=utf-8;q=0.0", "application/json"},
		{"?account=A", "application/json;q=0, text/csv;q=0.1", csvType},
		{"?account=A", "application/json;q=0.5, text/csv;q=0.6", csvType},
		{"?account=A", "application/json;q=0.6, text/csv;q=0.5", "application/json"},
		{"?account=A&format=json", "text/csv", "application/json"},
		{"?account=A&format=csv", "application/json", csvType},
	} {
		a, _ := v.accepting(t, "alice", "/v1/statement"+c.target, c.accept)
		if got := a.Header.Get("Content-Type"); got != c.want || a.Header.Get("Vary") != "Accept" {
			t.Errorf("%s, Accept: %s is answered as %s, Vary: %s", c.target, c.accept, got, a.Header.Get("Vary"))
		}
	}
	a, body := v.accepting(t, "alice", "/v1/statement?account=a+%22b%22%2Fc&format=csv&from_ns=1790000000000000000&to_ns=1790086400000000000", "")
	if got := a.Header.Get("Content-Disposition"); got != `attachment; filename="statement-a__b__c-20260921-20260922.csv"` {
		t.Errorf("Content-Disposition: %s", got)
	}
	if string(body) != strings.Join(statementHeader, ",")+"\r\n" {
		t.Errorf("the statement of an account that never had anything: %q", body)
	}
}

// TestStatementProvisional: a statement says whether its period is over, in either form.
func TestStatementProvisional(t *testing.T) {
	v := market(t, Limits{})
	now := time.Now()
	day := int64(24 * time.Hour)
	for query, provisional := range map[string]bool{
		"":                                     true,
		"&from_ns=1":                           true,
		"&to_ns=" + fmt.Sprint(now.UnixNano()): false,
		"&to_ns=0":                             false,
		"&to_ns=" + fmt.Sprint(now.UnixNano()+day):                                    true,
		fmt.Sprintf("&from_ns=%d&to_ns=%d", now.UnixNano()+day, now.UnixNano()+2*day): true,
	} {
		if a := v.do("alice", "GET", "/v1/statement?account=A"+query, nil); a["provisional"] != provisional {
			t.Errorf("%s: %v", query, a)
		}
		_, body := v.accepting(t, "alice", "/v1/statement?account=A&format=csv"+query, "")
		rows, err := csv.NewReader(bytes.NewReader(body)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		closing := 0
		for _, r := range rows {
			kind := map[bool]string{true: "provisional"}[provisional]
			if r[0] == "closing" {
				if closing++; r[4] != kind {
					t.Errorf("%s: %q", query, r)
				}
			} else if r[4] == "provisional" {
				t.Errorf("%s: %q", query, r)
			}
		}
		if closing == 0 {
			t.Errorf("%s: nothing closes", query)
		}
	}
}

// accepting sends a signed request with a header Accept.
func (v *venue) accepting(t *testing.T, user, target, accept string) (*nethttp.Response, []byte) {
	t.Helper()
	h, _ := v.signedHeaders(user, "GET", target, nil)
	r, err := nethttp.NewRequest("GET", v.url+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	h.Each(r.Header.Set)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	a, err := nethttp.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != 200 {
		t.Fatalf("%s: %v %s %s", target, err, a.Status, body)
	}
	return a, body
}

// TestStatementTurns refuses a statement when as many as may are being drawn up; a file needs no turn.
func TestStatementTurns(t *testing.T) {
	v := market(t, Limits{Statements: 2})
	v.server.statements <- struct{}{}
	v.do("alice", "GET", "/v1/statement?account=A", nil)
	v.server.statements <- struct{}{}
	v.server.limits.ReadWait = 10 * time.Millisecond // for a turn that nobody gives back
	v.refused("alice", "GET", "/v1/statement?account=A", nil, Busy)
	v.server.limits.ReadWait = patience
	v.accepting(t, "alice", "/v1/statement?account=A&format=csv", "")
	<-v.server.statements
	v.do("alice", "GET", "/v1/statement?account=A", nil)
}

// TestAnswerBrokenOff makes an answer fail while it is sent: the client sees that it is not whole.
func TestAnswerBrokenOff(t *testing.T) {
	for name, last := range map[string]func() *Error{
		"refused": func() *Error { return refuse(HistoryTrimmed, "") },
		"panic":   func() *Error { panic("as a test") },
	} {
		v := market(t, Limits{})
		part := 0
		v.server.routes = newRouter(append(routeTable(), route{method: "GET", path: "/broken", handler: func(*request) (any, *Error) {
			return &streamedAnswer{contentType: csvType, filename: "x.csv", next: func(dst []byte) ([]byte, *Error) {
				if part++; part == 3 {
					return dst, last()
				}
				return append(dst, strings.Repeat("x", 100_000)...), nil
			}}, nil
		}}))
		a, err := nethttp.Get(v.url + "/broken")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(a.Body)
		a.Body.Close()
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %d bytes, then %v", name, len(body), err)
		}
		if logged := strings.Contains(v.logs.String(), "level=ERROR"); logged != (name == "panic") {
			t.Errorf("%s: the log says\n%s", name, v.logs.String())
		}
	}
}

// TestHistoryRefusals words the errors of the history.
func TestHistoryRefusals(t *testing.T) {
	v := market(t, Limits{})
	q := &request{s: v.server}
	for err, want := range map[error]wire.Reason{history.ErrTrimmed: HistoryTrimmed, history.ErrPeriod: InvalidValue,
		history.ErrCursor: InvalidCursor, history.ErrLimit: InvalidValue, history.ErrClosed: ShuttingDown, io.ErrShortWrite: Internal} {
		if got := q.historyError(fmt.Errorf("wrapped: %w", err)); got.Reason != want {
			t.Errorf("%v becomes %v", err, got)
		}
	}
	closed, err := history.Open("closed", history.Options{FS: vfs.NewMem()})
	if err == nil {
		err = closed.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	(&request{s: &Server{history: closed, log: v.server.log}}).fromRecord(&orderAnswer{}, nil, &wire.OrderAccepted{})
	if n := strings.Count(v.logs.String(), "level=ERROR"); n != 1 {
		t.Errorf("%d of them are in the log as errors, but one is no client's fault:\n%s", n, v.logs.String())
	}
	if info(HistoryTrimmed).status != nethttp.StatusGone {
		t.Error("what has been trimmed is gone")
	}
	var b errorBody
	if err := json.Unmarshal(jsonText(t, errorBody{refuse(HistoryTrimmed, "").body()}), &b); err != nil || b.Error.Code != 1040 {
		t.Errorf("%v %+v", err, b)
	}
}
