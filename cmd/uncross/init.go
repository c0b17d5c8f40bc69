package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"uncross/engine/wire"
	"uncross/gateway/auth"
)

type initCmd struct {
	Data  string `required:"" env:"UNCROSS_DATA" type:"path" help:"Data directory to prepare; made where it is missing."`
	Key   string `required:"" type:"path" help:"File for the first operator's private key; it must not exist yet, and belongs outside the data directory."`
	Venue string `default:"Uncross" help:"The venue's name: up to 36 printable ASCII characters."`
}

// Help implements kong.HelpProvider.
func (initCmd) Help() string {
	return `Makes the key of the first operator and writes down who the venue is. The private key goes to --key, which only
you may read; the data directory gets its public half. Nothing is started: "uncross serve" creates the venue with it.
A node that was served without an operator is stopped first.

Example
  uncross init --data data --key operator.key --venue "My Exchange"
  uncross serve --data data`
}

// Run prepares the directory.
func (c *initCmd) Run(s *streams) error {
	g, err := initialise(dataDir(c.Data), c.Key, c.Venue, false)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "venue %q, cluster %s\n", g.Venue, cluster(&g))
	fmt.Fprintf(s.out, "operator key in %s: keep it safe, there is no other copy\n", c.Key)
	fmt.Fprintf(s.out, "next: uncross serve --data %s\n", c.Data)
	return nil
}

// initialise makes the operator's key and writes the genesis file. A directory that serve has made without an operator
// keeps its cluster id. With reuse, a key file that an interrupted run has left is taken.
func initialise(d dataDir, keyFile, venue string, reuse bool) (wire.Genesis, error) {
	name, ok := wire.ParseText(venue)
	if !ok || name.IsEmpty() {
		return wire.Genesis{}, fmt.Errorf("the venue's name %q is not 1 to 36 printable ASCII characters without spaces at the ends", venue)
	}
	g, err := d.readGenesis()
	switch {
	case err == nil && hasOperator(&g), errors.Is(err, fs.ErrNotExist) && exists(d.wal()):
		return wire.Genesis{}, fmt.Errorf("%s has been prepared before; to serve it: uncross serve --data %s", d, d)
	case errors.Is(err, fs.ErrNotExist):
		g, err = newGenesis()
	}
	if err != nil {
		return wire.Genesis{}, err
	}
	if rel, err := filepath.Rel(string(d), keyFile); err == nil && filepath.IsLocal(rel) {
		return wire.Genesis{}, fmt.Errorf("the private key %s would lie in the data directory; keep it elsewhere", keyFile)
	}
	k, err := operatorKey(keyFile, reuse)
	if err != nil {
		return wire.Genesis{}, err
	}
	g.Venue, g.OperatorPub = name, k.Public()
	if err := d.writeGenesis(g); err != nil {
		return g, errors.Join(err, os.Remove(keyFile))
	}
	return g, nil
}

func operatorKey(file string, reuse bool) (auth.Key, error) {
	if reuse && exists(file) {
		return auth.LoadKey(file)
	}
	k, err := auth.NewKey()
	if err != nil {
		return k, err
	}
	k.ID, k.User, k.Role = wire.OperatorKey, "operator", wire.Operator
	return k, auth.SaveKey(file, k)
}
