package fix_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"uncross/gateway/fix/dictionary"
	"uncross/gateway/fix/message"
)

// A story is a client's side of a conversation with the venue, and what the venue must say in it, word for word: a
// message that the story does not expect, and one that does not come, are both failures. The files are in
// testdata/acceptance. A line is one of
//
//	scenario: NAME           the acceptance definition of QuickFIX whose scenario it is
//	deviates: REASON         in what the venue answers otherwise on purpose
//	timed: REASON            why it stands on the clock: a slow machine may need longer intervals
//	# …                      for the reader
//	connect                  opens a connection
//	send [how] FIELDS        sends a message; how is any of
//	                           bare         nothing but 8, 9 and 10 is added; else also 49, 52 and 56, after 34
//	                           begin=V      another BeginString
//	                           length=N     another BodyLength, or length=+N: so many more than is right
//	                           sum=V        another CheckSum, as it is written
//	raw BYTES                sends bytes as they are
//	expect [to=ID] FIELDS    the next message from the venue has these fields, in any order, and no others besides 8, 9, 10,
//	                         49, 52 and 56, which must be right; "*" is any value, "\*" a star, "..." at the end allows others
//	disconnected             the venue closes the connection and says nothing before
//	disconnect               the client does
//
// with "@1 " or another number in front where there are several connections. Fields are written tag=value|tag=value. In
// a value <now>, <now+5s> and <now-5s> stand for times, <us> and <venue> for the CompIDs, <password> for the session's
// password, <last N> for field N of the last message that came, and <beat> for the length of an interval in seconds.
type story struct {
	scenario string
	deviates string
	timed    string
	steps    []step
}

type step struct {
	line   int
	conn   string
	verb   string
	how    map[string]string // of send: bare, begin, length, sum; of expect: to
	fields []field
	open   bool // expect: other fields are allowed
	bytes  string
}

type field struct {
	tag   string
	value string
}

// parseStory reads a story's file.
func parseStory(text string) (*story, error) {
	s := &story{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "scenario: "):
			s.scenario = strings.TrimPrefix(line, "scenario: ")
		case strings.HasPrefix(line, "deviates: "):
			s.deviates = strings.TrimPrefix(line, "deviates: ")
		case strings.HasPrefix(line, "timed: "):
			s.timed = strings.TrimPrefix(line, "timed: ")
		default:
			st, err := parseStep(line)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", n, err)
			}
			st.line = n
			s.steps = append(s.steps, st)
		}
	}
	if s.scenario == "" || len(s.steps) == 0 {
		return nil, errors.New("a story needs a scenario and steps")
	}
	return s, nil
}

func parseStep(line string) (step, error) {
	st := step{how: map[string]string{}}
	if line[0] == '@' {
		st.conn, line, _ = strings.Cut(line[1:], " ")
	}
	verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	st.verb, rest = verb, strings.TrimSpace(rest)
	switch verb {
	case "connect", "disconnect", "disconnected":
		if rest != "" {
			return st, fmt.Errorf("%s takes nothing", verb)
		}
		return st, nil
	case "raw":
		st.bytes = rest
		return st, nil
	case "send", "expect":
	default:
		return st, fmt.Errorf("unknown step %q", verb)
	}
	for {
		word, more, found := strings.Cut(rest, " ")
		name, value, _ := strings.Cut(word, "=")
		known := verb == "send" && slices.Contains([]string{"bare", "begin", "length", "sum"}, name) || verb == "expect" && name == "to"
		if !found || !known {
			break
		}
		st.how[name], rest = value, strings.TrimSpace(more)
	}
	rest, st.open = strings.CutSuffix(rest, "|...")
	for f := range strings.SplitSeq(rest, "|") {
		tag, value, ok := strings.Cut(f, "=")
		if !ok || tag == "" {
			return st, fmt.Errorf("%q is no field", f)
		}
		st.fields = append(st.fields, field{tag, value})
	}
	return st, nil
}

// stage is where a story is played.
type stage struct {
	addr     string
	us       string // the client's CompID
	venue    string
	password string
	patience time.Duration // for what the venue has to do
	beat     int           // seconds
}

// play is a story under way.
type play struct {
	*stage
	conns map[string]*side
	now   time.Time // of the step
}

// side is one of a story's connections.
type side struct {
	net  net.Conn
	in   *message.Reader
	last message.Message
}

// run plays a story and returns the first thing that is not as told.
func (s *story) run(on stage) (err error) {
	p := &play{stage: &on, conns: map[string]*side{}}
	defer func() {
		for _, c := range p.conns {
			_ = c.net.Close()
		}
	}()
	for i := range s.steps {
		if err := p.step(&s.steps[i]); err != nil {
			return fmt.Errorf("line %d, %s: %w", s.steps[i].line, s.steps[i].verb, err)
		}
	}
	if len(p.conns) > 0 {
		return errors.New("the story ends with an open connection")
	}
	return nil
}

func (p *play) step(st *step) error {
	p.now = time.Now()
	c := p.conns[st.conn]
	if (c == nil) != (st.verb == "connect") {
		return errors.New("the connection is open or closed when it should not be")
	}
	switch st.verb {
	case "connect":
		nc, err := net.Dial("tcp", p.addr)
		if err != nil {
			return err
		}
		p.conns[st.conn] = &side{net: nc, in: message.NewReader(nc, 1<<20)}
		return nil
	case "send":
		_, err := c.net.Write(p.frame(c, st))
		return err
	case "raw":
		_, err := io.WriteString(c.net, strings.ReplaceAll(p.fill(c, st.bytes), "|", "\x01"))
		return err
	case "expect":
		return p.expect(c, st)
	case "disconnected":
		return p.closed(st.conn, c)
	}
	delete(p.conns, st.conn)
	return c.net.Close()
}

