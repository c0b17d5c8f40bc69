package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/client"
)

// This file is serve --dev: a venue to try things on. Everything is made through the admin interface, as an operator
// would, and every step can be repeated: a second start changes nothing.

// devPatience bounds the set-up.
const devPatience = time.Minute

// keys is the folder of the development keys, beside the data directory.
func (d dataDir) keys() string { return filepath.Join(filepath.Dir(filepath.Clean(string(d))), "keys") }

func (d dataDir) key(name string) string { return filepath.Join(d.keys(), name+".key") }

// prepareDev does what init does, where that has not been done yet.
func prepareDev(d dataDir) error {
	if g, err := d.readGenesis(); err == nil && hasOperator(&g) {
		return nil
	}
	if err := os.MkdirAll(d.keys(), 0o700); err != nil {
		return err
	}
	_, err := initialise(d, d.key("operator"), "Uncross Dev", true)
	return err
}

// What the development venue has.
var (
	devAssets = []struct {
		code     string
		decimals int
	}{{"BTC", 8}, {"ETH", 8}, {"USD", 6}, {"ACME", 0}}
	devInstruments = []struct{ symbol, base, quote, tick, lot, maxPrice, maxQty string }{
		{"BTC-USD", "BTC", "USD", "0.01", "0.0001", "10000000", "1000"},
		{"ETH-USD", "ETH", "USD", "0.01", "0.001", "1000000", "10000"},
		{"ACME-USD", "ACME", "USD", "0.01", "1", "100000", "1000000"},
	}
	devTraders  = []string{"alice", "bob"}
	devSessions = []struct{ compID, key, kind, account string }{
		{"ALICE1", "alice", "trading", "alice"},
		{"BOB1", "bob", "trading", "bob"},
		{"DEVDROP", "alice", "drop_copy", ""},
		{"DEVMD", "alice", "market_data", ""},
	}
	devDeposits = []struct{ asset, amount string }{{"BTC", "100"}, {"ETH", "1000"}, {"USD", "10000000"}, {"ACME", "100000"}}
)

// devPassword is the password of all FIX sessions of a development venue, which listens on loopback addresses only.
const devPassword = "uncross-dev"

type object = map[string]any

// setUpDev makes keys, accounts, money, instruments and FIX sessions, and prints how to trade.
func setUpDev(w io.Writer, d dataDir, at *addresses) error {
	ctx, cancel := patience(devPatience)
	defer cancel()
	v, err := newDevVenue(ctx, d, at.url())
	if err != nil {
		return fmt.Errorf("development set-up: %w", err)
	}
	if err := v.setUp(); err != nil {
		return fmt.Errorf("development set-up: %w", err)
	}
	v.explain(w)
	if at.fix != nil {
		v.explainFix(w, at)
	}
	return nil
}

type devVenue struct {
	ctx      context.Context
	dir      dataDir
	url      string
	operator *client.Client
}

func newDevVenue(ctx context.Context, d dataDir, url string) (*devVenue, error) {
	v := &devVenue{ctx: ctx, dir: d, url: url}
	var err error
	v.operator, err = v.client("operator")
	return v, err
}

// client returns a client with the key of that name.
func (v *devVenue) client(name string) (*client.Client, error) {
	k, err := auth.LoadKey(v.dir.key(name))
	if err != nil {
		return nil, err
	}
	return client.New(client.Config{URL: v.url, Key: &k})
}

// admin makes one admin request as an operator.
func (v *devVenue) admin(path string, in object, out any) error {
	return v.operator.Until(v.ctx, "POST", "/v1/admin/"+path, in, out)
}

func (v *devVenue) setUp() error {
	if err := v.admin("firms", object{"name": "dev"}, nil); err != nil {
		return err
	}
	for _, a := range devAssets {
		if err := v.admin("assets", object{"code": a.code, "decimals": a.decimals}, nil); err != nil {
			return err
		}
	}
	for _, in := range devInstruments {
		if err := v.instrument(in.symbol, in.base, in.quote, in.tick, in.lot, in.maxPrice, in.maxQty); err != nil {
			return err
		}
	}
	if err := v.user("custodian", wire.Custodian); err != nil {
		return err
	}
	custodian, err := v.client("custodian")
	if err != nil {
		return err
	}
	for _, name := range devTraders {
		if err := v.user(name, wire.Trader); err != nil {
			return err
		}
		if err := v.admin("accounts", object{"name": name, "user": name}, nil); err != nil {
			return err
		}
		for _, m := range devDeposits {
			body := object{"account": name, "asset": m.asset, "amount": m.amount, "reference": "dev-" + m.asset}
			if err := v.onceDeposited(custodian, name, m.asset, body); err != nil {
				return err
			}
		}
	}
	return v.sessions()
}

