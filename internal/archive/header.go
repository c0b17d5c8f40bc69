package archive

import (
	"encoding/binary"
	"fmt"
	"strings"
)

const (
	block      = 512
	sizeAt     = 124     // of 12 bytes
	checksumAt = 148     // of 8 bytes
	octalSizes = 1 << 33 // sizes from here on are written in binary, as GNU tar does
)

// header is the tar header of a member: USTAR, a plain file of nobody's that was written in 1970.
func header(name string, size int64) (b [block]byte) {
	copy(b[:100], name)
	copy(b[100:], "0000600\x00") // mode
	copy(b[108:], "0000000\x00") // owner
	copy(b[116:], "0000000\x00") // group
	if size < octalSizes {
		copy(b[sizeAt:], fmt.Sprintf("%011o\x00", size))
	} else {
		b[sizeAt] = 0x80
		binary.BigEndian.PutUint64(b[sizeAt+4:], uint64(size))
	}
	copy(b[136:], "00000000000\x00") // time
	copy(b[checksumAt:], "        ")
	b[156] = '0' // a plain file
	copy(b[257:], "ustar\x0000")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[checksumAt:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

// parseHeader reads a member's name and size, and false where the block is not exactly the header of such a member.
func parseHeader(b *[block]byte) (name string, size int64, ok bool) {
	name, _, _ = strings.Cut(string(b[:100]), "\x00")
	if b[sizeAt] == 0x80 {
		u := binary.BigEndian.Uint64(b[sizeAt+4:])
		if u>>63 != 0 {
			return "", 0, false
		}
		size = int64(u)
	} else {
		for _, c := range b[sizeAt : sizeAt+11] {
			if c < '0' || c > '7' {
				return "", 0, false
			}
			size = size<<3 | int64(c-'0')
		}
	}
	return name, size, *b == header(name, size)
}

// checkName refuses a name that is not a relative path of plain elements.
func checkName(name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("a name of %d bytes", len(name))
	}
	for _, c := range []byte(name) {
		plain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !plain && c != '.' && c != '_' && c != '-' && c != '/' {
			return fmt.Errorf("a name with the character %q", c)
		}
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || part == "." || part == ".." {
			return fmt.Errorf("the path %q, which is not plain", name)
		}
	}
	return nil
}

// padding is how many zeros follow a member's bytes.
func padding(size int64) int64 { return (block - size%block) % block }
