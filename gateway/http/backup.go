package http

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"
)

// errNoBackup is what a backup ends with when nothing comes any more, or nobody takes it.
var errNoBackup = errors.New("gateway/http: the backup is broken off")

// backup handles GET /v1/admin/backup: a whole copy of the venue, made while it goes on. It is written while it is sent, so
// that the connection is broken off where it cannot be finished. What fails before its first byte is refused.
func backup(q *request) (any, *Error) {
	if err := q.fields.done(); err != nil {
		return nil, err
	}
	s := q.s
	switch {
	case s.cluster == nil:
		return nil, refuse(NotOffered, "this node is not set up to be copied")
	case s.stopping.Load():
		return nil, refuse(ShuttingDown, "")
	case !s.core.Ready():
		return nil, refuse(NotReady, "")
	}
	select {
	case s.backups <- struct{}{}:
	default:
		return nil, refuse(Busy, "another backup is under way")
	}
	s.log.Info("a backup was asked for by an operator", "key", q.key.ID)
	b := s.startBackup()
	first, err := b.part(nil)
	if err != nil {
		b.end()
		s.log.Warn("a backup was asked for and failed", "error", err)
		return nil, refuse(s.reasonOf(err, Busy), "no backup was made; the node's log says why")
	}
	return &streamedAnswer{
		contentType: "application/x-tar", filename: "uncross-" + q.now.UTC().Format("20060102T150405Z") + ".tar", end: b.end,
		next: func(dst []byte) ([]byte, *Error) {
			if first != nil {
				dst, first = append(dst, first...), nil
				return dst, nil
			}
			part, err := b.part(dst)
			if err != nil {
				s.log.Warn("a backup has failed, and is broken off", "error", err)
				return nil, refuse(Internal, "")
			}
			return part, nil
		},
	}, nil
}

// copying is a backup on its way from who writes it to who reads it.
type copying struct {
	from *io.PipeReader
	wait time.Duration
	end  func()
}

// startBackup has the cluster write a backup until it is whole, end is called, or the server stops.
func (s *Server) startBackup() *copying {
	ctx, cancel := context.WithCancel(context.Background())
	from, to := io.Pipe()
	b := &copying{from: from, wait: s.limits.BackupWait}
	b.end = func() {
		cancel()
		_ = from.CloseWithError(errNoBackup)
	}
	go func() {
		select {
		case <-s.stop:
			b.end()
		case <-ctx.Done():
		}
	}()
	go func() {
		defer func() { <-s.backups }()
		defer cancel()
		_ = to.CloseWithError(s.writeBackup(ctx, to))
	}()
	return b
}

// writeBackup calls the cluster. What panics there is a fault of this program, and the backup's alone.
func (s *Server) writeBackup(ctx context.Context, w io.Writer) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("a backup made the gateway panic", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			err = errNoBackup
		}
	}()
	return s.cluster.Backup(ctx, w)
}

// backupPart is how much of a backup is sent at once.
const backupPart = 64 << 10

// part appends the next part to dst; nothing appended: that was all.
func (b *copying) part(dst []byte) ([]byte, error) {
	late := time.AfterFunc(b.wait, b.end)
	defer late.Stop()
	dst = append(dst, make([]byte, backupPart)...)
	n, err := io.ReadAtLeast(b.from, dst, 1)
	if err == io.EOF {
		return dst[:0], nil
	}
	return dst[:n], err
}
