package main

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	devlog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/internal/nodes/nodestest"
)

// This file is the page in a real browser on a real server. It skips where there is no browser; .ci/browser installs one.

// browserPatience bounds each wait for the page to show something, also on a machine that has much else to do.
const browserPatience = time.Minute

// findBrowser returns the path of a Chromium or Chrome, or skips the test.
func findBrowser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "headless-shell"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium or Chrome on this machine: the page was not looked at (see .ci/browser)")
	return ""
}

// browser is one tab, and what went wrong in it.
type browser struct {
	t   *testing.T
	ctx context.Context

	mu     sync.Mutex
	wrong  []string        // complaints of the console, exceptions, violations of the policy
	hosts  map[string]bool // that were asked for anything
	bodies []string        // that were sent
}

// openBrowser starts a headless browser with an empty tab.
func openBrowser(t *testing.T, flags ...chromedp.ExecAllocatorOption) *browser {
	t.Helper()
	all := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(findBrowser(t)), chromedp.UserDataDir(t.TempDir()), chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(browserPatience))
	if os.Getuid() == 0 {
		all = append(all, chromedp.NoSandbox) // as root Chromium does not start with it
	}
	allocator, cancel := chromedp.NewExecAllocator(context.Background(), append(all, flags...)...)
	t.Cleanup(cancel)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, hosts: map[string]bool{}}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	b.do(chromedp.EmulateViewport(1440, 900))
	return b
}

