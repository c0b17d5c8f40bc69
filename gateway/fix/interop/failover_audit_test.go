//go:build linux

package interop

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"uncross/gateway/client"
	"uncross/gateway/fix/initiator"
	fix "uncross/gateway/fix/message"
)

// This file holds what the engine took during the changes of leader against the venue's own history.

// auditNumbers goes through everything that was on the wire: numbers are used once, nothing is reset.
func (f *failover) auditNumbers() {
	f.t.Helper()
	type key struct{ name, word string }
	highest := map[key]int{}                // of messages that are no repeats
	contents := map[string]map[int]string{} // of each number that the venue gave to a report or reject
	taken := map[string]int{}               // the last number that the engine's application was given
	for _, l := range f.p.all() {
		if l.word != "in" && l.word != "out" && l.word != "app" {
			continue
		}
		m := l.message()
		number, next := 0, 0
		_, _ = fmt.Sscan(m.get("34"), &number)
		_, _ = fmt.Sscan(m.get("36"), &next)
		switch kind := m.get("35"); {
		case m.has("141=Y"):
			f.wrong("%s: a reset is asked for: %s", l.name, m)
		case kind == "4" && (!m.has("123=Y") || next <= number):
			f.wrong("%s: numbers are reset: %s", l.name, m)
		case kind == "5" && m.has("58=*") && strings.Contains(m.get("58"), "MsgSeqNum"):
			f.wrong("%s: numbers do not fit: %s", l.name, m)
		}
		if l.word == "app" {
			if number <= taken[l.name] {
				f.wrong("%s: the application got number %d after number %d", l.name, number, taken[l.name])
			}
			taken[l.name] = number
			continue
		}
		if m.get("43") != "Y" {
			k := key{l.name, l.word}
			if number <= highest[k] {
				f.wrong("%s: number %d is used after number %d, and is not said to be a repeat: %s %s", l.name, number, highest[k], l.word, m)
			}
			highest[k] = number
		}
		if kind := m.get("35"); l.word == "in" && (kind == "8" || kind == "9" || kind == "r") {
			if contents[l.name] == nil {
				contents[l.name] = map[int]string{}
			}
			content := sorted(m)
			if was, ok := contents[l.name][number]; ok && was != content {
				f.wrong("%s: number %d was first\n%s\nand then\n%s", l.name, number, was, content)
			}
			contents[l.name][number] = content
		}
	}
}

// sorted is a message's content with its fields in one order, for engines write them in different ones.
func sorted(m message) string {
	fields := strings.Split(m.content(), "|")
	slices.Sort(fields)
	return strings.Trim(strings.Join(fields, "|"), "|")
}

// secondCopy reads the drop copy that nobody has been logged on to, from its first number, and the reports of all trades.
type secondCopy struct {
	mu      sync.Mutex
	reports map[string]message // by ExecID
	trades  map[string]bool    // ExecIDs
	whole   bool               // of the trades
	wrong   []string
}

func (s *secondCopy) take(m *fix.Message, repeat bool) {
	var b strings.Builder
	for _, field := range m.Fields {
		fmt.Fprintf(&b, "%d=%s|", field.Tag, field.Value)
	}
	text := message(b.String())
	s.mu.Lock()
	defer s.mu.Unlock()
	switch m.Type() {
	case fix.ExecutionReport:
		if _, ok := s.reports[text.get("17")]; ok || repeat {
			s.wrong = append(s.wrong, "twice: "+string(text))
		}
		s.reports[text.get("17")] = text
	case fix.TradeCaptureReport:
		s.trades[text.get("17")] = true
		s.whole = s.whole || text.has("912=Y")
	case fix.TradeCaptureReportRequestAck:
		if !text.has("749=0", "750=0") {
			s.wrong = append(s.wrong, string(text))
		}
	default:
		s.wrong = append(s.wrong, string(text))
	}
}

