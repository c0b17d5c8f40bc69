// Package bench measures Uncross: the book beside a plain one, the engine, and the whole durable pipeline in process, all
// on the flow of package flow; a venue over FIX, beside an acceptor that only answers; and a venue of three nodes that are broken
// while clients use them, for minutes (Cluster) or for hours (Soak). It prints method, mix and figures; it judges nothing, but that an
// acknowledged order is lost or doubled is an error.
//
// Threading: one measurement runs at a time, on the goroutine that calls it; it starts what it measures.
//
//	flow ─▶ subject (fill, not measured) ─▶ throughput: repetitions of all commands, subjects in turn
//	                                     ─▶ latency: commands at planned times; late is counted as late
//	                                     ─▶ where the time goes: by kind of command, and from a CPU profile
//
// Method. Subjects that are compared run in turn in one process, and a ratio is taken within a repetition, so that what
// the machine does beside hits both alike. Latency is measured from the time at which a command was due on a fixed
// schedule, not from when its turn came: waiting behind a slow command counts (no coordinated omission). Only exported
// interfaces are used, and nothing but the command line imports this package.
package bench
