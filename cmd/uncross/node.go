package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/feed"
	"uncross/gateway/fix"
	"uncross/gateway/fix/outbox"
	"uncross/gateway/history"
	"uncross/gateway/http"
	"uncross/gateway/storage"
	"uncross/gateway/stream"
	"uncross/gateway/view"
	"uncross/gateway/web"
	"uncross/internal/ring"
	"uncross/replication"
	"uncross/wal"
)

const (
	drainPatience = 30 * time.Second // longest wait for the readers of events at the end
	genesisAgain  = time.Second      // pause before a Genesis that had no effect is sent again
)

// node is everything that one process runs, wired together:
//
//	http, fix ──► replication ──► wal
//	 ▲    ▲            │ events
//	 │    └─ outbox ◄──┼► view ─────┐
//	 ├───── replies ◄──┼► history ──┤
//	 └─ stream ◄─ feed ◄┘ ◄─────────┘
type node struct {
	store    *wal.Store
	replicas *replication.Node
	view     *view.View
	history  *history.Store
	outbox   *outbox.Store // of FIX
	feed     *feed.Feed
	stream   *stream.Server
	server   *http.Server
	fix      *fix.Server
	cluster  *clusterOf // nil: a venue of one node
	logger   *slog.Logger

	stopping atomic.Bool // told to stop
	stocked  atomic.Bool // history and outbox are open, and reach as far as the state that the node begins with
	sound    atomic.Bool // log, history, outbox and genesis.json have been found to be of one venue: clients are let in
	dir      dataDir
	copies   sync.Mutex    // one copy of the stores is made at a time
	stop     chan struct{} // ends the readers
	readers  sync.WaitGroup
	others   sync.WaitGroup // what listens to other nodes
	pushing  sync.WaitGroup // what the FIX server sends by itself
	quiet    chan struct{}  // ends that
}

// nodeSettings are what an operator may set.
type nodeSettings struct {
	nodeID        string
	cluster       *clusterOf // nil: a venue of one node
	timeouts      replication.Timeouts
	diskTimeout   time.Duration
	again         func() error // starts the program anew in its place; it returns only when that fails
	snapshotBytes int64
	trailingBytes int64
	historySync   time.Duration
	skip          []uint64
	acceptClock   bool
	tripwire      string // its file; empty: beside the log
	resetTripwire bool
	acceptGap     bool
	acceptFixGap  bool
	retain        history.Retain
	limits        http.Limits
	stream        stream.Limits
	fix           fixSettings
	clock         func() int64 // nil: the machine's; tests give their own
}

// openNode opens the stores, attaches the readers of events, and starts replication. The node then replays its log; it
// takes commands when it is ready.
func openNode(d dataDir, set nodeSettings, g wire.Genesis, logger *slog.Logger) (n *node, err error) {
	n = &node{logger: logger, dir: d, cluster: set.cluster, stop: make(chan struct{}), quiet: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close(0))
		}
	}()
	fatal := func(err error) {
		if errors.Is(err, replication.ErrRestart) && n.stopping.Load() {
			logger.Info("stopped; the next start goes on from the snapshot that the leader has sent")
			os.Exit(0)
		}
		endProcess(err, set.again, logger)
	}
	if err = n.openCore(d, set, g, fatal); err != nil {
		return n, err
	}
	if err = n.openGateways(set); err != nil {
		return n, err
	}
	n.runReaders(fatal)
	if err = n.replicas.Start(); err == nil && n.cluster != nil {
		n.listenToOthers()
	}
	return n, err
}

// openGateways makes what clients come by, and the view that it reads: FIX, market data and its stream, and REST.
func (n *node) openGateways(set nodeSettings) (err error) {
	sessions := auth.NewStore(auth.Limits{}, time.Now)
	n.view = view.New(view.Options{
		KeyRevoked: func(k wire.KeyID) {
			sessions.DropKey(k)
			n.stream.KeyRevoked(k)
			n.fix.KeyRevoked(k)
		},
		SessionChanged: func(s wire.Session) { n.fix.SessionChanged(s) },
	})
	entrance := &core{Node: n.replicas, view: n.view, sound: &n.sound}
	n.fix, err = fix.New(fix.Config{
		Core: entrance, View: n.view, History: n.history, Outbox: n.outbox, VerifyPassword: auth.VerifyPassword,
		Events: func(name string) *ring.Reader[wire.Event] { return n.replicas.Events().Reader(name, false) },
		Busy:   func(err error) bool { return errors.Is(err, replication.ErrBusy) },
		CompID: set.fix.compID, Limits: set.fix.limits, ResetAt: set.fix.resetAt, TLS: set.fix.tls, Logger: n.logger,
		Leader: n.fixLeader(set),
	})
	if err != nil {
		return err
	}
	if err = n.openMarket(entrance, sessions, set); err != nil {
		return err
	}
	n.server, err = http.New(http.Config{
		Core: entrance, View: n.view, History: n.history, Sessions: sessions, Sequenced: fixStates{n.fix, n.outbox}, Refusal: refusal,
		Market: n.feed, Stream: n.stream, StreamStatus: func() http.StreamStatus { return http.StreamStatus(n.stream.Status()) },
		Page: web.New(), Cluster: memberships{n}, Limits: set.limits, Logger: n.logger, Version: version,
	})
	return err
}

