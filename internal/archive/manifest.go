package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// ManifestName is the name of an archive's last member.
const ManifestName = "MANIFEST.json"

// Format is what the manifest says that the archive is. The number changes with what a reader must know.
const Format = "uncross-archive-1"

// Manifest is what an archive says about itself.
type Manifest struct {
	Format  string          `json:"format"`
	Info    json.RawMessage `json:"info,omitempty"` // what the writer wants to say; see Writer.SetInfo
	Members []Member        `json:"members"`        // in their order
	Bytes   int64           `json:"bytes"`          // of all members
	Sum     string          `json:"sha256"`         // of the manifest with "" here, in hex
}

// Member is one file.
type Member struct {
	Name string `json:"name"`
	Size int64  `json:"size"`   // bytes
	Sum  string `json:"sha256"` // in hex
}

// encode returns the manifest's one form, with its sum.
func (m *Manifest) encode() ([]byte, error) {
	m.Sum = ""
	text, err := m.text()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(text)
	m.Sum = hex.EncodeToString(sum[:])
	return m.text()
}

func (m *Manifest) text() ([]byte, error) {
	if m.Members == nil {
		m.Members = []Member{}
	}
	text, err := json.MarshalIndent(m, "", " ")
	return append(text, '\n'), err
}

// parseManifest reads a manifest and holds it against the members that were read.
func parseManifest(text []byte, members []Member) (Manifest, error) {
	var m Manifest
	var version struct {
		Format string `json:"format"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return m, fmt.Errorf("%w: the manifest cannot be read: %w", ErrDamaged, err)
	}
	parsed := json.Unmarshal(text, &m)
	if version.Format != Format {
		return m, fmt.Errorf("%w: it says %q, this program reads %q", ErrVersion, version.Format, Format)
	}
	if parsed != nil {
		return m, fmt.Errorf("%w: the manifest cannot be read: %w", ErrDamaged, parsed)
	}
	again := m
	if want, err := again.encode(); err != nil || !bytes.Equal(want, text) {
		return m, fmt.Errorf("%w: the manifest has been changed: its checksum is wrong", ErrDamaged)
	}
	if len(m.Members) != len(members) {
		return m, fmt.Errorf("%w: the manifest names %d members, the archive has %d", ErrDamaged, len(m.Members), len(members))
	}
	bytes := int64(0)
	for i, want := range m.Members {
		if members[i] != want {
			return m, fmt.Errorf("%w: member %d, %q of %d bytes, is not the one that the manifest names, %q of %d bytes, or its content has been changed",
				ErrDamaged, i+1, members[i].Name, members[i].Size, want.Name, want.Size)
		}
		bytes += want.Size
	}
	if bytes != m.Bytes {
		return m, fmt.Errorf("%w: the members have %d bytes, the manifest says %d", ErrDamaged, bytes, m.Bytes)
	}
	return m, nil
}
