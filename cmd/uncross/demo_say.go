package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"uncross/engine/wire"
	"uncross/internal/traders"
)

// This file is what the demonstration prints.

// How often it is told how things stand: on a terminal, in a line that changes; elsewhere in one line after the other.
const (
	tellTerminal = time.Second
	tellPlain    = 10 * time.Second
)

// The terminal cuts a line that is too long for it instead of going on in the next one, which could not be taken away again.
const (
	noWrap = "\x1b[?7l"
	wrap   = "\x1b[?7h"
)

// explain prints what there is and what to try next.
func (d *demo) explain(w io.Writer, at *addresses) {
	url, key := at.url(), nearby(d.dir.key(demoYou))
	market := url + "/v1/instruments/BTC-USD"
	session := fmt.Sprintf("fix://YOU:%s@%s", demoPlan.password, at.fix.Addr())
	stream := "ws" + strings.TrimPrefix(url, "http") + "/v1/stream"
	fmt.Fprintf(w, `
The page      %s/
Instruments   %s
You           account "%s", with money of every kind; on the page, sign in with the file %s
              (other keys are beside it: operator, custodian, and those of the traders)

Look
  curl -s '%s/book?depth=5'
  curl -s '%s/trades?limit=5'
  curl -s '%s/candles?interval=1m'
  curl -s '%s/statistics'
Trade
  %s sign --key %s POST %s/v1/orders \
    '{"account":"%s","symbol":"BTC-USD","side":"buy","type":"market","quantity":"0.01","client_order_id":"%s"}' | curl -sK -
  %s sign --key %s GET '%s/v1/balances?account=%s' | curl -sK -
Follow
  %s stream %s trades:BTC-USD 'bbo:*'
  echo '{"op":"subscribe","subscriptions":[{"channel":"trades","symbol":"BTC-USD"}]}' | websocat -n %s
FIX 4.4
  %s fix %s 'D|11=%s|55=BTC-USD|54=1|38=0.01|40=1|59=3'
  QuickFIX: settings are in %s; the application adds the password, see docs/fix-quickstart.md
  other engines: host and port %s, SenderCompID YOU (market data: YOUMD), TargetCompID %s, Password (554) %s; see docs/fix.md
%s
`, url, strings.Join(demoSymbols(), " "), demoYou, key,
		market, market, market, market,
		program(), key, url, demoYou, newOrderID("first-"),
		program(), key, url, demoYou,
		program(), url, stream,
		program(), session, newOrderID("first-fix-"), nearby(d.folder.quickfix()), at.fix.Addr(), at.fixCompID, demoPlan.password, d.explainNodes(at))
	if d.floor == nil {
		fmt.Fprintln(w, "no simulated traders (--rate 0)")
	} else {
		fmt.Fprintf(w, "%d simulated traders, %g orders a second at most, seed %d\n", len(demoPlan.members)-1, d.c.Rate, d.c.Seed)
	}
}

func demoSymbols() (all []string) {
	for _, in := range demoPlan.instruments {
		all = append(all, in.symbol)
	}
	return all
}

// tell prints how things stand, again and again.
func (d *demo) tell() {
	every := tellPlain
	if d.bar.on {
		every = tellTerminal
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	r := rates{at: time.Now(), trades: d.before}
	for {
		select {
		case <-d.ctx.Done():
			d.say("the traders cancel their orders and leave\n")
			return
		case now := <-tick.C:
			var parts []string
			if d.floor != nil {
				parts = r.since(d.floor.Status(), now)
			}
			if line := strings.Join(append(parts, d.day.standing()...), "; "); line != "" {
				d.show(line)
			}
		}
	}
}

// rates are the counts at the line before.
type rates struct {
	at             time.Time
	orders, trades uint64
}

// since returns the parts of a line, with what was done since the last one.
func (r *rates) since(s traders.Status, now time.Time) []string {
	seconds := now.Sub(r.at).Seconds()
	trades := max(r.trades, s.Trades) // at first the traders have not looked yet, or only where the last trade was not
	parts := []string{fmt.Sprintf("%.0f orders/s, %.0f trades/s", float64(s.Orders-r.orders)/seconds, float64(trades-r.trades)/seconds)}
	r.at, r.orders, r.trades = now, s.Orders, trades
	var prices []string
	for _, m := range s.Markets {
		text := m.Symbol
		if m.Last != "" {
			text += " " + m.Last
		}
		if m.Phase.Valid() && m.Phase != wire.Continuous {
			text += " (" + m.Phase.String() + ")"
		}
		prices = append(prices, text)
	}
	parts = append(parts, strings.Join(prices, ", "))
	if s.Deposits > 0 {
		parts = append(parts, fmt.Sprintf("topped up %d times", s.Deposits))
	}
	if s.Trouble != nil {
		parts = append(parts, "trouble: "+s.Trouble.Error())
	}
	return parts
}

// show prints a line of how things stand, over the one before where there is a terminal.
func (d *demo) show(line string) {
	d.saying.Lock()
	defer d.saying.Unlock()
	if !d.bar.on {
		fmt.Fprintln(d.out, line)
		return
	}
	d.bar.show("%s%s%s", noWrap, line, wrap)
}

// say prints what stays.
func (d *demo) say(format string, args ...any) {
	d.saying.Lock()
	defer d.saying.Unlock()
	d.bar.clear()
	fmt.Fprintf(d.out, format, args...)
}
