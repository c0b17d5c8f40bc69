package bench

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The yardstick's protocol. A connection begins with a byte: it is a subscriber, or the one connection that gives orders. An order is
// fanoutOrder bytes: the size of a message, the nanoseconds between two, how many. A message is so many bytes, of which the first
// fanoutHead are its size and when it was due. The order is answered with a byte when all messages have been written.
const (
	fanoutSubscriber = 'S'
	fanoutControl    = 'C'
	fanoutOrder      = 20
	fanoutHead       = 12
	fanoutMessage    = 16 << 20 // largest message
)

// ServeFanout writes messages to plain TCP connections as it is told, until the listener is closed: what the sockets and the
// system take of what a venue's stream does.
func ServeFanout(ln net.Listener) error {
	f := &fanout{}
	for {
		conn, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go f.serve(conn)
	}
}

type fanout struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (f *fanout) serve(conn net.Conn) {
	var kind [1]byte
	if _, err := io.ReadFull(conn, kind[:]); err != nil {
		conn.Close()
		return
	}
	if kind[0] == fanoutSubscriber {
		f.mu.Lock()
		f.conns = append(f.conns, conn)
		f.mu.Unlock()
		_, _ = conn.Write(kind[:])
		return
	}
	defer conn.Close()
	defer f.drop()
	var order [fanoutOrder]byte
	for {
		if _, err := io.ReadFull(conn, order[:]); err != nil {
			return
		}
		size := int(binary.LittleEndian.Uint32(order[0:]))
		between, count := time.Duration(binary.LittleEndian.Uint64(order[4:])), int(binary.LittleEndian.Uint64(order[12:]))
		if size < fanoutHead || size > fanoutMessage || between <= 0 {
			return
		}
		f.publish(size, between, count)
		if _, err := conn.Write(kind[:]); err != nil {
			return
		}
	}
}

func (f *fanout) drop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		c.Close()
	}
	f.conns = nil
}

// publish writes messages on a fixed schedule, each to all subscribers, by as many goroutines as there are cores.
func (f *fanout) publish(size int, between time.Duration, count int) {
	f.mu.Lock()
	conns := f.conns
	f.mu.Unlock()
	start := time.Now()
	var writers sync.WaitGroup
	shares := runtime.GOMAXPROCS(0)
	for k := range shares {
		share := conns[len(conns)*k/shares : len(conns)*(k+1)/shares]
		writers.Go(func() {
			m := make([]byte, size)
			binary.LittleEndian.PutUint32(m, uint32(size))
			for i := range count {
				due := start.Add(time.Duration(i) * between)
				for wait := time.Until(due); wait > 0; wait = time.Until(due) {
					sleepFor(wait)
				}
				binary.LittleEndian.PutUint64(m[4:], uint64(due.UnixNano()))
				for _, c := range share {
					_, _ = c.Write(m) // a reader that has ended is missed in the count
				}
			}
		})
	}
	writers.Wait()
}

// fanoutRun is what a run of the yardstick came to.
type fanoutRun struct {
	messages, bytes int64
	took            time.Duration
	delays          *hdrhistogram.Histogram
}

// runFanout has the yardstick write messages of a size to so many connections of this process.
func runFanout(ctx context.Context, address string, readers, size int, perSecond, seconds float64) (*fanoutRun, error) {
	size = max(size, fanoutHead)
	count := max(1, int(perSecond*seconds))
	control, err := dialFanout(ctx, address, fanoutControl)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	shards := make([]*fanoutRun, feedShards)
	for i := range shards {
		shards[i] = &fanoutRun{delays: newHistogram()}
	}
	var locks [feedShards]sync.Mutex
	var reading sync.WaitGroup
	defer reading.Wait()
	for i := range readers {
		conn, err := dialFanout(ctx, address, fanoutSubscriber)
		if err != nil {
			return nil, errors.Join(err, control.Close())
		}
		var ready [1]byte
		if _, err := io.ReadFull(conn, ready[:]); err != nil {
			return nil, errors.Join(err, control.Close())
		}
		shard, lock := shards[i%feedShards], &locks[i%feedShards]
		reading.Go(func() {
			defer conn.Close()
			readFanout(conn, count, func(size int, delay time.Duration) {
				lock.Lock()
				shard.messages++
				shard.bytes += int64(size)
				record(shard.delays, int64(delay))
				lock.Unlock()
			})
		})
	}
	order := binary.LittleEndian.AppendUint32(nil, uint32(size))
	order = binary.LittleEndian.AppendUint64(order, uint64(max(1, 1e9/max(perSecond, 0.001))))
	order = binary.LittleEndian.AppendUint64(order, uint64(count))
	start := time.Now()
	if _, err := control.Write(order); err != nil {
		return nil, err
	}
	var done [1]byte
	if _, err := io.ReadFull(control, done[:]); err != nil {
		return nil, fmt.Errorf("the yardstick: %w", err)
	}
	reading.Wait()
	all := &fanoutRun{took: time.Since(start), delays: newHistogram()}
	for _, s := range shards {
		all.messages, all.bytes = all.messages+s.messages, all.bytes+s.bytes
		all.delays.Merge(s.delays)
	}
	if want := int64(count * readers); all.messages != want {
		return nil, fmt.Errorf("the yardstick: %d messages came, expected %d", all.messages, want)
	}
	return all, nil
}

func dialFanout(ctx context.Context, address string, kind byte) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write([]byte{kind}); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// readFanout reads count messages, or until the connection ends.
func readFanout(conn net.Conn, count int, note func(size int, delay time.Duration)) {
	in := bufio.NewReaderSize(conn, 16<<10)
	for range count {
		head, err := in.Peek(fanoutHead)
		if err != nil {
			return
		}
		size, due := int(binary.LittleEndian.Uint32(head)), int64(binary.LittleEndian.Uint64(head[4:]))
		if n, err := in.Discard(size); err != nil || n != size {
			return
		}
		note(size, time.Duration(time.Now().UnixNano()-due))
	}
}
