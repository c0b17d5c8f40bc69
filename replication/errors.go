package replication

import "errors"

// What Submit answers when it does not take a command. The command then is certainly not applied.
var (
	// ErrBusy: the input ring is full, or a lossless reader of the events lags too far. Try again.
	ErrBusy = errors.New("the venue is busy")
	// ErrNotLeader: another node leads, or none does at the moment.
	ErrNotLeader = errors.New("this node does not lead")
	// ErrNotReady: the log is still being applied after a start.
	ErrNotReady = errors.New("the node is still starting")
	// ErrClosed: the node is shutting down.
	ErrClosed = errors.New("the node is closed")
	// ErrFailed: the node met an error that it cannot go on after; see Config.Fatal.
	ErrFailed = errors.New("the node has failed")
	// ErrUnknownCommand: the command's kind is not known.
	ErrUnknownCommand = errors.New("command of unknown kind")
)

// What Config.Refused is told about a command that Submit had taken.
var (
	// ErrNotApplied: the command never entered the log, or was dropped by every replica. It is certainly not applied.
	ErrNotApplied = errors.New("the command was not applied")
	// ErrUnknownOutcome: the command may be in the log or not. A repeat with the same client id finds out.
	ErrUnknownOutcome = errors.New("the outcome of the command is unknown")
	// ErrClockJump: the wall clock is further ahead than the node may believe without the operator's word. Not applied.
	ErrClockJump = errors.New("the clock has jumped ahead")
)

// What Start refuses with, wrapped in a message that says what was found and what to do.
var (
	// ErrDamaged: the data on disk are damaged or incomplete.
	ErrDamaged = errors.New("damaged data")
	// ErrForeign: the data on disk belong to another node.
	ErrForeign = errors.New("foreign data")
)

// ErrDiverged is what Config.Fatal is called with, wrapped, when this node's state is not the one that the leader had at
// the same entry.
var ErrDiverged = errors.New("this node's state is not the leader's")

// ErrDisk is what Config.Fatal is called with, wrapped, when the disk does not answer within Config.DiskTimeout, or
// Config.SnapshotTimeout for a snapshot.
var ErrDisk = errors.New("the disk hangs")

// ErrReader is what Config.Fatal is called with, wrapped, when a lossless reader of the events stands still for
// Config.ReaderTimeout.
var ErrReader = errors.New("a reader of the events stands still")

// ErrChanging: another change of the membership, or of the leader, is under way. Try again when it is done.
var ErrChanging = errors.New("another change of the cluster is under way")

// ErrMembership is what a change of the membership is refused with, wrapped in a message that says why and what to do.
var ErrMembership = errors.New("the cluster is not changed so")

// ErrRestart is what Config.Fatal is called with when a snapshot was installed from another node while this one was
// running. The snapshot is on disk; a restart continues from it.
var ErrRestart = errors.New("a snapshot was installed from the leader: restart to continue from it")
