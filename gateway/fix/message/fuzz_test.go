package message

import (
	"bytes"
	"io"
	"slices"
	"testing"
)

// FuzzParse: whatever parses is a row of fields that, written out again, gives the same bytes.
func FuzzParse(f *testing.F) {
	f.Add(frame("35=D|34=1|49=A|56=B|95=3|96=a|b|58=x|"))
	f.Add([]byte("8=FIX.4.4\x019=5\x0135=0\x0110=000\x01"))
	f.Add([]byte("-1=\x0193=1\x0189=\x01\x01"))
	f.Fuzz(func(t *testing.T, row []byte) {
		var m Message
		if m.Parse(row) != nil {
			return
		}
		m.Seq()
		m.Group(TagNoPartyIDs, tagPartyID, func(fields []Field) { Find(fields, tagPartyRole) })
		total := 0
		for _, field := range m.Fields {
			total += len(field.Value) + len("0=|")
		}
		if total > len(row) {
			t.Fatalf("%d bytes of fields in %d bytes", total, len(row))
		}
		again, err := AppendFields(nil, row)
		if err != nil || len(again) != len(m.Fields) {
			t.Fatalf("second parse: %d fields, %v", len(again), err)
		}
	})
}

// FuzzBuild: what is built is read back as it was put in.
func FuzzBuild(f *testing.F) {
	f.Add("D", 11, "x", []byte("data\x01"), uint64(7), int64(1e18), true)
	f.Fuzz(func(t *testing.T, msgType string, tag int, text string, data []byte, seq uint64, ns int64, dup bool) {
		if len(msgType) == 0 || len(msgType) > maxTypeLength || bytes.IndexByte([]byte(msgType), soh) >= 0 {
			return
		}
		tag = tag%maxTag + maxTag // a body's field, none that is looked for below
		b := NewBody(msgType).Str(tag, text).Data(TagRawDataLength, TagRawData, data).Int(TagPrice, ns)
		stored, err := ParseBody(b.AppendTo(nil))
		if err != nil {
			t.Fatal(err)
		}
		h := Header{Sender: "A", Target: "B", Seq: seq, SendingNs: ns, PossDup: dup, OrigSendingNs: ns}
		got, err := NewReader(bytes.NewReader(AppendMessage(nil, &h, &stored)), 1<<20).Next()
		if err != nil {
			t.Fatal(err)
		}
		var m Message
		if err := m.Parse(got); err != nil {
			t.Fatal(err)
		}
		n, _ := m.Uint(TagMsgSeqNum)
		price, _ := m.Int(TagPrice)
		want := string(bytes.ReplaceAll([]byte(text), []byte{soh}, []byte{'?'}))
		if m.Type() != msgType || n != seq || m.String(tag) != want || m.String(TagRawData) != string(data) || m.Bool(TagPossDupFlag) != dup {
			t.Fatalf("built %q", got)
		}
		if ns > -1<<63 && price != ns {
			t.Fatalf("price %d, want %d", price, ns)
		}
	})
}

const maxTag = 100_000

// FuzzReader: the same frames come out of a stream whatever its pieces, each with a right sum, and memory stays bounded.
func FuzzReader(f *testing.F) {
	f.Add([]byte(good("1")+good("2")), uint8(1))
	f.Add([]byte("junk"+good("1")+"8=FIX.4.4\x019=3\x01xx"+good("2")+good("3")), uint8(3))
	f.Add([]byte("8=FIX.4.4\x019=30\x0135=0\x0110=1\x01"+good("2")+good("3")), uint8(5))
	f.Fuzz(func(t *testing.T, stream []byte, piece uint8) {
		whole, garbled, err := collect(t, NewReader(bytes.NewReader(stream), 0), false)
		pieces, garbled2, err2 := collect(t, NewReader(&cutter{stream, int(piece)%17 + 1}, 0), true)
		if !slices.Equal(whole, pieces) || garbled != garbled2 || err != err2 {
			t.Fatalf("whole: %q %d %v\npieces: %q %d %v", whole, garbled, err, pieces, garbled2, err2)
		}
	})
}

func collect(t *testing.T, r *Reader, peek bool) (frames []string, garbled uint64, err error) {
	for {
		f, err := r.Next()
		if err != nil {
			if err != io.EOF && err != io.ErrUnexpectedEOF && err != ErrTooLarge {
				t.Fatal(err)
			}
			return frames, r.Garbled(), err
		}
		before := string(f)
		if peek {
			r.Pending()
		}
		if string(f) != before || len(r.buf) > MinMaxBytes {
			t.Fatalf("the frame changed, or the buffer has %d bytes", len(r.buf))
		}
		if sum, ok := digits(f[len(f)-4 : len(f)-1]); !ok || sum != int(CheckSum(f[:len(f)-trailerSize])) {
			t.Fatalf("frame with a wrong sum: %q", f)
		}
		frames = append(frames, before)
	}
}

// cutter gives a stream in pieces.
type cutter struct {
	rest  []byte
	piece int
}

func (c *cutter) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.rest[:min(c.piece, len(c.rest))])
	c.rest = c.rest[n:]
	return n, nil
}
