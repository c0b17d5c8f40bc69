// Package nodeid says what may name a node: the same wherever a name comes in, on a command line, over REST, or from another
// node.
package nodeid

import "fmt"

// Max is the longest name in bytes.
const Max = 64

// Check refuses what may not name a node. Names go into certificates, file names and lines of text.
func Check(s string) error {
	if !Valid(s) {
		return fmt.Errorf("the node id %q is not 1 to %d printable ASCII characters without spaces", s, Max)
	}
	return nil
}

// Valid reports whether s may name a node.
func Valid(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= Max
}
