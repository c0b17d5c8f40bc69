// Package wire is the engine's language: commands in, events out, and the one codec for both.
//
// It is the single source of the byte offsets of the log's entries and of stored events. It knows bytes and integers
// only: no policy, no I/O. Values are plain and safe to copy; nothing here is safe for concurrent change.
//
//	gateway ──Command──▶ ring ──▶ sequencer ──Batch of Commands──▶ log ──▶ engine ──Event──▶ ring ──▶ readers
//
// A layout never changes within a version. Golden vectors in testdata hold every kind to its bytes.
package wire
