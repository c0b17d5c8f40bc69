package engine

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"uncross/engine/wire"
	"uncross/internal/slab"
)

// ErrSnapshot is wrapped by every error of Restore that is about the snapshot itself.
var ErrSnapshot = errors.New("engine: the snapshot cannot be restored")

// damage is what is wrong with a snapshot.
type damage struct{ what string }

func (d *damage) Error() string { return ErrSnapshot.Error() + ": " + d.what }
func (d *damage) Unwrap() error { return ErrSnapshot }

func damaged(what string) error { return &damage{what} }

// sectionNames are used in messages.
var sectionNames = [...]string{
	secHeader: "header", secAssets: "assets", secInstruments: "instruments", secFirms: "firms", secUsers: "users", secKeys: "keys",
	secAccounts: "accounts", secBalances: "balances", secOrders: "orders", secRepeats: "remembered requests",
	secSessions: "sessions",
}

func (s section) fault(what string) error { return damaged("section " + sectionNames[s] + ": " + what) }

// recordSizes holds the size of every section's records, measured once by writing an empty one.
var recordSizes = func() (sizes [secSessions + 1]int) {
	measure := func(s section, walk func(*coder)) {
		c := coder{b: make([]byte, recordBytes), put: true}
		walk(&c)
		sizes[s] = c.n
	}
	measure(secHeader, new(header).walk)
	measure(secAssets, new(asset).walk)
	measure(secInstruments, func(c *coder) { new(instrument).walk(c, new(uint64)) })
	measure(secFirms, new(firm).walk)
	measure(secUsers, new(user).walk)
	measure(secKeys, new(key).walk)
	measure(secAccounts, new(account).walk)
	measure(secBalances, new(balance).walk)
	measure(secOrders, new(order).walk)
	measure(secRepeats, new(repeat).walk)
	measure(secSessions, new(session).walk)
	return sizes
}()

func recordSize(s section) int { return recordSizes[s] }

// Restore reads a snapshot and returns an engine that goes on from it. It refuses a format that it does not know, and any
// snapshot whose checksums, references, invariants or hashes do not hold; nothing that it reads makes it panic. It reads
// up to the end of the snapshot only.
func Restore(r io.Reader) (*Engine, error) {
	s := &snapshotReader{r: r, all: xxhash.New(), part: xxhash.New()}
	version, err := s.preamble()
	if err != nil {
		return nil, err
	}
	l := loader{e: New()}
	steps := []struct {
		section
		load func(*coder) error
	}{
		{secHeader, l.header}, {secAssets, l.asset}, {secInstruments, l.instrument}, {secFirms, l.firm}, {secUsers, l.user},
		{secKeys, l.key}, {secAccounts, l.account}, {secBalances, l.balance}, {secOrders, l.order}, {secRepeats, l.repeat},
		{secSessions, l.session},
	}
	for _, step := range steps {
		if step.section == secSessions && version < 2 {
			continue
		}
		if err := s.section(step.section, step.load); err != nil {
			return nil, err
		}
	}
	if err := s.end(); err != nil {
		return nil, err
	}
	return l.finish()
}

// snapshotReader takes a snapshot's frame apart and checks its marks and checksums.
type snapshotReader struct {
	r     io.Reader
	all   *xxhash.Digest
	part  *xxhash.Digest
	word  [8]byte
	block []byte
}

func (s *snapshotReader) read(b []byte) error {
	if _, err := io.ReadFull(s.r, b); err != nil {
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return damaged("it ends early")
		}
		return err
	}
	_, _ = s.all.Write(b)
	_, _ = s.part.Write(b)
	return nil
}

func (s *snapshotReader) u32() (uint32, error) {
	err := s.read(s.word[:4])
	return binary.LittleEndian.Uint32(s.word[:]), err
}

func (s *snapshotReader) u64() (uint64, error) {
	err := s.read(s.word[:8])
	return binary.LittleEndian.Uint64(s.word[:]), err
}

func (s *snapshotReader) preamble() (version uint64, err error) {
	magic, err := s.u64()
	if err != nil {
		return 0, err
	}
	if magic != word8([]byte(snapshotMagic)) {
		return 0, damaged("this is not a snapshot of an engine")
	}
	if version, err = s.u64(); err != nil {
		return 0, err
	}
	if version < 1 || version > SnapshotVersion {
		return 0, damaged("version " + strconv.FormatUint(version, 10) + " is not known; this program reads versions 1 to " +
			strconv.Itoa(SnapshotVersion))
	}
	return version, nil
}

