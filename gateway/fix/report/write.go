package report

import (
	"strconv"

	"uncross/engine/wire"
	"uncross/gateway/fix/message"
)

const soh = 1

// body is a body in stored form that is being written.
type body []byte

func begin(dst []byte, msgType string) body {
	return append(append(dst, msgType...), soh)
}

// tag begins a field; its value and end follow.
func (b body) tag(tag int) body { return append(strconv.AppendInt(b, int64(tag), 10), '=') }

func (b body) end() body { return append(b, soh) }

func (b body) str(tag int, v string) body { return append(b.tag(tag), v...).end() }

func (b body) char(tag int, c byte) body { return append(b.tag(tag), c).end() }

func (b body) uint(tag int, n uint64) body { return body(strconv.AppendUint(b.tag(tag), n, 10)).end() }

func (b body) time(tag int, ns int64) body { return body(message.AppendTime(b.tag(tag), ns)).end() }

func (b body) flag(tag int, v bool) body {
	if v {
		return b.char(tag, 'Y')
	}
	return b.char(tag, 'N')
}

// text writes a text that is not empty.
func (b body) text(tag int, t wire.Text) body {
	if t.IsEmpty() {
		return b
	}
	return append(b.tag(tag), t.Bytes()...).end()
}

// need writes a text in a tag that must not be absent.
func (b body) need(tag int, t wire.Text) body {
	if t.IsEmpty() {
		return b.str(tag, none)
	}
	return b.text(tag, t)
}

// none stands in a tag that must not be absent where there is nothing to say.
const none = "NONE"

func (b body) orderID(id wire.OrderID) body {
	if id == 0 {
		return b.str(message.TagOrderID, none)
	}
	return b.uint(message.TagOrderID, uint64(id))
}

// execID writes the name of an event; side is 'B', 'S' or 0.
func (b body) execID(tag int, x *Exec, side byte) body {
	b = strconv.AppendUint(b.tag(tag), x.Seq, 10)
	b = strconv.AppendUint(append(b, '-'), uint64(x.Ord), 10)
	if side != 0 {
		b = append(b, side)
	}
	return b.end()
}

// date writes a day in UTC, YYYYMMDD.
func (b body) date(tag int, ns int64) body {
	return body(message.AppendDate(b.tag(tag), ns)).end()
}
