// Package entry turns the FIX messages that are about orders into commands: new order (D), cancel (F), replace (G),
// status (H), mass status (AF), mass cancel (q). It decides only what has to be decided before there can be a command:
// which account and instrument a name means, whether a number is one of the instrument's, whether a field asks for
// something that the venue does not have. Everything else is the engine's to refuse, so that the order of precedence is
// its own. Any goroutine may use a Handler; an Outcome belongs to one connection's goroutine.
//
//	message, checked against the dictionary
//	   │ fields.go: every field is used, ignored or refused by name; nothing that changes an order's meaning is dropped
//	   ▼
//	request ──▶ account ──▶ instrument ──▶ numbers ──▶ Outcome: Submit a command
//	                └───────────┴─────────────┴──────▶          Refuse: a message 8, 9, r or j that can be sent again
//	                                                            Answer: messages read on demand (AF, some of H)
//	                                                            Reject: a session-level reject (3)
//
// What holds:
//
//   - A field that is not in the tables is refused, so that a field that becomes known to the dictionary is not ignored
//     by accident.
//   - What a message means does not depend on how far the view has come, but for one thing: whether the fields that name
//     an order contradict each other is seen only when the view has that order.
package entry
