package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"uncross/gateway/fix/initiator"
	"uncross/gateway/fix/message"
)

// fixPatience bounds what uncross fix waits for: the logon, and the answers to what it has sent.
const fixPatience = 15 * time.Second

type fixCmd struct {
	To       string   `env:"UNCROSS_FIX_TO" placeholder:"ADDR" help:"Session and server: fix://COMPID:PASSWORD@127.0.0.1:9880, or fixs:// with TLS. It may also be the first argument, which goes before this."`
	Messages []string `arg:"" optional:"" help:"Messages, such as 'D|11=a|55=BTC-USD|54=1|38=0.5|40=2|44=64000.00'. None: lines of the standard input."`
	Target   string   `default:"UNCROSS" help:"The venue's CompID (default: UNCROSS)."`
	caFlag
}

// Help implements kong.HelpProvider.
func (fixCmd) Help() string {
	return `Logs on by FIX 4.4, sends messages, prints what comes back, and logs out: to try things, and to look at a session by
hand. A message is its type and its fields with | between them; header and trailer are added, and TransactTime (60) where an
order lacks it. It keeps no numbers: each run starts the session's again (141=Y), so that it is nothing for a session that
another engine uses.

What stands in a command line can be read by every user of the machine, a password too. The environment variable
UNCROSS_FIX_TO keeps it out.

Examples
  uncross fix fix://ALICE1:uncross-dev@127.0.0.1:9880 'D|11=first|55=BTC-USD|54=1|38=0.5|40=2|44=64000.00'
  uncross fix fix://DEVMD:uncross-dev@127.0.0.1:9880 'V|262=1|263=0|264=5|267=2|269=0|269=1|146=1|55=BTC-USD'
  UNCROSS_FIX_TO=$(cat session) uncross fix 'H|11=first|55=BTC-USD|54=1'`
}

// Run talks.
func (c *fixCmd) Run(s *streams) error {
	if len(c.Messages) > 0 && isFixURL(c.Messages[0]) {
		c.To, c.Messages = c.Messages[0], c.Messages[1:]
	}
	to, err := parseFixURL(c.To)
	if err != nil {
		return err
	}
	set := initiator.Config{Address: to.address, Sender: to.compID, Target: c.Target, Password: to.password, ResetEvery: true}
	if to.tls {
		roots, err := c.roots()
		if err != nil {
			return err
		}
		set.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	}
	var printing sync.Mutex
	set.OnMessage = func(m *message.Message, _ bool) {
		printing.Lock()
		defer printing.Unlock()
		fmt.Fprintf(s.out, "< %s\n", strings.TrimSuffix(strings.ReplaceAll(string(m.Raw()), "\x01", "|"), "|"))
	}
	i, err := initiator.Open(set)
	if err != nil {
		return err
	}
	ctx, cancel := patience(fixPatience)
	defer cancel()
	if err := i.WaitFirst(ctx); err != nil {
		ctx, cancel := patience(fixPatience)
		defer cancel()
		return errors.Join(fmt.Errorf("no logon at %s: %w", to.address, err), i.Close(ctx))
	}
	err = c.talk(s, i)
	ctx, cancel = patience(fixPatience)
	defer cancel()
	if err == nil {
		err = i.RoundTrip(ctx) // everything that was sent has been answered
	}
	return errors.Join(err, i.Close(ctx))
}

// talk sends the messages of the command line, or those of the standard input as they come.
func (c *fixCmd) talk(s *streams, i *initiator.Initiator) error {
	if len(c.Messages) > 0 {
		return sendFIX(i, c.Messages)
	}
	lines := bufio.NewScanner(s.in)
	for lines.Scan() {
		if err := sendFIX(i, []string{lines.Text()}); err != nil {
			return err
		}
	}
	return lines.Err()
}

func sendFIX(i *initiator.Initiator, texts []string) error {
	for _, text := range texts {
		if text = strings.TrimSpace(text); text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		b, err := fixBody(text, time.Now())
		if err != nil {
			return err
		}
		if _, err := i.Send(b); err != nil {
			return err
		}
	}
	return nil
}

// fixBody reads a message in the form type|tag=value|….
func fixBody(text string, now time.Time) (*message.Body, error) {
	parts := strings.Split(strings.Trim(text, "|"), "|")
	kind := strings.TrimPrefix(parts[0], "35=")
	if kind == "" || strings.Contains(kind, "=") {
		return nil, fmt.Errorf("%q: a message begins with its type, as in D|11=a|55=BTC-USD", text)
	}
	b, timed := message.NewBody(kind), false
	for _, p := range parts[1:] {
		tag, value, ok := strings.Cut(p, "=")
		n, err := strconv.Atoi(tag)
		if !ok || err != nil || n < 1 || value == "" {
			return nil, fmt.Errorf("%q: %q is no field: fields are tag=value with | between them", text, p)
		}
		timed = timed || n == message.TagTransactTime
		b.Str(n, value)
	}
	switch kind {
	case message.NewOrderSingle, message.OrderCancelRequest, message.OrderCancelReplaceRequest, message.OrderMassCancelRequest:
		if !timed {
			b.Time(message.TagTransactTime, now.UnixNano())
		}
	}
	return b, nil
}

// fixURL is a session at a server.
type fixURL struct {
	compID, password, address string
	tls                       bool
}

var errFixURL = errors.New("a FIX session is given by CompID, password, address and port, as in fix://COMPID:PASSWORD@127.0.0.1:9880, or fixs:// for TLS")

// isFixURL reports whether a text is meant as the address of a session.
func isFixURL(text string) bool {
	return strings.HasPrefix(text, "fix://") || strings.HasPrefix(text, "fixs://")
}

// parseFixURL reads an address. Its errors do not tell the password.
func parseFixURL(text string) (fixURL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "fix" && u.Scheme != "fixs" {
		return fixURL{}, errFixURL
	}
	f := fixURL{compID: u.User.Username(), address: u.Host, tls: u.Scheme == "fixs"}
	f.password, _ = u.User.Password()
	if f.compID == "" || f.password == "" || u.Port() == "" || strings.Trim(u.Path, "/") != "" {
		return fixURL{}, errFixURL
	}
	return f, nil
}
