package stream

import "time"

// Limits are the stream's bounds. Nothing that a client can make grow is without one, and each has its stated answer. A
// zero field takes the default of DefaultLimits.
type Limits struct {
	Conns      int           // connections in all, of those that the server has; beyond: 429 too_many_connections
	ConnsPerIP int           // connections of one address; beyond: as Conns
	Handshake  time.Duration // for writing the answer to a handshake; beyond: closed
	Message    int           // bytes of a message from a client, also when it is decompressed; beyond: closed with 1009
	Fragments  int           // frames of a message from a client; beyond: closed with 1009

	Subscriptions int // of one connection; beyond: 1053 too_many_subscriptions
	Private       int // of them private; beyond: the same
	Request       int // subscriptions in one request; beyond: 1014 batch_too_large

	RequestRate int // requests, pings and pongs per second of one connection; beyond: 1050 too_many_requests, which counts as wrong
	RequestBump int // so many at once after a rest
	Wrong       int // wrong requests one after the other; then: closed with 1008
	Logins      int // wrong logins of one connection in all; then: closed with 1008
	Answers     int // answers that wait because the client does not read; beyond: no request is read until they have been taken

	Round      int           // bytes that are written in one go
	Turn       int           // bytes that one subscription puts into it, at least one message
	SendBuffer int           // bytes that the system holds for a client that reads slowly
	Write      time.Duration // without a byte that could be written; then: closed with 4001
	Ping       time.Duration // between two pings, and for the answer to one; then: closed with 4000
	Close      time.Duration // for the client's part of the closing

	Backlog int           // events that a private subscription may be behind once it has caught up; beyond: closed with 4001
	Wait    time.Duration // a private message waits so long for the view to have the names that the history has; then they are empty
}

// DefaultLimits returns the limits that hold unless configured otherwise.
func DefaultLimits() Limits {
	return Limits{
		Conns:         3072,
		ConnsPerIP:    192,
		Handshake:     5 * time.Second,
		Message:       16 << 10,
		Fragments:     32,
		Subscriptions: 512,
		Private:       32,
		Request:       100,
		RequestRate:   50,
		RequestBump:   200,
		Wrong:         20,
		Logins:        5,
		Answers:       64,
		Round:         256 << 10,
		Turn:          32 << 10,
		SendBuffer:    256 << 10,
		Write:         10 * time.Second,
		Ping:          20 * time.Second,
		Close:         time.Second,
		Backlog:       100_000,
		Wait:          time.Second,
	}
}

// withDefaults fills l's zero fields.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct {
		p *int
		v int
	}{
		{&l.Conns, d.Conns}, {&l.ConnsPerIP, d.ConnsPerIP}, {&l.Message, d.Message}, {&l.Fragments, d.Fragments},
		{&l.Subscriptions, d.Subscriptions}, {&l.Private, d.Private}, {&l.Request, d.Request}, {&l.RequestRate, d.RequestRate},
		{&l.RequestBump, d.RequestBump}, {&l.Wrong, d.Wrong}, {&l.Logins, d.Logins}, {&l.Answers, d.Answers}, {&l.Round, d.Round},
		{&l.Turn, d.Turn}, {&l.SendBuffer, d.SendBuffer}, {&l.Backlog, d.Backlog},
	} {
		if *f.p == 0 {
			*f.p = f.v
		}
	}
	for _, f := range []struct {
		p *time.Duration
		v time.Duration
	}{{&l.Handshake, d.Handshake}, {&l.Write, d.Write}, {&l.Ping, d.Ping}, {&l.Close, d.Close}, {&l.Wait, d.Wait}} {
		if *f.p == 0 {
			*f.p = f.v
		}
	}
	return l
}
