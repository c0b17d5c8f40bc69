package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/crypto/argon2"

	"uncross/engine/wire"
)

// This file has the passwords of sequenced sessions (FIX). They are hashed here, at the gateway: the log, and so every
// node and every dump, has the salted hash alone.

// What a password may be: printable ASCII without spaces.
const (
	MinPassword = 8
	MaxPassword = 128
)

// ErrPassword is returned for a password that may not be one. It does not say the password.
var ErrPassword = fmt.Errorf("a password is %d to %d printable ASCII characters without spaces", MinPassword, MaxPassword)

// Argon2id is the scheme of a wire.Password that is hashed with Argon2id (RFC 9106) under the parameters below: the
// least that OWASP's password storage cheat sheet names. Other parameters are another scheme, so that what is in the log
// can be checked for ever.
const Argon2id = 1

const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
)

// Bounds of MaxHashing: 8 hashes take 152 MiB.
const (
	minHashing = 2
	maxHashing = 8
)

// hashing has a place for each hash that is being made.
var hashing = make(chan struct{}, max(minHashing, min(maxHashing, runtime.GOMAXPROCS(0))))

// MaxHashing returns how many hashes are made at a time; others wait. Each takes 19 MiB and some 20 ms of a core, and
// whoever can reach a port can ask for one.
func MaxHashing() int { return cap(hashing) }

// ValidPassword reports whether a text may be a password.
func ValidPassword(password string) bool {
	if len(password) < MinPassword || len(password) > MaxPassword {
		return false
	}
	for i := range len(password) {
		if password[i] <= ' ' || password[i] > '~' {
			return false
		}
	}
	return true
}

// HashPassword hashes a password with a new salt. It may wait for others; the error is ErrPassword, or says that there is
// no randomness.
func HashPassword(password string) (p wire.Password, err error) {
	if !ValidPassword(password) {
		return p, ErrPassword
	}
	if _, err := rand.Read(p.Salt[:]); err != nil {
		return p, fmt.Errorf("drawing a salt: %w", err)
	}
	p.Scheme = Argon2id
	p.Hash = hashWith(&p.Salt, password)
	return p, nil
}

func hashWith(salt *[16]byte, password string) [32]byte {
	hashing <- struct{}{}
	defer func() { <-hashing }()
	return [32]byte(argon2.IDKey([]byte(password), salt[:], argonTime, argonMemory, argonThreads, 32))
}

// VerifyPassword reports whether a password is the one that p was made of; never where p stands for no password, or for
// a scheme that is not known. It takes the same time whatever the answer, so that for a client that is not known the
// caller verifies against wire.Password{} and tells nobody who is known by how long the answer took.
func VerifyPassword(p wire.Password, password string) bool {
	known := p.Scheme == Argon2id
	if !ValidPassword(password) {
		known, password = false, "not a password"
	}
	got := hashWith(&p.Salt, password)
	return subtle.ConstantTimeCompare(got[:], p.Hash[:]) == 1 && known
}

// NewPassword makes a password: 32 letters and digits, 190 bits.
func NewPassword() (string, error) {
	const letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	const fair = 256 - 256%len(letters) // what is beyond would favour the first letters
	password := make([]byte, 0, 32)
	var drawn [64]byte
	for range 100 {
		if _, err := rand.Read(drawn[:]); err != nil {
			return "", fmt.Errorf("drawing a password: %w", err)
		}
		for _, b := range drawn {
			if int(b) >= fair {
				continue
			}
			if password = append(password, letters[int(b)%len(letters)]); len(password) == cap(password) {
				return string(password), nil
			}
		}
	}
	return "", errors.New("drawing a password: the source of randomness is broken")
}
