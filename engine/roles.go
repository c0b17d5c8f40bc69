package engine

import "uncross/engine/wire"

// roleSet is a set of roles, a bit each.
type roleSet uint8

func of(roles ...wire.Role) (s roleSet) {
	for _, r := range roles {
		s |= 1 << r
	}
	return s
}

func (s roleSet) has(r wire.Role) bool { return s>>r&1 != 0 }

// allowed says which roles may send which command. Genesis and Tick come from the venue itself, without a key.
var allowed = [256]roleSet{
	wire.CmdLogon:          of(wire.Trader, wire.ReadOnly, wire.Custodian, wire.Operator),
	wire.CmdSetRules:       of(wire.Operator),
	wire.CmdAddAsset:       of(wire.Operator),
	wire.CmdAddInstrument:  of(wire.Operator),
	wire.CmdSetInstrument:  of(wire.Operator),
	wire.CmdSetPhase:       of(wire.Operator),
	wire.CmdAddFirm:        of(wire.Operator),
	wire.CmdAddUser:        of(wire.Operator),
	wire.CmdAddKey:         of(wire.Operator),
	wire.CmdRevokeKey:      of(wire.Operator),
	wire.CmdAddAccount:     of(wire.Operator),
	wire.CmdAddSession:     of(wire.Operator),
	wire.CmdSetSession:     of(wire.Operator),
	wire.CmdDeposit:        of(wire.Custodian),
	wire.CmdWithdraw:       of(wire.Custodian),
	wire.CmdNewOrder:       of(wire.Trader),
	wire.CmdCancelOrder:    of(wire.Trader),
	wire.CmdReplaceOrder:   of(wire.Trader),
	wire.CmdCancelAll:      of(wire.Trader),
	wire.CmdMassCancel:     of(wire.Operator),
	wire.CmdQueryOrder:     of(wire.Trader, wire.ReadOnly, wire.Operator),
	wire.CmdSessionMessage: of(wire.Trader, wire.ReadOnly),
}

// access judges who asks.
func (e *Engine) access(c *wire.Command) wire.Reason {
	venue := c.Kind == wire.CmdGenesis || c.Kind == wire.CmdTick
	switch {
	case e.rules == 0 && !venue:
		return wire.NotInitialised
	case e.rules != 0 && c.Kind == wire.CmdGenesis:
		return wire.AlreadyInitialised
	case venue && c.Key == wire.NoKey:
		return wire.ReasonNone
	case !has(e.keys, c.Key):
		return wire.UnknownKey
	}
	k := e.keys.At(handle(c.Key))
	switch {
	case k.def.Revoked != 0 && !endsSession(c):
		return wire.KeyRevoked
	case !allowed[c.Kind].has(k.def.Role):
		return wire.RoleNotAllowed
	}
	return wire.ReasonNone
}

// mayUse judges the account that a command names. Traders and readers have the accounts of their own user only.
func (e *Engine) mayUse(by wire.KeyID, id wire.AccountID) wire.Reason {
	if !has(e.accounts, id) {
		return wire.UnknownAccount
	}
	k := e.keys.At(handle(by))
	own := k.def.Role == wire.Trader || k.def.Role == wire.ReadOnly
	if own && e.accounts.At(handle(id)).def.User != k.def.User {
		return wire.NotYourAccount
	}
	return wire.ReasonNone
}