func mark(text string) uint32 { return binary.LittleEndian.Uint32([]byte(text)) }

// section reads one section and hands each record to load.
func (s *snapshotReader) section(sec section, load func(*coder) error) error {
	s.part.Reset()
	for _, want := range [3]uint32{mark(sectionBegin), uint32(sec), uint32(recordSize(sec))} {
		got, err := s.u32()
		if err != nil {
			return err
		}
		if got != want {
			return sec.fault("its beginning is damaged")
		}
	}
	records := uint64(0)
	for {
		n, err := s.records(sec, load)
		if err != nil {
			return err
		}
		if n == 0 {
			return s.sectionEnd(sec, records)
		}
		records += n
	}
}

// records reads one block and returns how many records it held, 0 at the end of the section.
func (s *snapshotReader) records(sec section, load func(*coder) error) (uint64, error) {
	n, err := s.u32()
	if err != nil || n == 0 {
		return 0, err
	}
	size := recordSize(sec)
	if n > blockBytes || int(n)%size != 0 {
		return 0, sec.fault("a block has an impossible length")
	}
	s.block = slices.Grow(s.block[:0], blockBytes)[:n]
	if err := s.read(s.block); err != nil {
		return 0, err
	}
	for b := s.block; len(b) > 0; b = b[size:] {
		if err := load(&coder{b: b[:size]}); err != nil {
			return 0, err
		}
	}
	return uint64(int(n) / size), nil
}

func (s *snapshotReader) sectionEnd(sec section, records uint64) error {
	for _, want := range [2]uint32{mark(sectionEnd), uint32(sec)} {
		got, err := s.u32()
		if err != nil {
			return err
		}
		if got != want {
			return sec.fault("its end is damaged")
		}
	}
	count, err := s.u64()
	if err != nil {
		return err
	}
	if count != records {
		return sec.fault("it does not hold as many records as it says")
	}
	want := s.part.Sum64()
	sum, err := s.u64()
	if err != nil {
		return err
	}
	if sum != want {
		return sec.fault("its checksum does not hold")
	}
	return nil
}

func (s *snapshotReader) end() error {
	got, err := s.u32()
	if err != nil {
		return err
	}
	want := s.all.Sum64()
	sum, err := s.u64()
	if err != nil {
		return err
	}
	if got != mark(snapshotEnd) || sum != want {
		return damaged("its end is damaged")
	}
	return nil
}

// loader builds an engine from records, which may hold anything.
type loader struct {
	e          *Engine
	want       header
	headers    int
	priorities []uint64
	pending    []slab.Handle // orders, to go into their books by priority
	last       struct {      // of the order that the format prescribes
		balance uint64
		order   wire.OrderID
		queue   int
		place   uint64
	}
}

func (l *loader) header(c *coder) error {
	h := &l.want
	h.walk(c)
	if l.headers++; l.headers > 1 {
		return secHeader.fault("there is more than one")
	}
	if h.rules > wire.CurrentRules {
		return secHeader.fault("it was written under version " + strconv.FormatUint(uint64(h.rules), 10) +
			" of the rules, which this program does not know")
	}
	if h.rules != 0 && !validName(&h.venue.Venue) || h.rules == 0 && h.venue != (wire.Genesis{}) || h.now < 0 {
		return secHeader.fault("the venue is out of bounds")
	}
	e := l.e
	e.seq, e.applied, e.term, e.sequence, e.place, e.chain = h.seq, h.applied, h.term, h.sequence, h.place, h.chain
	e.now, e.orderID, e.tradeID, e.rules, e.venue = h.now, h.orderID, h.tradeID, h.rules, h.venue
	return nil
}

func (l *loader) asset(c *coder) error {
	var m asset
	m.walk(c)
	switch {
	case !validName(&m.def.Code) || m.def.Decimals > MaxDecimals || m.issued.Hi>>(IssueBits-64) != 0,
		l.e.assets.Len() >= MaxAssets || int(m.def.ID) != l.e.assets.Len()+1:
		return secAssets.fault("an asset is out of bounds")
	case l.e.findAsset(&m.def.Code) != 0:
		return secAssets.fault("a code stands twice")
	}
	id := l.e.createAsset(m.def)
	l.e.assets.Mut(handle(id)).issued = m.issued
	l.e.rehashAsset(id)
	return nil
}

