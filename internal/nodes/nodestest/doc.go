// Package nodestest has the built program for tests, and a venue of three nodes as processes of it: what an operator makes there,
// and waiting that ends the test when it is in vain.
package nodestest
