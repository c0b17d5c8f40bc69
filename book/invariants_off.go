//go:build !invariants && !race

package book

const invariants = false
