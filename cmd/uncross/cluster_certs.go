package main

import (
	"fmt"
	"path/filepath"

	"uncross/internal/nodeid"
	"uncross/replication/peer"
)

type clusterCertsCmd struct {
	Dir  string   `required:"" type:"path" help:"Directory for the certificates; made where it is missing."`
	Node []string `required:"" placeholder:"NODE,…" help:"Nodes to make certificates for, by their --node-id."`
}

// Help implements kong.HelpProvider.
func (clusterCertsCmd) Help() string {
	return `Makes an authority for the nodes of one cluster where the directory has none yet (ca.pem, ca.key), and a certificate for each
node. Nodes prove with them who they are; without one that the authority has signed nobody gets a word in. Each node needs
ca.pem and its own two files. Keep ca.key where no node is: it makes more nodes. Nothing that is there is replaced.

Example
  uncross cluster certs --dir certs --node node-1,node-2,node-3
  uncross serve --node-id node-1 --raft-addr 10.0.0.1:7946 --cluster-ca certs/ca.pem --cluster-cert certs/node-1.pem --cluster-key certs/node-1.key …`
}

// Validate implements kong.Validatable.
func (c *clusterCertsCmd) Validate() error {
	for _, node := range c.Node {
		if err := nodeid.Check(node); err != nil {
			return fmt.Errorf("--node: %w", err)
		}
	}
	return nil
}

// Run makes the certificates.
func (c *clusterCertsCmd) Run(s *streams) error {
	if !exists(filepath.Join(c.Dir, peer.AuthorityFile)) {
		if err := peer.WriteAuthority(c.Dir, "Uncross nodes"); err != nil {
			return err
		}
		fmt.Fprintf(s.out, "authority in %s: keep %s away from the nodes\n", c.Dir, peer.AuthorityKeyFile)
	}
	for _, node := range c.Node {
		cert, key, err := peer.WriteNode(c.Dir, node)
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s: --cluster-ca %s --cluster-cert %s --cluster-key %s\n", node, filepath.Join(c.Dir, peer.AuthorityFile), cert, key)
	}
	return nil
}
