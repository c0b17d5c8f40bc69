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
	"uncross/gateway/history"
	"uncross/gateway/http"
	"uncross/gateway/view"
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
//	http ──► replication ──► wal
//	 ▲            │ events
//	 └── replies ◄┼► view
//	              └► history
type node struct {
	store    *wal.Store
	replicas *replication.Node
	view     *view.View
	history  *history.Store
	server   *http.Server
	logger   *slog.Logger

	sound   atomic.Bool   // log, history and genesis.json have been found to be of one venue: clients are let in
	stop    chan struct{} // ends the readers
	readers sync.WaitGroup
}

// nodeSettings are what an operator may set.
type nodeSettings struct {
	nodeID        string
	snapshotBytes int64
	historySync   time.Duration
	skip          []uint64
	acceptClock   bool
	resetTripwire bool
	acceptGap     bool
	limits        http.Limits
	clock         func() int64 // nil: the machine's; tests give their own
}

// openNode opens the stores, attaches the readers of events, and starts replication. The node then replays its log; it
// takes commands when it is ready.
func openNode(d dataDir, set nodeSettings, g wire.Genesis, logger *slog.Logger) (n *node, err error) {
	n = &node{logger: logger, stop: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.close(0))
		}
	}()
	fatal := func(err error) {
		// The process ends here and now: nothing may be acknowledged that is not durable.
		logger.Error("the node cannot go on; nothing that was acknowledged is lost", "error", err)
		os.Exit(exitFailed)
	}
	n.store, err = wal.Open(d.wal(), wal.Options{Cluster: cluster(&g), Logger: logger, Fatal: fatal, ResetTripwire: set.resetTripwire})
	if err != nil {
		return n, err
	}
	n.history, err = history.Open(d.history(), history.Options{Logger: logger, Fatal: fatal, ClusterID: g.ClusterID, SyncEvery: set.historySync, AcceptGap: set.acceptGap})
	if err != nil {
		return n, err
	}
	sessions := auth.NewStore(auth.Limits{}, time.Now)
	n.view = view.New(view.Options{KeyRevoked: func(k wire.KeyID) { sessions.DropKey(k) }})
	n.replicas, err = replication.Open(replication.Config{
		NodeID: set.nodeID, Log: n.store, SnapshotDir: d.snapshots(), SnapshotBytes: set.snapshotBytes, Skip: set.skip,
		AcceptClock: set.acceptClock, Clock: set.clock, Durable: n.history.Durable, Logger: logger, Fatal: fatal,
		Refused: func(o wire.Origin, err error) { n.server.Refused(o, err) },
	})
	if err != nil {
		return n, err
	}
	n.server, err = http.New(http.Config{
		Core: &core{Node: n.replicas, view: n.view, sound: &n.sound}, View: n.view, History: n.history, Sessions: sessions, Refusal: refusal,
		Limits: set.limits, Logger: logger, Version: version,
	})
	if err != nil {
		return n, err
	}
	for name, run := range map[string]func(*ring.Reader[wire.Event]) error{
		"view":    func(r *ring.Reader[wire.Event]) error { return n.view.Run(r, n.stop) },
		"history": func(r *ring.Reader[wire.Event]) error { return n.history.Run(r, n.stop) },
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
	return n, n.replicas.Start()
}

// close stops in the order of an order's way: no new requests, then what is under way, then the readers of its events,
// then the stores.
func (n *node) close(wait time.Duration) error {
	var errs []error
	if n.server != nil {
		ctx, cancel := patience(wait)
		defer cancel()
		errs = append(errs, n.server.Shutdown(ctx))
	}
	if n.replicas != nil {
		errs = append(errs, n.replicas.Close())
	}
	n.drain()
	if n.history != nil {
		errs = append(errs, n.history.Close())
	}
	if n.store != nil {
		errs = append(errs, n.store.Close())
	}
	return errors.Join(errs...)
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
}

// initialise waits until the node takes commands, checks that log and history are of one venue, the one that the data
// directory is for, and creates that venue where there is none yet and the genesis has an operator. It returns early when
// end is closed.
func (n *node) initialise(g wire.Genesis, end <-chan struct{}) error {
	var sent time.Time
	for {
		// In this order: neither ever has a command that the node has not. Until the view has everything that was replayed it
		// cannot tell whether there is a venue.
		past, seen := n.history.Position(), n.view.Applied()
		if seq := n.replicas.Status().Seq; n.replicas.Ready() && seen >= seq {
			if past > seq {
				return fmt.Errorf("the history is ahead of the log: it ends at command %d, the log at %d. One of the two is not of this node, or the log has lost its end. What to do: restore the log; or, if the log is right, move the history directory away, and it is made anew from what the log still has", past, seq)
			}
			if n.view.Status().Initialised {
				if err := n.isVenueOf(&g); err != nil {
					return err
				}
				n.sound.Store(true)
				return nil
			}
			if !hasOperator(&g) {
				n.sound.Store(true)
				return nil
			}
			// One that was taken may yet be refused. A second one changes nothing.
			if time.Since(sent) >= genesisAgain {
				var c wire.Command
				g.Put(&c)
				if n.replicas.Submit(&c) == nil {
					sent = time.Now()
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
	caught atomic.Bool // the view has what was replayed at the start
}

// Ready reports whether commands are taken from clients: the data are of one venue, and the view has all that came
// before, since requests are read with it.
func (c *core) Ready() bool {
	if !c.sound.Load() || !c.Node.Ready() {
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

// Status implements http.Core.
func (c *core) Status() http.NodeStatus {
	s := c.Node.Status()
	return http.NodeStatus{
		Leader: s.Leader, Term: s.Term, Index: s.Applied, Seq: s.Seq, TimeNs: s.TimeNs,
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
