package engine

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"uncross/engine/amount"
	"uncross/engine/wire"
)

// The little language of the story files: a command or an event a line, as a name and its fields that are not zero.
//
//	new_order key=2 account=2 instrument=1 side=buy type=limit tif=gtc price=100 qty=5 clientid=a1
//
// Fields of parts are written with a dot (limits.maxqty=9). t= and sent= are the times, pub= takes a small number.

type body interface{ Put(*wire.Command) }

var commandBodies = map[string]func() body{
	"genesis": func() body { return new(wire.Genesis) }, "set_rules": func() body { return new(wire.SetRules) },
	"tick": func() body { return new(wire.Tick) }, "logon": func() body { return new(wire.Logon) },
	"add_asset": func() body { return new(wire.AddAsset) }, "add_instrument": func() body { return new(wire.AddInstrument) },
	"set_instrument": func() body { return new(wire.SetInstrument) }, "set_phase": func() body { return new(wire.SetPhase) },
	"add_firm": func() body { return new(wire.AddFirm) }, "add_user": func() body { return new(wire.AddUser) },
	"add_key": func() body { return new(wire.AddKey) }, "revoke_key": func() body { return new(wire.RevokeKey) },
	"add_account": func() body { return new(wire.AddAccount) },
	"deposit":     func() body { return deposit{new(wire.Transfer)} },
	"withdraw":    func() body { return withdraw{new(wire.Transfer)} },
	"new_order":   func() body { return new(wire.NewOrder) }, "cancel_order": func() body { return new(wire.CancelOrder) },
	"replace_order": func() body { return new(wire.ReplaceOrder) }, "cancel_all": func() body { return new(wire.CancelAll) },
	"mass_cancel": func() body { return new(wire.MassCancel) }, "query_order": func() body { return new(wire.QueryOrder) },
	"add_session": func() body { return new(wire.AddSession) }, "set_session": func() body { return new(wire.SetSession) },
	"session_message": func() body { return new(wire.SessionMessage) },
}

type deposit struct{ *wire.Transfer }

func (d deposit) Put(c *wire.Command) { d.PutDeposit(c) }

type withdraw struct{ *wire.Transfer }

func (w withdraw) Put(c *wire.Command) { w.PutWithdraw(c) }

// parseCommand reads one line.
func parseCommand(line string) (c wire.Command, err error) {
	words := strings.Fields(line)
	make, ok := commandBodies[words[0]]
	if !ok {
		return c, fmt.Errorf("no command %q", words[0])
	}
	b := make()
	target := reflect.ValueOf(b)
	if target.Kind() == reflect.Struct {
		target = target.Field(0)
	}
	for _, w := range words[1:] {
		name, text, ok := strings.Cut(w, "=")
		if !ok {
			return c, fmt.Errorf("%q is not name=value", w)
		}
		switch name {
		case "key":
			n, err := strconv.ParseUint(text, 10, 32)
			if err != nil {
				return c, err
			}
			c.Key = wire.KeyID(n)
		case "t":
			c.TimeNs, err = strconv.ParseInt(text, 10, 64)
		case "sent":
			c.SentNs, err = strconv.ParseInt(text, 10, 64)
		default:
			// "key" of revoke_key is the one who asks; the key that it names is revoke; likewise of, of add_session.
			if name == "revoke" || name == "of" {
				name = "key"
			}
			err = setField(target.Elem(), name, text)
		}
		if err != nil {
			return c, fmt.Errorf("%s: %w", w, err)
		}
	}
	key, t, sent := c.Key, c.TimeNs, c.SentNs
	b.Put(&c)
	c.Key, c.TimeNs, c.SentNs = key, t, sent
	return c, nil
}

func setField(v reflect.Value, name, text string) error {
	part, rest, nested := strings.Cut(name, ".")
	f := v.FieldByNameFunc(func(n string) bool { return strings.EqualFold(n, part) })
	if !f.IsValid() {
		return fmt.Errorf("no field %s in %s", name, v.Type())
	}
	if nested {
		return setField(f, rest, text)
	}
	switch p := f.Addr().Interface().(type) {
	case *wire.Text:
		t, ok := wire.ParseText(text)
		if !ok {
			return fmt.Errorf("not a text")
		}
		*p = t
	case *amount.Amount:
		a, err := amount.Parse(text, 0)
		if err != nil {
			return err
		}
		*p = a
	case *[32]byte:
		n, err := strconv.ParseUint(text, 10, 8)
		if err != nil {
			return err
		}
		p[31] = byte(n)
	case *[16]byte:
		p[0] = text[0]
	case *[36]byte:
		copy(p[:], text)
	default:
		return setNumber(f, text)
	}
	return nil
}

