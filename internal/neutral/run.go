package neutral

import (
	"io"
	"time"
)

// Driver carries out commands. Apply fills out with what came of c, reusing out.Trades; an error means that the driver
// itself is broken, not that a command was refused.
type Driver interface {
	Depth
	Apply(c *Command, out *Outcome) error
	Close() error // checks the driver's own invariants at the end
}

// Run carries out every command of the set through d and compares each with the exchange's result. Progress, where
// given, is called with the number of commands done every few thousand commands.
func Run(prefix string, d Driver, progress func(done uint64)) (Result, time.Duration, error) {
	commands, err := OpenCommands(prefix)
	if err != nil {
		return Result{}, 0, err
	}
	defer commands.Close()
	check, err := NewChecker(prefix, true)
	if err != nil {
		return Result{}, 0, err
	}
	defer check.Close()
	start := time.Now()
	var (
		c   Command
		out Outcome
	)
	for {
		if err := commands.Next(&c); err == io.EOF {
			break
		} else if err != nil {
			return Result{}, 0, err
		}
		out = Outcome{Trades: out.Trades[:0]}
		if err := d.Apply(&c, &out); err != nil {
			return Result{}, 0, err
		}
		if err := check.Check(&c, &out, d); err != nil {
			return Result{}, 0, err
		}
		if progress != nil && c.N%4096 == 0 {
			progress(c.N)
		}
	}
	took := time.Since(start)
	if err := d.Close(); err != nil {
		return Result{}, 0, err
	}
	r, err := check.Finish()
	return r, took, err
}
