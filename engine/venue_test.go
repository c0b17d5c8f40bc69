package engine

import (
	"strings"
	"testing"

	"uncross/engine/wire"
)

// The standard venue of the tests:
//
//	key 1 operator │ key 2 trader of user 2 (accounts 2, 3) │ key 3 trader of user 3 (account 4)
//	key 4 read-only of user 2 │ key 5 custodian
//	asset 1 BTC (8 decimals), asset 2 USD (2 decimals), asset 3 ETH (0 decimals), asset 4 XAU (0 decimals)
//	instrument 1 BTC-USD: tick 1 USD cent (per BTC), lot 0.01 BTC = 1,000,000; a tick times a lot would be 1/100 cent, so
//	the tick is 1 USD: a tick times a lot is 1 cent; fees 10/25 bps
//	instrument 2 ETH-XAU: units of one, no fees
//
// Accounts 2 and 4 have 10^12 of every asset; account 3 has none.
const venueScript = `
genesis venue=venue clusterid=x operatorpub=1
add_asset key=1 code=BTC decimals=8
add_asset key=1 code=USD decimals=2
add_asset key=1 code=ETH
add_asset key=1 code=XAU
add_instrument key=1 symbol=BTC-USD base=1 quote=2 ticksize=1 lotsize=1000000 limits.minprice=1 limits.maxprice=1000000 limits.minqty=1 limits.maxqty=1000000 limits.makerbps=10 limits.takerbps=25
add_instrument key=1 symbol=ETH-XAU base=3 quote=4 ticksize=1 lotsize=1 limits.minprice=1 limits.maxprice=1000000 limits.minqty=1 limits.maxqty=1000000
add_firm key=1 name=broker
add_user key=1 firm=2 name=ann
add_user key=1 firm=2 name=bob
add_user key=1 firm=1 name=till
add_key key=1 user=2 role=trader pub=2
add_key key=1 user=3 role=trader pub=3
add_key key=1 user=2 role=read-only pub=4
add_key key=1 user=4 role=custodian pub=5
add_account key=1 user=2 name=ann-1
add_account key=1 user=2 name=ann-2
add_account key=1 user=3 name=bob-1
deposit key=5 account=2 asset=1 amount=1000000000000 reference=r1
deposit key=5 account=2 asset=2 amount=1000000000000 reference=r2
deposit key=5 account=2 asset=3 amount=1000000000000 reference=r3
deposit key=5 account=2 asset=4 amount=1000000000000 reference=r4
deposit key=5 account=4 asset=1 amount=1000000000000 reference=r1
deposit key=5 account=4 asset=2 amount=1000000000000 reference=r2
deposit key=5 account=4 asset=3 amount=1000000000000 reference=r3
deposit key=5 account=4 asset=4 amount=1000000000000 reference=r4
set_phase key=1 instrument=1 phase=continuous
set_phase key=1 instrument=2 phase=continuous
`

// testVenue returns an engine with the standard venue.
func testVenue(t testing.TB) *Engine {
	t.Helper()
	e := New()
	play(t, e, venueScript)
	return e
}

// play applies commands, one a line, none of which may be refused, and returns their events.
func play(t testing.TB, e *Engine, script string) (events []wire.Event) {
	t.Helper()
	for line := range strings.Lines(script) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		c, err := parseCommand(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		n := len(events)
		events = e.Apply(&c, events)
		if refusal(events[n:]) != wire.ReasonNone {
			t.Fatalf("%s: %s", line, showEvent(&events[n]))
		}
	}
	return events
}
