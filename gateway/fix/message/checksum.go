package message

import "encoding/binary"

// CheckSum returns the sum of all bytes modulo 256, as the field CheckSum (10) has it of all bytes before itself.
func CheckSum(v []byte) byte {
	const evenBytes = 0x00ff_00ff_00ff_00ff
	var sum uint64
	for len(v) >= 8 {
		// Four lanes of 16 bits, two bytes into each at a time. A lane's overflow would carry into the next one, so
		// the lanes are cut back to the eight bits that count.
		w := binary.LittleEndian.Uint64(v)
		sum = (sum + w&evenBytes + w>>8&evenBytes) & evenBytes
		v = v[8:]
	}
	sum += sum >> 32
	sum += sum >> 16
	total := byte(sum)
	for _, c := range v {
		total += c
	}
	return total
}
