package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// This file is the order form and the narrow page in a real browser, with an account that answers what a test wants and keeps
// what would have been sent. The page on a real server is in cmd/uncross. It skips where there is no browser; .ci/browser
// installs one.

// patience bounds each wait for the browser; nothing waits that long unless something is wrong.
const patience = 60 * time.Second

// withoutVenue has the page's own modules make the form and the account, for a signer without a venue behind it. It comes to
// what is wrong, "" where all is well.
const withoutVenue = `Promise.all(["account", "instrument", "rest", "ticket"].map((m) => import("/page/" + m + ".js"))).then(async (all) => {
	const { Account, Instrument, Refusal, Ticket } = Object.assign({}, ...all);
	const both = { order_id: "9", account: "you", symbol: "BTC-USD", side: "buy", price: "64669.46", quantity: "0.00475658" };
	const fill = { ...both, trade_id: "7", fee: "1.541781234", time: "2026-11-27T22:54:22Z", liquidity: "taker" };
	const order = { ...both, remaining: "0.00475658", time_in_force: "gtc", entered: "2026-11-27T22:54:22Z" };
	const lists = { "/v1/accounts": [{ name: "you" }], "/v1/orders": [order], "/v1/fills": [fill] };
	const sent = [];
	const signer = {
		role: "trader", user: "you",
		call: async (method, at) => ({ items: lists[at.split("?")[0]], more: false }),
		settle: async (method, at, order) => {
			sent.push(order);
			if (test.refusal) throw test.refusal;
			const { side, symbol, quantity } = order;
			return { side, symbol, quantity, order_id: "9", status: "new", filled: "0", remaining: quantity, ...test.answer };
		},
	};
	const assets = new Map([["BTC", { decimals: 8 }], ["USD", { decimals: 6 }]]);
	const instrument = new Instrument({
		symbol: "BTC-USD", base: "BTC", quote: "USD", tick: "0.01", lot: "0.00000001", maker_fee_bps: 10, taker_fee_bps: 20, phase: "continuous",
	}, assets);
	const account = new Account({ login: async () => {}, subscribe: () => ({}), unsubscribe: () => {} }, () => instrument, () => {});
	await account.signIn(signer);
	const ticket = new Ticket(account, () => {});
	ticket.set(instrument, { bids: [], asks: [] });
	globalThis.test = { sent, ticket, refuse: (error) => new Refusal(503, error, 0) };
	document.body.dataset.view = "trade";
	return getComputedStyle(document.documentElement).getPropertyValue("--ground") ? "" : "the style is not there";
}).catch(String)`

// tab is one tab of a browser.
type tab struct {
	t   *testing.T
	ctx context.Context
}

// openBrowser starts a browser and serves it the page without its main module, so that it asks nobody for anything.
func openBrowser(t *testing.T) (*tab, string) {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("no Chromium or Chrome on this machine: the order form was not looked at (see .ci/browser)")
	}
	p := New()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := p.File(strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/"), "page/"))
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", Policy)
		w.Header().Set("Content-Type", f.ContentType)
		body := f.Body
		if r.URL.Path == "/" {
			body = []byte(strings.Replace(string(body), `<script type="module" src="/page/main.js"></script>`, "", 1))
		}
		w.Write(body)
	}))
	t.Cleanup(server.Close)
	flags := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(patience))
	if os.Getuid() == 0 {
		flags = append(flags, chromedp.NoSandbox) // as root Chromium does not start with it
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), flags...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	if err := chromedp.Listen(ctx, func(any) {}); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	return &tab{t: t, ctx: ctx}, server.URL
}

