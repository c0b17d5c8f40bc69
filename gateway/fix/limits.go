package fix

import "time"

// Limits are the session layer's bounds. Nothing that a client can make grow is without one, and each has its stated
// answer. A zero field takes the default of DefaultLimits.
type Limits struct {
	Conns         int // connections in all; beyond: closed without a word
	ConnsPerIP    int // connections of one address; beyond: as Conns
	PreLogon      int // connections that have not logged on yet; beyond: as Conns
	PreLogonPerIP int // of these, those of one address, so that nobody alone keeps all others out; beyond: as Conns, try again
	Message       int // bytes of one message; beyond: Logout, closed

	LogonTimeout  time.Duration // from the connection to a whole Logon, TLS included; beyond: closed without a word
	LogonWait     time.Duration // a logon waits this long for the end of its session's former connection; beyond: closed without a word
	LogoutTimeout time.Duration // wait for the answer to our Logout; beyond: closed
	FrameTimeout  time.Duration // from a message's first bytes to its last; beyond: closed
	WriteTimeout  time.Duration // a write makes no end for this long: cut off
	BusyWait      time.Duration // a cancel or a session message is tried again this long while the core is busy; beyond: closed, the numbers heal by resend
	CancelWait    time.Duration // cancel on disconnect tries this long; what is left then stays open, and a warning says so
	NudgeWait     time.Duration // after a second logon the live connection has this long to send any byte; beyond: closed
	ResendAgain   time.Duration // a gap that is still open after this long is asked for again
	LeaderSilence time.Duration // at a node that has not heard of a leader for this long market data sessions end with a Logout, and none log on

	SendingTimeAccuracy time.Duration // SendingTime may differ this much from our clock; beyond: Reject 373=10, Logout
	HeartBtMin          int           // seconds, least HeartBtInt; below: logon refused
	HeartBtMax          int           // seconds, greatest HeartBtInt; beyond: logon refused

	MessagesPerSecond int // of one session. Beyond: orders are refused; beyond twice that also cancels; beyond four times: Logout, closed
	Burst             int // messages that may come at once after a rest
	MaxInFlight       int // commands of one session that wait for their answers; beyond: its messages are not read
	AheadMessages     int // messages kept that came ahead of a gap; beyond: dropped, they are asked for again
	AheadBytes        int // of those messages; beyond: as AheadMessages
	LocalBytes        int // answers that wait to be sent, of one connection; beyond: its messages are not read
	PushBytes         int // market data that waits to be sent, of one connection; beyond: Logout, closed
	MaxBehind         int // numbered messages that wait to be sent, of one session; beyond: cut off
	Resends           int // resend requests that wait to be served, of one connection; beyond: its messages are not read
}

// DefaultLimits returns the limits that hold unless configured otherwise.
func DefaultLimits() Limits {
	return Limits{
		Conns:         4096,
		ConnsPerIP:    1024,
		PreLogon:      512,
		PreLogonPerIP: 64,
		Message:       64 << 10,

		LogonTimeout:  10 * time.Second,
		LogonWait:     5 * time.Second,
		LogoutTimeout: 5 * time.Second,
		FrameTimeout:  10 * time.Second,
		WriteTimeout:  10 * time.Second,
		BusyWait:      2 * time.Second,
		CancelWait:    10 * time.Second,
		NudgeWait:     2 * time.Second,
		ResendAgain:   10 * time.Second,
		LeaderSilence: 10 * time.Second,

		SendingTimeAccuracy: 120 * time.Second,
		HeartBtMin:          1,
		HeartBtMax:          120,

		MessagesPerSecond: 50_000,
		Burst:             100_000,
		MaxInFlight:       4096,
		AheadMessages:     4096,
		AheadBytes:        1 << 20,
		LocalBytes:        1 << 20,
		PushBytes:         4 << 20,
		MaxBehind:         100_000,
		Resends:           4,
	}
}

// Bounds that are not configured.
const (
	resendPage   = 256              // entries of the outbox read at once
	writeBuffer  = 32 << 10         // bytes after which a batch of messages is written
	advanceEvery = 1000             // messages without a command after which the durable inbound number is moved on
	lingerTime   = time.Second      // how long a connection is still read after our last message, so that it arrives
	lingerBytes  = 1 << 20          // and how much of it
	tidyAtOnce   = 16               // sessions that a former leader left logged on and that are ended at the same time
	busyPause    = time.Millisecond // between two tries while the core is busy
	waitPause    = time.Millisecond // between two looks at what has no wake-up
	singleFills  = 64               // numbers behind a Logon that a resend fills one by one; see fillAgain
	answerBodies = 64               // messages of a long answer that take their numbers together
	answerBytes  = 64 << 10
	maxNumber    = 1 << 53 // greatest number that a client can move its own to
	maxTextShown = 128     // bytes of a client's text in a log line
)

// withDefaults fills l's zero fields.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct{ p, v *int }{
		{&l.Conns, &d.Conns}, {&l.ConnsPerIP, &d.ConnsPerIP}, {&l.PreLogon, &d.PreLogon}, {&l.PreLogonPerIP, &d.PreLogonPerIP}, {&l.Message, &d.Message},
		{&l.HeartBtMin, &d.HeartBtMin}, {&l.HeartBtMax, &d.HeartBtMax}, {&l.MessagesPerSecond, &d.MessagesPerSecond},
		{&l.Burst, &d.Burst}, {&l.MaxInFlight, &d.MaxInFlight}, {&l.AheadMessages, &d.AheadMessages},
		{&l.AheadBytes, &d.AheadBytes}, {&l.LocalBytes, &d.LocalBytes}, {&l.PushBytes, &d.PushBytes},
		{&l.MaxBehind, &d.MaxBehind}, {&l.Resends, &d.Resends},
	} {
		if *f.p == 0 {
			*f.p = *f.v
		}
	}
	for _, f := range []struct{ p, v *time.Duration }{
		{&l.LogonTimeout, &d.LogonTimeout}, {&l.LogonWait, &d.LogonWait}, {&l.LogoutTimeout, &d.LogoutTimeout},
		{&l.FrameTimeout, &d.FrameTimeout}, {&l.WriteTimeout, &d.WriteTimeout}, {&l.BusyWait, &d.BusyWait},
		{&l.CancelWait, &d.CancelWait}, {&l.NudgeWait, &d.NudgeWait}, {&l.ResendAgain, &d.ResendAgain},
		{&l.LeaderSilence, &d.LeaderSilence}, {&l.SendingTimeAccuracy, &d.SendingTimeAccuracy},
	} {
		if *f.p == 0 {
			*f.p = *f.v
		}
	}
	return l
}
