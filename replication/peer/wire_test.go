package peer

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// messages are all that raft sends.
func messages() []any {
	return []any{
		new(raft.AppendEntriesRequest), new(raft.AppendEntriesResponse), new(raft.RequestVoteRequest), new(raft.RequestVoteResponse),
		new(raft.RequestPreVoteRequest), new(raft.RequestPreVoteResponse), new(raft.InstallSnapshotRequest),
		new(raft.InstallSnapshotResponse), new(raft.TimeoutNowRequest), new(raft.TimeoutNowResponse),
	}
}

// fill sets every field of v, below any depth, to a value of its own.
func fill(v reflect.Value, next *uint64) {
	*next++
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), next)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(0, int64(*next)+1<<60)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), next)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 3, 3))
		for i := range 3 {
			fill(v.Index(i), next)
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(*next & 0xff)
	case reflect.Uint64:
		v.SetUint(*next << 32)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*next << 32))
	default:
		panic(v.Type())
	}
}

// Every field of every message arrives. A field that a newer raft adds is missing here before it is missing in a cluster.
func TestMessages(t *testing.T) {
	next := uint64(0)
	for _, m := range messages() {
		for _, empty := range []bool{true, false} {
			if !empty {
				fill(reflect.ValueOf(m).Elem(), &next)
			}
			b, err := encode(nil, m)
			if err != nil {
				t.Fatal(err)
			}
			kind, n, err := readHead(bytes.NewReader(b))
			if err != nil || n != len(b)-frameHead {
				t.Fatalf("%T: kind %d, %d bytes, %v", m, kind, n, err)
			}
			got := reflect.New(reflect.TypeOf(m).Elem()).Interface()
			if err := decode(b[frameHead:], got); err != nil || !reflect.DeepEqual(got, m) {
				t.Errorf("%+v\nis read as\n%+v, %v", m, got, err)
			}
			for i := range n {
				if decode(b[frameHead:frameHead+i], reflect.New(reflect.TypeOf(m).Elem()).Interface()) == nil {
					t.Fatalf("%T: %d of %d bytes are enough", m, i, n)
				}
			}
			if request := newRequest(kind); kind&kindAnswer == 0 && reflect.TypeOf(request) != reflect.TypeOf(m) {
				t.Errorf("%T is taken for %T", m, request)
			}
		}
	}
}

func FuzzMessage(f *testing.F) {
	next := uint64(0)
	for _, m := range messages() {
		fill(reflect.ValueOf(m).Elem(), &next)
		b, err := encode(nil, m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{kindAppend, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		kind, n, err := readHead(bytes.NewReader(b))
		if err != nil || n > len(b)-frameHead {
			return
		}
		m := newRequest(kind)
		if m == nil || decode(b[frameHead:frameHead+n], m) != nil {
			return
		}
		again, err := encode(nil, m)
		if err != nil || !bytes.Equal(again, b[:frameHead+n]) {
			t.Fatalf("%+v is written as %x, %v", m, again, err)
		}
	})
}

func TestCut(t *testing.T) {
	of := func(sizes ...int) (all []*raft.Log) {
		for _, n := range sizes {
			all = append(all, &raft.Log{Data: make([]byte, n)})
		}
		return all
	}
	for _, test := range []struct {
		entries []*raft.Log
		want    int
	}{
		{nil, 0}, {of(1), 1}, {of(2 * MaxAppend), 1}, {of(2*MaxAppend, 1), 1}, {of(1, MaxAppend, 1), 1}, {of(1, MaxAppend/2, 1, MaxAppend/2), 3}, {of(1, 2, 3), 3},
	} {
		if got := cut(test.entries); got != test.want {
			t.Errorf("%d of %d entries are sent, expected %d", got, len(test.entries), test.want)
		}
	}
}
