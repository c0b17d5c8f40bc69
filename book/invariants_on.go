//go:build invariants || race

package book

// invariants says that the book checks itself now and then, at a cost.
const invariants = true