// setNumber reads an integer, or a word of the field's type.
func setNumber(f reflect.Value, text string) error {
	if s, ok := f.Interface().(fmt.Stringer); ok && f.Kind() == reflect.Uint8 {
		_ = s
		for i := range 256 {
			f.SetUint(uint64(i))
			if f.Interface().(fmt.Stringer).String() == text {
				return nil
			}
		}
		f.SetUint(0)
	}
	if f.CanInt() {
		n, err := strconv.ParseInt(text, 10, f.Type().Bits())
		f.SetInt(n)
		return err
	}
	n, err := strconv.ParseUint(text, 10, f.Type().Bits())
	f.SetUint(n)
	return err
}

type eventBody interface{ GetEvent(*wire.Event) }

var eventNames = map[wire.EventKind]struct {
	name string
	body func() eventBody
}{
	wire.EvRejected: {"rejected", func() eventBody { return new(wire.Rejected) }}, wire.EvAccepted: {"accepted", func() eventBody { return new(wire.Accepted) }},
	wire.EvVenue: {"venue", func() eventBody { return new(wire.Genesis) }}, wire.EvAsset: {"asset", func() eventBody { return new(wire.Asset) }},
	wire.EvInstrument: {"instrument", func() eventBody { return new(wire.Instrument) }}, wire.EvPhase: {"phase", func() eventBody { return new(wire.PhaseChanged) }},
	wire.EvUncrossed: {"uncrossed", func() eventBody { return new(wire.Uncrossed) }}, wire.EvFirm: {"firm", func() eventBody { return new(wire.Firm) }},
	wire.EvUser: {"user", func() eventBody { return new(wire.User) }}, wire.EvKey: {"key", func() eventBody { return new(wire.Key) }},
	wire.EvAccount: {"account", func() eventBody { return new(wire.Account) }}, wire.EvDeposited: {"deposited", func() eventBody { return new(wire.Transferred) }},
	wire.EvWithdrawn: {"withdrawn", func() eventBody { return new(wire.Transferred) }}, wire.EvOrderAccepted: {"order_accepted", func() eventBody { return new(wire.OrderAccepted) }},
	wire.EvTrade: {"trade", func() eventBody { return new(wire.Trade) }}, wire.EvOrderCanceled: {"order_canceled", func() eventBody { return new(wire.OrderCanceled) }},
	wire.EvOrderReplaced: {"order_replaced", func() eventBody { return new(wire.OrderReplaced) }}, wire.EvOrderState: {"order_state", func() eventBody { return new(wire.OrderState) }},
	wire.EvMassCanceled: {"mass_canceled", func() eventBody { return new(wire.MassCanceled) }}, wire.EvStateHash: {"state_hash", func() eventBody { return new(wire.StateHash) }},
	wire.EvImageBegin: {"image_begin", func() eventBody { return new(wire.Image) }}, wire.EvImageBalance: {"image_balance", func() eventBody { return new(wire.Balance) }},
	wire.EvImageEnd: {"image_end", func() eventBody { return new(wire.Image) }}, wire.EvImageInstrument: {"image_instrument", func() eventBody { return new(wire.InstrumentState) }},
	wire.EvSession: {"session", func() eventBody { return new(wire.Session) }}, wire.EvSessionMessage: {"session_message", func() eventBody { return new(wire.SessionMessage) }},
	wire.EvOrderRejected: {"order_rejected", func() eventBody { return new(wire.OrderRejected) }},
}

// showEvent writes an event as a line.
func showEvent(e *wire.Event) string {
	n, ok := eventNames[e.Kind]
	if !ok {
		return fmt.Sprintf("event of unknown kind %d", e.Kind)
	}
	b := n.body()
	b.GetEvent(e)
	line := fmt.Sprintf("%d.%d %s", e.Seq, e.Ord, n.name)
	line += showFields("", reflect.ValueOf(b).Elem())
	for _, f := range []struct {
		flag wire.EventFlags
		name string
	}{{wire.FlagRepeat, " (repeat)"}, {wire.FlagImage, " (image)"}, {wire.FlagLast, " ."}} {
		if e.Flags&f.flag != 0 {
			line += f.name
		}
	}
	return line
}

func showFields(prefix string, v reflect.Value) (s string) {
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsZero() {
			continue
		}
		name := prefix + strings.ToLower(v.Type().Field(i).Name)
		switch x := f.Interface().(type) {
		case [32]byte:
			s += fmt.Sprintf(" %s=%d", name, x[31])
		case [16]byte:
			s += fmt.Sprintf(" %s=%c", name, x[0])
		case [36]byte:
			s += fmt.Sprintf(" %s=%s", name, strings.TrimRight(string(x[:]), "\x00"))
		case wire.InstrumentLimits, wire.Outcome, wire.OrderRef, wire.Password:
			s += showFields(name+".", f)
		case wire.CommandKind:
			s += fmt.Sprintf(" %s=%d", name, x)
		case fmt.Stringer:
			s += fmt.Sprintf(" %s=%s", name, x)
		default:
			s += fmt.Sprintf(" %s=%v", name, x)
		}
	}
	return s
}
