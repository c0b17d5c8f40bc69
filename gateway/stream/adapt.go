package stream

import (
	"errors"

	"uncross/gateway/feed"
)

// FromFeed returns a publisher as this package's Feed.
func FromFeed(f *feed.Feed) Feed { return publisher{f} }

type publisher struct{ f *feed.Feed }

func (p publisher) Subscribe(t Topic, binary bool, wake func()) (Cursor, error) {
	channel, ok := feed.ParseChannel(t.Channel.String())
	if !ok {
		return nil, ErrNoInstrument
	}
	enc := feed.JSON
	if binary {
		enc = feed.Binary
	}
	r, err := p.f.Subscribe(feed.Topic{Channel: channel, Instrument: t.Instrument, Interval: t.Interval}, enc, wake)
	if err != nil {
		return nil, feedError(err)
	}
	return &feedCursor{r: r}, nil
}

// feedCursor is a feed.Reader with its messages as this package's.
type feedCursor struct {
	r       *feed.Reader
	scratch []*feed.Message
}

func (c *feedCursor) Next(dst []Message, bytes int) ([]Message, error) {
	messages, err := c.r.Next(c.scratch[:0], bytes)
	for i, m := range messages {
		dst = append(dst, m)
		messages[i] = nil // the scratch keeps nothing alive
	}
	c.scratch = messages[:0]
	return dst, feedError(err)
}

func (c *feedCursor) Close() { c.r.Close() }

// feedError returns this package's error for one of the feed's.
func feedError(err error) error {
	switch {
	case errors.Is(err, feed.ErrNoInstrument):
		return ErrNoInstrument
	case errors.Is(err, feed.ErrNotReady):
		return ErrNotReady
	case errors.Is(err, feed.ErrSlow):
		return ErrSlow
	}
	return err
}
