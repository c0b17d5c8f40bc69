package message

import "strconv"

// Header is what goes before a body: the standard header.
type Header struct {
	Sender        string // SenderCompID (49): whose message it is
	Target        string // TargetCompID (56)
	Seq           uint64 // MsgSeqNum (34)
	SendingNs     int64  // SendingTime (52), nanoseconds since 1970
	PossDup       bool   // PossDupFlag (43): sent again under its number
	OrigSendingNs int64  // OrigSendingTime (122), of a message sent again; 0: none
	PossResend    bool   // PossResend (97): its content may have been sent under another number
	Routing       []byte // ready fields, each with its SOH: 115, 116, 144, 128, 129, 145
}

const (
	begin       = "8=" + BeginString44 + "\x019="
	trailerSize = len("10=000\x01")
	dup         = "43=Y\x01"
	again       = "97=Y\x01"
)

// AppendMessage appends a whole frame: header, body, and trailer with the right BodyLength and CheckSum. It does not
// allocate when dst has room.
func AppendMessage(dst []byte, h *Header, b *Body) []byte {
	start := len(dst)
	dst = append(dst, begin...)
	dst = strconv.AppendInt(dst, int64(h.size()+len(b.buf)+len("35=")), 10)
	dst = append(dst, "\x0135="...)
	dst = append(dst, b.buf[:b.n+1]...)
	dst = h.append(dst)
	dst = append(dst, b.buf[b.n+1:]...)
	sum := CheckSum(dst[start:])
	dst = append(dst, "10="...)
	dst = appendDigits(dst, int(sum), 3)
	return append(dst, soh)
}

// append appends the header's fields that come after MsgType; size counts the same bytes.
func (h *Header) append(dst []byte) []byte {
	dst = append(dst, "34="...)
	dst = strconv.AppendUint(dst, h.Seq, 10)
	dst = append(dst, soh)
	if h.PossDup {
		dst = append(dst, dup...)
	}
	dst = append(dst, "49="...)
	dst = append(dst, h.Sender...)
	dst = append(dst, "\x0152="...)
	dst = AppendTime(dst, h.SendingNs)
	dst = append(dst, "\x0156="...)
	dst = append(dst, h.Target...)
	dst = append(dst, soh)
	if h.PossResend {
		dst = append(dst, again...)
	}
	if h.OrigSendingNs != 0 {
		dst = append(dst, "122="...)
		dst = AppendTime(dst, h.OrigSendingNs)
		dst = append(dst, soh)
	}
	return append(dst, h.Routing...)
}

func (h *Header) size() int {
	n := len("34=|49=|52=|56=|") + decimalSize(h.Seq) + len(h.Sender) + timeSize + len(h.Target) + len(h.Routing)
	if h.PossDup {
		n += len(dup)
	}
	if h.PossResend {
		n += len(again)
	}
	if h.OrigSendingNs != 0 {
		n += len("122=|") + timeSize
	}
	return n
}

func decimalSize(n uint64) int {
	size := 1
	for ; n > 9; n /= 10 {
		size++
	}
	return size
}