// fill puts values in for <…>.
func (p *play) fill(c *side, v string) string {
	for {
		before, rest, ok := strings.Cut(v, "<")
		name, after, closed := strings.Cut(rest, ">")
		if !ok || !closed {
			return v
		}
		v = before + p.word(c, name) + after
	}
}

func (p *play) word(c *side, name string) string {
	switch {
	case name == "us":
		return p.us
	case name == "venue":
		return p.venue
	case name == "password":
		return p.password
	case name == "beat":
		return strconv.Itoa(p.beat)
	case strings.HasPrefix(name, "last "):
		tag, _ := strconv.Atoi(strings.TrimPrefix(name, "last "))
		return c.last.String(tag)
	case strings.HasPrefix(name, "now"):
		d, _ := time.ParseDuration(strings.TrimPrefix(name, "now"))
		return string(message.AppendTime(nil, p.now.Add(d).UnixNano()))
	}
	return "?" + name + "?"
}

// frame builds the bytes of a message.
func (p *play) frame(c *side, st *step) []byte {
	var body []byte
	add := func(tag, value string) { body = append(append(body, tag+"="+value...), 1) }
	_, bare := st.how["bare"]
	for _, f := range st.fields {
		add(f.tag, p.fill(c, f.value))
		if f.tag == "34" && !bare {
			add("49", p.us)
			add("52", p.word(c, "now"))
			add("56", p.venue)
		}
	}
	begin, length, sum := message.BeginString44, len(body), ""
	if v, ok := st.how["begin"]; ok {
		begin = v
	}
	if v, ok := st.how["length"]; ok {
		n, _ := strconv.Atoi(v)
		if v[0] == '+' {
			n += length
		}
		length = n
	}
	f := append(fmt.Appendf(nil, "8=%s\x019=%d\x01", begin, length), body...)
	sum = fmt.Sprintf("%03d", message.CheckSum(f))
	if v, ok := st.how["sum"]; ok {
		sum = v
	}
	return fmt.Appendf(f, "10=%s\x01", sum)
}

// expect reads the next message and compares it.
func (p *play) expect(c *side, st *step) error {
	_ = c.net.SetReadDeadline(time.Now().Add(p.patience))
	frame, err := c.in.Next()
	if err != nil {
		return fmt.Errorf("no message: %w", err)
	}
	if err := c.last.Parse(bytes.Clone(frame)); err != nil {
		return fmt.Errorf("%q: %w", frame, err)
	}
	if err := p.compare(c, st); err != nil {
		return fmt.Errorf("got %s: %w", shownFrame(frame), err)
	}
	return nil
}

func shownFrame(frame []byte) string { return strings.ReplaceAll(string(frame), "\x01", "|") }

func (p *play) compare(c *side, st *step) error {
	if c.in.Garbled() > 0 {
		return fmt.Errorf("something garbled before it: %s", c.in.LastGarbled())
	}
	target := p.us
	if to, ok := st.how["to"]; ok {
		target = to
	}
	m := &c.last
	at, ok := m.Time(message.TagSendingTime)
	if off := time.Since(time.Unix(0, at)).Abs(); !ok || off > time.Minute {
		return errors.New("SendingTime is not now")
	}
	if m.String(8) != message.BeginString44 || m.String(49) != p.venue || m.String(56) != target {
		return errors.New("the header is not right")
	}
	if v := dictionary.Venue().Check(m); v != nil {
		return fmt.Errorf("against the dictionary: %+v", *v)
	}
	rest := slices.DeleteFunc(slices.Clone(m.Fields), func(f message.Field) bool {
		return slices.Contains([]int{8, 9, 10, 49, 52, 56}, f.Tag)
	})
	for _, want := range st.fields {
		i := slices.IndexFunc(rest, func(f message.Field) bool {
			return strconv.Itoa(f.Tag) == want.tag && p.matches(c, want.value, string(f.Value))
		})
		if i < 0 {
			return fmt.Errorf("no %s=%s", want.tag, want.value)
		}
		rest = slices.Delete(rest, i, i+1)
	}
	if len(rest) > 0 && !st.open {
		return fmt.Errorf("it has also %d=%s", rest[0].Tag, rest[0].Value)
	}
	return nil
}

func (p *play) matches(c *side, want, got string) bool {
	switch want {
	case "*":
		return got != ""
	case `\*`:
		return got == "*"
	}
	return p.fill(c, want) == got
}

// closed waits for the end of a connection.
func (p *play) closed(name string, c *side) error {
	_ = c.net.SetReadDeadline(time.Now().Add(p.patience))
	frame, err := c.in.Next()
	switch {
	case err == nil:
		return fmt.Errorf("got %s before the end", shownFrame(frame))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errors.New("the connection is still open")
	case errors.Is(err, io.ErrUnexpectedEOF), c.in.Garbled() > 0:
		return errors.New("the connection ended inside a message")
	}
	delete(p.conns, name)
	return c.net.Close()
}
