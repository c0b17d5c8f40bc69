package follow

import (
	"context"
	"errors"
	"sync"
	"time"

	"uncross/gateway/client"
)

// Bounds of a Follower.
const (
	DefaultQueue   = 256 // messages that have been read and not looked at
	DefaultBackOff = 5 * time.Second
	answerTime     = 15 * time.Second       // until a request is answered; longer, and the connection is given up
	tickEvery      = 20 * time.Millisecond  // how often is looked what is due
	firstBackOff   = 20 * time.Millisecond  // pause before the second connection; doubling
	wellConnected  = 2 * time.Second        // a connection that lasted so long makes the next pause the first again
	perRequest     = 50                     // subscriptions in one request
	requestPause   = 100 * time.Millisecond // after an answer that asks to try again later
)

// Config is what a Follower is made of. The zero value of a field stands for its default.
type Config struct {
	Dial   DialConfig
	Client *client.Client // REST, and the key of private channels; nil: public channels, and no trades from REST
	Queue  int
	// BackOff is the longest pause between two connections.
	BackOff time.Duration
	// OnMessage is told of every message when it is in the copies. Trades has only those that had not come before.
	OnMessage func(*Message)
	// OnEvent is told of everything else that happens.
	OnEvent func(Event)
}

// EventKind is what an Event tells of.
type EventKind uint8

// The kinds of events.
const (
	Connected    EventKind = 1 + iota // the upgrade was answered
	Disconnected                      // Err says why; another connection follows
	LoggedIn                          // private channels may be subscribed
	LoginFailed                       // Err says why; it is tried again where that may help
	Subscribed                        // Subscription is answered; a snapshot follows
	Refused                           // Err says why Subscription is not possible; it is not tried again
	Gap                               // Err says what did not fit; Subscription is made anew
	Filling                           // trades are missing and are read from REST; Err, when not nil, why that has failed for now
	Trimmed                           // they are not to be had any more, Err says why: the tape goes on without them
)

var eventNames = [...]string{"", "connected", "disconnected", "logged in", "login failed", "subscribed", "refused", "gap", "filling", "trimmed"}

// String returns the kind in words.
func (k EventKind) String() string { return eventNames[k] }

// Event is something that happened to a Follower.
type Event struct {
	Kind         EventKind
	Subscription Subscription
	Err          error
}

// Counts are what a Follower has seen so far.
type Counts struct {
	Connections, Messages, Gaps, Duplicates uint64
	Proofs                                  uint64 // checksums that agreed
	Filled                                  uint64 // trades read from REST
	Bytes                                   int64  // of frames, headers included
}

// Follower follows channels until it is closed, over as many connections as that takes.
type Follower struct {
	c      Config
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
	poke   chan struct{} // the wishes have changed

	mu     sync.Mutex // guards what follows; the follower's goroutine alone changes the copies
	copies *Copies
	counts Counts
	wishes []wish
	missed error // why the latest connection ended

	// The follower's goroutine alone.
	dialled  int // connections that were tried
	decoder  *decoder
	topics   map[Subscription]*topic
	order    []*topic
	requests uint64
	pending  map[uint64]request
	conn     *Conn
	login    login
	silence  silence
	next     string // address of the node to connect to next; "": the one behind the present one
	pages    chan fillPage
}

// wish is a subscription that the application wants from now on, or no longer.
type wish struct {
	sub Subscription
	end bool
}

// Open starts a follower. It connects in the background.
func Open(c Config, subs ...Subscription) (*Follower, error) {
	for _, u := range append([]string{c.Dial.URL}, c.Dial.URLs...) {
		if _, err := streamURL(u); err != nil {
			return nil, err
		}
	}
	if c.Queue <= 0 {
		c.Queue = DefaultQueue
	}
	if c.BackOff <= 0 {
		c.BackOff = DefaultBackOff
	}
	if c.OnMessage == nil {
		c.OnMessage = func(*Message) {}
	}
	if c.OnEvent == nil {
		c.OnEvent = func(Event) {}
	}
	f := &Follower{
		c: c, done: make(chan struct{}), poke: make(chan struct{}, 1), copies: newCopies(), decoder: newDecoder(),
		topics: map[Subscription]*topic{}, pending: map[uint64]request{}, pages: make(chan fillPage),
	}
	if err := f.Subscribe(subs...); err != nil {
		return nil, err
	}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	go f.run()
	return f, nil
}

var errNoKey = errors.New("follow: private channels need a client with a key")

// Subscribe adds subscriptions. Those that there are stay as they are.
func (f *Follower) Subscribe(subs ...Subscription) error {
	for _, s := range subs {
		if s.Private() && (f.c.Client == nil || !f.c.Client.HasKey()) {
			return errNoKey
		}
	}
	f.wish(false, subs)
	return nil
}

// Unsubscribe takes subscriptions away, and their copies.
func (f *Follower) Unsubscribe(subs ...Subscription) { f.wish(true, subs) }

func (f *Follower) wish(end bool, subs []Subscription) {
	f.mu.Lock()
	for _, s := range subs {
		f.wishes = append(f.wishes, wish{s, end})
	}
	f.mu.Unlock()
	select {
	case f.poke <- struct{}{}:
	default:
	}
}

