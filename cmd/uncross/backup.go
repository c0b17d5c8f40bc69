package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"uncross/gateway/client"
	"uncross/internal/archive"
)

type backupCmd struct {
	operatorFlags
	To string `required:"" type:"path" placeholder:"FILE" help:"File to write; there must be none."`
}

// Help implements kong.HelpProvider.
func (backupCmd) Help() string {
	return `Writes a whole copy of the venue while it goes on: state, log, history and FIX messages, as a tar archive that ends with a
manifest of checksums. It is checked before it gets its name, so that a file of that name is whole. A follower may be asked, which
spares the leader; the copy is then as of what that node has applied.

Example
  uncross backup --key operator.key --server http://10.0.0.2:8080 --to venue-2026-11-27.tar`
}

// Run makes a backup.
func (c *backupCmd) Run(s *streams) error {
	if exists(c.To) {
		return fmt.Errorf("%s is there already: a backup does not overwrite anything", c.To)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	from, err := c.connect(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	part := c.To + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600) // it has what every account owns
	if err != nil {
		return err
	}
	size, err := c.write(ctx, from, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("no backup was made: %w", err), os.Remove(part))
	}
	if err := os.Rename(part, c.To); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(c.To)); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s: %d bytes from %s in %s, checked\n", c.To, size, from.URL(), time.Since(begin).Round(time.Millisecond))
	return nil
}

// write copies the node's answer to the file and checks it.
func (c *backupCmd) write(ctx context.Context, from *client.Client, f *os.File) (int64, error) {
	size, err := from.Download(ctx, "/v1/admin/backup", f)
	if err != nil {
		return size, explained(err)
	}
	if err := f.Sync(); err != nil {
		return size, err
	}
	if _, err := f.Seek(0, 0); err != nil {
		return size, err
	}
	_, err = archive.Verify(bufio.NewReaderSize(f, 1<<20))
	return size, err
}
