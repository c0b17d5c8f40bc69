package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"uncross/engine/wire"
)

// KeyFormat is the first field of every key file.
const KeyFormat = "uncross-key-v1"

// maxKeyFile bounds what LoadKey reads.
const maxKeyFile = 4096

// Key is a client's own key with the names under which the venue knows it.
type Key struct {
	ID      wire.KeyID
	User    string
	Role    wire.Role
	Private ed25519.PrivateKey
}

// NewKey makes a key from the system's randomness. ID, User and Role are the caller's to fill in.
func NewKey() (Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	return Key{Private: private}, err
}

// Public returns the public half, as commands carry it.
func (k *Key) Public() (pub [32]byte) {
	copy(pub[:], k.Private.Public().(ed25519.PublicKey))
	return pub
}

// keyFile is the file's form:
//
//	{"format": "uncross-key-v1", "key": 7, "user": "alice", "role": "trader", "private": "<32 byte seed, base64>", "public": "<base64>"}
//
// Public is there for people, and to find a damaged seed.
type keyFile struct {
	Format  string     `json:"format"`
	Key     wire.KeyID `json:"key"`
	User    string     `json:"user"`
	Role    string     `json:"role"`
	Private string     `json:"private"`
	Public  string     `json:"public"`
}

// SaveKey writes k to a new file that only its owner may read (mode 0600), durably. It never overwrites a file: a key
// that is lost is lost for good.
func SaveKey(path string, k Key) (err error) {
	if len(k.Private) != ed25519.PrivateKeySize {
		return errors.New("write key file: there is no private key")
	}
	pub := k.Public()
	text, err := json.MarshalIndent(keyFile{
		Format: KeyFormat, Key: k.ID, User: k.User, Role: k.Role.String(),
		Private: base64.StdEncoding.EncodeToString(k.Private.Seed()),
		Public:  base64.StdEncoding.EncodeToString(pub[:]),
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	if err := writeOnce(path, append(text, '\n')); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write key file: %s exists already and is not overwritten; move it away or choose another name", path)
	} else if err != nil {
		return fmt.Errorf("write key file: %w", err)
	}
	return nil
}

// writeOnce writes a file that is not there yet, durably, and whole or not at all; only its owner may read it.
func writeOnce(path string, text []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".key-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil { // unlike a rename, this fails where the name is taken
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// LoadKey reads a key file. It refuses one that others than its owner may read or write, and one that is not whole.
func LoadKey(path string) (Key, error) {
	k, err := loadKey(path)
	if err != nil {
		return Key{}, fmt.Errorf("read key file %s: %w", path, err)
	}
	return k, nil
}

func loadKey(path string) (Key, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Key{}, errors.New("there is no such file")
	case err != nil:
		return Key{}, err
	case !info.Mode().IsRegular():
		return Key{}, errors.New("not a plain file")
	case info.Mode().Perm()&0o077 != 0:
		return Key{}, fmt.Errorf("others may use it (mode %04o); run: chmod 600 %s", info.Mode().Perm(), path)
	case info.Size() > maxKeyFile:
		return Key{}, fmt.Errorf("%d bytes: too large for a key file", info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Key{}, err
	}
	return parseKey(text)
}

// parseKey reads a key file's text. Errors never quote the text: it holds a secret.
func parseKey(text []byte) (Key, error) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	var f keyFile
	if err := d.Decode(&f); err != nil {
		return Key{}, errors.New("not a key file (no JSON object of its form)")
	}
	if d.More() {
		return Key{}, errors.New("not a key file (something follows the JSON object)")
	}
	if f.Format != KeyFormat {
		return Key{}, fmt.Errorf("not a key file of a format that this program reads (%q)", KeyFormat)
	}
	role, ok := parseRole(f.Role)
	if !ok {
		return Key{}, errors.New("the role is not trader, read-only, custodian or operator")
	}
	seed, err := base64.StdEncoding.DecodeString(f.Private)
	if err != nil || len(seed) != ed25519.SeedSize {
		return Key{}, errors.New("the private key is not 32 bytes in base64")
	}
	k := Key{ID: f.Key, User: f.User, Role: role, Private: ed25519.NewKeyFromSeed(seed)}
	pub := k.Public()
	if f.Public != base64.StdEncoding.EncodeToString(pub[:]) {
		return Key{}, errors.New("the private and the public key do not belong together: the file is damaged")
	}
	return k, nil
}

func parseRole(s string) (wire.Role, bool) {
	for r := wire.Trader; r.Valid(); r++ {
		if r.String() == s {
			return r, true
		}
	}
	return 0, false
}
