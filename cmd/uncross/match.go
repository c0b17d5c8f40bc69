package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	"uncross/internal/sandbox"
)

type matchCmd struct {
	File      string `arg:"" optional:"" default:"-" help:"File with one JSON command a line; - is standard input."`
	KeepGoing bool   `short:"k" help:"Go on after a wrong line instead of stopping; the exit status is 1 all the same."`
}

// Help implements kong.HelpProvider.
func (matchCmd) Help() string {
	return `Reads commands as JSON lines and writes the engine's events as JSON lines. Nothing is kept. docs/match.md has
every field. A line that is wrong is told on standard error with its number; a command that the engine refuses is no
wrong line, its answer is a "rejected" event.

Example
  uncross match <<EOF
  {"cmd":"asset","code":"BTC","decimals":8}
  {"cmd":"asset","code":"USD","decimals":2}
  {"cmd":"instrument","symbol":"BTC-USD","base":"BTC","quote":"USD","tick":"0.01","lot":"1"}
  {"cmd":"phase","symbol":"BTC-USD","phase":"continuous"}
  {"cmd":"account","name":"alice"}
  {"cmd":"account","name":"bob"}
  {"cmd":"deposit","account":"alice","asset":"USD","amount":"1000"}
  {"cmd":"deposit","account":"bob","asset":"BTC","amount":"5"}
  {"cmd":"new","account":"bob","symbol":"BTC-USD","side":"sell","price":"100","qty":"2"}
  {"cmd":"new","account":"alice","symbol":"BTC-USD","side":"buy","price":"101","qty":"3"}
  {"cmd":"book","symbol":"BTC-USD"}
  EOF`
}

// Run runs the sandbox.
func (c *matchCmd) Run(s *streams) (err error) {
	in := s.in
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	out := bufio.NewWriter(s.out)
	defer func() { err = errors.Join(err, out.Flush()) }()
	box, err := sandbox.New(out)
	if err != nil {
		return err
	}
	wrong := 0
	err = box.Run(in, func(bad error) bool {
		if !c.KeepGoing {
			return false
		}
		wrong++
		fmt.Fprintln(s.err, bad)
		return true
	})
	if errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	if err == nil && wrong > 0 {
		return fmt.Errorf("%d wrong lines were passed over", wrong)
	}
	return err
}