// sessions defines the FIX sessions, on the keys that are there by now.
func (v *devVenue) sessions() error {
	for _, s := range devSessions {
		k, err := auth.LoadKey(v.dir.key(s.key))
		if err != nil {
			return err
		}
		body := object{"comp_id": s.compID, "key": fmt.Sprint(k.ID), "kind": s.kind, "password": devPassword}
		if s.account != "" {
			body["account"] = s.account
		}
		if err := v.admin("sessions", body, nil); err != nil {
			return err
		}
	}
	return nil
}

// onceDeposited pays in unless the account has some of the asset already: a repeat of the transfer is recognised for as
// long as the venue remembers, a development venue may be older.
func (v *devVenue) onceDeposited(custodian *client.Client, account, asset string, body object) error {
	var have struct {
		Items []struct {
			Asset     string `json:"asset"`
			Available string `json:"available"`
			Held      string `json:"held"`
		} `json:"items"`
	}
	if err := custodian.Until(v.ctx, "GET", "/v1/balances?account="+account, nil, &have); err != nil {
		return err
	}
	for _, b := range have.Items {
		if b.Asset == asset && (b.Available != "0" || b.Held != "0") {
			return nil
		}
	}
	return custodian.Until(v.ctx, "POST", "/v1/admin/deposits", body, nil)
}

// instrument defines an instrument where that has not been done, and opens it where it is closed: an auction or a halt that
// somebody is trying out goes on over a restart.
func (v *devVenue) instrument(symbol, base, quote, tick, lot, maxPrice, maxQty string) error {
	err := v.admin("instruments", object{
		"symbol": symbol, "base": base, "quote": quote, "tick": tick, "lot": lot, "min_price": tick, "max_price": maxPrice,
		"min_quantity": lot, "max_quantity": maxQty, "maker_fee_bps": 10, "taker_fee_bps": 20,
	}, nil)
	if err != nil {
		return err
	}
	var now struct {
		Phase string `json:"phase"`
	}
	if err := v.operator.Until(v.ctx, "GET", "/v1/instruments/"+symbol, nil, &now); err != nil || now.Phase != "closed" {
		return err
	}
	return v.admin("instruments/"+symbol+"/phase", object{"phase": "continuous"}, nil)
}

// user makes a user with a key, unless its key file is there.
func (v *devVenue) user(name string, role wire.Role) error {
	if exists(v.dir.key(name)) {
		return nil
	}
	if err := v.admin("users", object{"name": name, "firm": "dev"}, nil); err != nil {
		return err
	}
	k, err := auth.NewKey()
	if err != nil {
		return err
	}
	pub := k.Public()
	var answer struct {
		Key wire.KeyID `json:"key,string"`
	}
	body := object{"user": name, "role": role.String(), "public_key": base64.StdEncoding.EncodeToString(pub[:])}
	if err := v.admin("keys", body, &answer); err != nil {
		return err
	}
	k.ID, k.User, k.Role = answer.Key, name, role
	return auth.SaveKey(v.dir.key(name), k)
}

// nearby returns a path as seen from the working directory where it is below that.
func nearby(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return path
}

// explain prints what there is and a first order.
func (v *devVenue) explain(w io.Writer) {
	fmt.Fprintf(w, "keys in %s: operator, custodian, %s\n", nearby(v.dir.keys()), strings.Join(devTraders, ", "))
	fmt.Fprint(w, "instruments:")
	for _, in := range devInstruments {
		fmt.Fprintf(w, " %s", in.symbol)
	}
	fmt.Fprintln(w)
	order := func(name, side, id string) {
		fmt.Fprintf(w, "  %s sign --key %s POST %s/v1/orders \\\n    '{\"account\":%q,\"symbol\":\"BTC-USD\",\"side\":%q,\"type\":\"limit\",\"price\":\"64000.00\",\"quantity\":\"0.5\",\"client_order_id\":%q}' | curl -sK -\n",
			v.program(), nearby(v.dir.key(name)), v.url, name, side, id)
	}
	fmt.Fprintln(w, "a trade, in another terminal:")
	order("alice", "sell", "first-1")
	order("bob", "buy", "first-1")
	fmt.Fprintf(w, "the trades: curl -s %s/v1/instruments/BTC-USD/trades\n", v.url)
}

// explainFix prints how to log on by FIX.
func (v *devVenue) explainFix(w io.Writer, at *addresses) {
	fmt.Fprintf(w, "FIX 4.4 at %s: TargetCompID %s, Password (554) %s, SenderCompID", at.fix.Addr(), at.fixCompID, devPassword)
	for i, s := range devSessions {
		fmt.Fprintf(w, "%s %s (%s)", map[bool]string{true: "", false: ","}[i == 0], s.compID, strings.ReplaceAll(s.kind, "_", " "))
	}
	fmt.Fprintf(w, "\na first order by FIX:\n  %s fix fix://%s:%s@%s 'D|11=first-fix-1|55=BTC-USD|54=2|38=0.5|40=2|44=64000.00'\n",
		v.program(), devSessions[0].compID, devPassword, at.fix.Addr())
}

// program returns the path of this program as it can be called.
func (v *devVenue) program() string {
	path, err := os.Executable()
	if err != nil {
		return "uncross"
	}
	return nearby(path)
}
