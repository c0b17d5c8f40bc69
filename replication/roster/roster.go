package roster

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"uncross/replication/peer"
)

// Member is a node of the cluster, as raft's configuration has it.
type Member struct {
	ID, Address string
	Seen        bool // it has been heard of since it is a member; set by the Roster
}

// Config of a Roster. Port, Node, Self and Members must be given.
type Config struct {
	Port *peer.Port
	Node string      // this one
	Self func() Info // how it stands; called often, from several goroutines
	// Members returns the cluster's members; it is asked every Interval.
	Members func() []Member
	// Changed is called with the members whenever they or what was seen of them are others than before: to be remembered for
	// the next start, when Seen has those that had been seen.
	Changed func([]Member)
	Seen    []string
	// Removed begins to watch another node that listens to this one. What it returns is asked before every word: whether this
	// node leads, and that one is certainly no member any more. nil: nobody is told.
	Removed func(node string) func() bool
	// Told is called with every word of a node that leads in this one's term or a later one, which knows the members: whether
	// this node is none any more. It may be called from several goroutines. nil: nobody asks.
	Told   func(removed bool)
	Logger *slog.Logger
}

// Roster keeps the newest word of every other member.
type Roster struct {
	cfg Config

	mu    sync.Mutex
	heard map[string]heard
	seen  map[string]bool
	wrong map[string]string             // why a node is not heard
	over  map[string]context.CancelFunc // of the listeners, by node and address
	know  []Member
}

type heard struct {
	info Info
	at   time.Time
}

// New makes a roster and serves this node's own word. Run begins to listen to the others.
func New(cfg Config) *Roster {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.Port.Handle(peer.ServiceInfo, cfg.tellInfo())
	seen := map[string]bool{cfg.Node: true}
	for _, node := range cfg.Seen {
		seen[node] = true
	}
	return &Roster{cfg: cfg, heard: map[string]heard{}, seen: seen, wrong: map[string]string{}, over: map[string]context.CancelFunc{}}
}

// Run listens to the members until stop is closed.
func (r *Roster) Run(stop <-chan struct{}) {
	ctx, cancel := context.WithCancel(context.Background())
	var listeners sync.WaitGroup
	defer listeners.Wait()
	defer cancel()
	tick := time.NewTicker(Interval)
	defer tick.Stop()
	for {
		r.listenTo(ctx, r.cfg.Members(), &listeners)
		select {
		case <-stop:
			return
		case <-tick.C:
		}
	}
}

// listenTo begins to listen to new members and ends that to those that are gone.
func (r *Roster) listenTo(ctx context.Context, members []Member, g *sync.WaitGroup) {
	r.mu.Lock()
	defer r.mu.Unlock()
	there, still := map[string]bool{}, map[string]bool{r.cfg.Node: true}
	for i := range members {
		m := &members[i]
		m.Seen = r.seen[m.ID]
		still[m.ID] = m.Seen
		key := m.ID + "@" + m.Address
		there[key] = true
		if m.ID == r.cfg.Node || r.over[key] != nil {
			continue
		}
		own, cancel := context.WithCancel(ctx)
		r.over[key] = cancel
		g.Go(func() { r.listen(own, *m) })
	}
	for key, cancel := range r.over {
		if !there[key] {
			cancel()
			delete(r.over, key)
		}
	}
	if len(members) > 0 && !slices.Equal(r.know, members) {
		r.know, r.seen = members, still // one that has left and comes again is a new node
		if r.cfg.Changed != nil {
			r.cfg.Changed(members)
		}
	}
}

// listen keeps a connection to a member. Its news are told once, not at every try.
func (r *Roster) listen(ctx context.Context, m Member) {
	reachable := true
	for ctx.Err() == nil {
		err := hearInfo(ctx, r.cfg.Port, m, func(word Info) {
			if !reachable {
				reachable = true
				r.cfg.Logger.Info("a node is heard again", "node", m.ID, "address", m.Address)
			}
			r.mu.Lock()
			r.heard[m.ID] = heard{word, time.Now()}
			r.seen[m.ID] = true
			delete(r.wrong, m.ID)
			r.mu.Unlock()
			if r.cfg.Told != nil && word.Leading && word.Term >= r.cfg.Self().Term {
				r.cfg.Told(word.Removed)
			}
		})
		if ctx.Err() != nil {
			return
		}
		r.mu.Lock()
		r.wrong[m.ID] = err.Error()
		r.mu.Unlock()
		if reachable {
			reachable = false
			r.cfg.Logger.Warn("a node is not heard", "node", m.ID, "address", m.Address, "reason", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(Retry):
		}
	}
}

// Of returns the newest word of a node and its age; false when it was never heard.
func (r *Roster) Of(node string) (Info, time.Duration, bool) {
	if node == r.cfg.Node {
		word := r.cfg.Self()
		word.Node = node
		return word, 0, true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	h, ok := r.heard[node]
	return h.info, time.Since(h.at), ok
}

// Seen reports whether a member has been heard of since it is one, also before this start.
func (r *Roster) Seen(node string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[node]
}

// Problem says why a node is not heard at the moment; empty: it is.
func (r *Roster) Problem(node string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wrong[node]
}
