package wire

// Refusal returns why the event's command changed nothing, of either kind of refusal: Rejected, or of OrderRejected the
// part that is common to both. ok is false for an event that is no refusal.
func (e *Event) Refusal() (r Rejected, ok bool) {
	switch e.Kind {
	case EvRejected:
		r.GetEvent(e)
		return r, true
	case EvOrderRejected:
		var m OrderRejected
		m.GetEvent(e)
		return Rejected{Command: m.Command, Reason: m.Reason, Account: m.Account, Order: m.Order, ClientID: m.ClientID}, true
	}
	return r, false
}