// instrument restores an instrument. The venue's account comes later, so that its balance is made without it.
func (l *loader) instrument(c *coder) error {
	var m instrument
	var priority uint64
	m.walk(c, &priority)
	e := l.e
	switch {
	case !validName(&m.def.Symbol) || !has(e.assets, m.def.Base) || !has(e.assets, m.def.Quote),
		!m.phase.Valid() || m.lastPrice < 0 || m.lastQty < 0,
		e.instruments.Len() >= MaxInstruments || int(m.def.ID) != e.instruments.Len()+1:
		return secInstruments.fault("an instrument is out of bounds")
	case e.findInstrument(&m.def.Symbol) != 0:
		return secInstruments.fault("a symbol stands twice")
	case e.checkInstrument(&m.def) != wire.ReasonNone:
		return secInstruments.fault("an instrument's definition is not valid")
	}
	e.createInstrument(m)
	l.priorities = append(l.priorities, priority)
	return nil
}

func (l *loader) firm(c *coder) error {
	var m firm
	m.walk(c)
	if !validName(&m.def.Name) || int(m.def.ID) != l.e.firms.Len()+1 || l.e.firms.Len() >= MaxFirms || l.e.findFirm(&m.def.Name) != 0 {
		return secFirms.fault("a firm is out of bounds")
	}
	l.e.createFirm(m.def)
	return nil
}

func (l *loader) user(c *coder) error {
	var m user
	m.walk(c)
	if !validName(&m.def.Name) || int(m.def.ID) != l.e.users.Len()+1 || l.e.users.Len() >= MaxUsers ||
		!has(l.e.firms, m.def.Firm) || l.e.findUser(&m.def.Name) != 0 {
		return secUsers.fault("a user is out of bounds")
	}
	l.e.createUser(m.def)
	return nil
}

func (l *loader) key(c *coder) error {
	var m key
	m.walk(c)
	if int(m.def.ID) != l.e.keys.Len()+1 || l.e.keys.Len() >= MaxKeys || !has(l.e.users, m.def.User) || !m.def.Role.Valid() ||
		m.def.Revoked > 1 || m.def.Pub == [32]byte{} || l.e.findKey(&m.def.Pub) != 0 {
		return secKeys.fault("a key is out of bounds")
	}
	l.e.createKey(m.def)
	return nil
}

func (l *loader) account(c *coder) error {
	var m account
	m.walk(c)
	e := l.e
	if !validName(&m.def.Name) || int(m.def.ID) != e.accounts.Len()+1 || e.accounts.Len() >= MaxAccounts ||
		!has(e.users, m.def.User) || e.findAccount(&m.def.Name) != 0 || m.queue[0].horizon < 0 || m.queue[1].horizon < 0 {
		return secAccounts.fault("an account is out of bounds")
	}
	id := e.createAccount(m.def)
	a := e.accounts.Mut(handle(id))
	for i := range a.queue {
		a.queue[i].horizon = m.queue[i].horizon
	}
	e.rehashAccount(id)
	return nil
}

func (l *loader) balance(c *coder) error {
	var m balance
	m.walk(c)
	e := l.e
	k := balanceKey(m.account, m.asset)
	if !has(e.accounts, m.account) || !has(e.assets, m.asset) || k <= l.last.balance || e.balances.Len() >= e.bounds.balances ||
		m.isEmpty() || m.available.Hi>>(IssueBits-64) != 0 || m.held.Hi>>(IssueBits-64) != 0 {
		return secBalances.fault("a balance is out of bounds")
	}
	l.last.balance = k
	b := e.balances.Mut(e.balance(m.account, m.asset))
	b.available, b.held = m.available, m.held
	e.rehashBalance(b)
	return nil
}