// Read calls fn with the copies while they do not change. It is not to be called in a callback, where the copies do not
// change either: there, Copies is.
func (f *Follower) Read(fn func(*Copies)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn(f.copies)
}

// Copies returns the copies, for callbacks alone.
func (f *Follower) Copies() *Copies { return f.copies }

// Counts returns what the follower has seen so far.
func (f *Follower) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts
}

// Err returns why the latest connection ended or could not be made, nil when there is one.
func (f *Follower) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.missed
}

// Drop ends the connection that there may be, as if it had been lost; another follows.
func (f *Follower) Drop() {
	f.mu.Lock()
	conn := f.conn
	f.mu.Unlock()
	if conn != nil {
		conn.conn.Close()
	}
}

// Close ends the follower and waits until its goroutine has ended. It is not to be called in a callback.
func (f *Follower) Close() {
	f.cancel()
	f.Drop()
	<-f.done
}

func (f *Follower) count(add func(*Counts)) {
	f.mu.Lock()
	add(&f.counts)
	f.mu.Unlock()
}

// run makes one connection after the other.
func (f *Follower) run() {
	defer close(f.done)
	pause := firstBackOff
	for {
		begun := time.Now()
		err := f.follow()
		f.mu.Lock()
		f.missed = err
		f.mu.Unlock()
		if f.ctx.Err() != nil {
			return
		}
		f.c.OnEvent(Event{Kind: Disconnected, Err: err})
		if time.Since(begun) >= wellConnected {
			pause = firstBackOff
		}
		if !f.sleep(pause) {
			return
		}
		pause = min(2*pause, f.c.BackOff)
	}
}

// sleep waits while there is no connection, and reports whether to go on. Pages of trades come meanwhile.
func (f *Follower) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
			return true
		case p := <-f.pages:
			f.page(p)
		case <-f.ctx.Done():
			return false
		}
	}
}

// frame is a message that has been read.
type frame struct {
	payload  []byte
	binary   bool
	received int64 // bytes so far
}

// follow makes one connection and stays on it until it ends.
func (f *Follower) follow() error {
	ctx, cancel := context.WithCancel(f.ctx)
	if len(f.c.Dial.URLs) > 0 {
		if ctx, cancel = context.WithTimeout(f.ctx, severalTime); f.dialled > 0 {
			f.turn()
		}
	}
	f.dialled++
	conn, err := Dial(ctx, f.c.Dial)
	cancel()
	if err != nil {
		return err
	}
	defer conn.Close()
	f.mu.Lock()
	f.conn, f.missed = conn, nil
	f.counts.Connections++
	f.mu.Unlock()
	f.c.OnEvent(Event{Kind: Connected})
	f.anew()
	f.silence = f.newSilence()
	frames := make(chan frame, f.c.Queue)
	ended := make(chan error, 1)
	go func() { ended <- read(f.ctx, conn, frames) }()
	defer func() {
		conn.conn.Close()
		for range frames { // until the reader has ended
		}
	}()
	return f.serve(conn, frames, ended)
}

// read reads messages until the connection ends, and closes frames then.
func read(ctx context.Context, conn *Conn, frames chan<- frame) error {
	defer close(frames)
	for {
		payload, binary, err := conn.Read()
		if err != nil {
			return err
		}
		select {
		case frames <- frame{append([]byte(nil), payload...), binary, conn.Received()}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// anew puts everything back to where a new connection begins.
func (f *Follower) anew() {
	clear(f.pending)
	f.login.state = loginNone
	now := time.Now()
	for _, t := range f.order {
		if t.open = false; t.state != idle {
			t.state, t.due, t.pause = idle, now, 0
		}
	}
}

// serve does what comes until the connection ends.
func (f *Follower) serve(conn *Conn, frames <-chan frame, ended <-chan error) error {
	ticker := time.NewTicker(tickEvery)
	defer ticker.Stop()
	bytes := int64(0)
	for {
		f.take()
		if err := f.ask(time.Now()); err != nil {
			return err
		}
		select {
		case m, ok := <-frames:
			if !ok {
				return <-ended
			}
			f.count(func(c *Counts) { c.Messages, c.Bytes = c.Messages+1, c.Bytes+m.received-bytes })
			bytes = m.received
			if err := f.message(m); err != nil {
				return err
			}
			f.silence.last = time.Now()
		case p := <-f.pages:
			f.page(p)
		case l := <-f.login.answers():
			f.proved(l)
		case <-ticker.C:
			now := time.Now()
			if err := f.late(now); err != nil {
				return err
			}
			if err := f.silent(now); err != nil {
				return err
			}
		case <-f.poke:
		case <-f.ctx.Done():
			return f.ctx.Err()
		}
	}
}

// take takes over what the application wants.
func (f *Follower) take() {
	f.mu.Lock()
	wishes := f.wishes
	f.wishes = nil
	f.mu.Unlock()
	for _, w := range wishes {
		key := w.sub.key()
		t, known := f.topics[key]
		switch {
		case w.end && known:
			f.drop(t)
		case !w.end && !known:
			t = &topic{sub: w.sub, place: place{after: w.sub.After}}
			f.topics[key] = t
			f.order = append(f.order, t)
		}
	}
}
