package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"uncross/gateway/auth"
	"uncross/gateway/client"
	"uncross/gateway/client/follow"
)

type streamCmd struct {
	To       string   `env:"UNCROSS_STREAM_TO" placeholder:"ADDR" help:"Address of the server, such as http://127.0.0.1:8080; ws:// and wss:// are taken as well; several nodes with commas between them. It may also be the first argument, which goes before this."`
	Address  string   `arg:"" optional:"" help:"Address of the server, unless --to has it."`
	Channels []string `arg:"" optional:"" help:"What to follow: channel:symbol, candles:symbol:interval, or channel:account for the private channels."`
	Key      string   `type:"path" env:"UNCROSS_KEY" help:"Key file, for the private channels."`
	Raw      bool     `help:"Print the messages as they come, in JSON, instead of a line to read for each."`
	Check    bool     `help:"Hold the copies of books against REST's again and again, and say how that goes. A difference ends it with status 1."`
	Binary   bool     `help:"Ask for the binary form of the public channels."`
	Compress bool     `help:"Offer compression."`
	Count    int      `help:"End after so many messages (default: when it is told to)."`
	caFlag
}

// Help implements kong.HelpProvider.
func (streamCmd) Help() string {
	return `Follows channels over a WebSocket and prints what comes, until SIGINT or SIGTERM, which end it with status 0. Channels: book,
orders, bbo, trades, auction, status, candles and statistics of an instrument; executions and balances of an account. The
symbol * is every instrument, with bbo, status and statistics.

A connection that is lost is made again, and the channels go on: private ones behind the last event, trades with those that were
missed, the others with a new snapshot (in --raw, trades that were read over REST have no "type"). Behind an @ stands where to begin: an event of a private channel, or the number of a
trade, 0 for the first one. The copies of books are proved by the sequences and checksums in the messages; --check holds them
against the REST interface as well. Messages go to the standard output, what happens beside them to standard error.

Examples
  uncross stream http://127.0.0.1:8080 book:BTC-USD trades:BTC-USD candles:BTC-USD:1m
  uncross stream --to ws://127.0.0.1:8080/v1/stream 'bbo:*' --raw
  uncross stream http://127.0.0.1:8080 orders:BTC-USD --check
  uncross stream http://127.0.0.1:8080 executions:alice@1234.0 balances:alice --key dev/keys/alice.key`
}

// Validate implements kong.Validatable.
func (c *streamCmd) Validate() error {
	switch {
	case c.Raw && c.Binary:
		return errors.New("--raw prints JSON: it does not go with --binary")
	case c.Count < 0:
		return fmt.Errorf("--count %d: at least 1", c.Count)
	}
	return nil
}

// watch is one run of the command.
type watch struct {
	c       *streamCmd
	s       *streams
	config  follow.Config
	subs    []follow.Subscription
	end     context.CancelFunc
	checks  *checker // nil: none
	printed int
	left    int // subscriptions that have not been refused

	mu   sync.Mutex // guards what follows, and the printing
	err  error      // why it ended by itself
	once bool       // there was a connection
}

// Run follows.
func (c *streamCmd) Run(s *streams) error {
	w, err := c.prepare(s)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	ctx, w.end = context.WithCancel(ctx)
	defer w.end()
	w.config.OnMessage, w.config.OnEvent = w.message, w.event
	f, err := follow.Open(w.config, w.subs...)
	if err != nil {
		return err
	}
	if w.checks != nil {
		w.checks.start(ctx, f)
	}
	<-ctx.Done()
	f.Close()
	if w.checks != nil {
		w.checks.wait()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// prepare reads what was given.
func (c *streamCmd) prepare(s *streams) (*watch, error) {
	if strings.Contains(c.Address, "://") {
		c.To = c.Address
	} else if c.Address != "" {
		c.Channels = append([]string{c.Address}, c.Channels...)
	}
	if c.To == "" {
		return nil, errors.New("the server's address is missing: give it first, as in uncross stream http://127.0.0.1:8080 book:BTC-USD")
	}
	var nodes []string
	for address := range strings.SplitSeq(c.To, ",") {
		base, err := follow.BaseURL(address)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, base)
	}
	w := &watch{c: c, s: s}
	if len(c.Channels) == 0 {
		return nil, errors.New("nothing to follow: give channels, such as book:BTC-USD")
	}
	private := false
	for _, text := range c.Channels {
		sub, err := follow.ParseSubscription(text)
		if err != nil {
			return nil, err
		}
		w.subs = append(w.subs, sub)
		private = private || sub.Private()
	}
	w.left = len(w.subs)
	rest := client.Config{URLs: nodes}
	if c.Key != "" {
		k, err := auth.LoadKey(c.Key)
		if err != nil {
			return nil, err
		}
		rest.Key = &k
	} else if private {
		return nil, errors.New("executions and balances need --key")
	}
	var err error
	if rest.Roots, err = c.roots(); err != nil {
		return nil, err
	}
	n, err := client.New(rest)
	if err != nil {
		return nil, err
	}
	w.config = follow.Config{Client: n, Dial: follow.DialConfig{
		URL: nodes[0], URLs: nodes[1:], Binary: c.Binary, Compress: c.Compress, TLS: &tls.Config{RootCAs: rest.Roots, MinVersion: tls.VersionTLS12},
	}}
	if c.Check {
		w.checks, err = newChecker(w, n)
	}
	return w, err
}

// fail ends the run.
func (w *watch) fail(err error) {
	w.mu.Lock()
	if w.err == nil {
		w.err = err
	}
	w.mu.Unlock()
	w.end()
}

// say tells of something that is no message.
func (w *watch) say(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(w.s.err, "uncross: "+format+"\n", args...)
}

// message prints a message. The follower's goroutine calls it.
func (w *watch) message(m *follow.Message) {
	if w.checks != nil {
		w.checks.saw(m)
	}
	if w.c.Count > 0 && w.printed == w.c.Count {
		return
	}
	text := streamLine(m)
	if w.c.Raw {
		if text = string(m.Raw); m.Raw == nil {
			text = tradesJSON(m)
		}
	}
	w.mu.Lock()
	_, err := fmt.Fprintln(w.s.out, text)
	w.mu.Unlock()
	if err != nil {
		w.fail(err)
	}
	if w.printed++; w.printed == w.c.Count {
		w.end()
	}
}

// event tells of what happens beside messages. The follower's goroutine calls it.
func (w *watch) event(e follow.Event) {
	switch e.Kind {
	case follow.Connected:
		if w.once {
			w.say("connected again")
		}
		w.once = true
	case follow.Disconnected:
		if !w.once {
			w.fail(e.Err)
			return
		}
		w.say("the connection is lost: %v", e.Err)
	case follow.Refused:
		if w.left--; w.left == 0 {
			w.fail(fmt.Errorf("%v: %w", e.Subscription, e.Err))
			return
		}
		w.say("%v is refused: %v", e.Subscription, e.Err)
	case follow.LoginFailed:
		w.say("the login has failed: %v", e.Err)
	case follow.Gap:
		w.say("%v begins anew: %v", e.Subscription, e.Err)
	case follow.Filling:
		if e.Err != nil {
			w.say("%v: trades were missed, and cannot be read for now: %v", e.Subscription, e.Err)
		}
	case follow.Trimmed:
		w.say("%v: trades were missed: %v", e.Subscription, e.Err)
	}
}

// streamTime writes an engine time for people.
func streamTime(ns int64) string { return time.Unix(0, ns).UTC().Format("15:04:05.000000") }
