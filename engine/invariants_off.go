//go:build !invariants && !race

package engine

// invariants turns costly checks on; see invariants_on.go.
const invariants = false
