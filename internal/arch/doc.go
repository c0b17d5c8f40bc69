// Package arch holds the code to the project's own architecture, as ordinary tests: who may import whom (rooms.go), and
// what the deterministic packages may not use, each with what to use in its place (rules.go).
//
// The engine must give the same events for the same commands on every machine, in every run and under every Go version.
// Most ways to break that are a call or a construct that a compiler accepts without a word; these tests do not.
package arch
