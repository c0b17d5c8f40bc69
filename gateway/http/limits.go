package http

import "time"

// Limits are the gateway's bounds. Nothing that a client can make grow is without one, and each has its stated answer.
// A zero field takes the default of DefaultLimits.
type Limits struct {
	Body        int           // bytes of a request's body; beyond: 413 body_too_large, connection closed
	Header      int           // bytes of a request's line and headers together; beyond: 431 header_too_large, closed
	URL         int           // bytes of a request's address; beyond: 414 url_too_long
	Conns       int           // connections in all; beyond: 429 too_many_connections, closed
	ConnsPerIP  int           // connections of one address; beyond: as Conns
	ReadTimeout time.Duration // for a whole request from its first byte on; beyond: 408 request_timeout, closed
	IdleTimeout time.Duration // between requests; beyond: closed without a word
	WriteTime   time.Duration // for writing an answer; beyond: closed
	Answer      time.Duration // wait for a command's answer; beyond: 504 outcome_unknown
	ReadWait    time.Duration // a request waits this long in all until the views have what was answered before; beyond: served as they are
	InFlight    int           // commands waiting for their answers, in all; beyond: 503 busy
	PerSession  int           // commands waiting for their answers, of one session; beyond: 429 too_many_requests
	SessionRate int           // requests per second of one session, and operations of its batches; beyond: 429 too_many_requests
	SessionBump int           // requests that a session may send at once after a rest
	AddressRate int           // requests per second without a session from one address; beyond: 429 too_many_requests
	AddressBump int           // requests without a session that an address may send at once after a rest
	Addresses   int           // addresses whose rate is remembered; beyond: those at rest are forgotten first, then all
	Batch       int           // operations of one batch; beyond: 400 batch_too_large
	Page        int           // entries of one page of a list; a greater limit parameter: 400 invalid_value
	PageDefault int           // entries of a page when the request does not say
	Depth       int           // levels per side of a book; a greater depth parameter: 400 invalid_value
	Statements  int           // drawn up at once as JSON, which takes as long as the period has entries; beyond, after ReadWait: 503 busy
	Change      time.Duration // for a change of the cluster; beyond: 504 outcome_unknown
	Status      time.Duration // for asking the other nodes how they stand; beyond: those are shown as unknown
	Backups     int           // under way at once; beyond: 503 busy
	BackupWait  time.Duration // for the next part of a backup; beyond: broken off
	Fills       int           // fills in one answer to an order; beyond: the first ones, and "fills_complete": false
}

// DefaultLimits returns the limits that hold unless configured otherwise.
func DefaultLimits() Limits {
	return Limits{
		Body:        64 << 10,
		Header:      8 << 10,
		URL:         2 << 10,
		Conns:       4096,
		ConnsPerIP:  256,
		ReadTimeout: 5 * time.Second,
		IdleTimeout: 60 * time.Second,
		WriteTime:   5 * time.Second,
		Answer:      5 * time.Second,
		ReadWait:    time.Second,
		InFlight:    16384,
		PerSession:  1024,
		SessionRate: 50_000,
		SessionBump: 100_000,
		AddressRate: 1_000,
		AddressBump: 2_000,
		Addresses:   16384,
		Batch:       100,
		Page:        1000,
		PageDefault: 100,
		Depth:       1000,
		Statements:  4,
		Change:      5 * time.Second,
		Status:      2 * time.Second,
		Backups:     1,
		BackupWait:  2 * time.Minute,
		Fills:       1000,
	}
}

// withDefaults fills l's zero fields.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	fill := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	fillTime := func(p *time.Duration, v time.Duration) {
		if *p == 0 {
			*p = v
		}
	}
	fill(&l.Body, d.Body)
	fill(&l.Header, d.Header)
	fill(&l.URL, d.URL)
	fill(&l.Conns, d.Conns)
	fill(&l.ConnsPerIP, d.ConnsPerIP)
	fillTime(&l.ReadTimeout, d.ReadTimeout)
	fillTime(&l.IdleTimeout, d.IdleTimeout)
	fillTime(&l.WriteTime, d.WriteTime)
	fillTime(&l.Answer, d.Answer)
	fillTime(&l.ReadWait, d.ReadWait)
	fill(&l.InFlight, d.InFlight)
	fill(&l.PerSession, d.PerSession)
	fill(&l.SessionRate, d.SessionRate)
	fill(&l.SessionBump, d.SessionBump)
	fill(&l.AddressRate, d.AddressRate)
	fill(&l.AddressBump, d.AddressBump)
	fill(&l.Addresses, d.Addresses)
	fill(&l.Batch, d.Batch)
	fill(&l.Page, d.Page)
	fill(&l.PageDefault, d.PageDefault)
	fill(&l.Depth, d.Depth)
	fill(&l.Statements, d.Statements)
	fillTime(&l.Change, d.Change)
	fillTime(&l.Status, d.Status)
	fill(&l.Backups, d.Backups)
	fillTime(&l.BackupWait, d.BackupWait)
	fill(&l.Fills, d.Fills)
	return l
}
