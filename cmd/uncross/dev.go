package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
)

// This file is serve --dev: a venue to try things on.

// devPatience bounds the set-up.
const devPatience = time.Minute

// devVenue is the venue's name.
const devVenue = "Uncross Dev"

// devPlan is what the development venue has. The password is for a venue that listens on loopback addresses only.
var devPlan = venuePlan{
	assets: []assetPlan{{"BTC", 8}, {"ETH", 8}, {"USD", 6}, {"ACME", 0}},
	instruments: []instrumentPlan{
		{"BTC-USD", "BTC", "USD", "0.01", "0.0001", "10000000", "1000", 10, 20},
		{"ETH-USD", "ETH", "USD", "0.01", "0.001", "1000000", "10000", 10, 20},
		{"ACME-USD", "ACME", "USD", "0.01", "1", "100000", "1000000", 10, 20},
	},
	firms:   []string{"dev"},
	members: []memberPlan{{"alice", "dev", devMoney}, {"bob", "dev", devMoney}},
	sessions: []sessionPlan{
		{"ALICE1", "alice", "trading", "alice"},
		{"BOB1", "bob", "trading", "bob"},
		{"DEVDROP", "alice", "drop_copy", ""},
		{"DEVMD", "alice", "market_data", ""},
	},
	password: "uncross-dev",
}

var devMoney = []money{{"BTC", "100"}, {"ETH", "1000"}, {"USD", "10000000"}, {"ACME", "100000"}}

// devCompany is the set-up of serve --dev as what goes with a node.
func devCompany(d dataDir) company {
	return company{
		prepare: func() error { return prepareDev(d) },
		enter:   func(w io.Writer, at *addresses) error { return setUpDev(w, d, at) },
		leave:   func() {},
	}
}

// prepareDev makes the data directory where it is not there yet. What a first start that was cut short has left is taken.
func prepareDev(d dataDir) error {
	if _, err := d.readGenesis(); errors.Is(err, fs.ErrNotExist) {
		draft := func(name string) bool { return name == "genesis.json.new" }
		operator := func(name string) bool { return name == "operator.key" || strings.HasPrefix(name, ".key-") }
		if err := refuseTaken(d, draft, operator); err != nil {
			return err
		}
	}
	return prepare(d, devVenue)
}

// setUpDev makes keys, accounts, money, instruments and FIX sessions, and prints how to trade.
func setUpDev(w io.Writer, d dataDir, at *addresses) error {
	ctx, cancel := patience(devPatience)
	defer cancel()
	v := &setter{ctx: ctx, dir: d, url: at.url(), plan: &devPlan}
	if err := v.setUp(); err != nil {
		return fmt.Errorf("development set-up: %w", err)
	}
	v.explain(w)
	if at.fix != nil {
		v.explainFix(w, at)
	}
	return nil
}

// explain prints what there is and a first order.
func (v *setter) explain(w io.Writer) {
	fmt.Fprintf(w, "keys in %s: operator, custodian", nearby(v.dir.keys()))
	for _, m := range v.plan.members {
		fmt.Fprintf(w, ", %s", m.name)
	}
	fmt.Fprint(w, "\ninstruments:")
	for _, in := range v.plan.instruments {
		fmt.Fprintf(w, " %s", in.symbol)
	}
	fmt.Fprintln(w)
	order := func(name, side, id string) {
		fmt.Fprintf(w, "  %s sign --key %s POST %s/v1/orders \\\n    '{\"account\":%q,\"symbol\":\"BTC-USD\",\"side\":%q,\"type\":\"limit\",\"price\":\"64000.00\",\"quantity\":\"0.5\",\"client_order_id\":%q}' | curl -sK -\n",
			program(), nearby(v.dir.key(name)), v.url, name, side, id)
	}
	fmt.Fprintln(w, "a trade, in another terminal:")
	id := newOrderID("first-")
	order("alice", "sell", id)
	order("bob", "buy", id)
	fmt.Fprintf(w, "the trades: curl -s %s/v1/instruments/BTC-USD/trades\n", v.url)
}

// explainFix prints how to log on by FIX.
func (v *setter) explainFix(w io.Writer, at *addresses) {
	fmt.Fprintf(w, "FIX 4.4 at %s: TargetCompID %s, Password (554) %s, SenderCompID", at.fix.Addr(), at.fixCompID, v.plan.password)
	for i, s := range v.plan.sessions {
		fmt.Fprintf(w, "%s %s (%s)", map[bool]string{true: "", false: ","}[i == 0], s.compID, strings.ReplaceAll(s.kind, "_", " "))
	}
	fmt.Fprintf(w, "\na first order by FIX:\n  %s fix fix://%s:%s@%s 'D|11=%s|55=BTC-USD|54=2|38=0.5|40=2|44=64000.00'\n",
		program(), v.plan.sessions[0].compID, v.plan.password, at.fix.Addr(), newOrderID("first-fix-"))
}
