// Package slab keeps many small values in pages and names them by integer handles instead of pointers.
//
// A Slab holds values of one pointer-free type. Growing appends a page; a value never moves to another handle, and the
// garbage collector sees one pointer per page instead of one per value. Freeze takes an immutable view of all values by
// copying the top of the directory, one pointer for 16 pages; afterwards the first write to a page that the view shares copies
// that page and the leaf of the directory that names it (copy on write), so the slab goes on while another goroutine reads the
// view.
//
//	Handle 5 with pages of 4 values:
//
//	directory ─► leaf of 16 pages ─► [page 0: – 1 2 3] [page 1: 4 5 6 7] …      page = 5/4, slot = 5%4; handle 0 is none
//	                   ▲
//	View      ─────────┘  the same leaf and its pages, until the slab writes to one of them
//
// The size of a page is a choice between the two: the smaller it is, the less does the first write after a Freeze copy, and the
// more pages there are for the garbage collector, and pointers for Freeze.
//
// An Index finds the handle that belongs to a 64-bit key. It hashes linearly: the table grows by one bucket at a time, so
// that no insertion ever waits for a rehash of the whole table. Where all keys are there before the first is looked up, after a
// restore, Fill makes the table in one go.
//
// Threading: a Slab and an Index belong to one goroutine; a View may be read and released on any other one.
//
// Invariants: a handle is live from Alloc to Free; freed handles are given out again, last freed first, so the same calls
// give the same handles; a View never changes.
package slab
