package storage

import (
	"errors"
	"fmt"
	"syscall"
)

// background says what a failure of Pebble's own work means, and what to do.
func (k *Kind) background(err error) error {
	return fmt.Errorf("%s: background work of Pebble failed: %w; %s", k.Name, err,
		k.todo("start the node again; where this comes again check the data with uncross verify and restore the store from a backup; "+k.Repair, err))
}

// ended says the same of what Pebble cannot go on after, in its own words.
func (k *Kind) ended(format string, args []any) error {
	err := fmt.Errorf(k.Name+": "+format, args...)
	var causes []error
	for _, a := range args {
		if cause, ok := a.(error); ok {
			causes = append(causes, cause)
		}
	}
	return fmt.Errorf("%w; %s", err, k.todo("where that is damage: "+k.Repair, errors.Join(causes...)))
}

// todo is what to do after an error: nothing is wrong with a store whose disk is full.
func (k *Kind) todo(otherwise string, err error) string {
	if errors.Is(err, syscall.ENOSPC) {
		return "free some space and start again: what was acknowledged is in the node's log"
	}
	return otherwise
}
