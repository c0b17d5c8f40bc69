package initiator

import (
	"bytes"
	"fmt"
	"strings"

	"uncross/gateway/fix/message"
)

// receive deals with one message of the other side: it is handed on when its number has its turn.
func (l *link) receive(m *message.Message, frame []byte) error {
	i := l.i
	if m.String(message.TagBeginString) != BeginString || m.String(message.TagSenderCompID) != i.c.Target || m.String(message.TagTargetCompID) != i.c.Sender {
		return errWrongPeer
	}
	if !l.on && m.Type() == message.BusinessMessageReject { // it has no number that could be looked at
		return &ElsewhereError{Text: m.String(message.TagText), Address: m.String(message.TagBusinessRejectRefID)}
	}
	seq, ok := m.Seq()
	if !ok {
		return errNoNumber
	}
	if !l.on { // of this goroutine's making alone, so that it may be read without the lock
		if err := l.answered(m, seq); err != nil {
			return err
		}
	}
	kind := m.Type()
	next := i.expected()
	switch {
	case kind == message.SequenceReset && !m.Bool(message.TagGapFillFlag):
		return l.reset(m, next)
	case seq > next:
		return l.tooHigh(m, kind, seq, next, frame)
	case seq < next:
		return l.tooLow(m, kind, seq, next)
	}
	if err := l.inTurn(m, kind, seq); err != nil {
		return err
	}
	return l.release()
}

// expected returns the number whose turn it is. Only the reading goroutine changes it.
func (i *Initiator) expected() uint64 {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.nextIn
}

// inTurn deals with a message whose turn it is.
func (l *link) inTurn(m *message.Message, kind string, seq uint64) error {
	next := seq + 1
	switch kind {
	case message.SequenceReset: // a gap fill
		n, ok := m.Uint(message.TagNewSeqNo)
		if !ok || n <= seq {
			return l.refuse(fmt.Errorf("initiator: a gap fill from %d to %q", seq, m.String(message.TagNewSeqNo)), "gap fill does not lead on")
		}
		next = n
	case message.ResendRequest:
		l.resend(m)
	case message.Logout:
		l.i.received(next)
		return l.theirLogout(m)
	default:
		l.handle(m, kind, false)
	}
	l.i.received(next)
	return nil
}

// handle deals with a message that is no matter of numbers.
func (l *link) handle(m *message.Message, kind string, repeat bool) {
	switch kind {
	case message.Logon:
	case message.Heartbeat:
		if id := m.String(message.TagTestReqID); strings.HasPrefix(id, probeText) {
			l.i.heardProbe(id)
		}
	case message.TestRequest:
		l.send(message.NewBody(message.Heartbeat).Str(message.TagTestReqID, m.String(message.TagTestReqID)))
	default:
		l.i.c.OnMessage(m, repeat)
	}
}

func (i *Initiator) heardProbe(id string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, ok := i.heard[id]; ok {
		i.heard[id] = true
		i.tell()
	}
}

// tooHigh keeps a message until its turn comes and asks for what is missing before it.
func (l *link) tooHigh(m *message.Message, kind string, seq, next uint64, frame []byte) error {
	keep := []byte{} // of a message that is dealt with now, its number is kept alone
	switch kind {
	case message.Logon:
	case message.ResendRequest: // at once: both sides may wait for each other otherwise
		l.resend(m)
	case message.Logout:
		return l.theirLogout(m) // what is missing is asked for on the next connection
	default:
		keep = bytes.Clone(frame)
	}
	if len(l.held) < l.i.c.Limits.Held {
		if _, ok := l.held[seq]; !ok {
			l.held[seq] = keep
		}
	}
	l.highest = max(l.highest, seq)
	l.ask(next, seq-1)
	return nil
}

// ask asks for numbers, unless they have been asked for.
func (l *link) ask(from, to uint64) {
	l.i.mu.Lock()
	before := l.asked
	if from >= before {
		l.asked = to + 1
		l.i.tell()
	}
	l.i.mu.Unlock()
	if from < before {
		return
	}
	l.send(resendRequest(from, to))
	l.i.c.OnSession(Event{Kind: GapFound, From: from, To: to})
}

