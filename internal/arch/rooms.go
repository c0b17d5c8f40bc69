package arch

import (
	"fmt"
	"strings"
)

// Module is the module path of the project.
const Module = "uncross"

// Room is a folder and what its packages may import, tests aside. The standard library is free except in
// Deterministic packages, where the rules name what is not.
type Room struct {
	Path    string   // folder in the module; it also governs the folders below it that have no room of their own
	Inside  []string // folders of the module that it may import ("engine/…" for all below as well)
	Outside []string // modules that it may import
}

// Rooms says who may import whom.
var Rooms = []Room{
	{Path: "book", Inside: []string{"internal/slab"}, Outside: []string{"github.com/google/btree"}},
	{Path: "engine", Inside: []string{"book", "engine/…", "internal/slab"}, Outside: []string{"github.com/cespare/xxhash/v2"}},
	{Path: "engine/amount"},
	{Path: "engine/wire", Inside: []string{"book", "engine/amount"}},

	{Path: "wal", Outside: []string{"github.com/cockroachdb/pebble/v2", "github.com/hashicorp/raft", "github.com/cespare/xxhash/v2"}},
	{
		Path:    "replication",
		Inside:  []string{"engine", "engine/wire", "internal/ring", "wal"},
		Outside: []string{"github.com/hashicorp/raft", "github.com/hashicorp/go-hclog", "github.com/cespare/xxhash/v2"},
	},

	// The gateway sees the engine through commands and events alone.
	{Path: "gateway", Inside: gatewaySees},
	{Path: "gateway/view", Inside: gatewaySees, Outside: []string{"github.com/google/btree"}},
	{Path: "gateway/http", Inside: gatewaySees, Outside: []string{"github.com/valyala/fasthttp"}},
	{Path: "gateway/client", Inside: gatewaySees, Outside: []string{"github.com/valyala/fasthttp"}},
	{
		Path: "gateway/history", Inside: gatewaySees,
		Outside: []string{"github.com/cockroachdb/pebble/v2", "github.com/cespare/xxhash/v2"},
	},
	{Path: "gateway/storage", Outside: []string{"github.com/cockroachdb/pebble/v2"}},
	{Path: "gateway/auth", Inside: gatewaySees, Outside: []string{"golang.org/x/crypto"}},
	{Path: "gateway/fix", Inside: gatewaySees},
	// Messages are usable alone, by a client as by the venue.
	{Path: "gateway/fix/message", Inside: []string{"engine/wire"}},
	{Path: "gateway/fix/dictionary", Inside: []string{"gateway/fix/message"}},
	{Path: "gateway/fix/report", Inside: []string{"engine/wire", "gateway/decimal", "gateway/fix/message"}},
	{
		Path:    "gateway/fix/outbox",
		Inside:  []string{"engine/amount", "engine/wire", "gateway/decimal", "gateway/progress", "gateway/storage", "gateway/fix/message", "gateway/fix/report", "internal/slab"},
		Outside: []string{"github.com/cockroachdb/pebble/v2"},
	},
	// A client: nothing of the venue but its messages.
	{Path: "gateway/fix/initiator", Inside: []string{"engine/wire", "gateway/auth", "gateway/fix/message", "gateway/fix/dictionary"}},

	{
		Path:    "bench",
		Inside:  []string{"bench/…", "book", "engine", "engine/…", "wal", "replication", "gateway/fix/message", "gateway/fix/initiator", "internal/…"},
		Outside: []string{"github.com/google/btree", "github.com/google/pprof", "github.com/HdrHistogram/hdrhistogram-go"},
	},

	{Path: "internal/arch"},
	{Path: "internal/ring"},
	{Path: "internal/slab"},
	{Path: "internal/testsum"},
	{Path: "internal/neutral", Inside: []string{"book", "engine", "engine/wire"}},
	{Path: "internal/neutral/remote", Inside: []string{"book", "engine/wire", "gateway/…", "internal/neutral"}},
	{Path: "internal/sandbox", Inside: []string{"book", "engine", "engine/…", "gateway/decimal"}},

	{
		Path:   "cmd",
		Inside: []string{"bench", "bench/…", "book", "engine", "engine/…", "wal", "replication", "gateway/…", "internal/…"},
		Outside: []string{
			"github.com/alecthomas/kong", "github.com/hashicorp/raft", "github.com/mattn/go-isatty",
			"golang.org/x/sys", "golang.org/x/term", "gopkg.in/yaml.v3",
		},
	},
}

var gatewaySees = []string{"book", "engine/amount", "engine/wire", "gateway/…", "internal/ring", "internal/slab"}

// roomOf returns the room that governs a folder, and false when there is none.
func roomOf(rooms []Room, folder string) (Room, bool) {
	best := -1
	for i, r := range rooms {
		if (folder == r.Path || strings.HasPrefix(folder, r.Path+"/")) && (best < 0 || len(r.Path) > len(rooms[best].Path)) {
			best = i
		}
	}
	if best < 0 {
		return Room{}, false
	}
	return rooms[best], true
}

// checkImports returns what a package of the given folder imports and may not.
func checkImports(rooms []Room, folder string, imports []string) []string {
	room, ok := roomOf(rooms, folder)
	if !ok {
		return []string{fmt.Sprintf("%s: no room; add it to the table in rooms.go with what it may import", folder)}
	}
	var found []string
	for _, path := range imports {
		if inside, ok := strings.CutPrefix(path, Module+"/"); ok {
			if inside != folder && !matches(room.Inside, inside) {
				found = append(found, fmt.Sprintf("%s imports %s; the room %s may import %v", folder, inside, room.Path, room.Inside))
			}
			continue
		}
		if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
			continue // standard library
		}
		if !under(room.Outside, path) {
			found = append(found, fmt.Sprintf("%s imports %s; the room %s may import %v", folder, path, room.Path, room.Outside))
		}
	}
	return found
}

// matches reports whether folder is in list, where "x/…" stands for every folder below x.
func matches(list []string, folder string) bool {
	for _, l := range list {
		if below, ok := strings.CutSuffix(l, "…"); ok && strings.HasPrefix(folder, below) || l == folder {
			return true
		}
	}
	return false
}

// under reports whether path is one of the modules or below one.
func under(modules []string, path string) bool {
	for _, m := range modules {
		if path == m || strings.HasPrefix(path, m+"/") {
			return true
		}
	}
	return false
}
