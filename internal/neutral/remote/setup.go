package remote

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/client"
)

// accountsPerSide spreads the orders over several accounts, so that no limit per account is met by a busy day.
const accountsPerSide = 8

// maxSymbol leaves room for what is appended to the symbol in the names of accounts.
const maxSymbol = wire.MaxTextLength - 4

// object is a JSON object on its way to the server.
type object = map[string]any

// setUp makes what the flow needs. Every step can be repeated.
func (r *Run) setUp(ctx context.Context) error {
	if err := r.checkSymbol(ctx); err != nil {
		return err
	}
	base, quote, prices := r.Base, r.Quote, r.prices()
	const largest = "1000000000000"
	for _, step := range []struct {
		path string
		body object
	}{
		{"firms", object{"name": "replay"}},
		{"users", object{"name": "replay-trader", "firm": "replay"}},
		{"users", object{"name": "replay-custodian", "firm": "replay"}},
		{"assets", object{"code": base, "decimals": 0}},
		{"assets", object{"code": quote, "decimals": r.PriceDecimals}},
		{"instruments", object{
			"symbol": r.symbol, "base": base, "quote": quote, "tick": prices.tick(), "lot": "1", "min_price": prices.tick(), "max_price": prices.power(12),
			"min_quantity": "1", "max_quantity": largest, "maker_fee_bps": 2, "taker_fee_bps": 5,
		}},
	} {
		if err := r.operator.Until(ctx, "POST", "/v1/admin/"+step.path, step.body, nil); err != nil {
			return fmt.Errorf("setting up %s: %w", step.path, err)
		}
	}
	for i := range r.accounts {
		side, n := "b", i+1
		if i >= accountsPerSide {
			side, n = "s", i+1-accountsPerSide
		}
		r.accounts[i] = r.symbol + "/" + side + strconv.Itoa(n)
		body := object{"name": r.accounts[i], "user": "replay-trader"}
		if err := r.operator.Until(ctx, "POST", "/v1/admin/accounts", body, nil); err != nil {
			return fmt.Errorf("opening account %s: %w", r.accounts[i], err)
		}
	}
	trader, err := r.newKey(ctx, "replay-trader", wire.Trader)
	if err != nil {
		return err
	}
	if r.trader, err = r.clientOf(&trader); err != nil {
		return err
	}
	if r.custodian == nil {
		custodian, err := r.newKey(ctx, "replay-custodian", wire.Custodian)
		if err != nil {
			return err
		}
		if r.custodian, err = r.clientOf(&custodian); err != nil {
			return err
		}
	}
	if err := r.fund(ctx, base, quote); err != nil || r.FIX == nil {
		return err
	}
	return r.addSessions(ctx, trader.ID)
}

// addSessions defines the FIX sessions.
func (r *Run) addSessions(ctx context.Context, key wire.KeyID) error {
	sessions := []object{{"comp_id": r.FIX.CompID, "kind": "trading", "account": r.accounts[0]}}
	if r.FIX.DropCopy != "" {
		sessions = append(sessions, object{"comp_id": r.FIX.DropCopy, "kind": "drop_copy"})
	}
	for _, body := range sessions {
		body["key"], body["password"] = strconv.FormatUint(uint64(key), 10), r.FIX.Password
		if err := r.operator.Until(ctx, "POST", "/v1/admin/sessions", body, nil); err != nil {
			return fmt.Errorf("defining the session %v (each run needs a name that is not in use): %w", body["comp_id"], err)
		}
	}
	return nil
}

// checkSymbol refuses a symbol that is in use: orders and trades of another run would stand between this one's.
func (r *Run) checkSymbol(ctx context.Context) error {
	if t, ok := wire.ParseText(r.symbol); !ok || t.IsEmpty() || t.Len() > maxSymbol {
		return fmt.Errorf("the symbol %q is not 1 to %d printable ASCII characters; choose another with --symbol", r.symbol, maxSymbol)
	}
	err := r.operator.Until(ctx, "GET", r.instrumentPath(""), nil, nil)
	var refused *client.Error
	switch {
	case err == nil:
		return fmt.Errorf("the server has an instrument %s already, perhaps of an earlier replay; choose another with --symbol", r.symbol)
	case errors.As(err, &refused) && refused.Reason == wire.UnknownInstrument.String():
		return nil
	}
	return fmt.Errorf("asking the server for %s: %w", r.symbol, err)
}

// newKey makes a key of this process alone and registers it.
func (r *Run) newKey(ctx context.Context, user string, role wire.Role) (k auth.Key, err error) {
	if k, err = auth.NewKey(); err != nil {
		return k, err
	}
	pub := k.Public()
	var answer struct {
		Key wire.KeyID `json:"key,string"`
	}
	body := object{"user": user, "role": role.String(), "public_key": base64.StdEncoding.EncodeToString(pub[:])}
	if err := r.operator.Until(ctx, "POST", "/v1/admin/keys", body, &answer); err != nil {
		return k, fmt.Errorf("registering a %v key: %w", role, err)
	}
	k.ID, k.User, k.Role = answer.Key, user, role
	return k, nil
}

func (r *Run) clientOf(k *auth.Key) (*client.Client, error) {
	return client.New(client.Config{URL: r.URL, URLs: r.URLs, Key: k, Roots: r.Roots})
}

// fund pays into every account what it may need: buyers the quote asset, sellers the base asset.
func (r *Run) fund(ctx context.Context, base, quote string) error {
	for i, account := range r.accounts {
		asset, amount := quote, r.prices().power(24)
		if i >= accountsPerSide {
			asset, amount = base, decimals(0).power(24)
		}
		body := object{"account": account, "asset": asset, "amount": amount, "reference": "replay"}
		if err := r.custodian.Until(ctx, "POST", "/v1/admin/deposits", body, nil); err != nil {
			return fmt.Errorf("funding account %s: %w", account, err)
		}
	}
	return nil
}
