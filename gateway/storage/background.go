package storage

import (
	"errors"
	"fmt"
	"syscall"
)

// background says what a failure of Pebble's own work means, and what to do.
func (k *Kind) background(err error) error {
	todo := "start the node again; where this comes again check the data with uncross verify and restore the store from a backup; " + k.Repair
	if errors.Is(err, syscall.ENOSPC) {
		todo = "free some space and start again: what was acknowledged is in the node's log"
	}
	return fmt.Errorf("%s: background work of Pebble failed: %w; %s", k.Name, err, todo)
}
