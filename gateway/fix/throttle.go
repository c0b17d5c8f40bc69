package fix

// rate bounds how often something may happen, and how often at once after a rest. It keeps the time at which everything
// so far would have happened at the even pace; the clock may not lead that time by more than the burst's worth.
type rate struct {
	intervalNs  int64
	toleranceNs int64
	dueNs       int64
}

func newRate(perSecond, burst int) rate {
	interval := int64(1e9) / int64(max(perSecond, 1))
	return rate{intervalNs: max(interval, 1), toleranceNs: max(interval, 1) * int64(max(burst, 1))}
}

// allow counts one event at the given time and reports whether it is within the bound; one that is not does not count.
func (r *rate) allow(nowNs int64) bool {
	due := max(r.dueNs, nowNs) + r.intervalNs
	if due-nowNs > r.toleranceNs {
		return false
	}
	r.dueNs = due
	return true
}

// throttle is the bound on one connection's messages.
type throttle struct{ all, cancels, flood rate }

func newThrottle(l *Limits) throttle {
	return throttle{
		all:     newRate(l.MessagesPerSecond, l.Burst),
		cancels: newRate(2*l.MessagesPerSecond, 2*l.Burst),
		flood:   newRate(4*l.MessagesPerSecond, 2*l.Burst+4*l.MessagesPerSecond),
	}
}

// verdict says what the throttle makes of a message.
type verdict uint8

const (
	pass       verdict = iota
	onlyCancel         // only what takes orders out may pass
	refuseAll
	flooded // for a second and more far too much: the connection ends
)

// take counts a message.
func (t *throttle) take(nowNs int64) verdict {
	flood, cancels, all := t.flood.allow(nowNs), t.cancels.allow(nowNs), t.all.allow(nowNs)
	switch {
	case !flood:
		return flooded
	case all:
		return pass
	case cancels:
		return onlyCancel
	}
	return refuseAll
}
