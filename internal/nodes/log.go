package nodes

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"time"
)

// This file has what a node's log tells.

const (
	tailLines = 40       // of a node's log that an error has
	wordsTail = 16 << 10 // of it in which last words are looked for
)

// Note writes a line of the caller's own into the log.
func (n *Node) Note(format string, args ...any) {
	log, err := os.OpenFile(n.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return // notes are for people who look for something; it goes without
	}
	defer log.Close()
	fmt.Fprintf(log, "---- %s %s\n", time.Now().UTC().Format("15:04:05.000"), fmt.Sprintf(format, args...))
}

// tell notes what happens to the process, where that is wanted.
func (n *Node) tell(format string, args ...any) {
	if n.Notes {
		n.Note(format, args...)
	}
}

// Tail returns the last lines of the log.
func (n *Node) Tail() string {
	text, err := os.ReadFile(n.Log)
	if err != nil {
		return err.Error()
	}
	all := bytes.SplitAfter(text, []byte("\n"))
	return n.Name + " said at last:\n" + string(bytes.Join(all[max(0, len(all)-tailLines):], nil))
}

// Count returns how often the log has a text.
func (n *Node) Count(text string) int {
	all, err := os.ReadFile(n.Log)
	if err != nil {
		return 0
	}
	return bytes.Count(all, []byte(text))
}

// LastWords returns the last error of the node's own in the log: raft complains of other nodes.
func (n *Node) LastWords() (last string) {
	text, err := os.ReadFile(n.Log)
	if err != nil {
		return err.Error()
	}
	for line := range strings.Lines(string(text[max(0, len(text)-wordsTail):])) {
		own := strings.Contains(line, "level=ERROR") && !strings.Contains(line, "part=raft")
		if own || strings.HasPrefix(line, "uncross: ") || strings.HasPrefix(line, "panic: ") {
			last = strings.TrimSpace(line)
		}
	}
	return last
}

// Complaints returns the lines of the log since the last call that tell of something wrong. It is for one goroutine.
func (n *Node) Complaints() (lines []string) {
	text, err := os.ReadFile(n.Log)
	if err != nil {
		return []string{err.Error()}
	}
	from := n.read
	n.read = len(text)
	for line := range strings.Lines(string(text[from:])) {
		for _, mark := range []string{"level=ERROR", "panic: ", "fatal error: ", "DATA RACE"} {
			if strings.Contains(line, mark) {
				lines = append(lines, n.Name+": "+strings.TrimSpace(line))
				break
			}
		}
	}
	return lines
}
