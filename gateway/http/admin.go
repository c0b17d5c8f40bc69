package http

import "uncross/engine/wire"

// The routes of operators and custodians are here, in instruments.go and in members.go. Each becomes one command; a
// definition that is there already with the same content is answered again with "repeat": true, so that a set-up can be
// run twice.

// adminBody reads the body of an admin request, which takes no query.
func (q *request) adminBody() (*fields, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	return q.body()
}

// text36 reads a name that is a wire.Text.
func (f *fields) text36(field string) wire.Text { return f.name(field, wire.InvalidName, true) }

type transferAnswer struct {
	Account   string `json:"account"`
	Asset     string `json:"asset"`
	Amount    string `json:"amount"`
	Available string `json:"available"` // after it
	Held      string `json:"held"`      // after it
	Reference string `json:"reference"`
	Command   string `json:"command"`
	Time      string `json:"time"`
	Repeat    bool   `json:"repeat"`
}

// deposit handles POST /v1/admin/deposits.
func deposit(q *request) (any, *Error) { return q.transfer(wire.CmdDeposit) }

// withdraw handles POST /v1/admin/withdrawals.
func withdraw(q *request) (any, *Error) { return q.transfer(wire.CmdWithdraw) }

func (q *request) transfer(kind wire.CommandKind) (any, *Error) {
	f, err := q.adminBody()
	if err != nil {
		return nil, err
	}
	account, asset, amount := f.text("account"), f.text("asset"), f.text("amount")
	reference := f.name("reference", wire.InvalidReference, true)
	sent := f.nanos("sent_at_ns")
	if err := f.done(); err != nil {
		return nil, err
	}
	a, err := q.account(account)
	if err != nil {
		return nil, err
	}
	of, err := q.asset("asset", asset)
	if err != nil {
		return nil, err
	}
	body := wire.Transfer{Account: a.ID, Asset: of.ID, Reference: reference}
	if body.Amount, err = parseAmount("amount", amount, of.Decimals, false); err != nil {
		return nil, err
	}
	c := wire.Command{SentNs: sent}
	if kind == wire.CmdDeposit {
		body.PutDeposit(&c)
	} else {
		body.PutWithdraw(&c)
	}
	p, err := q.command(&c)
	if err != nil {
		return nil, err
	}
	var m wire.Transferred
	m.GetEvent(&p.events[0])
	return transferAnswer{
		Account: a.Name.String(), Asset: of.Code.String(), Amount: assetAmount(m.Amount, of),
		Available: assetAmount(m.Available, of), Held: assetAmount(m.Held, of), Reference: m.Reference.String(),
		Command: id(p.events[0].Seq), Time: stamp(p.events[0].TimeNs), Repeat: p.repeat(),
	}, nil
}

type snapshotAnswer struct {
	Index string `json:"index"` // raft's last applied entry when it was asked for
}

// snapshot handles POST /v1/admin/snapshot: it is answered when the snapshot is durable.
func snapshot(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	index := q.s.core.Status().Index
	if err := q.s.core.Snapshot(); err != nil {
		q.s.log.Warn("a snapshot was asked for and failed", "error", err)
		return nil, refuse(Busy, "no snapshot was taken; the node's log says why")
	}
	return snapshotAnswer{id(index)}, nil
}
