package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"uncross/gateway/auth"
	"uncross/internal/nodes"
)

// SoakVenue is what the venue of a soak has.
type SoakVenue struct {
	Operator auth.Key
	Symbols  []string // in continuous trading, prices and quantities in whole units
	Traders  []SoakTrader
	Sessions []SoakSession
}

// SoakTrader trades by REST.
type SoakTrader struct {
	Account string
	Key     auth.Key
}

// SoakSession trades by FIX.
type SoakSession struct{ Account, CompID, Target, Password string }

// SoakOptions of a soak. The zero value of a field stands for its default.
type SoakOptions struct {
	Program      string // of which the nodes are processes
	Dir          string // all is kept in it from one piece to the next
	For          time.Duration
	Rate         int           // orders and cancels a second in all; default 200
	Every        time.Duration // between two samples; default 30 s
	FaultEvery   time.Duration // longest time between two faults, with all nodes up again; default 15 s
	HistoryBytes int64         // default 512 MiB
	Progress     io.Writer

	// Init prepares the data directory of a new venue, where that has not been done.
	Init func(data string) error
	// SetUp makes what the venue has, where it is not there yet, by way of the node that leads. The keys are beside the data directory.
	SetUp func(ctx context.Context, data, url string) (SoakVenue, error)
}

func (o SoakOptions) withDefaults() SoakOptions {
	if o.For <= 0 {
		o.For = 20 * time.Minute
	}
	if o.Rate <= 0 {
		o.Rate = 200
	}
	if o.Every <= 0 {
		o.Every = 30 * time.Second
	}
	if o.FaultEvery <= 0 {
		o.FaultEvery = 15 * time.Second
	}
	if o.HistoryBytes <= 0 {
		o.HistoryBytes = 512 << 20
	}
	return o
}

// Files of a soak's directory, beside the nodes' folders.
const (
	soakStateFile  = "soak.json"
	soakReportFile = "soak.jsonl"
)

// soakState is what one piece leaves for the next.
type soakState struct {
	Pieces int         `json:"pieces"` // that were begun
	Nodes  []soakPorts `json:"nodes"`
}

// soakPorts are where a node is reached: its addresses are in the other nodes' data.
type soakPorts struct {
	HTTP string `json:"http"`
	FIX  string `json:"fix"`
	Raft string `json:"raft"`
}

// soak is one piece.
type soak struct {
	SoakOptions
	p      *progress
	piece  int
	begin  time.Time
	trio   *nodes.Venue
	spared *nodes.Node // its process goes on to the end of the piece
	v      SoakVenue
	census *census
	load   *soakLoad
	stream *soakStreams

	calm sync.Mutex // held while a fault is on, and while a sample needs that none is

	mu     sync.Mutex // guards what follows
	report *os.File
	alone  int   // how often a node has ended by itself
	failed error // the first thing that must not be
}

// Soak runs one piece of a soak: mixed load on three nodes while they are killed, stopped and snapshotted, and at the end a count of
// what became of every order. Pieces in one directory add up; what came of each is in a file there, which SoakReport reads.
func Soak(ctx context.Context, w io.Writer, o SoakOptions) (err error) {
	s := &soak{SoakOptions: o.withDefaults(), p: newProgress(o.Progress), begin: time.Now()}
	defer s.p.clear()
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	s.report, err = os.OpenFile(filepath.Join(s.Dir, soakReportFile), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer s.report.Close()
	if err := s.resume(); err != nil {
		return err
	}
	defer s.trio.End()
	err = s.run(ctx)
	if err != nil && ctx.Err() == nil {
		s.write(soakLine{Kind: soakBroken, Text: err.Error()})
	}
	if err != nil {
		return fmt.Errorf("piece %d: %w", s.piece, err)
	}
	fmt.Fprintf(w, "piece %d of %v is done: see --report\n", s.piece, s.For)
	return nil
}

// resume takes up what the piece before has left, or begins.
func (s *soak) resume() (err error) {
	file := filepath.Join(s.Dir, soakStateFile)
	var state soakState
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &state)
	} else if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	// The first snapshot of a piece comes within minutes, the log stays small, and who has missed a snapshot is sent it.
	s.trio, err = lay(s.Program, s.Dir, 3, "--snapshot-bytes", fmt.Sprint(soakSnapshot), "--trailing-bytes", "1", "--history-bytes", fmt.Sprint(s.HistoryBytes))
	if err != nil {
		return err
	}
	for i, n := range s.trio.Nodes {
		if i < len(state.Nodes) {
			at := state.Nodes[i]
			n.HTTP, n.FIX, n.Raft = at.HTTP, at.FIX, at.Raft
		} else {
			state.Nodes = append(state.Nodes, soakPorts{n.HTTP, n.FIX, n.Raft})
		}
	}
	s.trio.Introduce()
	state.Pieces++
	s.piece = state.Pieces
	s.spared = s.trio.Nodes[s.piece%len(s.trio.Nodes)]
	if err := s.Init(s.trio.Nodes[0].Data); err != nil {
		return err
	}
	if text, err = json.MarshalIndent(state, "", "  "); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// soakSnapshot is after how many bytes of log a snapshot is taken.
