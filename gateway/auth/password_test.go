package auth

import (
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"

	"uncross/engine/wire"
)

func TestPassword(t *testing.T) {
	p, err := HashPassword("correct-horse")
	if err != nil {
		t.Fatal(err)
	}
	if p.Scheme != Argon2id || p.Salt == [16]byte{} || p.Hash == [32]byte{} {
		t.Fatalf("hashed to %+v", p)
	}
	again, err := HashPassword("correct-horse")
	if err != nil {
		t.Fatal(err)
	}
	if again.Salt == p.Salt || again.Hash == p.Hash {
		t.Error("two hashes of one password are alike: the salt is not new")
	}
	for password, right := range map[string]bool{
		"correct-horse": true, "correct-horsf": false, "Correct-horse": false, "correct-horse ": false, "": false,
		strings.Repeat("x", 1<<16): false,
	} {
		if VerifyPassword(p, password) != right {
			t.Errorf("a password of %d bytes: right is %v", len(password), !right)
		}
	}
	other := p
	other.Salt[0]++
	if VerifyPassword(other, "correct-horse") {
		t.Error("the salt does not matter")
	}
}

// TestPasswordNone: what is not a hash of ours fits no password, least of all an empty one or what is hashed in its place.
func TestPasswordNone(t *testing.T) {
	for _, p := range []wire.Password{{}, {Scheme: 2}, {Scheme: 0, Hash: hashWith(&[16]byte{}, "correct-horse")},
		{Scheme: 2, Hash: hashWith(&[16]byte{}, "correct-horse")}} {
		for _, password := range []string{"", "correct-horse", "not a password"} {
			if VerifyPassword(p, password) {
				t.Errorf("scheme %d takes %q", p.Scheme, password)
			}
		}
	}
	p := wire.Password{Scheme: Argon2id, Hash: hashWith(&[16]byte{}, "not a password")}
	for _, password := range []string{"", "short", "with space in it"} {
		if VerifyPassword(p, password) {
			t.Errorf("%q, which may be no password, was taken", password)
		}
	}
}

// goldenHash is what libargon2 and libsodium, too, make of the same password, salt and parameters.
const goldenHash = "63b3356e15aaaa28cb2d116c151138790704bd0573dc18fd6d60471c8a429e22"

// TestPasswordForm holds the stored form still: hashes are in the log for ever.
func TestPasswordForm(t *testing.T) {
	salt := [16]byte([]byte("0123456789abcdef"))
	hash := hashWith(&salt, "correct-horse")
	if got := hex.EncodeToString(hash[:]); got != goldenHash {
		t.Errorf("hash %s, it was %s", got, goldenHash)
	}
}

func TestPasswordBounds(t *testing.T) {
	for password, ok := range map[string]bool{
		"1234567": false, "12345678": true, strings.Repeat("~", 128): true, strings.Repeat("~", 129): false,
		"with space": false, "tab\tinside": false, "soh\x01inside": false, "umlaut-ä-x": false, "": false, "!#$%&'()": true,
	} {
		if _, err := HashPassword(password); (err == nil) != ok {
			t.Errorf("%q: %v", password, err)
		} else if err != nil && (!errors.Is(err, ErrPassword) || password != "" && strings.Contains(err.Error(), password)) {
			t.Errorf("%q: %v", password, err)
		}
	}
}

// TestPasswordsAtOnce: more at a time than are hashed at a time are all right in the end.
func TestPasswordsAtOnce(t *testing.T) {
	p, err := HashPassword("correct-horse")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for i := range 2*cap(hashing) + 4 {
		all.Go(func() {
			if right := i%2 == 0; VerifyPassword(p, map[bool]string{true: "correct-horse", false: "wrong-horse"}[right]) != right {
				t.Errorf("%d: right is %v", i, !right)
			}
		})
	}
	all.Wait()
}

func TestNewPassword(t *testing.T) {
	seen := map[string]bool{}
	counts := map[rune]int{}
	for range 1000 {
		p, err := NewPassword()
		if err != nil {
			t.Fatal(err)
		}
		if len(p) != 32 || !ValidPassword(p) || seen[p] {
			t.Fatalf("made %q", p)
		}
		seen[p] = true
		for _, c := range p {
			counts[c]++
		}
	}
	if len(counts) != 62 {
		t.Errorf("%d different characters", len(counts))
	}
	for c, n := range counts { // 516 on average; chance stays far within
		if n < 300 || n > 800 {
			t.Errorf("%q came %d times of 32,000", c, n)
		}
	}
}
