package main

import (
	"fmt"
	"time"

	"uncross/engine/wire"
	"uncross/gateway/auth"
	"uncross/gateway/feed"
	"uncross/gateway/history"
	"uncross/gateway/http"
	"uncross/gateway/stream"
	"uncross/internal/ring"
)

// marketFlags are the flags of market data and of what is kept of the past.
type marketFlags struct {
	HistoryKeep  time.Duration `env:"UNCROSS_HISTORY_KEEP" help:"Age beyond which orders, trades and ledger entries are trimmed from the history, such as 720h (default: never)."`
	HistoryBytes int64         `env:"UNCROSS_HISTORY_BYTES" help:"Size on disk beyond which the oldest of them are trimmed (default: however large)."`
	CandlesKeep  time.Duration `env:"UNCROSS_CANDLES_KEEP" help:"Age beyond which candles of a minute and more are trimmed, at least --history-keep (default: never)."`

	StreamMaxConns      int `name:"stream-max-connections" env:"UNCROSS_STREAM_MAX_CONNECTIONS" help:"Connections of the stream in all (default: 3072)."`
	StreamMaxConnsPerIP int `name:"stream-max-connections-per-address" env:"UNCROSS_STREAM_MAX_CONNECTIONS_PER_ADDRESS" help:"Connections of the stream of one address (default: 192)."`
}

func (c *marketFlags) retain() history.Retain {
	return history.Retain{Age: c.HistoryKeep, Bytes: c.HistoryBytes, Candles: c.CandlesKeep}
}

func (c *marketFlags) streamLimits() stream.Limits {
	return stream.Limits{Conns: c.StreamMaxConns, ConnsPerIP: c.StreamMaxConnsPerIP}
}

// openMarket makes the publisher of market data, and the stream that its subscribers come by.
func (n *node) openMarket(entrance *core, sessions *auth.Store, set nodeSettings) (err error) {
	n.feed, err = feed.New(feed.Options{
		View: n.view, History: n.history, Ready: entrance.Ready, Clock: time.Now, Logger: n.logger,
		Frame: stream.Frame, Deflate: stream.Deflate,
	})
	if err != nil {
		return err
	}
	n.stream, err = stream.New(stream.Config{
		View: n.view, History: n.history, Feed: stream.FromFeed(n.feed), Sessions: sessions, CatchUp: func() { n.server.CatchUp() }, Ready: entrance.Ready,
		Standing: func() http.Standing { return n.server.Standing() },
		Limits:   set.stream, Logger: n.logger,
	})
	return err
}

// runFeed starts the publisher on a reader that nobody waits for: when it is overrun it begins anew from view and history.
func (n *node) runFeed() {
	var reader *ring.Reader[wire.Event] = n.replicas.Events().Reader("feed", false)
	n.readers.Go(func() {
		defer reader.Close()
		if err := n.feed.Run(reader, n.stop); err != nil {
			n.logger.Error("market data is not published any more", "error", fmt.Sprint(err))
		}
	})
}
