package follow

import (
	"fmt"
	"strconv"
	"strings"
)

// The channels.
const (
	ChannelBook       = "book"
	ChannelOrders     = "orders"
	ChannelBBO        = "bbo"
	ChannelTrades     = "trades"
	ChannelAuction    = "auction"
	ChannelStatus     = "status"
	ChannelCandles    = "candles"
	ChannelStatistics = "statistics"
	ChannelExecutions = "executions"
	ChannelBalances   = "balances"
)

// Channels are all channels, the public ones first.
var Channels = []string{ChannelBook, ChannelOrders, ChannelBBO, ChannelTrades, ChannelAuction, ChannelStatus, ChannelCandles, ChannelStatistics, ChannelExecutions, ChannelBalances}

// All stands for every instrument, with the channels bbo, status and statistics.
const All = "*"

// Subscription names what is followed.
type Subscription struct {
	Channel  string `json:"channel"`
	Symbol   string `json:"symbol,omitempty"`   // of a public channel
	Interval string `json:"interval,omitempty"` // of candles, such as 1m
	Account  string `json:"account,omitempty"`  // of a private channel
	// After is the event that a private channel goes on behind; "": from now on. With trades a Follower, which does not send it then, takes
	// it for the trade that it goes on behind, and reads what lies between from REST; "0" is the beginning.
	After string `json:"after,omitempty"`
}

// Private reports whether the channel needs a login.
func (s Subscription) Private() bool {
	return s.Channel == ChannelExecutions || s.Channel == ChannelBalances
}

// key is the subscription without where it goes on.
func (s Subscription) key() Subscription {
	s.After = ""
	return s
}

// String writes a subscription as ParseSubscription reads it.
func (s Subscription) String() string {
	text := s.Channel + ":" + s.Symbol + s.Account
	if s.Interval != "" {
		text += ":" + s.Interval
	}
	if s.After != "" {
		text += "@" + s.After
	}
	return text
}

// ParseSubscription reads channel:symbol, candles:symbol:interval, or channel:account for a private channel; for a private channel
// and for trades @ and where to go on may follow.
func ParseSubscription(text string) (Subscription, error) {
	wrong := func(why string) (Subscription, error) {
		return Subscription{}, fmt.Errorf("%q: %s; a subscription is such as book:BTC-USD, candles:BTC-USD:1m or executions:alice@1234.0", text, why)
	}
	channel, rest, ok := strings.Cut(text, ":")
	s := Subscription{Channel: channel}
	known := false
	for _, c := range Channels {
		known = known || c == channel
	}
	if !known {
		return wrong("there is no such channel, but " + strings.Join(Channels, ", "))
	}
	if !ok || rest == "" {
		return wrong("what the channel is of is missing")
	}
	if s.Private() || channel == ChannelTrades {
		rest, s.After, ok = strings.Cut(rest, "@")
		if ok && !validAfter(s) {
			return wrong("behind the @ an event such as 1234.0 is needed, or the number of a trade")
		}
	}
	if s.Private() {
		s.Account = rest
		return s, nil
	}
	if s.Symbol = rest; channel == ChannelCandles {
		colon := strings.LastIndexByte(rest, ':')
		if colon < 1 || colon == len(rest)-1 {
			return wrong("the interval is missing")
		}
		s.Symbol, s.Interval = rest[:colon], rest[colon+1:]
	}
	return s, nil
}

func validAfter(s Subscription) bool {
	if s.Channel == ChannelTrades {
		_, err := strconv.ParseUint(s.After, 10, 64)
		return err == nil
	}
	_, err := ParseEventID(s.After)
	return err == nil
}

// EventID names an event of the venue: its command and its number in that.
type EventID struct {
	Command uint64
	Ordinal uint32
}

// ParseEventID reads an id such as 1234.0.
func ParseEventID(text string) (e EventID, err error) {
	command, ordinal, ok := strings.Cut(text, ".")
	n, err1 := strconv.ParseUint(command, 10, 64)
	o, err2 := strconv.ParseUint(ordinal, 10, 32)
	if !ok || err1 != nil || err2 != nil {
		return e, fmt.Errorf("follow: %q is no event id such as 1234.0", text)
	}
	return EventID{n, uint32(o)}, nil
}

// String writes an id as ParseEventID reads it.
func (e EventID) String() string {
	return strconv.FormatUint(e.Command, 10) + "." + strconv.FormatUint(uint64(e.Ordinal), 10)
}

// Before reports whether e is earlier than o.
func (e EventID) Before(o EventID) bool {
	return e.Command < o.Command || e.Command == o.Command && e.Ordinal < o.Ordinal
}

// just returns the id that nothing lies between and e, whether there is such an event or not.
func (e EventID) just() EventID {
	switch {
	case e.Ordinal > 0:
		e.Ordinal--
	case e.Command > 0:
		e = EventID{e.Command - 1, 1<<32 - 1}
	}
	return e
}
