// Package sandbox runs the engine on commands written as JSON lines and writes its events as JSON lines: a place to try
// the rules in, without disk, network, keys or log. docs/match.md describes every field, and its examples are tests.
//
//	line ── strict JSON ──► names → ids, decimals → ticks and lots ──► engine.Apply ──► ids → names, integers → decimals ──► lines
//
// The venue, an operator and a custodian are there from the start; each user that a line creates is given a trader key
// of its name, and every command is sent with the key that fits it unless the line says otherwise ("by"). Time is what
// the lines say, or a counter: the same input always gives the same output. One goroutine.
package sandbox
