package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Kinds of lines of the report file.
const (
	soakBegins  = "begins"
	soakSample  = "sample"
	soakFaulted = "fault"
	soakAlone   = "alone"  // a node has ended by itself
	soakCounts  = "counts" // no more faults: the load ends, and all is counted
	soakEnds    = "ends"   // the piece is whole and well
	soakBroken  = "broken"
)

// soakLine is one line of the report file.
type soakLine struct {
	Kind  string  `json:"kind"`
	Piece int     `json:"piece"`
	At    string  `json:"at"`
	Since float64 `json:"since"` // seconds since the piece began
	Text  string  `json:"text,omitempty"`
	Node  string  `json:"node,omitempty"`

	Rate     int     `json:"rate,omitempty"`     // begins: orders and cancels a second
	Broken   float64 `json:"broken,omitempty"`   // fault: seconds until the node was let go, or started again
	Seconds  float64 `json:"seconds,omitempty"`  // fault: until all was well; ends: of the piece
	Installs int     `json:"installs,omitempty"` // fault: snapshots that the node was sent

	Command uint64     `json:"command,omitempty"`
	Hash    string     `json:"hash,omitempty"` // of all nodes at that command
	Nodes   []soakNode `json:"nodes,omitempty"`
	Own     int64      `json:"own,omitempty"` // bytes that this program has in memory

	Orders   int              `json:"orders,omitempty"`
	Acked    int              `json:"acked,omitempty"`
	Lost     int              `json:"lost"`
	Doubled  int              `json:"doubled"`
	Trades   uint64           `json:"trades,omitempty"` // by streams, of all nodes together
	Messages uint64           `json:"messages,omitempty"`
	Proofs   uint64           `json:"proofs,omitempty"`
	Counts   map[string]int64 `json:"counts,omitempty"`
	Alone    int              `json:"alone,omitempty"`
}

// soakNode is one node at a sample.
type soakNode struct {
	Node     string           `json:"node"`
	Leader   bool             `json:"leader,omitempty"`
	Spared   bool             `json:"spared,omitempty"` // its process is as old as the piece
	Command  uint64           `json:"command"`
	Memory   int64            `json:"memory"` // bytes
	Files    int              `json:"files"`
	LogBytes uint64           `json:"log_bytes"` // of entries
	Folders  map[string]int64 `json:"folders"`   // bytes on disk
}

// write adds a line to the report file.
func (s *soak) write(line soakLine) {
	line.Piece, line.At, line.Since = s.piece, time.Now().UTC().Format(time.RFC3339), time.Since(s.begin).Seconds()
	text, err := json.Marshal(line)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		_, err = s.report.Write(append(text, '\n'))
	}
	if err != nil && s.failed == nil {
		s.failed = fmt.Errorf("%s: %w", soakReportFile, err)
	}
}

// soakStory is what the report file tells.
type soakStory struct {
	whole   []soakLine // pieces that came to their end
	broken  []soakLine // pieces that something was wrong with
	begun   int
	samples map[int][]soakLine // of each whole piece
	faults  map[string][]soakLine
	alone   int
	why     map[string]int // what nodes said that ended by themselves
}

// readSoak reads the report file. Of pieces that were broken off only that is told.
func readSoak(dir string) (t soakStory, err error) {
	t = soakStory{samples: map[int][]soakLine{}, faults: map[string][]soakLine{}, why: map[string]int{}}
	f, err := os.Open(filepath.Join(dir, soakReportFile))
	if err != nil {
		return t, err
	}
	defer f.Close()
	var piece []soakLine
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l soakLine
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			continue // the end of a run that was killed
		}
		switch l.Kind {
		case soakBegins:
			t.begun++
			piece = nil
		case soakBroken:
			t.broken = append(t.broken, l)
		case soakEnds:
			t.whole = append(t.whole, l)
			for _, x := range piece {
				switch x.Kind {
				case soakSample:
					t.samples[l.Piece] = append(t.samples[l.Piece], x)
				case soakFaulted:
					t.faults[x.Text] = append(t.faults[x.Text], x)
				case soakAlone:
					t.alone++
					t.why[reasonOf(x.Text)]++
				}
			}
		}
		piece = append(piece, l)
	}
	return t, lines.Err()
}

// reasonOf takes the reason out of a node's last words.
func reasonOf(words string) string {
	if _, reason, ok := strings.Cut(words, "error="); ok {
		return strings.Trim(reason, `"`)
	}
	if words == "" {
		return "(it said nothing)"
	}
	return words
}

