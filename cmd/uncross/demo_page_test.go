package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestDemoPage looks at the demonstration in a browser: names as long as a recorded day's are shown whole, also on a telephone,
// and more balances than fit can be scrolled to.
func TestDemoPage(t *testing.T) {
	findBrowser(t)
	const long = "601825_20230711-2"
	dir := t.TempDir()
	for _, part := range []string{".commands.csv", ".trades.csv"} {
		text, err := os.ReadFile(filepath.Join("testdata", "day"+part))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, long+part), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := startDemo(t, filepath.Join(dir, "demo"), "--rate", "0", "--day", filepath.Join(dir, long), "--speed", "max")
	d.await("the day is over")
	v := &venue{t: t, address: strings.TrimPrefix(d.url, "http://")}
	b := openBrowser(t)
	b.do(chromedp.EmulateViewport(1280, 700))
	b.open(v, "#"+long)
	b.signIn(filepath.Join(d.data, "keys", demoYou+".key"))
	b.shows("#balances", "NOVA")
	whole := func(what, selector string) {
		t.Helper()
		b.until(what+" whole", `[...document.querySelectorAll(`+"`"+selector+"`"+`)].filter(e => e.textContent.includes("`+long+`")).every(e => {
			const r = e.getBoundingClientRect(), p = e.closest("dl, button").getBoundingClientRect();
			return e.scrollWidth <= e.clientWidth + 1 && r.right <= p.right + 1 && r.right <= innerWidth; })`)
	}
	whole("the symbol", ".instrument .name span")
	b.until("that there are more balances", `((e) => e.scrollHeight > e.clientHeight && getComputedStyle(e).backgroundImage.includes("gradient"))(document.querySelector(".balances .scroll"))`)
	b.until("the last balance, scrolled to", `(() => { const s = document.querySelector(".balances .scroll"); s.scrollTop = s.scrollHeight;
		return s.querySelector("tr:last-child td").getBoundingClientRect().bottom <= s.getBoundingClientRect().bottom + 1; })()`)
	b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	b.click(`.views [data-to="markets"]`)
	whole("the symbol on the telephone", ".instrument .name span")
	b.click(`.views [data-to="chart"]`)
	b.shows("#fact-volume", long)
	whole("the volume on the telephone", "#fact-volume")
	b.sound(v.address)
	d.stop(syscall.SIGINT)
}
