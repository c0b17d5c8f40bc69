package main

import (
	"encoding/base64"
	"fmt"

	"uncross/engine/wire"
	"uncross/gateway/auth"
)

type keygenCmd struct {
	File string `arg:"" type:"path" help:"File to write; it must not exist yet."`
	User string `required:"" help:"User that the key is for."`
	Role string `required:"" enum:"trader,read-only,custodian,operator" help:"What the key may do: trader, read-only, custodian or operator."`
	ID   uint32 `help:"The key's number at the venue, once that is known."`
}

// Help implements kong.HelpProvider.
func (keygenCmd) Help() string {
	return `Writes a new Ed25519 key to a file that only you may read, and prints its public half. The venue stores the
public half only: an operator registers it with POST /v1/admin/keys, whose answer has the key's number for --id.

Example
  uncross keygen --user alice --role trader alice.key`
}

// Run makes the key.
func (c *keygenCmd) Run(s *streams) error {
	k, err := auth.NewKey()
	if err != nil {
		return err
	}
	k.ID, k.User, k.Role = wire.KeyID(c.ID), c.User, roleOf(c.Role)
	if err := auth.SaveKey(c.File, k); err != nil {
		return err
	}
	pub := k.Public()
	fmt.Fprintln(s.out, base64.StdEncoding.EncodeToString(pub[:]))
	return nil
}

// roleOf returns the role of that name, which kong has checked.
func roleOf(name string) wire.Role {
	for r := wire.Trader; r.Valid(); r++ {
		if r.String() == name {
			return r
		}
	}
	return 0
}