// load shows the page with the form made ready. A browser drops what it is fetching when a network of the machine comes or goes,
// as other tests may have it: then it loads again.
func (b *tab) load(address string) {
	b.t.Helper()
	for tries := 1; ; tries++ {
		b.do(chromedp.EmulateViewport(1280, 800), chromedp.Navigate(address))
		wrong := eval[string](b, withoutVenue)
		if wrong == "" {
			return
		}
		if tries == 5 {
			b.t.Fatalf("the form cannot be made: %s", wrong)
		}
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns what a JavaScript expression, or a promise of it, comes to.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits until an expression is true.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); !eval[bool](b, "Boolean("+expression+")"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("the page does not show %s; it shows:\n%s", what, eval[string](b, "document.body.innerText"))
		}
	}
}

// text is what an element shows.
func (b *tab) text(id string) string {
	b.t.Helper()
	return eval[string](b, fmt.Sprintf(`document.getElementById(%q).innerText.replace(/\s+/g, " ")`, id))
}

// enter types into a field, key by key, in the place of what is in it.
func (b *tab) enter(id, keys string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.focus(); e.select(); return true; })()`, id))
	b.do(chromedp.KeyEvent(kb.Delete))
	if keys != "" {
		b.do(chromedp.KeyEvent(keys))
	}
}

// paste puts text into a field at once, as the clipboard does.
func (b *tab) paste(id, text string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`(() => { const e = document.getElementById(%q); e.focus(); e.select(); return document.execCommand("insertText", false, %q); })()`, id, text))
}

// submit has the form sent and waits for what comes of it. It returns the order that was sent, nil where none was.
func (b *tab) submit() map[string]string {
	b.t.Helper()
	eval[bool](b, `(() => { test.sent.length = 0; document.getElementById("outcome").replaceChildren(); document.getElementById("submit").click(); return true; })()`)
	b.until("what comes of the order", `!test.ticket.busy && document.getElementById("outcome").firstChild`)
	var sent []map[string]string
	if err := json.Unmarshal([]byte(eval[string](b, `JSON.stringify(test.sent)`)), &sent); err != nil {
		b.t.Fatal(err)
	}
	switch len(sent) {
	case 0:
		return nil
	case 1:
		return sent[0]
	}
	b.t.Fatalf("%d orders were sent at once", len(sent))
	return nil
}

func (b *tab) choose(name, value string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`(() => { document.querySelector('[name=%s][value=%s]').click(); return true; })()`, name, value))
}

// TestOrderForm has each test begin with the page as it is when it has just been loaded.
func TestOrderForm(t *testing.T) {
	b, address := openBrowser(t)
	for _, c := range []struct {
		name string
		test func(t *testing.T, b *tab)
	}{{"Numbers", testNumbers}, {"DecimalComma", testDecimalComma}, {"ArrowKeys", testArrowKeys}, {"Outcome", testOutcome}, {"Narrow", testNarrow}} {
		t.Run(c.name, func(t *testing.T) {
			b := &tab{t: t, ctx: b.ctx}
			b.load(address)
			c.test(t, b)
		})
	}
}

// testNumbers: a number that people write is read in the one way that it can be read, or in none.
func testNumbers(t *testing.T, b *tab) {
	const refused = "refused"
	for text, want := range map[string]string{
		"": "", "0": "0", "5": "5", "0.5": "0.5", " 12.50 ": "12.50", "1.234": "1.234", "1234567.89": "1234567.89",
		// A comma before decimals.
		"0,5": "0.5", "300,55": "300.55", "0,02": "0.02", "0,125": "0.125", "0,1234": "0.1234", "1,2340": "1.2340", "1234,5": "1234.5",
		// Commas between thousands.
		"1,234.50": "1234.50", "1,234,567": "1234567", "1,234,567.89": "1234567.89", "63,000.00": "63000.00", "1,234.567": "1234.567",
		// One or the other, neither, and what may have lost its point.
		"1,234": refused, "63,000": refused, "1234,567": refused, "1,23,456": refused, "1,2345,678": refused, "0,123,456": refused, "1.234,50": refused,
		"1.234.567": refused, "1.2.3": refused, "0,5.0": refused, "12,34.5": refused, "05": refused, "00.5": refused, "05,5": refused, "007": refused,
		// No number of this page.
		".5": refused, ",5": refused, ",500": refused, "5.": refused, "5,": refused, "1 234": refused, "0 5": refused, "1'234": refused, "0'5": refused,
		"1_000": refused, "-1": refused, "+1": refused, "1e3": refused, "0.5 BTC": refused, "٥": refused, "0٫5": refused, "１": refused,
	} {
		got := eval[string](b, fmt.Sprintf(`import("/page/decimal.js").then((m) => m.read(%q)).then(
			(r) => r.wrong === undefined ? r.value : "value" in r || !r.wrong ? "both" : %q)`, text, refused))
		if got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
	said := eval[string](b, `import("/page/decimal.js").then((m) => m.read("1,234").wrong)`)
	if want := "1,234 can be 1234 or 1.234. Write 1234, 1.234 or 1,2340."; said != want {
		t.Errorf("of 1,234 is said %q, want %q", said, want)
	}
}

// testDecimalComma: what is typed with a comma is sent as it is shown, and nothing is sent that could be two numbers.
func testDecimalComma(t *testing.T, b *tab) {
	b.enter("price", "300,55")
	if got := b.text("price-unit"); got != "= 300.55 USD" {
		t.Errorf("beside the price stands %q", got)
	}
	b.enter("quantity", "0,5")
	if got := b.text("quantity-unit"); got != "= 0.5 BTC" {
		t.Errorf("beside the quantity stands %q", got)
	}
	if got := b.text("value"); got != "150.275 USD" {
		t.Errorf("the order's value is %q", got)
	}
	if got := eval[string](b, `document.getElementById("price").value`); got != "300.55" {
		t.Errorf("the price that was left is written %q", got)
	}
	// The enter key sends the form from within the field, which is not left.
	b.do(chromedp.KeyEvent(kb.Enter))
	b.until("the order", `test.sent.length === 1 && !test.ticket.busy`)
	if got := eval[string](b, `[test.sent[0].price, test.sent[0].quantity, document.getElementById("quantity").value].join()`); got != "300.55,0.5,0.5" {
		t.Errorf("sent, and shown: %s", got)
	}
	if got := b.text("outcome"); !strings.Contains(got, "Buy 0.5 BTC-USD at 300.55.") {
		t.Errorf("the order is said to be %q", got)
	}

	b.choose("type", "market")
	b.enter("price", "")
	b.enter("quantity", "0,02")
	if sent := b.submit(); sent == nil || sent["quantity"] != "0.02" || sent["type"] != "market" {
		t.Errorf("sent: %v", sent)
	}

	b.choose("type", "limit")
	b.paste("price", "63,000.00") // as the book shows it
	b.paste("quantity", "2")
	if sent := b.submit(); sent == nil || sent["price"] != "63000.00" {
		t.Errorf("sent: %v", sent)
	}
	for _, c := range []struct{ field, text, said string }{
		{"price", "1,234", "1,234 can be 1234 or 1.234."},
		{"price", "1.234,50", "one point or comma"},
		{"price", "05", "is the point missing?"},
		{"quantity", "63,000", "63,000 can be 63000 or 63.000."},
		{"quantity", "1'000", "one point or comma"},
	} {
		b.paste("price", "100")
		b.paste("quantity", "2")
		b.paste(c.field, c.text)
		if got := b.text("value"); got != "–" {
			t.Errorf("%s %s: the order's value is %q", c.field, c.text, got)
		}
		if sent := b.submit(); sent != nil {
			t.Errorf("%s %s was sent: %v", c.field, c.text, sent)
		}
		if got := b.text(c.field + "-error"); !strings.Contains(got, c.said) {
			t.Errorf("%s %s: at the field is said %q", c.field, c.text, got)
		}
		if got := b.text("outcome"); !strings.HasPrefix(got, "Not sent The "+c.field+" is not clear. ") {
			t.Errorf("%s %s: %q", c.field, c.text, got)
		}
		// The arrow keys begin at a number, and this is none.
		b.enter(c.field, c.text)
		b.do(chromedp.KeyEvent(kb.ArrowUp))
		if got := eval[string](b, fmt.Sprintf(`document.getElementById(%q).value`, c.field)); got != c.text {
			t.Errorf("%s %s: an arrow key makes it %q", c.field, c.text, got)
		}
	}
}

// testArrowKeys: an arrow key moves a number by a tick or a lot, from where it stands, and changes nothing that is no number.
func testArrowKeys(t *testing.T, b *tab) {
	const up, down = kb.ArrowUp, kb.ArrowDown
	shift := chromedp.KeyModifiers(chromedp.ModifierShift)
	for _, c := range []struct{ field, text, up, down, tenUp, tenDown string }{
		{"price", "101.12", "101.13", "101.11", "101.22", "101.02"},
		{"price", "101", "101.01", "100.99", "101.10", "100.90"},
		{"price", "99,5", "99.51", "99.49", "99.60", "99.40"},
		{"price", "101.120", "101.13", "101.11", "101.22", "101.02"},
		// Between two ticks: the nearer one in that direction is the first.
		{"price", "101.123", "101.13", "101.12", "101.22", "101.03"},
		{"price", "101.1299", "101.13", "101.12", "101.22", "101.03"},
		{"price", "0.001", "0.01", "0.00", "0.10", "0.001"},
		{"quantity", "1.000000005", "1.00000001", "1.00000000", "1.00000010", "0.99999991"},
		// An empty field is none yet, and nothing is less than none.
		{"price", "", "0.01", "", "0.10", ""},
		{"price", "0", "0.01", "0", "0.10", "0"},
		{"price", "0.05", "0.06", "0.04", "0.15", "0.05"},
		{"price", "1,234", "1,234", "1,234", "1,234", "1,234"},
		{"price", "12x", "12x", "12x", "12x", "12x"},
	} {
		for _, k := range []struct {
			what, key, want string
			with            []chromedp.KeyOption
		}{
			{"up", up, c.up, nil}, {"down", down, c.down, nil},
			{"shift and up", up, c.tenUp, []chromedp.KeyOption{shift}}, {"shift and down", down, c.tenDown, []chromedp.KeyOption{shift}},
		} {
			b.paste(c.field, c.text)
			b.do(chromedp.KeyEvent(k.key, k.with...))
			if got := eval[string](b, fmt.Sprintf(`document.getElementById(%q).value`, c.field)); got != k.want {
				t.Errorf("%s %q, %s: %q, want %q", c.field, c.text, k.what, got, k.want)
			}
		}
	}
	// A tick that is no power of ten.
	eval[bool](b, `(() => { Object.assign(test.ticket.instrument, { tick: "0.25" }); return true; })()`)
	for text, want := range map[string][2]string{"101.25": {"101.50", "101.00"}, "101.3": {"101.50", "101.25"}, "101.501": {"101.75", "101.50"}} {
		for i, key := range []string{up, down} {
			b.paste("price", text)
			b.do(chromedp.KeyEvent(key))
			if got := eval[string](b, `document.getElementById("price").value`); got != want[i] {
				t.Errorf("with ticks of 0.25 an arrow key makes %s %q, want %q", text, got, want[i])
			}
		}
	}
}

// testOutcome: what is said of an order is the order, and what became of it.
func testOutcome(t *testing.T, b *tab) {
	if got := eval[string](b, `getComputedStyle(document.getElementById("outcome")).borderLeftColor`); got != "rgba(0, 0, 0, 0)" {
		t.Errorf("an empty outcome has a bar of the colour %s", got)
	}
	for _, c := range []struct{ what, kind, side, price, quantity, test, want string }{
		{"a limit", "limit", "buy", "60000", "0.01", `{}`, "In the book · order 9 Buy 0.01 BTC-USD at 60,000. 0.01 rests in the book."},
		{"a protected buy", "market", "buy", "60000", "0.01", `{answer: {status: "filled", price: "60000.00", filled: "0.01", remaining: "0", average_price: "59000.00"}}`,
			"Traded · order 9 Buy 0.01 BTC-USD at market, 60,000 at most. Traded 0.01 at 59,000 on average."},
		{"a protected sell", "market", "sell", "60000", "0.01", `{answer: {status: "filled", price: "60000.00", filled: "0.01", remaining: "0", average_price: "61000.00"}}`,
			"Traded · order 9 Sell 0.01 BTC-USD at market, 60,000 at least. Traded 0.01 at 61,000 on average."},
		{"one in part", "market", "buy", "", "2", `{answer: {status: "canceled", filled: "0.47", remaining: "0", average_price: "64666.00", canceled: "1.53", cancel_reason: "no_liquidity"}}`,
			"Traded in part, the rest canceled · order 9 Buy 2 BTC-USD at market. Traded 0.47 at 64,666 on average. 1.53 canceled (no liquidity)."},
		{"nothing of one", "market", "buy", "", "2", `{answer: {status: "canceled", filled: "0", remaining: "0", canceled: "2", cancel_reason: "no_liquidity"}}`,
			"Canceled · order 9 Buy 2 BTC-USD at market. 2 canceled (no liquidity)."},
		{"no quantity", "limit", "buy", "60000", "", `{}`, "Not sent The quantity is absent or empty."},
		{"no price", "limit", "buy", "", "2", `{}`, "Not sent The price is absent or empty."},
		{"a field that the venue misses", "limit", "buy", "60000", "2", `{refusal: test.refuse({code: 400, reason: "missing_field", message: "a field is absent or empty", field: "account"})}`,
			"Refused: missing field (400) Buy 2 BTC-USD at 60,000. A field is absent or empty: account."},
	} {
		eval[bool](b, `(() => { Object.assign(test, {answer: {}, refusal: null}, `+c.test+`); return true; })()`)
		b.choose("side", c.side)
		b.choose("type", c.kind)
		b.enter("price", c.price)
		b.enter("quantity", c.quantity)
		b.submit()
		if got := b.text("outcome"); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
	// While there is no answer yet, each sentence ends.
	eval[bool](b, `(() => {
		test.refusal = null;
		test.ticket.account.signer.settle = (method, at, order, waiting) => {
			waiting(1, test.refuse({ reason: "not_applied", message: "this was not applied" }));
			return new Promise(() => {});
		};
		return true;
	})()`)
	b.enter("price", "60000")
	b.enter("quantity", "2")
	eval[bool](b, `(() => { document.getElementById("submit").click(); return true; })()`)
	want := "No answer yet Buy 2 BTC-USD at 60,000. This was not applied. The same order is sent again (1); it is done once."
	if got := b.text("outcome"); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// testNarrow: on the smallest telephone nothing runs into anything else, is cut off or has to be looked for.
func testNarrow(t *testing.T, b *tab) {
	for _, size := range [][2]int64{{320, 640}, {390, 844}} {
		b.do(chromedp.EmulateViewport(size[0], size[1], chromedp.EmulateMobile, chromedp.EmulateTouch))
		view := func(name string) {
			t.Helper()
			eval[bool](b, fmt.Sprintf(`(() => { document.body.dataset.view = %q; return true; })()`, name))
		}
		// inside names what of the elements that match is not whole in its panel, or not on the screen at all.
		inside := func(what, selector string) {
			t.Helper()
			cut := eval[[]string](b, fmt.Sprintf(`[...document.querySelectorAll(%q)].filter((e) => {
				const r = e.getBoundingClientRect(), p = (e.closest(".panel") ?? document.body).getBoundingClientRect();
				const outside = r.left < p.left || r.right > p.right || r.top < p.top || r.bottom > p.bottom;
				return r.width === 0 || outside || e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0;
			}).map((e) => e.id || e.className || e.textContent)`, selector))
			if len(cut) > 0 {
				t.Errorf("%v: %s: %q are not whole", size, what, cut)
			}
		}
		// apart names pairs that cover one another, by their texts and not their boxes.
		apart := func(what, selector string) {
			t.Helper()
			both := eval[[]string](b, fmt.Sprintf(`(() => {
				const all = [...document.querySelectorAll(%q)].filter((e) => e.offsetParent !== null).map((e) => {
					const range = document.createRange();
					range.selectNodeContents(e);
					return [e.textContent, range.getBoundingClientRect()];
				});
				const cover = (r, s) => r.left < s.right && s.left < r.right && r.top < s.bottom && s.top < r.bottom;
				return all.flatMap(([a, r], i) => all.slice(i + 1).filter(([, s]) => cover(r, s)).map(([b]) => a + " and " + b));
			})()`, selector))
			if len(both) > 0 {
				t.Errorf("%v: %s: %q run into each other", size, what, both)
			}
		}

		view("chart")
		eval[bool](b, `(() => {
			const texts = {
				symbol: "BTC-USD", phase: "Continuous trading", last: "64,648.22", "fact-change": "−1,351.78 −10.54%",
				"fact-high": "66,731.47", "fact-low": "64,548.68", "fact-volume": "16.11292698 BTC",
			};
			for (const [id, text] of Object.entries(texts)) document.getElementById(id).textContent = text;
			const legend = ["2026-11-27 22:54:00", "O 64,633.48", "H 66,731.47", "L 64,621.23", "C 64,648.22", "V 1.05810915"];
			document.getElementById("legend").replaceChildren(...legend.map((text) => {
				const e = document.createElement("span");
				e.textContent = text;
				return e;
			}));
			return true;
		})()`)
		apart("the market's facts", ".market-head :is(h2, .phase, .last, dt, dd)")
		inside("the market's facts", ".market-head :is(h2, .phase, .last, .facts div:not(.wide) > *)")
		if got := eval[bool](b, `document.getElementById("legend").getBoundingClientRect().bottom <= document.getElementById("chart").getBoundingClientRect().top`); !got {
			t.Errorf("%v: the legend covers the chart", size)
		}
		if wide := eval[string](b, `(() => {
			const r = document.querySelector(".bottom a[href$='LICENSE.txt']").getBoundingClientRect();
			const p = document.querySelector(".bottom").getBoundingClientRect();
			return r.right <= p.right && r.bottom <= p.bottom && r.left >= 0 ? "" : r.right + " of " + p.right;
		})()`); wide != "" {
			t.Errorf("%v: the licence's link is cut off at %s", size, wide)
		}

		view("trade")
		b.enter("price", "60000")
		b.enter("quantity", "2")
		inside("the order form before it is sent", "#submit")
		b.submit()
		inside("the order form after it was sent", "#submit, #outcome")
		b.enter("price", "1,234")
		b.submit()
		inside("the order form with an error", "#price, #price-error, #submit, #outcome")

		view("account")
		b.until("an own trade", `document.querySelectorAll("#fills tr").length === 1`)
		inside("own orders", "#orders :is(td:not(.hide-narrow), button)")
		apart("own orders", "#orders td:not(.hide-narrow)")
		eval[bool](b, `(() => { document.getElementById("pane-orders").hidden = true; document.getElementById("pane-fills").hidden = false; return true; })()`)
		inside("own trades", "#fills td:not(.hide-narrow)")
		apart("own trades", "#fills td:not(.hide-narrow)")
		eval[bool](b, `(() => { document.getElementById("pane-orders").hidden = false; document.getElementById("pane-fills").hidden = true; return true; })()`)
	}
}
