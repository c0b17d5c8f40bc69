package auth

import (
	"encoding/hex"
	"strconv"
)

// The headers of a signed request.
const (
	HeaderSession = "Uncross-Session" // session id, 32 hex digits
	HeaderSeq     = "Uncross-Seq"     // sequence number, from 1
	HeaderTime    = "Uncross-Time"    // milliseconds since the Unix epoch
	HeaderMac     = "Uncross-Mac"     // HMAC-SHA256, 64 hex digits
)

const sessionIDLength = 32

// Headers are a request's parsed authentication headers.
type Headers struct {
	Session string
	Seq     uint64
	TimeMs  int64
	Mac     [32]byte
}

// ParseHeaders reads the four headers' values; a header that is absent is given as "". It is strict, so that one signed
// request has one form: hex digits in lower case, numbers without sign or zeros in front, the sequence number from 1.
// Errors: ErrNoSession when all four are absent, else ErrHeader.
func ParseHeaders(session, seq, timeMs, mac string) (Headers, error) {
	if session == "" && seq == "" && timeMs == "" && mac == "" {
		return Headers{}, ErrNoSession
	}
	h := Headers{Session: session}
	var ok1, ok2 bool
	var ms uint64
	h.Seq, ok1 = parseNumber(seq)
	ms, ok2 = parseNumber(timeMs)
	h.TimeMs = int64(ms)
	if !ok1 || !ok2 || h.Seq == 0 || h.TimeMs < 0 || len(session) != sessionIDLength || !isHex(session) {
		return Headers{}, ErrHeader
	}
	if len(mac) != 2*len(h.Mac) || !isHex(mac) {
		return Headers{}, ErrHeader
	}
	if _, err := hex.Decode(h.Mac[:], []byte(mac)); err != nil {
		return Headers{}, ErrHeader
	}
	return h, nil
}

// Each calls set with every header's name and value.
func (h *Headers) Each(set func(name, value string)) {
	set(HeaderSession, h.Session)
	set(HeaderSeq, strconv.FormatUint(h.Seq, 10))
	set(HeaderTime, strconv.FormatInt(h.TimeMs, 10))
	set(HeaderMac, hex.EncodeToString(h.Mac[:]))
}

func parseNumber(s string) (uint64, bool) {
	if s == "" || len(s) > 20 || (s[0] == '0' && len(s) > 1) {
		return 0, false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return n, err == nil
}

func isHex(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
