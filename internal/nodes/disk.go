package nodes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// toolTime is the longest run of a tool.
const toolTime = 20 * time.Second

// Tool runs a tool of the system.
func Tool(args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), toolTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}

// Disk is a file system of its own, in a file beside Dir, where it is mounted.
type Disk struct{ Dir string }

// MakeDisk makes a disk and mounts it. Root on Linux alone can. The file is sparse.
func MakeDisk(dir string, size int64) (*Disk, error) {
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		return nil, errors.New("only root on Linux can make a file system that hangs")
	}
	d := &Disk{dir}
	return d, errors.Join(
		os.MkdirAll(dir, 0o700),
		Tool("truncate", "-s", strconv.FormatInt(size, 10), dir+".img"),
		Tool("mkfs.ext4", "-q", "-m", "0", dir+".img"),
		d.Mount(),
	)
}

// Mount mounts the disk, which MakeDisk has done already.
func (d *Disk) Mount() error { return Tool("mount", "-o", "loop", d.Dir+".img", d.Dir) }

// Unmount takes the disk away; the processes that used it have ended.
func (d *Disk) Unmount() error { return Tool("umount", d.Dir) }

// Freeze lets every write hang. A process that hangs in one cannot be killed until the disk is thawed.
func (d *Disk) Freeze() error { return Tool("fsfreeze", "-f", d.Dir) }

// Thaw undoes Freeze.
func (d *Disk) Thaw() error { return Tool("fsfreeze", "-u", d.Dir) }
