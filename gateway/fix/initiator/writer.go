package initiator

import (
	"time"

	"uncross/gateway/fix/message"
)

// Bounds of one write to the socket.
const (
	writeEntries = 256
	writeBytes   = 64 << 10
)

// write is the writer: a cursor over our numbers. It writes what there is until the connection ends; while a write is
// under way, more comes together for the next one.
func (l *link) write() {
	var (
		entries [writeEntries]Entry
		buf     []byte
	)
	for {
		n, again, err := l.take(entries[:])
		if err != nil {
			l.end(err)
			return
		}
		if n == 0 {
			select {
			case <-l.wake:
				continue
			case <-l.gone:
				return
			}
		}
		buf = buf[:0]
		if again {
			buf, err = l.appendRepeats(buf, entries[:n])
		} else {
			buf, err = l.appendNew(buf, entries[:n])
		}
		if err == nil {
			err = l.put(buf)
		}
		if err != nil {
			l.end(err)
			return
		}
	}
}

func (l *link) put(buf []byte) error {
	now := time.Now()
	if err := l.conn.SetWriteDeadline(now.Add(l.i.c.Limits.Write)); err != nil {
		return err
	}
	_, err := l.conn.Write(buf)
	l.lastOut.Store(now.UnixNano())
	return err
}

// take takes the entries to be written next: repeats that were asked for, or else what is new.
func (l *link) take(dst []Entry) (n int, again bool, err error) {
	i := l.i
	i.mu.Lock()
	defer i.mu.Unlock()
	if !l.on {
		return 0, false, nil
	}
	if len(l.again) > 0 {
		s := &l.again[0]
		n = i.store.Read(s.from, dst[:min(uint64(len(dst)), s.to-s.from+1)])
		if s.from += uint64(n); n == 0 || s.from > s.to {
			l.again = l.again[1:]
		}
		return n, true, nil
	}
	end := i.nextOut
	if l.last != 0 {
		end = l.last + 1
	}
	if l.next >= end {
		return 0, false, nil
	}
	n = i.store.Read(l.next, dst[:min(uint64(len(dst)), end-l.next)])
	for k, size := 0, 0; k < n; k++ {
		if size += len(dst[k].Body); size > writeBytes && k > 0 {
			n = k
		}
	}
	l.next += uint64(n)
	if err = i.store.Flush(); err != nil {
		i.fail(err)
	}
	return n, false, err
}

func (l *link) header(seq uint64, timeNs int64) message.Header {
	return message.Header{Sender: l.i.c.Sender, Target: l.i.c.Target, Seq: seq, SendingNs: timeNs}
}

// appendNew appends messages that are sent for the first time.
func (l *link) appendNew(buf []byte, entries []Entry) ([]byte, error) {
	for k := range entries {
		e := &entries[k]
		b, err := message.ParseBody(e.Body)
		if err != nil {
			return buf, err
		}
		h := l.header(e.Seq, e.TimeNs)
		buf = message.AppendMessage(buf, &h, &b)
	}
	return buf, nil
}

// appendRepeats appends messages that are sent again, with gap fills in place of those about the session itself.
func (l *link) appendRepeats(buf []byte, entries []Entry) ([]byte, error) {
	now := time.Now().UnixNano()
	for k := 0; k < len(entries); k++ {
		e := &entries[k]
		if e.Local {
			from := e.Seq
			for k+1 < len(entries) && entries[k+1].Local {
				k++
			}
			b := message.NewBody(message.SequenceReset).Bool(message.TagGapFillFlag, true).Uint(message.TagNewSeqNo, entries[k].Seq+1)
			h := l.header(from, now)
			h.PossDup, h.OrigSendingNs = true, now
			buf = message.AppendMessage(buf, &h, b)
			continue
		}
		b, err := message.ParseBody(e.Body)
		if err != nil {
			return buf, err
		}
		h := l.header(e.Seq, now)
		h.PossDup, h.OrigSendingNs = true, e.TimeNs
		buf = message.AppendMessage(buf, &h, &b)
	}
	return buf, nil
}
