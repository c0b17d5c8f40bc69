package replication

import (
	"io"

	"uncross/engine"
)

// RestoreEngine makes the engine of a state that a snapshot holds. Part of the work is done on a second goroutine, which has
// ended when it returns.
func RestoreEngine(r io.Reader) (*engine.Engine, error) { return engine.RestoreBeside(r, beside) }

// beside does work on a goroutine of its own.
func beside(work func()) (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	return func() { <-done }
}
