// Package auth is how a client proves who it is, for both ends of the connection.
//
// A client has an Ed25519 key; the venue stores the public half only. A signed logon opens a short session, and each
// request is then authenticated with a MAC under the session's own key, which costs a microsecond. Nothing that the
// server stores, in memory or on disk, can act in a client's place after the session has ended.
//
//	client                                             gateway                          core
//	  │ key id, nonce, X25519 public, Ed25519 signature   │                                │
//	  ├──────────────────────────────────────────────────▶│ key known? clock? signature?   │
//	  │                                                   ├── Logon{nonce} through the log ▶│ nonce > the key's last?
//	  │                                                   │◀──────────────── accepted ─────┤ (holds on every node and
//	  │◀── session id, X25519 public, expiry ─────────────┤                                │ after every restart)
//	  │     both: mac key = HKDF(X25519 secret)           │
//	  ├── request + session, seq, time, mac ─────────────▶│ mac? seq not seen before?
//
// # What is signed
//
// Lines end with \n except the last, which has none. Numbers are decimal without zeros in front.
//
//	logon (Ed25519 signature):        request (HMAC-SHA256 under the session's key):
//	  uncross-logon-v1                  uncross-request-v1
//	  <key id>                          <method, upper case>
//	  <nonce>                           <path, with ?query where there is one, as on the request line>
//	  <X25519 public key, hex>          <seq>
//	                                    <time, ms>
//	                                    <SHA-256 of the body, hex>
//
// The MAC key is HKDF-SHA256 with the X25519 secret as input, no salt, 32 bytes, and as info the text
// "uncross-session-v1", the client's and the server's X25519 public keys and the key id (4 bytes, big-endian).
//
// The logon proves the client to the server. The server is proved to the client by TLS, not here.
//
// # Passwords
//
// Sequenced sessions (FIX) may log on with a password. It is hashed with Argon2id before it becomes a command, so that
// neither the log nor a node's memory or dumps have it: see HashPassword and VerifyPassword.
//
// # Windows
//
// The nonce is the client's clock in nanoseconds, at most 10 s off the server's. A request's time is at most 5 s off. A
// sequence number counts once; numbers may arrive in any order within the last 1,024. Sessions live in memory only: a
// restart ends them all, which is why the window need not be stored. A request that a restart cut off is repeated in a
// new session under the same client order id, and the core's own window recognises it.
//
// Everything here may be used from any goroutine unless it says otherwise. The clock is given, so that tests own it.
package auth
