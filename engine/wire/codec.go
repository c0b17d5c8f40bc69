package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The wire form of a command or an event is a fixed header followed by its body in its kind's own size. Both are
// little-endian. A body of an unknown kind, or of a size that is not its kind's, is refused.
//
//	command  0 kind u8 │ 1 body size u8 │ 2 key u32 │ 6 time i64 │ 14 sent i64 │ 22 origin node u64 │ 30 origin seq u64 │ 38 body
//	event    0 kind u8 │ 1 body size u8 │ 2 flags u8 │ 3 ord u32 │ 7 seq u64 │ 15 time i64 │ 23 origin node u64 │ 31 origin seq u64 │ 39 body
const (
	commandHeader = 38
	eventHeader   = 39
)

// ErrFormat is wrapped by every error that decoding returns.
var ErrFormat = errors.New("wire format")

// commandBody and eventBody hold every known kind's body size plus one; zero is an unknown kind.
var (
	commandBody = sizes(map[uint8]interface{ walk(*cursor) }{
		uint8(CmdGenesis): &Genesis{}, uint8(CmdSetRules): &SetRules{}, uint8(CmdTick): &Tick{}, uint8(CmdLogon): &Logon{},
		uint8(CmdAddAsset): &AddAsset{}, uint8(CmdAddInstrument): &AddInstrument{}, uint8(CmdSetInstrument): &SetInstrument{},
		uint8(CmdSetPhase): &SetPhase{}, uint8(CmdAddFirm): &AddFirm{}, uint8(CmdAddUser): &AddUser{}, uint8(CmdAddKey): &AddKey{},
		uint8(CmdRevokeKey): &RevokeKey{}, uint8(CmdAddAccount): &AddAccount{}, uint8(CmdDeposit): &Transfer{},
		uint8(CmdWithdraw): &Transfer{}, uint8(CmdNewOrder): &NewOrder{}, uint8(CmdCancelOrder): &CancelOrder{},
		uint8(CmdReplaceOrder): &ReplaceOrder{}, uint8(CmdCancelAll): &CancelAll{}, uint8(CmdMassCancel): &MassCancel{},
		uint8(CmdQueryOrder): &QueryOrder{}, uint8(CmdAddSession): &AddSession{}, uint8(CmdSetSession): &SetSession{},
		uint8(CmdSessionMessage): &SessionMessage{},
	})
	eventBody = sizes(map[uint8]interface{ walk(*cursor) }{
		uint8(EvRejected): &Rejected{}, uint8(EvAccepted): &Accepted{}, uint8(EvVenue): &Genesis{}, uint8(EvAsset): &Asset{},
		uint8(EvInstrument): &Instrument{}, uint8(EvPhase): &PhaseChanged{}, uint8(EvUncrossed): &Uncrossed{},
		uint8(EvFirm): &Firm{}, uint8(EvUser): &User{}, uint8(EvKey): &Key{}, uint8(EvAccount): &Account{},
		uint8(EvDeposited): &Transferred{}, uint8(EvWithdrawn): &Transferred{}, uint8(EvOrderAccepted): &OrderAccepted{},
		uint8(EvTrade): &Trade{}, uint8(EvOrderCanceled): &OrderCanceled{}, uint8(EvOrderReplaced): &OrderReplaced{},
		uint8(EvOrderState): &OrderState{}, uint8(EvMassCanceled): &MassCanceled{}, uint8(EvStateHash): &StateHash{},
		uint8(EvImageBegin): &Image{}, uint8(EvImageBalance): &Balance{}, uint8(EvImageEnd): &Image{},
		uint8(EvImageInstrument): &InstrumentState{}, uint8(EvSession): &Session{}, uint8(EvSessionMessage): &SessionMessage{},
		uint8(EvOrderRejected): &OrderRejected{},
	})
)

func sizes(bodies map[uint8]interface{ walk(*cursor) }) (t [256]uint8) {
	for kind, body := range bodies {
		c := cursor{b: make([]byte, 256), put: true}
		body.walk(&c)
		t[kind] = uint8(c.n + 1)
	}
	return t
}

// Known reports whether k is a kind that this version knows.
func (k CommandKind) Known() bool { return commandBody[k] != 0 }

