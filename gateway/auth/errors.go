package auth

import "errors"

// The errors of a logon, in the order in which they are looked for.
var (
	ErrLogonWindow     = errors.New("the logon's nonce is not the time: it may be 10 s off the server's clock, in nanoseconds since 1970")
	ErrEphemeral       = errors.New("client_ephemeral is not an X25519 public key")
	ErrSignature       = errors.New("the logon's signature does not fit the key")
	ErrTooManySessions = errors.New("the gateway has as many sessions as it may; try again later")
)

// The errors of a request, in the order in which they are looked for. A sequence number is used up only by a request
// whose MAC is right.
var (
	ErrNoSession      = errors.New("the request is not signed")
	ErrHeader         = errors.New("malformed authentication header")
	ErrUnknownSession = errors.New("there is no such session; log on again")
	ErrExpired        = errors.New("the session has expired; log on again")
	ErrTimeWindow     = errors.New("the request's time is more than 5 s off the server's clock")
	ErrBadMac         = errors.New("the request's mac does not fit")
	ErrReplayed       = errors.New("the sequence number has been used, or is more than 1,024 behind the greatest")
)
