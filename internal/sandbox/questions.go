package sandbox

import (
	"slices"
	"strings"

	"uncross/book"
	"uncross/engine/wire"
)

// requests makes an empty request for each word of "cmd".
var requests = map[string]func() request{
	"asset":          func() request { return &addAsset{} },
	"instrument":     func() request { return &addInstrument{} },
	"set_instrument": func() request { return &setInstrument{} },
	"phase":          func() request { return &setPhase{} },
	"firm":           func() request { return &addFirm{} },
	"user":           func() request { return &addUser{} },
	"key":            func() request { return &addKey{} },
	"revoke_key":     func() request { return &revokeKey{} },
	"account":        func() request { return &addAccount{} },
	"deposit":        func() request { return &transfer{} },
	"withdraw":       func() request { return &transfer{} },
	"new":            func() request { return &newOrder{} },
	"cancel":         func() request { return &cancelOrder{} },
	"replace":        func() request { return &replaceOrder{} },
	"cancel_all":     func() request { return &cancelAll{} },
	"mass_cancel":    func() request { return &massCancel{} },
	"query":          func() request { return &queryOrder{} },
	"tick":           func() request { return &tick{} },
	"book":           func() request { return &showBook{} },
	"balances":       func() request { return &showBalances{} },
	"hash":           func() request { return &showHash{} },
}

// commandNames returns the words of "cmd" in alphabetical order.
func commandNames() string {
	var all []string
	for n := range requests {
		all = append(all, n)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// commandName is the word of "cmd" for a kind of command.
func commandName(k wire.CommandKind) string {
	return map[wire.CommandKind]string{
		wire.CmdGenesis: "genesis", wire.CmdSetRules: "set_rules", wire.CmdTick: "tick", wire.CmdLogon: "logon",
		wire.CmdAddAsset: "asset", wire.CmdAddInstrument: "instrument", wire.CmdSetInstrument: "set_instrument",
		wire.CmdSetPhase: "phase", wire.CmdAddFirm: "firm", wire.CmdAddUser: "user", wire.CmdAddKey: "key",
		wire.CmdRevokeKey: "revoke_key", wire.CmdAddAccount: "account", wire.CmdDeposit: "deposit",
		wire.CmdWithdraw: "withdraw", wire.CmdNewOrder: "new", wire.CmdCancelOrder: "cancel",
		wire.CmdReplaceOrder: "replace", wire.CmdCancelAll: "cancel_all", wire.CmdMassCancel: "mass_cancel",
		wire.CmdQueryOrder: "query",
	}[k]
}

// showBook writes an instrument's best levels.
type showBook struct {
	common
	Symbol string `json:"symbol"`
	Depth  uint16 `json:"depth"`
}

func (r *showBook) run(s *Sandbox) error {
	in, err := s.names.symbol(r.Symbol)
	if err != nil {
		return err
	}
	depth := int(r.Depth)
	if depth == 0 {
		depth = 10
	}
	b := s.engine.Book(in.ID)
	return s.write(&output{
		Line: s.line, Event: "book", Symbol: r.Symbol,
		Bids: levels(in, b.Levels(book.Buy, depth, nil)), Asks: levels(in, b.Levels(book.Sell, depth, nil)),
	})
}

// showBalances writes an account's balances.
type showBalances struct {
	common
	Account string `json:"account"`
}

func (r *showBalances) run(s *Sandbox) error {
	a, err := s.names.account(r.Account)
	if err != nil {
		return err
	}
	o := &output{Line: s.line, Event: "balances", Account: r.Account}
	for id := wire.AssetID(1); int(id) <= len(s.names.assetByID); id++ {
		asset := s.names.assetByID[id]
		available, held := s.engine.Balance(a.ID, id)
		if !available.IsZero() || !held.IsZero() {
			o.Balances = append(o.Balances, balance{asset.Code.String(), units(available, asset), units(held, asset)})
		}
	}
	return s.write(o)
}

// showHash writes the hashes of the venue's state.
type showHash struct{ common }

func (r *showHash) run(s *Sandbox) error {
	full, business := s.engine.Hashes()
	return s.write(&output{Line: s.line, Event: "hash", Full: hash(full), Business: hash(business)})
}
