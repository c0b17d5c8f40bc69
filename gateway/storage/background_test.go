package storage

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
)

// TestBackgroundSaysWhatToDo: a full disk is another matter than any other failure.
func TestBackgroundSaysWhatToDo(t *testing.T) {
	k := Kind{Name: "the test", Repair: "call somebody"}
	for _, c := range []struct {
		err        error
		with, sans string
	}{
		{fmt.Errorf("flush: %w", syscall.ENOSPC), "free some space", "uncross verify"},
		{errors.New("flush: bad block"), "uncross verify and restore the store from a backup; call somebody", "free some space"},
	} {
		err := k.background(c.err)
		if !errors.Is(err, c.err) || !strings.Contains(err.Error(), c.with) || strings.Contains(err.Error(), c.sans) {
			t.Errorf("%v", err)
		}
	}
	if err := k.ended("commit of %s: %v", []any{"x", fmt.Errorf("write: %w", syscall.ENOSPC)}); !strings.Contains(err.Error(), "commit of x: write: no space left on device; free some space") {
		t.Errorf("%v", err)
	}
	if err := k.ended("commit: %v", []any{errors.New("bad block")}); !strings.Contains(err.Error(), "where that is damage: call somebody") {
		t.Errorf("%v", err)
	}
}
