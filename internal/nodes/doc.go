// Package nodes runs the nodes of a venue as processes of the program, for measurements, tests and the demonstration: three of one
// cluster as a rule, or one alone. It gives them addresses that nobody else gets, starts them, sends them signals, and looks at how
// they stand, as any client can.
//
//	Venue ── Node ── process "uncross serve" ── its log, from which the Node reads what was said
//	   │      └──── /readyz, /v1/status
//	   └── waits until something is so of all: somebody leads, all are ready, all stand at one command with one hash
package nodes