// Known reports whether k is a kind that this version knows.
func (k EventKind) Known() bool { return eventBody[k] != 0 }

// EncodedSize returns the bytes that AppendCommand adds for c.
func (c *Command) EncodedSize() int { return commandHeader + int(commandBody[c.Kind]) - 1 }

// AppendCommand appends c's wire form to b. It panics on an unknown kind: commands are made here, not outside.
func AppendCommand(b []byte, c *Command) []byte {
	size := commandBody[c.Kind]
	if size == 0 {
		panic("wire: command of unknown kind")
	}
	size--
	b = append(b, byte(c.Kind), size)
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Key))
	b = binary.LittleEndian.AppendUint64(b, uint64(c.TimeNs))
	b = binary.LittleEndian.AppendUint64(b, uint64(c.SentNs))
	b = binary.LittleEndian.AppendUint64(b, c.Origin.Node)
	b = binary.LittleEndian.AppendUint64(b, c.Origin.Seq)
	return append(b, c.Body[:size]...)
}

// DecodeCommand reads one command from the front of b into c and returns the bytes that follow it.
func DecodeCommand(c *Command, b []byte) ([]byte, error) {
	if len(b) < commandHeader {
		return nil, fmt.Errorf("%w: command cut off", ErrFormat)
	}
	size := int(b[1])
	if int(commandBody[b[0]]) != size+1 {
		return nil, fmt.Errorf("%w: command kind %d with a body of %d bytes", ErrFormat, b[0], size)
	}
	if len(b) < commandHeader+size {
		return nil, fmt.Errorf("%w: command body cut off", ErrFormat)
	}
	*c = Command{
		Kind:   CommandKind(b[0]),
		Key:    KeyID(binary.LittleEndian.Uint32(b[2:])),
		TimeNs: int64(binary.LittleEndian.Uint64(b[6:])),
		SentNs: int64(binary.LittleEndian.Uint64(b[14:])),
		Origin: Origin{binary.LittleEndian.Uint64(b[22:]), binary.LittleEndian.Uint64(b[30:])},
	}
	copy(c.Body[:], b[commandHeader:commandHeader+size])
	return b[commandHeader+size:], nil
}

// AppendEvent appends e's wire form to b. It panics on an unknown kind.
func AppendEvent(b []byte, e *Event) []byte {
	size := eventBody[e.Kind]
	if size == 0 {
		panic("wire: event of unknown kind")
	}
	size--
	b = append(b, byte(e.Kind), size, byte(e.Flags))
	b = binary.LittleEndian.AppendUint32(b, e.Ord)
	b = binary.LittleEndian.AppendUint64(b, e.Seq)
	b = binary.LittleEndian.AppendUint64(b, uint64(e.TimeNs))
	b = binary.LittleEndian.AppendUint64(b, e.Origin.Node)
	b = binary.LittleEndian.AppendUint64(b, e.Origin.Seq)
	return append(b, e.Body[:size]...)
}

// DecodeEvent reads one event from the front of b into e and returns the bytes that follow it.
func DecodeEvent(e *Event, b []byte) ([]byte, error) {
	if len(b) < eventHeader {
		return nil, fmt.Errorf("%w: event cut off", ErrFormat)
	}
	size := int(b[1])
	if int(eventBody[b[0]]) != size+1 {
		return nil, fmt.Errorf("%w: event kind %d with a body of %d bytes", ErrFormat, b[0], size)
	}
	if len(b) < eventHeader+size {
		return nil, fmt.Errorf("%w: event body cut off", ErrFormat)
	}
	*e = Event{
		Kind:   EventKind(b[0]),
		Flags:  EventFlags(b[2]),
		Ord:    binary.LittleEndian.Uint32(b[3:]),
		Seq:    binary.LittleEndian.Uint64(b[7:]),
		TimeNs: int64(binary.LittleEndian.Uint64(b[15:])),
		Origin: Origin{binary.LittleEndian.Uint64(b[23:]), binary.LittleEndian.Uint64(b[31:])},
	}
	copy(e.Body[:], b[eventHeader:eventHeader+size])
	return b[eventHeader+size:], nil
}
