// Package storage is the ground that the gateway's stores of events stand on: a directory with a file FORMAT and a Pebble
// database, which is opened in one way, and never opened as a new one over what is left of an old one.
//
//	DIR/FORMAT    what the store is, and the version of its layout
//	DIR/pebble/   the database
//
// Threading: nothing here keeps state; a Kind is read only.
package storage
