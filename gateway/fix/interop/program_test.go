package interop

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is the longest wait for anything that must come.
const patience = 30 * time.Second

// line is one line of an engine's output, and when it came.
type line struct {
	word, name, text string
	at               time.Time
}

// message returns the line's text as a message.
func (l line) message() message { return message(l.text) }

// message is a FIX message with | for SOH.
type message string

// all returns every value of a tag.
func (m message) all(tag string) (values []string) {
	for field := range strings.SplitSeq(string(m), "|") {
		if t, v, ok := strings.Cut(field, "="); ok && t == tag {
			values = append(values, v)
		}
	}
	return values
}

// get returns the first value of a tag, "" where there is none.
func (m message) get(tag string) string {
	if v := m.all(tag); len(v) > 0 {
		return v[0]
	}
	return ""
}

// has reports whether the message has all of the fields, each given as tag=value; tag= means that the tag is absent, and
// tag=* that it is there.
func (m message) has(fields ...string) bool {
	for _, f := range fields {
		tag, value, _ := strings.Cut(f, "=")
		switch got := m.all(tag); {
		case value == "" && len(got) > 0, value == "*" && len(got) == 0,
			value != "" && value != "*" && !slices.Contains(got, value):
			return false
		}
	}
	return true
}

// program is an engine that runs.
type program struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Writer

	mu    sync.Mutex
	lines []line
	more  chan struct{} // closed and replaced at every line
	over  bool
	next  map[string]int // by session: the first line that no expectation has passed yet

	provoked int // rejects that the script asked for
}

// startProgram starts an engine and returns when it is ready.
func startProgram(t *testing.T, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{t: t, cmd: cmd, more: make(chan struct{}), next: map[string]int{}}
	var err error
	if p.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.read(stdout)
	}()
	t.Cleanup(func() {
		fmt.Fprintln(p.stdin, "quit")
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-done
		}
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the engine's last lines (all are in %s):\n%s\n%s", p.keep(), p.last(40), stderr.String())
		}
	})
	p.expect("-", "ready", func(l line) bool { return l.word == "ready" })
	return p
}

// keep writes all lines to a file, with when they came, and returns its name.
func (p *program) keep() string {
	f, err := os.CreateTemp("", "uncross-engine-*.log")
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	for _, l := range p.all() {
		fmt.Fprintf(f, "%s %s %s %s\n", l.at.Format("15:04:05.000"), l.word, l.name, l.text)
	}
	return f.Name()
}

// read takes the engine's output.
func (p *program) read(out io.Reader) {
	in := bufio.NewScanner(out)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		word, rest, _ := strings.Cut(in.Text(), " ")
		name, text, _ := strings.Cut(rest, " ")
		p.add(line{word, name, text, time.Now()}, false)
	}
	p.add(line{word: "end", name: "-"}, true)
}

func (p *program) add(l line, over bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, l)
	p.over = over
	close(p.more)
	p.more = make(chan struct{})
}

// last returns the last n lines, heartbeats aside.
func (p *program) last(n int) string {
	lines := slices.DeleteFunc(p.all(), func(l line) bool {
		return l.word == "app" || l.word == "admin" || l.message().has("35=0")
	})
	var b strings.Builder
	for _, l := range lines[max(0, len(lines)-n):] {
		fmt.Fprintln(&b, l.word, l.name, l.text)
	}
	return b.String()
}

// all returns all lines so far.
func (p *program) all() []line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines)
}

// since returns the lines from line i on.
func (p *program) since(i int) []line {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines[i:])
}

// tell writes one line.
func (p *program) tell(words ...string) {
	p.t.Helper()
	if _, err := fmt.Fprintln(p.stdin, strings.Join(words, " ")); err != nil {
		p.t.Fatalf("the engine takes no more lines: %v", err)
	}
}

// expect waits for a line of the session, behind those that were expected before, and returns it.
func (p *program) expect(name, what string, fits func(line) bool) line {
	p.t.Helper()
	deadline := time.After(patience)
	for {
		p.mu.Lock()
		for i := p.next[name]; i < len(p.lines); i++ {
			if l := p.lines[i]; l.name == name && fits(l) {
				p.next[name] = i + 1
				p.mu.Unlock()
				return l
			}
		}
		more, over := p.more, p.over
		p.mu.Unlock()
		if over {
			p.t.Fatalf("%s: the engine ended while it waited for %s", name, what)
		}
		select {
		case <-more:
		case <-deadline:
			p.t.Fatalf("%s: %s did not come", name, what)
		}
	}
}

// settled waits until sessions are logged on, whatever came before.
func (p *program) settled(names ...string) {
	p.t.Helper()
	deadline := time.After(patience)
	for _, name := range names {
		for {
			p.mu.Lock()
			on, more := false, p.more
			for _, l := range p.lines {
				if l.name == name && (l.word == "on" || l.word == "off") {
					on = l.word == "on"
				}
			}
			p.mu.Unlock()
			if on {
				break
			}
			select {
			case <-more:
			case <-deadline:
				p.t.Fatalf("%s: not logged on again", name)
			}
		}
	}
}

// logon logs sessions on and waits until they are.
func (p *program) logon(names ...string) {
	p.t.Helper()
	for _, name := range names {
		p.tell("logon", name)
	}
	for _, name := range names {
		p.expect(name, "the logon", func(l line) bool { return l.word == "on" })
	}
}

// logout logs out and waits for the end of the session.
func (p *program) logout(name string) {
	p.t.Helper()
	p.tell("logout", name)
	p.expect(name, "the logout", func(l line) bool { return l.word == "off" })
}

// send sends a message, given by its fields behind the header with | between them.
func (p *program) send(name, fields string, args ...any) {
	p.t.Helper()
	p.tell("send", name, fmt.Sprintf(fields, args...))
}

// receive waits for a message with the given fields that the engine has found to be right.
func (p *program) receive(name string, fields ...string) message {
	p.t.Helper()
	return p.expect(name, fmt.Sprint("a message with ", fields), func(l line) bool {
		return (l.word == "app" || l.word == "admin") && l.message().has(fields...)
	}).message()
}

// rejected waits for a reject that the script has provoked.
func (p *program) rejected(name string, fields ...string) message {
	p.t.Helper()
	p.provoked++
	return p.receive(name, fields...)
}

// audit fails the test for everything in the engine's output that is not as it should be.
func (p *program) audit(usual []string) {
	p.t.Helper()
	rejects := 0
	for _, l := range p.all() {
		switch m := l.message(); {
		case l.word == "bad":
			p.t.Errorf("%s: the engine could not: %s", l.name, l.text)
		case l.word == "out" && (m.has("35=3") || m.has("35=j")):
			p.t.Errorf("%s: the engine rejects a message of the venue's: %s", l.name, l.text)
		case l.word == "in" && (m.has("35=3") || m.has("35=j")) && !m.has("43=Y"):
			rejects++
		case l.word == "event" && !slices.ContainsFunc(usual, func(begin string) bool { return strings.HasPrefix(l.text, begin) }):
			p.t.Errorf("%s: the engine complains: %s", l.name, l.text)
		}
	}
	if rejects != p.provoked {
		p.t.Errorf("the venue rejected %d messages, the script provoked %d", rejects, p.provoked)
	}
}