func (l *loader) order(c *coder) error {
	var m order
	m.walk(c)
	e := l.e
	switch {
	case !has(e.accounts, m.account) || !has(e.instruments, m.instrument) || !m.side.Valid() || m.typ != wire.Limit || m.tif != wire.GTC,
		m.id <= l.last.order || m.id > e.orderID || m.flags&^wire.PostOnly != 0 || !m.clientID.Valid(),
		m.maker > MaxFeeBps || m.taker > MaxFeeBps || m.slack >= part,
		m.price < 1 || m.price > MaxPrice || m.qty < 1 || m.qty > MaxQty || m.filled < 0 || m.filled >= m.qty,
		m.notional.Hi>>(IssueBits-64) != 0 || m.held.Hi>>(IssueBits-64) != 0,
		e.orders.Len() >= MaxOpenOrders || e.accounts.At(handle(m.account)).open.n >= MaxOpenOrdersPerAccount:
		return secOrders.fault("an order is out of bounds")
	}
	l.last.order = m.id
	in := e.instruments.At(handle(m.instrument))
	if _, ok := notional(m.price, m.qty, in.def.Multiplier); !ok {
		return secOrders.fault("an order's notional is out of bounds")
	}
	m.base, m.quote = e.balance(m.account, in.def.Base), e.balance(m.account, in.def.Quote)
	h := e.orders.Alloc()
	e.keep(h, &m)
	l.pending = append(l.pending, h)
	return nil
}

func (l *loader) repeat(c *coder) error {
	var m repeat
	m.walk(c)
	e := l.e
	if e.repeats.Len() >= 2*MaxRepeats || !has(e.accounts, m.account) || !validName(&m.id) ||
		m.space < orderIDs || m.space > withdrawals || m.place == 0 || m.place > e.place || m.sent < 0 || !answers(m.answer) || m.instrument != 0 && !has(e.instruments, m.instrument) {
		return secRepeats.fault("an entry is out of bounds")
	}
	at := &l.last
	queue := m.space.queue()
	if queue < at.queue || queue == at.queue && m.place <= at.place {
		return secRepeats.fault("the entries are not in order")
	}
	at.queue, at.place = queue, m.place
	m.index = e.requestHash(m.account, m.space, &m.id)
	if _, taken := e.recall(m.account, m.space, &m.id, m.index); taken != nil {
		return secRepeats.fault("an id stands twice")
	}
	e.file(m)
	return nil
}

func (l *loader) session(c *coder) error {
	var m session
	m.walk(c)
	e := l.e
	if !validName(&m.def.CompID) || int(m.def.ID) != e.sessions.Len()+1 || e.sessions.Len() >= MaxSessions || m.def.Enabled > 1 ||
		!has(e.keys, m.def.Key) || !e.fits(&m.def) || e.findSession(&m.def.CompID) != 0 {
		return secSessions.fault("a session is out of bounds")
	}
	e.createSession(m.def)
	return nil
}

// answers reports whether a request can have been answered by such an event.
func answers(k wire.EventKind) bool {
	switch k {
	case wire.EvRejected, wire.EvOrderAccepted, wire.EvOrderReplaced, wire.EvOrderCanceled, wire.EvDeposited, wire.EvWithdrawn:
		return true
	}
	return false
}

// finish puts the orders into their books and holds the whole state against itself.
func (l *loader) finish() (*Engine, error) {
	e := l.e
	if l.headers != 1 {
		return nil, secHeader.fault("there is none")
	}
	if e.rules != 0 && (e.accounts.Len() == 0 || e.keys.Len() == 0) || e.rules == 0 && e.accounts.Len() != 0 {
		return nil, damaged("the venue is not complete")
	}
	slices.SortFunc(l.pending, func(a, b slab.Handle) int {
		x, y := e.orders.At(a), e.orders.At(b)
		switch {
		case x.instrument != y.instrument:
			return int(x.instrument) - int(y.instrument)
		case x.priority < y.priority:
			return -1
		case x.priority > y.priority:
			return 1
		}
		return 0
	})
	for _, h := range l.pending {
		o := e.orders.At(h)
		if o.priority > l.priorities[o.instrument-1] || !e.book(o.instrument).Restore(o.resting(h)) {
			return nil, secOrders.fault("order " + strconv.FormatUint(uint64(o.id), 10) + " does not go into its book")
		}
	}
	for i, b := range e.books {
		b.SetPriority(l.priorities[i])
		e.rehashBook(wire.InstrumentID(i + 1))
	}
	if err := e.Validate(); err != nil {
		return nil, damaged(err.Error())
	}
	if full, business := e.Hashes(); full != l.want.full || business != l.want.business {
		return nil, damaged("the state that it holds does not have the hashes that it says")
	}
	return e, nil
}
