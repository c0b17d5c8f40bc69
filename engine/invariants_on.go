//go:build invariants || race

package engine

// invariants turns costly checks on: the whole state is validated with every EvStateHash.
const invariants = true