// SoakReport writes what the pieces in a directory came to, in Markdown. That something was lost, doubled or otherwise wrong is an
// error, behind the whole report.
func SoakReport(w io.Writer, dir string) error {
	t, err := readSoak(dir)
	if err != nil {
		return err
	}
	var total soakLine
	counts := map[string]int64{}
	for _, l := range t.whole {
		total.Seconds, total.Orders, total.Acked = total.Seconds+l.Seconds, total.Orders+l.Orders, total.Acked+l.Acked
		total.Lost, total.Doubled = total.Lost+l.Lost, total.Doubled+l.Doubled
		total.Trades, total.Messages, total.Proofs = total.Trades+l.Trades, total.Messages+l.Messages, total.Proofs+l.Proofs
		for what, n := range l.Counts {
			counts[what] += n
		}
	}
	n := 0
	for _, of := range t.faults {
		n += len(of)
	}
	fmt.Fprintf(w, "%v in %d pieces (%d were begun; %d ended with something wrong, the others that are missing were broken off), %d faults.\n\n",
		time.Duration(total.Seconds*float64(time.Second)).Round(time.Second), len(t.whole), t.begun, len(t.broken), n)
	fmt.Fprintf(w, "| orders sent | acknowledged | lost | doubled |\n|---|---|---|---|\n| %s | %s | %d | %d |\n\n", thousands(total.Orders), thousands(total.Acked), total.Lost, total.Doubled)
	fmt.Fprintf(w, "Streams of all nodes: %s messages, %s trades, the same on all of them; %s checksums of books agreed.\n\n",
		thousands(int(total.Messages)), thousands(int(total.Trades)), thousands(int(total.Proofs)))

	fmt.Fprintln(w, "| fault | times | until all was well: median | worst |\n|---|---|---|---|")
	for _, what := range slices.Sorted(maps.Keys(t.faults)) {
		var took []float64
		installs := 0
		for _, l := range t.faults[what] {
			took = append(took, l.Seconds)
			installs += l.Installs
		}
		if installs > 0 {
			what += fmt.Sprintf(" (%d snapshots sent)", installs)
		}
		fmt.Fprintf(w, "| %s | %d | %.1f s | %.1f s |\n", what, len(took), median(took), slices.Max(took))
	}
	fmt.Fprintf(w, "\nNodes ended by themselves and were started again: %d times.\n", t.alone)
	for _, why := range slices.Sorted(maps.Keys(t.why)) {
		fmt.Fprintf(w, "- %d times: %s\n", t.why[why], why)
	}
	fmt.Fprintln(w, "\n| load and answers | |\n|---|---|")
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(w, "| %s | %s |\n", what, thousands(int(counts[what])))
	}
	t.printSamples(w)
	for _, l := range t.broken {
		fmt.Fprintf(w, "\nPiece %d: %s\n", l.Piece, l.Text)
	}
	if len(t.broken) > 0 || total.Lost+total.Doubled > 0 {
		return errors.New("something was wrong in a piece: the report says what")
	}
	return nil
}

// soakRows is how many samples the table has at most.
const soakRows = 40

// printSamples prints how large the nodes were in the course of time: of each column the largest of the three.
func (t *soakStory) printSamples(w io.Writer) {
	type row struct {
		at time.Duration // in all whole pieces so far
		l  soakLine
	}
	var rows []row
	base := 0.0
	for _, end := range t.whole {
		for _, l := range t.samples[end.Piece] {
			rows = append(rows, row{time.Duration((base + l.Since) * float64(time.Second)), l})
		}
		base += end.Seconds
	}
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(w, "\nThe largest of the three nodes at a time, in MB; all stood at the command with one hash (%d samples, of which every %d. is shown).\n\n", len(rows), (len(rows)+soakRows-1)/soakRows)
	fmt.Fprintf(w, "| time | piece | command | hash | memory | of the spared node | open files | %s | this program |\n|---|---|---|---|---|---|---|%s---|\n", strings.Join(folders, " | "), strings.Repeat("---|", len(folders)))
	for i, r := range rows {
		if i%((len(rows)+soakRows-1)/soakRows) != 0 && i != len(rows)-1 {
			continue
		}
		memory, spared, files, of := r.l.largest()
		fmt.Fprintf(w, "| %v | %d | %s | %s | %d | %d | %d |", r.at.Round(time.Second), r.l.Piece, thousands(int(r.l.Command)), r.l.Hash, memory/1e6, spared/1e6, files)
		for _, f := range folders {
			fmt.Fprintf(w, " %d |", of[f]/1e6)
		}
		fmt.Fprintf(w, " %d |\n", r.l.Own/1e6)
	}
}

// largest returns the most of each that a node had, and what the node has in memory whose process is as old as the piece.
func (l *soakLine) largest() (memory, spared int64, files int, of map[string]int64) {
	of = map[string]int64{}
	for _, n := range l.Nodes {
		memory, files = max(memory, n.Memory), max(files, n.Files)
		if n.Spared {
			spared = n.Memory
		}
		for f, size := range n.Folders {
			of[f] = max(of[f], size)
		}
	}
	return memory, spared, files, of
}