// hear keeps what the browser tells. It runs in the loop that reads from the browser.
func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" || e.Type == "assert" {
			b.wrong = append(b.wrong, fmt.Sprintf("console.%s %v", e.Type, e.Args))
		}
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		b.wrong = append(b.wrong, "exception "+text)
	case *devlog.EventEntryAdded:
		// A refusal's status counts as an error of the network; what it was the page shows.
		if e.Entry.Source != "network" && (e.Entry.Level == "error" || e.Entry.Level == "warning") {
			b.wrong = append(b.wrong, fmt.Sprintf("%s %s: %s %s", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err == nil && u.Scheme != "data" && u.Scheme != "blob" && u.Scheme != "about" {
			b.hosts[u.Host] = true
		}
		for _, part := range e.Request.PostDataEntries {
			b.bodies = append(b.bodies, string(part.Bytes))
		}
	case *network.EventWebSocketCreated:
		if u, err := url.Parse(e.URL); err == nil {
			b.hosts[u.Host] = true
		}
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, browserPatience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// eval returns what a JavaScript expression, or a promise of it, comes to.
func eval[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, browserPatience)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits until an expression is true; what says what was waited for.
func (b *browser) until(what, expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(browserPatience); !eval[bool](b, "Boolean("+expression+")"); time.Sleep(30 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.t.Fatalf("the page does not show %s within %v; it shows:\n%s\ncomplaints: %q", what, browserPatience, eval[string](b, "document.body.innerText"), b.complaints())
		}
	}
}

// shows waits until an element's text contains something.
func (b *browser) shows(selector, text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%q in %s", text, selector), fmt.Sprintf("[...document.querySelectorAll(%q)].some(e => e.textContent.includes(%q))", selector, text))
}

// click clicks with the mouse, where a person would. A book is drawn anew while the pointer is on its way, and what it was on
// its way to is then gone: it goes to what is there instead, as a person would.
func (b *browser) click(selector string) {
	b.t.Helper()
	for tries := 0; ; tries++ {
		ctx, cancel := context.WithTimeout(b.ctx, browserPatience)
		err := chromedp.Do(ctx, chromedp.Click(chromedp.CSS(selector)))
		cancel()
		if err == nil {
			return
		}
		if tries == 5 || !strings.Contains(err.Error(), "-32000") {
			b.t.Fatal(err)
		}
	}
}

// enter types into a field in the place of what is in it.
func (b *browser) enter(selector, text string) {
	b.t.Helper()
	eval[any](b, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e.value = ""; e.dispatchEvent(new Event("input", {bubbles: true})); })()`, selector))
	b.do(chromedp.SendKeys(chromedp.CSS(selector), text))
}

func (b *browser) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.wrong...)
}

// sound fails the test where the browser complained, or asked another host than the server.
func (b *browser) sound(host string) {
	b.t.Helper()
	if wrong := b.complaints(); len(wrong) > 0 {
		b.t.Errorf("the browser complains:\n%s", strings.Join(wrong, "\n"))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.hosts) != 1 || !b.hosts[host] {
		b.t.Errorf("hosts that were asked: %v, want %s alone", b.hosts, host)
	}
}

// open loads the page and waits for the stream.
func (b *browser) open(v *venue, fragment string) {
	b.t.Helper()
	b.do(chromedp.Navigate(v.url() + "/" + fragment))
	b.until("a live stream", `document.getElementById("connection").dataset.state === "live"`)
	b.until("the book as proven", `document.getElementById("proof").dataset.state === "proven"`)
}

// signIn chooses a key file and signs in with it.
func (b *browser) signIn(keyFile string) {
	b.t.Helper()
	b.click("#sign-in")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#key-file"), []string{keyFile}))
	b.click("#sign-in-go")
	b.until("who is signed in", `document.body.dataset.signed === "in"`)
}

// devVenueOf starts a development venue and returns it with the path of its keys.
func devVenueOf(t *testing.T) (*venue, func(name string) string) {
	t.Helper()
	dir := t.TempDir()
	v := &venue{t: t, program: nodestest.Program(t), data: filepath.Join(dir, "data"), address: "127.0.0.1:0", flags: []string{"--dev", "--fix-listen", "off"}}
	t.Cleanup(v.end)
	v.mustStart()
	return v, func(name string) string { return filepath.Join(dir, "keys", name+".key") }
}

// as returns a client of the venue with one of its keys.
func (v *venue) as(keyFile string) *client.Client {
	v.t.Helper()
	k, err := auth.LoadKey(keyFile)
	if err != nil {
		v.t.Fatal(err)
	}
	c, err := client.New(client.Config{URL: v.url(), Key: &k})
	if err != nil {
		v.t.Fatal(err)
	}
	return c
}

// send makes one request that must be answered with 200.
func send(t *testing.T, c *client.Client, method, target string, in object) (out object) {
	t.Helper()
	ctx, cancel := patience(browserPatience)
	defer cancel()
	if err := c.Do(ctx, method, target, in, &out); err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return out
}

func limitOrder(account, side, price, quantity, id string) object {
	return object{"account": account, "symbol": "BTC-USD", "side": side, "type": "limit", "price": price, "quantity": quantity, "client_order_id": id}
}

// TestPage goes through the page as a person does: look, sign in, place an order, see it, cancel it, trade, be refused,
// see an auction and a halt, lose the connection, sign out.
func TestPage(t *testing.T) {
	findBrowser(t)
	v, key := devVenueOf(t)
	operator, bob := v.as(key("operator")), v.as(key("bob"))
	b := openBrowser(t)
	b.open(v, "#BTC-USD")
	b.shows("#instruments", "ETH-USD")
	b.shows("#phase", "Continuous trading")
	b.shows("#orders-empty", "Sign in")
	b.modules(t)

	b.signInRefused(t, key)
	b.signIn(key("alice"))
	b.shows("#user", "alice · trader")
	b.shows(`#balances [data-asset="USD"]`, "10,000,000")
	b.renewal(t, key("bob"))
	b.placeAndCancel()
	b.trade(t, bob)
	b.refusal()
	b.phases(t, operator, bob)
	b.sound(v.address)
	b.policy(t) // which makes the browser complain, as it should
	b.restart(t, v)
	b.click("#sign-out")
	b.shows("#submit", "Sign in to trade")
	b.shows("#orders-empty", "Sign in")
}

// modules tries the arithmetic of the page's modules in the browser itself.
func (b *browser) modules(t *testing.T) {
	t.Helper()
	for expression, want := range map[string]any{
		`import("/page/crc32.js").then(m => m.crc32("123456789"))`:                                                                float64(0xcbf43926),
		`import("/page/decimal.js").then(m => m.multiply("12345678901234567890.12345678", "0.00000001"))`:                         "123456789012.3456789012345678",
		`import("/page/decimal.js").then(m => m.add("0.1", "0.2"))`:                                                               "0.3",
		`import("/page/decimal.js").then(m => m.fromUnits(-5n, 2))`:                                                               "-0.05",
		`import("/page/decimal.js").then(m => m.group("1234567.0001"))`:                                                           "1,234,567.0001",
		`import("/page/decimal.js").then(m => m.percent("64000.00", "64640.00"))`:                                                 "+1.00%",
		`import("/page/decimal.js").then(m => ["1.2.3", "-1", "1e3", " 1", ""].map(x => m.toUnits(x, 4)).every(x => x === null))`: true,
		`import("/page/decimal.js").then(m => m.compare("10", "9.99"))`:                                                           float64(1),
		`import("/page/rest.js").then(m => m.target("/v1/orders", {account: "a'b c/&é", symbol: ""}))`:                            "/v1/orders?account=a%27b+c%2F%26%C3%A9",
	} {
		if got := eval[any](b, expression); got != want {
			t.Errorf("%s: %v, want %v", expression, got, want)
		}
	}
	// A copy of a book takes snapshots in parts, changes and removals, and knows when it is wrong.
	got := eval[string](b, `import("/page/book.js").then(({Book}) => {
		const k = new Book(2, 4), said = [];
		said.push(k.apply({type: "snapshot", sequence: "5", part: 1, parts: 2, bids: [["10.00", "1", 1]], asks: []}), k.loaded);
		said.push(k.apply({type: "snapshot", sequence: "5", part: 2, parts: 2, bids: [["9.00", "2", 1]], asks: [["11.00", "3", 2]], checksum: `+fmt.Sprint(crc32.ChecksumIEEE([]byte("10.00:1:11.00:3:9.00:2")))+`}), k.loaded);
		said.push(k.apply({type: "update", sequence: "6", bids: [["10.00", "0", 0], ["9.50", "0.5", 1]], asks: []}), k.bids.map(l => l.price).join());
		said.push(k.apply({type: "update", sequence: "7", bids: [], asks: [], checksum: 1}), k.proven);
		return said.join(" ");
	})`)
	if want := "ok false ok true ok 9.50,9.00 gone 5"; got != want {
		t.Errorf("the copy of a book: %q, want %q", got, want)
	}
}

// signInRefused tries what is no key, and a damaged one.
func (b *browser) signInRefused(t *testing.T, key func(string) string) {
	t.Helper()
	text, err := os.ReadFile(key("alice"))
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	other, err := os.ReadFile(key("bob"))
	if err != nil {
		t.Fatal(err)
	}
	var bob map[string]any
	if err := json.Unmarshal(other, &bob); err != nil {
		t.Fatal(err)
	}
	file["public"] = bob["public"]
	damaged, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	file["private"], file["key"] = bob["private"], 4000
	unknown, err := json.Marshal(file)
	if err != nil {
		t.Fatal(err)
	}
	b.click("#sign-in")
	b.click("#sign-in-dialog summary")
	for _, c := range []struct{ text, said string }{
		{"hello", "not a key file"}, {string(damaged), "do not belong together"}, {string(unknown), "unknown_key"},
	} {
		eval[any](b, fmt.Sprintf(`document.getElementById("key-text").value = %q`, c.text))
		b.click("#sign-in-go")
		b.shows("#sign-in-error", c.said)
	}
	b.click("#sign-in-close")
	// A dialog tells that it was closed by an event of its own, after the click.
	b.until("the key's text is gone from the page", `document.getElementById("key-text").value === ""`)
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, body := range b.bodies {
		if strings.Contains(body, bob["private"].(string)) {
			t.Errorf("a private key was sent: %s", body)
		}
	}
}

// renewal has the page's own modules sign in with another key, renew the session, and end it.
func (b *browser) renewal(t *testing.T, keyFile string) {
	t.Helper()
	text, err := os.ReadFile(keyFile)
	if err != nil {
		t.Fatal(err)
	}
	got := eval[string](b, fmt.Sprintf(`(async () => {
		const { readKey } = await import("/page/key.js"), { Signer } = await import("/page/session.js");
		const key = await readKey(%q), told = [];
		const signer = new Signer(key, () => told.push("renewed"));
		await signer.open();
		const first = await signer.call("GET", "/v1/session");
		await signer.renewIfDue(60 * 1000);
		const same = await signer.call("GET", "/v1/session");
		await Promise.all([signer.renewIfDue(16 * 60 * 1000), signer.renewIfDue(16 * 60 * 1000)]);
		const second = await signer.call("GET", "/v1/session");
		await signer.close();
		const after = await signer.call("GET", "/v1/session").then(() => "answered", e => e.message);
		return [first.user, first.role, same.session === first.session, second.session === first.session, told.join("+"), after, Object.keys(key).join("+")].join(" ");
	})()`, text))
	if want := "bob trader true false renewed Signed out. id+user+role+sign"; got != want {
		t.Errorf("a session that is renewed: %q, want %q", got, want)
	}
}

// placeAndCancel enters an order, finds it in the ladder and under the own orders, and cancels it.
func (b *browser) placeAndCancel() {
	b.t.Helper()
	b.enter("#price", "63000.00")
	b.enter("#quantity", "0.5")
	b.shows("#value", "31,500 USD")
	b.shows("#fee", "63 USD")
	b.click("#submit")
	b.shows("#outcome", "In the book")
	b.shows("#bids .level.has-own .price", "63,000.00")
	b.shows("#bids .level.has-own .own", "0.5")
	b.shows("#orders tr", "63,000.00")
	b.shows("#orders-count", "1")
	b.shows(`#balances [data-asset="USD"]`, "31,563") // held, with the fee
	b.until("the proof of the new book", `document.getElementById("proof").dataset.state === "proven"`)
	b.click("#orders button")
	b.until("no own order", `document.querySelectorAll("#orders tr").length === 0`)
	b.until("no own order in the ladder", `document.querySelectorAll(".level.has-own").length === 0`)
	b.shows(`#balances [data-asset="USD"]`, "10,000,000")
	// Two at once, and both canceled at once.
	for _, price := range []string{"62000.00", "62001.00"} {
		b.enter("#price", price)
		b.click("#submit")
		b.shows("#orders tr", strings.Replace(price, "62", "62,", 1))
	}
	b.click("#cancel-all")
	b.click("#cancel-all-yes")
	b.until("no own order", `document.querySelectorAll("#orders tr").length === 0`)
}

// trade has another user's order come, takes it by a click in the ladder, and sees the trade everywhere.
func (b *browser) trade(t *testing.T, bob *client.Client) {
	t.Helper()
	send(t, bob, "POST", "/v1/orders", limitOrder("bob", "sell", "64000.00", "0.3", "b-1"))
	b.shows("#asks .level .price", "64,000.00")
	b.click("#asks .level:not(:disabled)")
	if got := eval[string](b, `document.getElementById("price").value`); got != "64000.00" {
		t.Errorf("a click on a level fills in %q", got)
	}
	b.enter("#quantity", "0.3")
	b.click("#submit")
	b.shows("#outcome", "Traded 0.3 at 64,000 on average")
	b.shows("#trades .trade", "64,000.00")
	b.shows("#last", "64,000.00")
	b.shows("#instruments", "64,000.00")
	b.shows(`#balances [data-asset="BTC"]`, "100.3")
	b.shows(`#balances [data-asset="USD"]`, "9,980,761.6") // 19,200 and a fee of 20 basis points
	b.click("#tab-fills")
	b.shows("#fills tr", "64,000.00")
	b.click("#tab-orders")
	b.shows("#fact-volume", "0.3 BTC")
	b.shows("#legend", "64,000.00") // the candle
}

// refusal is shown with its reason, and at the field that it is about.
func (b *browser) refusal() {
	b.t.Helper()
	b.enter("#price", "63000.005")
	b.click("#submit")
	b.shows("#outcome", "Refused: price off tick (1010)")
	b.shows("#price-error", "tick is 0.01")
	b.until("the field as wrong", `document.querySelector('[data-field="price"]').dataset.wrong === "true" && document.activeElement.id === "price"`)
	b.enter("#price", "64000.00")
	b.until("the field as right", `document.querySelector('[data-field="price"]').dataset.wrong === "false"`)
	b.enter("#quantity", "900")
	b.click("#submit")
	b.shows("#outcome", "insufficient funds (71)")
	b.shows("#quantity-error", "balance does not cover")
	b.enter("#quantity", "")
	b.click("#submit")
	b.shows("#quantity-error", "absent or empty")
}

// phases has an auction and a halt come and go.
func (b *browser) phases(t *testing.T, operator, bob *client.Client) {
	t.Helper()
	phase := func(name string) {
		send(t, operator, "POST", "/v1/admin/instruments/BTC-USD/phase", object{"phase": name})
	}
	phase("auction")
	b.shows("#situation", "Call auction")
	b.until("the colour of an auction", `document.getElementById("situation").dataset.phase === "auction"`)
	b.enter("#price", "64100.00")
	b.enter("#quantity", "0.4")
	b.click("#submit")
	b.shows("#outcome", "In the book")
	send(t, bob, "POST", "/v1/orders", limitOrder("bob", "sell", "64100.00", "0.1", "b-2"))
	b.shows("#situation", "Indicative price 64,100.00, volume 0.1000 BTC, surplus 0.3000 to buy")
	b.shows("#middle", "crossed")
	phase("continuous")
	b.shows("#phase", "Continuous trading")
	b.shows(`#trades .trade[data-side="none"]`, "64,100.00")
	phase("halted")
	b.shows("#situation", "Trading is halted")
	b.shows("#instruments .mark", "halted")
	b.enter("#price", "64000.00")
	b.click("#submit")
	b.shows("#outcome", "Refused: market halted")
	b.click("#orders button") // cancels are taken
	b.until("no own order", `document.querySelectorAll("#orders tr").length === 0`)
	phase("continuous")
	b.shows("#phase", "Continuous trading")
}

// policy tries what the page's policy forbids: markup from a script, and a style that is not of the server.
func (b *browser) policy(t *testing.T) {
	t.Helper()
	said := eval[string](b, `(() => { try { document.body.innerHTML = "<p>"; return "taken"; } catch (e) { return e.name; } })()`)
	if said != "TypeError" {
		t.Errorf("markup from a script: %s", said)
	}
	said = eval[string](b, `new Promise(done => { const s = document.createElement("style"); s.textContent = "body{display:none}"; document.addEventListener("securitypolicyviolation", e => done(e.effectiveDirective), {once: true}); document.head.append(s); s.remove(); setTimeout(() => done("none"), 2000); })`)
	if !strings.HasPrefix(said, "style-src") {
		t.Errorf("a style element: %s", said)
	}
}

// restart ends the server and starts it again: the page says that the connection is lost, comes back by itself, and acts
// for the same user in a new session.
func (b *browser) restart(t *testing.T, v *venue) {
	t.Helper()
	v.stop(syscall.SIGKILL)
	b.shows("#connection-text", "lost")
	b.until("the book as old", `document.getElementById("ladder").dataset.stale === "true"`)
	v.mustStart()
	b.until("a live stream again", `document.getElementById("connection").dataset.state === "live"`)
	b.until("the book as proven again", `document.getElementById("proof").dataset.state === "proven"`)
	b.enter("#price", "61000.00")
	b.enter("#quantity", "0.2")
	b.click("#submit")
	b.shows("#outcome", "In the book")
	b.shows("#orders tr", "61,000.00")
	b.shows("#bids .level.has-own .price", "61,000.00")
}

// TestPageOnTelephone: every view fits 390 pixels, and the way from a level to an order is one tap.
func TestPageOnTelephone(t *testing.T) {
	findBrowser(t)
	v, key := devVenueOf(t)
	send(t, v.as(key("bob")), "POST", "/v1/orders", limitOrder("bob", "sell", "64000.00", "0.3", "b-1"))
	b := openBrowser(t)
	b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	b.open(v, "")
	b.signIn(key("alice"))
	for _, view := range []string{"markets", "chart", "book", "trade", "account"} {
		b.click(fmt.Sprintf(".views [data-to=%q]", view))
		b.until("the view "+view, fmt.Sprintf(`[...document.querySelectorAll("main > section")].filter(s => s.offsetParent !== null).every(s => s.dataset.view === %q)`, view))
		if wide := eval[int](b, "document.documentElement.scrollWidth"); wide > 390 {
			t.Errorf("view %s is %d pixels wide", view, wide)
		}
		outside := eval[[]string](b, `[...document.querySelectorAll("main button, main input, main select")].filter(e => { const r = e.getBoundingClientRect(); return r.width > 0 && !e.disabled && (r.left < 0 || r.right > innerWidth + 0.5); }).map(e => e.id || e.className)`)
		if len(outside) > 0 {
			t.Errorf("view %s: %q are outside the screen", view, outside)
		}
	}
	b.click(`.views [data-to="book"]`)
	b.shows("#asks .level .price", "64,000.00")
	b.click("#asks .level:not(:disabled)")
	b.until("the order form", `document.body.dataset.view === "trade"`)
	b.enter("#quantity", "0.1")
	b.click("#submit")
	b.shows("#outcome", "Traded 0.1")
	b.sound(v.address)
}

// TestPageInTheDark: both schemes have colours that can be read.
func TestPageInTheDark(t *testing.T) {
	findBrowser(t)
	v, _ := devVenueOf(t)
	b := openBrowser(t)
	for _, scheme := range []string{"light", "dark"} {
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		if err != nil {
			t.Fatal(err)
		}
		b.open(v, "")
		for _, pair := range [][2]string{{"--text", "--panel"}, {"--dim", "--panel"}, {"--dim", "--raised"}, {"--buy", "--panel"}, {"--sell", "--panel"},
			{"--buy", "--buy-bar"}, {"--sell", "--sell-bar"}, {"--text", "--buy-bar"}, {"--warn", "--warn-ground"}, {"--auction", "--auction-ground"}} {
			if got := contrast(b, pair[0], pair[1]); got < 4.5 {
				t.Errorf("%s: %s on %s has a contrast of %.2f, below 4.5", scheme, pair[0], pair[1], got)
			}
		}
	}
	b.sound(v.address)
}

// contrast returns the contrast of two of the page's colours as WCAG 2 defines it.
func contrast(b *browser, a, c string) float64 {
	b.t.Helper()
	return eval[float64](b, fmt.Sprintf(`(() => {
		const style = getComputedStyle(document.documentElement);
		const light = (name) => {
			const [r, g, b] = style.getPropertyValue(name).trim().match(/[0-9a-f]{2}/g).map(x => parseInt(x, 16) / 255).map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
			return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
		};
		const x = light(%q), y = light(%q);
		return Math.max(x, y) / Math.min(x, y);
	})()`, a, c))
}

// TestPageOverPlainHTTP: on an address that is not the machine's own, browsers do no cryptography, and the page says what
// to do.
func TestPageOverPlainHTTP(t *testing.T) {
	findBrowser(t)
	v, _ := devVenueOf(t)
	b := openBrowser(t, chromedp.Flag("host-resolver-rules", "MAP venue.example 127.0.0.1"))
	_, port, _ := strings.Cut(v.address, ":")
	b.do(chromedp.Navigate("http://venue.example:" + port + "/"))
	b.until("a live stream", `document.getElementById("connection").dataset.state === "live"`)
	b.click("#sign-in")
	b.shows("#sign-in-insecure", "Not possible over this connection")
	b.shows("#forward", "ssh -L "+port+":127.0.0.1:"+port+" venue.example")
	b.until("no form for a key", `document.getElementById("sign-in-form").hidden`)
	b.sound("venue.example:" + port)
}

// TestPageAddresses: what is at the server's address for those who do not look at it with a browser.
func TestPageAddresses(t *testing.T) {
	v, _ := devVenueOf(t)
	for path, want := range map[string]string{"/": "text/html; charset=utf-8", "/page/main.js": "text/javascript; charset=utf-8", "/page/none": "application/json"} {
		a, err := http.Get(v.url() + path)
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if got := a.Header.Get("Content-Type"); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}
