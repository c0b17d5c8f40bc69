package sandbox

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"uncross/engine"
	"uncross/engine/wire"
)

// step is how far a line without a time moves the clock.
const step = int64(time.Millisecond)

// MaxLine bounds an input line in bytes.
const MaxLine = 64 << 10

// Sandbox is a venue that takes commands as JSON lines.
type Sandbox struct {
	engine *engine.Engine
	names  names
	events []wire.Event
	timeNs int64
	line   int
	out    *json.Encoder
}

// New returns a venue that writes its events to out, one JSON object a line.
func New(out io.Writer) (*Sandbox, error) {
	s := &Sandbox{engine: engine.New(), names: newNames(), out: json.NewEncoder(out)}
	s.out.SetEscapeHTML(false)
	genesis := wire.Genesis{Venue: wire.MustText("sandbox"), ClusterID: [16]byte{1}, OperatorPub: publicKey(operator)}
	var c wire.Command
	genesis.Put(&c)
	s.apply(&c, wire.NoKey)
	s.names.keys[operator] = wire.OperatorKey
	for _, e := range s.events {
		s.names.learn(&e)
	}
	if err := s.quietly(&wire.AddUser{Firm: wire.VenueFirm, Name: wire.MustText(custodian)}); err != nil {
		return nil, err
	}
	user := s.names.users[custodian]
	if err := s.quietly(&wire.AddKey{User: user, Role: wire.Custodian, Pub: publicKey(custodian)}); err != nil {
		return nil, err
	}
	return s, nil
}

// The keys that are there from the start.
const (
	operator  = "operator"
	custodian = "custodian"
)

// publicKey makes up the public key that goes with a key's name. Nothing is signed in the sandbox.
func publicKey(name string) [32]byte { return sha256.Sum256([]byte("uncross sandbox key " + name)) }

// body is a command's body.
type body interface{ Put(*wire.Command) }

// quietly applies an operator's command of the set-up, whose events are not shown.
func (s *Sandbox) quietly(b body) error {
	var c wire.Command
	b.Put(&c)
	s.apply(&c, wire.OperatorKey)
	for i := range s.events {
		s.names.learn(&s.events[i])
	}
	if r, refused := s.events[0].Refusal(); refused {
		return fmt.Errorf("sandbox: set-up refused: %v", r.Reason)
	}
	return nil
}

func (s *Sandbox) apply(c *wire.Command, key wire.KeyID) {
	c.Key, c.TimeNs = key, s.timeNs
	s.events = s.engine.Apply(c, s.events[:0])
}

// Run takes every line of in. A line that is wrong is handed to bad as an error with its number; when bad returns
// false, Run stops with that error. Empty lines and lines that begin with # are passed over.
func (s *Sandbox) Run(in io.Reader, bad func(error) bool) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, MaxLine), MaxLine)
	for lines.Scan() {
		s.line++
		text := bytes.TrimSpace(lines.Bytes())
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		if err := s.Line(text); err != nil {
			var broken *outputError
			if errors.As(err, &broken) {
				return err
			}
			err = fmt.Errorf("line %d: %w", s.line, err)
			if !bad(err) {
				return err
			}
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("line %d has more than %d bytes", s.line+1, MaxLine)
	} else if err != nil {
		return fmt.Errorf("line %d: %w", s.line+1, err)
	}
	return nil
}

// outputError is an error of writing, after which nothing can go on.
type outputError struct{ error }

// common are the members that every line may have.
type common struct {
	Cmd  string `json:"cmd"`
	Time string `json:"time"`
	By   string `json:"by"`
}

// request is one line of a kind.
type request interface {
	run(s *Sandbox) error
}

// Line takes one line. An error means that nothing was done.
func (s *Sandbox) Line(text []byte) error {
	var c common
	if err := json.Unmarshal(text, &c); err != nil {
		return fmt.Errorf("not a JSON object with text members: %w", err)
	}
	if c.Cmd == "" {
		return errors.New(`member "cmd" is missing`)
	}
	make, ok := requests[c.Cmd]
	if !ok {
		return fmt.Errorf("unknown cmd %q; there are: %s", c.Cmd, commandNames())
	}
	r := make()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(r); err != nil {
		return fmt.Errorf("%s: %w", c.Cmd, err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows the JSON object")
	}
	was := s.timeNs
	if err := s.setTime(c.Time); err != nil {
		return err
	}
	if err := r.run(s); err != nil {
		s.timeNs = was
		var broken *outputError
		if errors.As(err, &broken) {
			return err
		}
		return fmt.Errorf("%s: %w", c.Cmd, err)
	}
	return nil
}

// setTime moves the clock to what a line says: RFC 3339 or nanoseconds since 1970; "": one step on.
func (s *Sandbox) setTime(text string) error {
	if text == "" {
		s.timeNs += step
		return nil
	}
	if ns, err := strconv.ParseInt(text, 10, 64); err == nil && ns >= 0 {
		s.timeNs = ns
		return nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return fmt.Errorf(`time %q is neither RFC 3339 ("2026-11-22T09:30:00Z") nor nanoseconds since 1970`, text)
	}
	s.timeNs = t.UnixNano()
	return nil
}

// send applies a command with the key that the line names, or else with key, and writes its events.
func (s *Sandbox) send(c *common, key wire.KeyID, cmd wire.Command) error {
	if c.By != "" {
		var ok bool
		if key, ok = s.names.keys[c.By]; !ok {
			return fmt.Errorf("by: there is no key %q", c.By)
		}
	}
	s.apply(&cmd, key)
	for i := range s.events {
		s.names.learn(&s.events[i])
	}
	for i := range s.events {
		if err := s.write(s.describe(&s.events[i])); err != nil {
			return err
		}
	}
	return nil
}

// write writes one output line.
func (s *Sandbox) write(v any) error {
	if err := s.out.Encode(v); err != nil {
		return &outputError{err}
	}
	return nil
}

// refused reports whether the last command was refused.
func (s *Sandbox) refused() bool {
	_, refused := s.events[0].Refusal()
	return refused
}