// runReaders begins to read the events, of which there are none before replication starts, and to send what FIX sends by itself.
func (n *node) runReaders(fatal func(error)) {
	for name, run := range map[string]func(*ring.Reader[wire.Event]) error{
		"view":    func(r *ring.Reader[wire.Event]) error { return n.view.Run(r, n.stop) },
		"history": func(r *ring.Reader[wire.Event]) error { return n.history.Run(r, n.stop) },
		"fix":     func(r *ring.Reader[wire.Event]) error { return n.outbox.Run(r, n.stop) },
		"replies": func(r *ring.Reader[wire.Event]) error { return n.server.RunReplies(r, n.stop) },
	} {
		reader := n.replicas.Events().Reader(name, true)
		n.readers.Go(func() {
			defer reader.Close()
			if err := run(reader); err != nil {
				fatal(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	n.runFeed()
	n.pushing.Go(func() { n.fix.Run(n.quiet) })
}

// endProcess ends the process here and now: nothing may be acknowledged that is not durable. A node that was sent a snapshot
// begins anew with that, in the same process.
func endProcess(err error, again func() error, logger *slog.Logger) {
	if errors.Is(err, replication.ErrRestart) && again != nil {
		logger.Info("starting anew from the snapshot that the leader has sent")
		err = fmt.Errorf("%w; and that failed: %w", err, again())
	}
	logger.Error("the node cannot go on; nothing that was acknowledged is lost", "error", err)
	os.Exit(exitFailed)
}

// openCore opens the log, restores the newest snapshot, and opens the stores, which must reach that far: what a node that was
// sent a snapshot has missed is in no log any more, and is fetched from another node.
func (n *node) openCore(d dataDir, set nodeSettings, g wire.Genesis, fatal func(error)) (err error) {
	n.store, err = wal.Open(d.wal(), wal.Options{Cluster: cluster(&g), Logger: n.logger, Fatal: fatal, Tripwire: set.tripwire, ResetTripwire: set.resetTripwire})
	if err != nil {
		return err
	}
	if err := d.clearCopies(); err != nil {
		return err
	}
	cfg := replication.Config{
		NodeID: set.nodeID, Log: n.store, SnapshotDir: d.snapshots(), SnapshotBytes: set.snapshotBytes, TrailingBytes: set.trailingBytes, Skip: set.skip,
		Timeouts: set.timeouts, DiskTimeout: set.diskTimeout,
		AcceptClock: set.acceptClock, Clock: set.clock, Durable: n.durable, Logger: n.logger, Fatal: fatal, Refused: n.refused,
		Office: func(leading bool) { n.fix.LeadershipChanged(leading) },
	}
	if n.cluster != nil {
		cfg.Transport, cfg.Peers = n.cluster.port.Transport(), n.cluster.first
	}
	if n.replicas, err = replication.Open(cfg); err != nil {
		return err
	}
	restored, err := n.replicas.Load()
	if err != nil {
		return err
	}
	if n.cluster != nil {
		n.cluster.core.Store(n.replicas)
		n.serveOthers()
	}
	n.history, err = openStore(n.cluster, storeHistory, d.history(), restored.Seq, set.acceptGap, func() (*history.Store, error) {
		return history.Open(d.history(), history.Options{Logger: n.logger, Fatal: fatal, ClusterID: g.ClusterID, SyncEvery: set.historySync, AcceptGap: set.acceptGap, Retain: set.retain})
	})
	if err != nil {
		return err
	}
	n.outbox, err = openStore(n.cluster, storeFix, d.fix(), restored.Seq, set.acceptFixGap, func() (*outbox.Store, error) {
		return outbox.Open(d.fix(), outbox.Options{Logger: n.logger, Fatal: fatal, ClusterID: g.ClusterID, SyncEvery: set.historySync, AcceptGap: set.acceptFixGap})
	})
	n.stocked.Store(err == nil)
	return err
}

// madeOfEvents is a store that follows the log: history and outbox.
type madeOfEvents interface {
	Durable() uint64
	Close() error
}

// openStore opens a store. In a cluster, one that is behind the restored snapshot is replaced by another node's, unless the
// operator has said that it may go on with a gap.
func openStore[S madeOfEvents](cl *clusterOf, name, dir string, atLeast uint64, acceptGap bool, open func() (S, error)) (none S, err error) {
	if err := storage.Recover(dir); err != nil {
		return none, err
	}
	s, err := open()
	if err != nil {
		return none, err
	}
	if cl == nil || acceptGap || s.Durable() >= atLeast {
		return s, nil
	}
	if err := s.Close(); err != nil {
		return none, err
	}
	if err := cl.fetch(name, dir, atLeast); err != nil {
		return none, err
	}
	return open()
}

// durable returns the last command that every store of this node's has on disk: the log is kept until then.
func (n *node) durable() uint64 { return min(n.history.Durable(), n.outbox.Durable()) }

// refused tells the gateway that a command came from that it will not be applied, or that nobody knows.
func (n *node) refused(o wire.Origin, err error) {
	if _, _, _, ok := o.Session(); ok {
		n.fix.Refused(o, err)
	} else {
		n.server.Refused(o, err)
	}
}

// close stops in the order of an order's way: no new requests, then what is under way, then the readers of its events,
// then the stores.
func (n *node) close(wait time.Duration) error {
	n.stopping.Store(true)
	n.handOver()
	errs := []error{n.closeGateways(wait)}
	if n.replicas != nil {
		errs = append(errs, n.replicas.Close())
	}
	n.drain()
	if n.history != nil {
		errs = append(errs, n.history.Close())
	}
	if n.outbox != nil {
		errs = append(errs, n.outbox.Close())
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	if n.cluster != nil {
		errs = append(errs, n.cluster.port.Close())
	}
	return errors.Join(errs...)
}

// closeGateways ends the connections of all clients, of both gateways at the same time, while commands are still taken.
func (n *node) closeGateways(wait time.Duration) error {
	ctx, cancel := patience(wait)
	defer cancel()
	var over sync.WaitGroup
	var fixErr, httpErr error
	if n.fix != nil {
		over.Go(func() { fixErr = n.fix.Shutdown(ctx) })
	}
	if n.server != nil {
		over.Go(func() { httpErr = n.server.Shutdown(ctx) })
	}
	over.Wait()
	close(n.quiet)
	n.pushing.Wait()
	return errors.Join(fixErr, httpErr)
}

// drain waits until the readers have taken what is in the event ring, which is closed by now, so that history and view
// end with the log's last command. What a reader that hangs leaves behind comes again at the next start.
func (n *node) drain() {
	ended := make(chan struct{})
	go func() {
		n.readers.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(drainPatience):
		n.logger.Warn("the readers of events did not come to the end; the next start goes on from where they are", "waited", drainPatience)
	}
	close(n.stop)
	<-ended
	n.others.Wait()
}

// initialise waits until the node serves: it takes commands, or follows a leader. It checks that log and history are of one
// venue, the one that the data directory is for; the leader creates that venue where there is none yet and the genesis has an
// operator. It returns early when end is closed.
func (n *node) initialise(g wire.Genesis, end <-chan struct{}) error {
	var asked time.Time
	var ahead aheadOfLog
	for {
		// In this order: neither ever has a command that the node has not. Until the view has everything that was replayed it
		// cannot tell whether there is a venue.
		past, sent, seen := n.history.Position(), n.outbox.Durable(), n.view.Applied() // the outbox's position begins at 0
		leading := n.replicas.Ready()
		if seq := n.replicas.Status().Seq; (leading || n.replicas.Live()) && seen >= seq {
			found := errors.Join(notAhead("history", past, seq), notAhead("fix", sent, seq))
			if err := ahead.look(found, leading, n.replicas.Contact(), time.Now()); err != nil {
				return err
			}
			if found == nil && n.view.Status().Initialised {
				if err := n.isVenueOf(&g); err != nil {
					return err
				}
				n.sound.Store(true)
				return nil
			}
			if found == nil && !hasOperator(&g) {
				n.sound.Store(true)
				return nil
			}
			// One that was taken may yet be refused. A second one changes nothing.
			if leading && time.Since(asked) >= genesisAgain {
				var c wire.Command
				g.Put(&c)
				if n.replicas.Submit(&c) == nil {
					asked = time.Now()
				}
			}
		}
		select {
		case <-end:
			return errors.New("told to stop before the node was ready")
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// aheadOfLog is how long a follower's stores have been ahead of its log. They may be for a moment: they have come from another
// node, and what that one had applied is on its way here from the leader.
type aheadOfLog struct{ since time.Time }

// How long a follower that hears its leader is given to get what its stores have already.
const (
	aheadPatience = 10 * time.Second
	aheadContact  = time.Second // a leader that was heard of within it sends what there is
)

// look returns what was found once it cannot be that. A leader has its whole log. While no leader is heard of nothing is known.
func (a *aheadOfLog) look(found error, leading bool, contact time.Duration, now time.Time) error {
	switch {
	case found == nil || leading:
		return found
	case a.since.IsZero() || contact > aheadContact:
		a.since = now
	case now.Sub(a.since) >= aheadPatience:
		return found
	}
	return nil
}

// notAhead refuses a store, named by its folder, that has commands which the log has not.
func notAhead(store string, position, log uint64) error {
	if position <= log {
		return nil
	}
	return fmt.Errorf("the %s is ahead of the log: it ends at command %d, the log at %d. One of the two is not of this node, or the log has lost its end. What to do: restore the log; or, if the log is right, move the folder %s of the data directory away, and it is made anew from what the log still has", map[string]string{"history": "history", "fix": "FIX store"}[store], position, log, store)
}

// isVenueOf reports what differs between the venue of the log and the one of genesis.json, nil when nothing does.
func (n *node) isVenueOf(g *wire.Genesis) error {
	s := n.view.Status()
	first, _ := n.view.Key(wire.OperatorKey)
	switch {
	case s.ClusterID != g.ClusterID:
		return fmt.Errorf("the log holds venue %q of another cluster than genesis.json says", s.Venue)
	case s.Venue != g.Venue || first.Pub != g.OperatorPub:
		return fmt.Errorf("genesis.json names venue %q, the log holds venue %q; or their operator keys differ: the file has been changed or is damaged, restore it from a copy", g.Venue, s.Venue)
	}
	return nil
}

// core is the node as the gateway sees it.
type core struct {
	*replication.Node
	view   *view.View
	sound  *atomic.Bool
	caught atomic.Bool   // the view has what was replayed at the start
	era    atomic.Uint64 // … and what was there when this era of the node began
}

// Ready reports whether clients are served: the data are of one venue, and the view has all that came before, since requests
// are read with it. Whether commands are taken is Leading.
func (c *core) Ready() bool {
	if !c.sound.Load() || !c.Node.Live() {
		return false
	}
	if !c.caught.Load() {
		if c.view.Applied() < c.Node.Status().Seq {
			return false
		}
		c.caught.Store(true)
	}
	return true
}

// Leading reports whether commands are taken from clients: this node leads, and the view has all that was applied before it
// took office, since commands are read with it too.
func (c *core) Leading() bool {
	if !c.Ready() || !c.Node.Ready() {
		return false
	}
	if era := c.Node.Era(); c.era.Load() != era {
		if c.view.Applied() < c.Node.Status().Seq {
			return false
		}
		c.era.Store(era)
	}
	return true
}

// Status implements http.Core.
func (c *core) Status() http.NodeStatus {
	s := c.Node.Status()
	return http.NodeStatus{
		NodeID: s.NodeID, Role: s.Role, ContactMs: sinceLeader(c.Contact()), Leader: s.Leader, Term: s.Term, Index: s.Applied, Seq: s.Seq, TimeNs: s.TimeNs,
		FullHash: s.FullHash, BusinessHash: s.BusinessHash,
		InputQueued: s.Input, InputSize: s.InputCapacity, EventLag: s.EventLag,
		LogFirst: s.LogFirst, LogLast: s.LogLast, LogBytes: s.LogBytes,
	}
}

// refusal says what an error of the node means to a client.
func refusal(err error) wire.Reason {
	for _, r := range []struct {
		err    error
		reason wire.Reason
	}{
		{replication.ErrBusy, http.Busy}, {replication.ErrNotLeader, http.NotLeader}, {replication.ErrNotReady, http.NotReady},
		{replication.ErrClosed, http.ShuttingDown}, {replication.ErrFailed, http.NotApplied},
		{replication.ErrNotApplied, http.NotApplied}, {replication.ErrClockJump, http.NotApplied},
		{replication.ErrUnknownOutcome, http.OutcomeUnknown},
	} {
		if errors.Is(err, r.err) {
			return r.reason
		}
	}
	return 0
}