func resendRequest(from, to uint64) *message.Body {
	return message.NewBody(message.ResendRequest).Uint(message.TagBeginSeqNo, from).Uint(message.TagEndSeqNo, to)
}

// release deals with the messages that were kept and whose turn has come, and asks for the next gap before the others.
func (l *link) release() error {
	for {
		next := l.i.expected()
		if next > l.highest {
			return nil
		}
		frame, ok := l.held[next]
		if !ok {
			l.askNext(next)
			return nil
		}
		delete(l.held, next)
		if len(frame) == 0 {
			l.i.received(next + 1)
			continue
		}
		var m message.Message // not l.m: OnMessage may still look at it
		if err := m.Parse(frame); err != nil {
			return err
		}
		if err := l.inTurn(&m, m.Type(), next); err != nil {
			return err
		}
	}
}

// askNext forgets kept messages that a gap fill has passed over, and asks for the gap before the rest, and for messages
// that came and were not kept.
func (l *link) askNext(next uint64) {
	l.i.mu.Lock()
	asked := l.asked
	l.i.mu.Unlock()
	if next < asked {
		return // still coming
	}
	lowest := l.highest + 1
	for seq := range l.held {
		if seq < next {
			delete(l.held, seq)
			continue
		}
		lowest = min(lowest, seq)
	}
	if lowest > next {
		l.ask(next, lowest-1)
	}
}

// tooLow passes over a repeat, and hands on an application's that was asked for. Without 43=Y the sides do not agree on
// the numbers, which only people can mend (FIX 4.4 volume 2, "Message sequence number too low").
func (l *link) tooLow(m *message.Message, kind string, seq, next uint64) error {
	if kind == message.Logout {
		return l.theirLogout(m)
	}
	if !m.Bool(message.TagPossDupFlag) {
		text := fmt.Sprintf("MsgSeqNum too low, expecting %d but received %d", next, seq)
		return l.refuse(fmt.Errorf("initiator: %s", text), text)
	}
	switch kind {
	case message.Logon, message.Heartbeat, message.TestRequest, message.ResendRequest, message.SequenceReset:
	default:
		l.i.c.OnMessage(m, true)
	}
	return nil
}

// reset takes a new number from the other side, which it may not lower.
func (l *link) reset(m *message.Message, next uint64) error {
	n, ok := m.Uint(message.TagNewSeqNo)
	if !ok || n < next {
		return l.refuse(fmt.Errorf("initiator: a sequence reset from %d to %q", next, m.String(message.TagNewSeqNo)), "sequence reset to a lower number")
	}
	l.i.received(n)
	return l.release()
}

// theirLogout answers a logout, or takes it for the answer to ours.
func (l *link) theirLogout(m *message.Message) error {
	err := errTheirOut
	if text := m.String(message.TagText); text != "" {
		err = fmt.Errorf("%w: %s", errTheirOut, text)
	}
	return l.refuse(err, "")
}

// resend has the writer send again what the other side asks for.
func (l *link) resend(m *message.Message) {
	from, ok1 := m.Uint(message.TagBeginSeqNo)
	to, ok2 := m.Uint(message.TagEndSeqNo)
	if !ok1 || !ok2 || from == 0 {
		return
	}
	l.i.mu.Lock()
	// Only what has been written once is a repeat; the rest follows by itself.
	if to == 0 || to >= l.next {
		to = l.next - 1
	}
	if from > to || len(l.again) == maxResends {
		l.i.mu.Unlock()
		return
	}
	l.again = append(l.again, span{from, to})
	l.resends++
	l.i.tell()
	l.i.mu.Unlock()
	l.poke()
	l.i.c.OnSession(Event{Kind: Resending, From: from, To: to})
}

// maxResends is how many resend requests may wait; further ones are passed over, and the other side asks again.
const maxResends = 16