// readSecondCopy logs on to the second drop copy and reads all of it.
func (f *failover) readSecondCopy() *secondCopy {
	f.t.Helper()
	s := &secondCopy{reports: map[string]message{}, trades: map[string]bool{}}
	var addresses []string
	for _, n := range f.c.Nodes {
		addresses = append(addresses, n.FIX)
	}
	session, err := initiator.Open(initiator.Config{Addresses: addresses, Sender: "COPY2", Target: "UNCROSS", Password: failoverPassword, OnMessage: s.take})
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	defer session.Close(ctx)
	if err := session.WaitLogon(ctx); err != nil {
		f.t.Fatal(err)
	}
	if err := session.RoundTrip(ctx); err != nil {
		f.t.Fatal(err)
	}
	q := fix.NewBody(fix.TradeCaptureReportRequest).Str(fix.TagTradeRequestID, "all").Char(fix.TagTradeRequestType, '0').
		Char(fix.TagSubscriptionRequestType, '0')
	days := slices.Compact([]string{f.begin.UTC().Format("20060102"), time.Now().UTC().Format("20060102")})
	q.Int(fix.TagNoDates, int64(len(days)))
	for _, day := range days {
		q.Str(fix.TagTradeDate, day)
	}
	if _, err := session.Send(q); err != nil {
		f.t.Fatal(err)
	}
	f.c.Await("the trade reports", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.whole || len(s.wrong) > 0
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, text := range s.wrong {
		f.wrong("COPY2: %s", text)
	}
	return s
}

// auditReports holds the reports of each session against the second drop copy: none is missing, none is too many, none was given
// to the application twice, and each says the same. Every request has one answer.
func (f *failover) auditReports() {
	f.t.Helper()
	copied := f.readSecondCopy()
	f.update()
	for name, b := range f.book {
		for _, m := range b.twice {
			f.wrong("%s: the application got a report twice: %s", name, m)
		}
		account := ""
		for _, s := range failoverSessions {
			if s.name == name {
				account = s.account
			}
		}
		for id, m := range copied.reports {
			if account != "" && m.get("1") != account {
				continue
			}
			switch got, ok := b.reports[id]; {
			case !ok:
				f.wrong("%s: report %s never came: %s", name, id, m)
			case sorted(got) != sorted(m):
				f.wrong("%s: report %s is\n%s\nits drop copy is\n%s", name, id, sorted(got), sorted(m))
			}
		}
		for id, m := range b.reports {
			if _, ok := copied.reports[id]; !ok {
				f.wrong("%s: report %s is not the venue's: %s", name, id, m)
			}
		}
	}
	fills := map[string]bool{}
	for id, m := range f.book["COPY1"].reports {
		if m.has("150=F") {
			fills[id] = true
		}
	}
	if !maps.Equal(fills, copied.trades) {
		f.wrong("%d reports of fills, %d trade reports with other ExecIDs", len(fills), len(copied.trades))
	}
	for name, session := range f.sent {
		if n := f.book[session].answers[name]; n != 1 {
			f.wrong("%s: %s has %d answers", session, name, n)
		}
	}
}

// auditHistory holds the orders and fills that each node's history has against the reports.
func (f *failover) auditHistory() {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	for _, s := range failoverSessions {
		if s.account == "" {
			continue
		}
		last, fills := map[string]message{}, map[string]message{} // by OrderID; by OrderID and trade
		for _, m := range f.inOrder(s.name) {
			if m.get("37") == "NONE" {
				continue
			}
			last[m.get("37")] = m
			if m.has("150=F") {
				fills[m.get("37")+" "+m.get("527")] = m
			}
		}
		for _, n := range f.c.Nodes {
			node := f.c.ClientAt(n, &f.c.Operator)
			orders, filled := 0, 0
			for o, err := range client.Pages[client.Order](ctx, node, fmt.Sprintf("/v1/order-history?account=%s&limit=%d", s.account, failoverPage)) {
				if err != nil {
					f.t.Fatal(err)
				}
				orders++
				want := map[string]string{"filled": "2", "canceled": "4"}[o.Status]
				if m := last[o.OrderID]; want == "" || m.get("39") != want || m.get("14") != o.Filled || m.get("151") != "0" {
					f.wrong("%s: order %s is %s and %s filled at %s, its last report is %s", s.name, o.OrderID, o.Status, o.Filled, n.Name, m)
				}
			}
			type fill struct {
				client.Fill
				OrderID string `json:"order_id"`
			}
			for o, err := range client.Pages[fill](ctx, node, fmt.Sprintf("/v1/fills?account=%s&limit=%d", s.account, failoverPage)) {
				if err != nil {
					f.t.Fatal(err)
				}
				filled++
				if m := fills[o.OrderID+" "+o.TradeID]; m.get("32") != o.Quantity || m.get("31") != o.Price {
					f.wrong("%s: fill %+v at %s is reported as %s", s.name, o, n.Name, m)
				}
			}
			if orders != len(last) || filled != len(fills) || orders == 0 || filled == 0 {
				f.wrong("%s: %s has %d orders and %d fills, the reports tell of %d and %d", s.name, n.Name, orders, filled, len(last), len(fills))
			}
		}
	}
}

// inOrder returns the execution reports of a session as its application got them.
func (f *failover) inOrder(name string) (all []message) {
	for _, l := range f.p.all() {
		if l.name == name && l.word == "app" && l.message().get("35") == "8" {
			all = append(all, l.message())
		}
	}
	return all
}

// sum says what the test has seen, and that it has seen something: reports that had to come by resend, and orders that the engine
// had to keep.
func (f *failover) sum() {
	f.t.Helper()
	kept, resent, tries, asked := 0, 0, 0, 0
	was := map[string]bool{} // requests that were on the wire
	for _, l := range f.p.all() {
		m := l.message()
		switch name := m.get("11"); {
		case l.word == "out" && name != "":
			if m.has("43=Y") {
				resent++
				if !was[name] {
					kept++
				}
			}
			was[name] = true
		case l.word == "out" && m.has("35=A"):
			tries++
		case l.word == "out" && m.has("35=2"):
			asked++
		}
	}
	again, logons := 0, 0
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f.book)) {
		book := f.book[name]
		again += book.again
		logons += len(book.logons)
		fmt.Fprintf(&b, "%s: %d reports, %d of them by resend, %d logons\n", name, len(book.reports), book.again, len(book.logons))
	}
	for _, kind := range slices.Sorted(maps.Keys(f.waits)) {
		fmt.Fprintf(&b, "%s: %d sessions back after %s; next leader after %s\n", kind, len(f.waits[kind]), spread(f.waits[kind]), spread(f.gaps[kind]))
	}
	f.t.Logf("%d requests of the engine's, of which %d were kept while it was away and %d sent again; %d operations of carol's; %d tries to log on, %d resend requests\n%s",
		len(f.sent), kept, resent, f.taken, tries, asked, b.String())
	if again == 0 || resent == 0 || logons < 2*len(f.book) {
		f.wrong("%d reports came by resend, %d requests were sent again, %d logons: nothing is proved", again, resent, logons)
	}
}

// spread is the median and the greatest of some times.
func spread(of []time.Duration) string {
	if len(of) == 0 {
		return "–"
	}
	of = slices.Sorted(slices.Values(of))
	return fmt.Sprintf("%.2f s (median), %.2f s (longest)", of[len(of)/2].Seconds(), of[len(of)-1].Seconds())
}