const soakSnapshot = 16 << 20

// run is the piece.
func (s *soak) run(ctx context.Context) (err error) {
	s.write(soakLine{Kind: soakBegins, Text: s.For.String(), Rate: s.Rate})
	s.p.show("starting the nodes")
	if err := s.trio.Up(ctx); err != nil {
		return err
	}
	var others sync.WaitGroup
	defer others.Wait()
	supervised, leave := context.WithCancel(ctx)
	defer leave()
	others.Go(func() { s.supervise(supervised) }) // to the very end: everything below waits for nodes
	leader, err := s.trio.Leader(ctx)
	if err != nil {
		return err
	}
	if s.v, err = s.SetUp(ctx, s.trio.Nodes[0].Data, leader.URL()); err != nil {
		return err
	}
	if s.census, err = newCensus(s.trio, &s.v.Operator); err != nil {
		return err
	}
	if s.stream, err = openSoakStreams(s.trio, &s.v); err != nil {
		return err
	}
	defer s.stream.close()
	if s.load, err = openSoakLoad(ctx, s); err != nil {
		return err
	}
	defer s.load.close()
	breaking, stop := context.WithCancel(supervised)
	defer stop()
	others.Go(func() { s.faults(breaking) })
	s.load.start()

	for next := s.begin.Add(s.Every); time.Since(s.begin) < s.For; next = next.Add(s.Every) {
		s.p.show("piece %d: %v of %v, %s orders answered", s.piece, time.Since(s.begin).Round(time.Second), s.For, thousands(int(s.load.answered.Load())))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(time.Until(next), s.For-time.Since(s.begin))):
		}
		if err := errors.Join(s.sample(ctx), s.failure()); err != nil {
			return err
		}
	}
	s.p.show("piece %d: the end: all nodes are to come to the same command", s.piece)
	s.calm.Lock() // no more faults
	stop()
	s.calm.Unlock()
	return s.finish(ctx)
}

// finish waits until everything is answered, and counts. Nodes that end by themselves are started again meanwhile: all are asked.
func (s *soak) finish(ctx context.Context) error {
	if err := s.trio.Up(ctx); err != nil {
		return err
	}
	s.write(soakLine{Kind: soakCounts})
	if err := s.load.end(ctx); err != nil {
		return err
	}
	at, err := s.trio.Level(ctx)
	if err != nil {
		return err
	}
	found, err := s.census.count(ctx, s.load.series())
	if err != nil {
		return err
	}
	streams, err := s.stream.level(ctx, s.trio)
	if err != nil {
		return err
	}
	if err := errors.Join(s.sample(ctx), s.failure()); err != nil {
		return err
	}
	line := soakLine{
		Kind: soakEnds, Command: at.Command, Hash: at.FullHash, Orders: found.orders, Acked: found.acked, Lost: found.lost, Doubled: found.doubled, Text: found.first,
		Trades: streams.trades, Messages: streams.messages, Proofs: streams.proofs, Counts: s.load.counts(),
	}
	for _, n := range s.trio.Nodes {
		if err := n.Stop(syscall.SIGTERM); err != nil {
			return err
		}
	}
	s.mu.Lock()
	line.Alone = s.alone
	s.mu.Unlock()
	line.Seconds = time.Since(s.begin).Seconds()
	s.write(line)
	if found.wrong() {
		return errCensus
	}
	return nil
}

// fail notes what must not be; the piece ends with it.
func (s *soak) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed == nil {
		s.failed = err
	}
}

func (s *soak) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

// sample writes down how the nodes are. With no fault on, the load waits until all have come to the same command, whose hashes are held
// against each other, and the orders so far are looked for.
func (s *soak) sample(ctx context.Context) error {
	s.calm.Lock()
	defer s.calm.Unlock()
	resume := s.load.pause()
	at, err := s.trio.Level(ctx)
	resume()
	if err != nil {
		return err
	}
	line := soakLine{Kind: soakSample, Command: at.Command, Hash: at.FullHash, Acked: int(s.load.answered.Load())}
	for _, n := range s.trio.Nodes {
		x := soakNode{Node: n.Name, Spared: n == s.spared, Folders: sizesOf(n)}
		x.Memory, x.Files = memoryOf(n.PID())
		if st, err := n.Status(ctx); err == nil {
			x.Command, x.Leader, x.LogBytes = st.Command, st.Leader, st.Log.Bytes
		}
		line.Nodes = append(line.Nodes, x)
	}
	line.Own, _ = memoryOf(os.Getpid())
	s.write(line)
	return s.census.read(ctx, s.load.series())
}

// supervise starts nodes that have ended by themselves.
func (s *soak) supervise(ctx context.Context) {
	for ctx.Err() == nil {
		for _, n := range s.trio.Nodes {
			if !n.Gone() {
				continue
			}
			s.mu.Lock()
			s.alone++
			s.mu.Unlock()
			s.write(soakLine{Kind: soakAlone, Node: n.Name, Text: n.LastWords()})
			if err := n.Revive(); err != nil {
				s.fail(err)
				return
			}
		}
		time.Sleep(5 * nodes.Look)
	}
}
