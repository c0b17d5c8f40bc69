package engine

import (
	"cmp"
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

// Beside has work done beside what its caller does next, and returns what waits for its end.
type Beside func(work func()) (wait func())

// Restore reads a snapshot and returns an engine that goes on from it. It refuses a format that it does not know, and any
// snapshot whose checksums, references, invariants or hashes do not hold; nothing that it reads makes it panic. It reads
// up to the end of the snapshot only.
func Restore(r io.Reader) (*Engine, error) {
	return RestoreBeside(r, func(work func()) (wait func()) { work(); return func() {} })
}

// RestoreBeside is Restore for a caller with goroutines: the orders go into their books, on which nothing that is read after
// them depends, beside the reading.
func RestoreBeside(r io.Reader, beside Beside) (*Engine, error) {
	s := &snapshotReader{r: r, all: xxhash.New(), part: xxhash.New()}
	if err := s.preamble(); err != nil {
		return nil, err
	}
	l := &loader{e: New()}
	for _, load := range []func(*coder) error{
		l.header, l.asset, l.instrument, l.firm, l.user, l.key, l.account, l.balance, l.order,
	} {
		if err := s.section(load); err != nil {
			return nil, err
		}
	}
	var filed error
	wait := beside(func() { filed = l.fileOrders() })
	err := l.afterOrders(s)
	wait()
	if err := cmp.Or(err, filed); err != nil {
		return nil, err
	}
	return l.finish()
}

// afterOrders reads what stands behind the orders.
func (l *loader) afterOrders(s *snapshotReader) error {
	if err := s.section(l.repeat); err != nil {
		return err
	}
	if err := l.fileRepeats(); err != nil {
		return err
	}
	if s.version >= 2 {
		if err := s.section(l.session); err != nil {
			return err
		}
	}
	return s.end()
}

// snapshotReader takes a snapshot's frame apart and checks its marks and checksums.
type snapshotReader struct {
	r       io.Reader
	version uint64
	at      section // being read, or read last
	all     *xxhash.Digest
	part    *xxhash.Digest
	word    [8]byte
	block   []byte
	last    coder // the record being read
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

func (s *snapshotReader) preamble() error {
	magic, err := s.u64()
	if err != nil {
		return err
	}
	if magic != word8([]byte(snapshotMagic)) {
		return damaged("this is not a snapshot of an engine")
	}
	if s.version, err = s.u64(); err != nil {
		return err
	}
	if s.version < 1 || s.version > SnapshotVersion {
		return damaged("version " + strconv.FormatUint(s.version, 10) + " is not known; this program reads versions 1 to " +
			strconv.Itoa(SnapshotVersion))
	}
	return nil
}

func mark(text string) uint32 { return binary.LittleEndian.Uint32([]byte(text)) }

// section reads the next section and hands each record to load.
func (s *snapshotReader) section(load func(*coder) error) error {
	s.at++
	sec := s.at
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
		s.last = coder{b: b[:size]}
		if err := load(&s.last); err != nil {
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
	pending    [][]keyed      // orders by instrument, from 0, to go into their books by priority
	open       []list         // by account, from 0: the open orders
	queues     [][queues]list // and the queues, which are close together here
	held       []wire.Amount  // by orders, of balances
	seen       uint64         // what touch returned
	last       struct {       // of the order that the format prescribes
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
	l.pending = append(l.pending, nil)
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
	l.open = append(l.open, list{})
	l.queues = append(l.queues, [queues]list{})
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
	e := l.e
	h := e.orders.Alloc()
	m := e.orders.Mut(h)
	m.walk(c)
	switch {
	case !has(e.accounts, m.account) || !has(e.instruments, m.instrument) || !m.side.Valid() || m.typ != wire.Limit || m.tif != wire.GTC,
		m.id <= l.last.order || m.id > e.orderID || m.flags&^wire.PostOnly != 0 || !m.clientID.Valid(),
		m.maker > MaxFeeBps || m.taker > MaxFeeBps || m.slack >= part,
		m.price < 1 || m.price > MaxPrice || m.qty < 1 || m.qty > MaxQty || m.filled < 0 || m.filled >= m.qty,
		m.notional.Hi>>(IssueBits-64) != 0 || m.held.Hi>>(IssueBits-64) != 0,
		e.orders.Len() > MaxOpenOrders || l.open[m.account-1].n >= MaxOpenOrdersPerAccount:
		return secOrders.fault("an order is out of bounds")
	}
	l.last.order = m.id
	in := e.instruments.At(handle(m.instrument))
	if _, ok := notional(m.price, m.qty, in.def.Multiplier); !ok {
		return secOrders.fault("an order's notional is out of bounds")
	}
	m.base, m.quote = e.balance(m.account, in.def.Base), e.balance(m.account, in.def.Quote)
	if m.held != m.mustHold(in) || !l.hold(m) {
		return secOrders.fault("an order does not hold what it needs")
	}
	e.use(m.base)
	e.use(m.quote)
	e.refile(&m.hash, m.term())
	trail(&l.open[m.account-1], 0, m, h)
	pending := &l.pending[m.instrument-1]
	*pending = append(*pending, keyed{m.priority, h})
	return nil
}

// hold adds what an order holds to what must be held in its balance, and reports whether that can be counted.
func (l *loader) hold(o *order) (ok bool) {
	if n := int(l.e.balances.High()) + 1; n > len(l.held) {
		l.held = append(l.held, make([]wire.Amount, n-len(l.held))...)
	}
	sum := &l.held[o.pays()]
	*sum, ok = sum.Add(o.held)
	return ok
}

func (l *loader) repeat(c *coder) error {
	e := l.e
	h := e.repeats.Alloc()
	m := e.repeats.Mut(h)
	m.walk(c)
	if e.repeats.Len() > 2*MaxRepeats || !has(e.accounts, m.account) || !validName(&m.id) ||
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
	e.refile(&m.hash, m.term())
	trail(&l.queues[m.account-1][queue], ofAccount, m, h)
	push(e.repeats, &e.past[queue], ofVenue, h)
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
	if err := l.validate(); err != nil {
		return nil, damaged(err.Error())
	}
	if full, business := e.Hashes(); full != l.want.full || business != l.want.business {
		return nil, damaged("the state that it holds does not have the hashes that it says")
	}
	return e, nil
}

// validate checks what records that are each in order can be wrong in together. What else Engine.Validate checks, sums, links
// and indexes, follows from how they were made here, and is checked where invariants are on.
func (l *loader) validate() error {
	e := l.e
	if err := e.CheckConservation(); err != nil {
		return err
	}
	for h := slab.Handle(1); h <= e.balances.High(); h++ {
		held := wire.Amount{}
		if int(h) < len(l.held) {
			held = l.held[h]
		}
		if b := e.balances.At(h); b.held != held {
			return broken("a balance holds something else than its orders do, account", uint64(b.account))
		}
	}
	if err := e.validateCrossed(); err != nil {
		return err
	}
	if err := e.validateDefinitions(); err != nil {
		return err
	}
	if invariants {
		return e.Validate()
	}
	return nil
}
