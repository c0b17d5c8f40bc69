package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/client"
)

// This file sets up a venue that is there to be tried: serve --dev and demo. Everything is made through the admin
// interface, as an operator would, and every step can be repeated: a second start changes nothing.

// keys is the folder of the keys of such a venue, beside the data directory.
func (d dataDir) keys() string { return filepath.Join(filepath.Dir(filepath.Clean(string(d))), "keys") }

func (d dataDir) key(name string) string { return filepath.Join(d.keys(), name+".key") }

// prepare does what init does, where that has not been done yet.
func prepare(d dataDir, venue string) error {
	if g, err := d.readGenesis(); err == nil && hasOperator(&g) {
		return nil
	}
	if err := os.MkdirAll(d.keys(), 0o700); err != nil {
		return err
	}
	_, err := initialise(d, d.key("operator"), venue, true)
	return err
}

// venuePlan is what a venue is to have.
type venuePlan struct {
	assets      []assetPlan
	instruments []instrumentPlan
	firms       []string // the first one's is the custodian
	members     []memberPlan
	sessions    []sessionPlan
	password    string // of all FIX sessions
}

type assetPlan struct {
	code     string
	decimals int
}

type instrumentPlan struct {
	symbol, base, quote, tick, lot, maxPrice, maxQty string
	makerBps, takerBps                               int
}

// memberPlan is a trader: a user, a key, and a funded account, all of one name.
type memberPlan struct {
	name, firm string
	money      []money
}

type money struct{ asset, amount string }

type sessionPlan struct{ compID, key, kind, account string }

type object = map[string]any

// setter sets up.
type setter struct {
	ctx       context.Context
	dir       dataDir
	url       string
	further   []string // addresses of further nodes of the venue
	plan      *venuePlan
	progress  func(done, of int) // nil: nobody wants to know
	operator  *client.Client
	custodian *client.Client
}

// custodianName is the user who pays in.
const custodianName = "custodian"

// setUp makes what the plan says, where it is not there yet.
func (v *setter) setUp() error {
	var err error
	if v.operator, err = v.client("operator"); err != nil {
		return err
	}
	steps := v.steps()
	for i, step := range steps {
		if v.progress != nil {
			v.progress(i, len(steps))
		}
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// steps are all there is to do, in its order.
func (v *setter) steps() (all []func() error) {
	add := func(step func() error) { all = append(all, step) }
	for _, firm := range v.plan.firms {
		add(func() error { return v.admin("firms", object{"name": firm}, nil) })
	}
	for _, a := range v.plan.assets {
		add(func() error { return v.admin("assets", object{"code": a.code, "decimals": a.decimals}, nil) })
	}
	for _, in := range v.plan.instruments {
		add(func() error { return v.instrument(&in) })
	}
	add(func() (err error) {
		if err := v.user(custodianName, v.plan.firms[0], wire.Custodian); err != nil {
			return err
		}
		v.custodian, err = v.client(custodianName)
		return err
	})
	for _, m := range v.plan.members {
		add(func() error { return v.member(&m) })
	}
	for _, s := range v.plan.sessions {
		add(func() error { return v.session(&s) })
	}
	return all
}

// client returns a client with the key of that name.
func (v *setter) client(name string) (*client.Client, error) {
	k, err := auth.LoadKey(v.dir.key(name))
	if err != nil {
		return nil, err
	}
	return client.New(client.Config{URL: v.url, URLs: v.further, Key: &k})
}

// admin makes one admin request as an operator.
func (v *setter) admin(path string, in object, out any) error {
	return v.operator.Until(v.ctx, "POST", "/v1/admin/"+path, in, out)
}

// member makes a trader and gives the account its money.
func (v *setter) member(m *memberPlan) error {
	if err := v.user(m.name, m.firm, wire.Trader); err != nil {
		return err
	}
	if err := v.admin("accounts", object{"name": m.name, "user": m.name}, nil); err != nil {
		return err
	}
	return v.fund(m)
}

// fund pays in what the account has never had: a repeat of a transfer is recognised for as long as the venue remembers, and
// it may be older.
func (v *setter) fund(m *memberPlan) error {
	var have struct {
		Items []struct {
			Asset string `json:"asset"`
			Total string `json:"total"`
		} `json:"items"`
	}
	v.custodian.See(v.operator.Seen()) // the account was made a moment ago, perhaps at another node
	if err := v.custodian.Until(v.ctx, "GET", "/v1/balances?account="+m.name, nil, &have); err != nil {
		return err
	}
	funded := map[string]bool{}
	for _, b := range have.Items {
		funded[b.Asset] = b.Total != "0"
	}
	for _, x := range m.money {
		if funded[x.asset] {
			continue
		}
		body := object{"account": m.name, "asset": x.asset, "amount": x.amount, "reference": "dev-" + x.asset}
		if err := v.custodian.Until(v.ctx, "POST", "/v1/admin/deposits", body, nil); err != nil {
			return err
		}
	}
	return nil
}

// session defines a FIX session, on a key that is there by now.
func (v *setter) session(s *sessionPlan) error {
	k, err := auth.LoadKey(v.dir.key(s.key))
	if err != nil {
		return err
	}
	body := object{"comp_id": s.compID, "key": fmt.Sprint(k.ID), "kind": s.kind, "password": v.plan.password}
	if s.account != "" {
		body["account"] = s.account
	}
	return v.admin("sessions", body, nil)
}

// instrument defines an instrument where that has not been done, and opens it where it is closed: an auction or a halt that
// somebody is trying out goes on over a restart.
func (v *setter) instrument(in *instrumentPlan) error {
	err := v.admin("instruments", object{
		"symbol": in.symbol, "base": in.base, "quote": in.quote, "tick": in.tick, "lot": in.lot, "min_price": in.tick, "max_price": in.maxPrice,
		"min_quantity": in.lot, "max_quantity": in.maxQty, "maker_fee_bps": in.makerBps, "taker_fee_bps": in.takerBps,
	}, nil)
	if err != nil {
		return err
	}
	var now struct {
		Phase string `json:"phase"`
	}
	if err := v.operator.Until(v.ctx, "GET", "/v1/instruments/"+in.symbol, nil, &now); err != nil || now.Phase != "closed" {
		return err
	}
	return v.admin("instruments/"+in.symbol+"/phase", object{"phase": "continuous"}, nil)
}

// user makes a user with a key, unless its key file is there.
func (v *setter) user(name, firm string, role wire.Role) error {
	if exists(v.dir.key(name)) {
		return nil
	}
	if err := v.admin("users", object{"name": name, "firm": firm}, nil); err != nil {
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

// newOrderID returns a client order id for the commands that are printed. It is another one at every start: an id of an earlier
// start would only repeat that order's answer.
func newOrderID(prefix string) string {
	return prefix + strconv.FormatInt(time.Now().UnixMilli(), 36)
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

// program returns the path of this program as it can be called.
func program() string {
	path, err := os.Executable()
	if err != nil {
		return "uncross"
	}
	return nearby(path)
}
