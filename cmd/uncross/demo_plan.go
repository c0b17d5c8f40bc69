package main

import (
	"uncross/internal/traders"
)

// This file has what the demonstration's venue has.

// demoYou is the visitor's own user, and account.
const demoYou = "you"

// demoAuctions is the instrument that goes through the phases of a trading day.
const demoAuctions = "NOVA-EUR"

// demoPlan is what is set up. An instrument's price is what one unit of its base asset costs in units of its quote asset:
//
//   - a share that trades in lots of 100, in yuan;
//   - a share with auctions;
//   - a currency pair in lots of 1,000 euros, to five decimals;
//   - a coin to eight decimals, which is why the dollar has ten: one tick times one lot is a whole number of its smallest units;
//   - a bond in percent: a unit of it is 100 dollars of nominal value, so that its price is at once a percentage and the dollars
//     for a unit; a lot of ten units is a nominal of 1,000. Accrued interest is nobody's: the price is all there is.
//
// The password is for a venue that listens on loopback addresses only.
var demoPlan = venuePlan{
	assets: []assetPlan{{"CNY", 4}, {"EUR", 2}, {"USD", 10}, {"ACME", 0}, {"NOVA", 0}, {"BTC", 8}, {"GOV31", 0}},
	instruments: []instrumentPlan{
		{"ACME-CNY", "ACME", "CNY", "0.01", "100", "10000", "10000000", 1, 3},
		{demoAuctions, "NOVA", "EUR", "0.01", "1", "10000", "1000000", 1, 3},
		{"EUR-USD", "EUR", "USD", "0.00001", "1000", "10", "100000000", 0, 0},
		{"BTC-USD", "BTC", "USD", "0.01", "0.00000001", "10000000", "1000", 2, 4},
		{"GOV31-USD", "GOV31", "USD", "0.001", "10", "1000", "10000000", 0, 1},
	},
	firms:   []string{"street", "visitors"},
	members: demoMembers(),
	sessions: []sessionPlan{
		{"MAKER2", "maker-2", "trading", "maker-2"},
		{"TAKER2", "taker-2", "trading", "taker-2"},
		{"MOMENTUM1", "momentum-1", "trading", "momentum-1"},
		{"YOU", demoYou, "trading", demoYou},
		{"YOUMD", demoYou, "market_data", ""},
	},
	password: "uncross-demo",
}

// demoScenes is how the instruments are to look.
var demoScenes = []traders.Scene{
	{Symbol: "ACME-CNY", Home: "25.40", Sigma: 1.5e-4, Spread: 1, Step: 1, Size: 4},
	{Symbol: demoAuctions, Home: "48.20", Sigma: 1.5e-4, Spread: 2, Step: 2, Size: 40},
	{Symbol: "EUR-USD", Home: "1.08500", Sigma: 1.5e-5, Spread: 6, Step: 3, Size: 50},
	{Symbol: "BTC-USD", Home: "65000.00", Sigma: 8e-5, Spread: 1000, Step: 350, Size: 2_000_000},
	{Symbol: "GOV31-USD", Home: "98.750", Sigma: 1.5e-5, Spread: 10, Step: 4, Size: 20},
}

// demoHome is what a trader has, and is topped up to.
var demoHome = []money{
	{"CNY", "10000000"}, {"EUR", "20000000"}, {"USD", "30000000"},
	{"ACME", "200000"}, {"NOVA", "20000"}, {"BTC", "20"}, {"GOV31", "100000"},
}

// demoTraders are the traders, without their keys and addresses. Each trades every instrument.
func demoTraders(seed uint64) []traders.Member {
	home := map[string]string{}
	for _, m := range demoHome {
		home[m.asset] = m.amount
	}
	maker := func(name string, width float64) traders.Trader { return traders.NewMaker(seed, name, width) }
	return []traders.Member{
		{Name: "maker-1", Trader: maker("maker-1", 1), Share: 30, Home: home},
		{Name: "maker-2", Trader: maker("maker-2", 1.5), Share: 25, Home: home, FIX: &traders.FIX{CompID: "MAKER2"}},
		{Name: "taker-1", Trader: traders.NewTaker(seed, "taker-1"), Share: 8, Home: home},
		{Name: "taker-2", Trader: traders.NewTaker(seed, "taker-2"), Share: 8, Home: home, FIX: &traders.FIX{CompID: "TAKER2"}},
		{Name: "momentum-1", Trader: traders.NewMomentum(seed, "momentum-1"), Share: 6, Home: home, FIX: &traders.FIX{CompID: "MOMENTUM1"}},
		{Name: "noise-1", Trader: traders.NewNoise(seed, "noise-1"), Share: 13, Home: home},
		{Name: "noise-2", Trader: traders.NewNoise(seed, "noise-2"), Share: 10, Home: home},
	}
}

// demoMembers are the users with accounts: the visitor, and the traders.
func demoMembers() []memberPlan {
	all := []memberPlan{{demoYou, "visitors", []money{
		{"CNY", "1000000"}, {"EUR", "1000000"}, {"USD", "1000000"}, {"ACME", "10000"}, {"NOVA", "1000"}, {"BTC", "5"}, {"GOV31", "10000"},
	}}}
	for _, m := range demoTraders(0) {
		all = append(all, memberPlan{m.Name, "street", demoHome})
	}
	return all
}
