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

	{Path: "wal", Inside: []string{"internal/orderedfs"}, Outside: []string{"github.com/cockroachdb/pebble/v2", "github.com/hashicorp/raft", "github.com/cespare/xxhash/v2"}},
	{
		Path:    "replication",
		Inside:  []string{"engine", "engine/wire", "internal/nodeid", "internal/ring", "wal"},
		Outside: []string{"github.com/hashicorp/raft", "github.com/hashicorp/go-hclog", "github.com/cespare/xxhash/v2", "github.com/cockroachdb/pebble/v2"},
	},
	// The port between nodes knows raft's messages, and nothing of what they carry.
	{Path: "replication/peer", Inside: []string{"internal/nodeid"}, Outside: []string{"github.com/hashicorp/raft"}},
	{Path: "replication/peer/peertest", Inside: []string{"replication/peer"}},

	{Path: "replication/roster", Inside: []string{"internal/archive", "replication/peer"}},

	{
		Path:    "replication/sim",
		Inside:  []string{"engine", "engine/amount", "engine/wire", "replication", "wal"},
		Outside: []string{"github.com/hashicorp/raft", "github.com/cockroachdb/pebble/v2"},
	},

	// The gateway sees the engine through commands and events alone.
	{Path: "gateway", Inside: gatewaySees},
	{Path: "gateway/view", Inside: gatewaySees, Outside: []string{"github.com/google/btree"}},
	{Path: "gateway/mirror", Inside: []string{"book", "engine/wire", "internal/slab"}, Outside: []string{"github.com/google/btree"}},
	{
		Path:   "gateway/feed",
		Inside: []string{"book", "engine/amount", "engine/wire", "gateway/candles", "gateway/decimal", "gateway/feed/compact", "gateway/history", "gateway/mirror", "gateway/progress", "gateway/view"},
	},
	// The binary form is usable alone, by a client as by the venue.
	{Path: "gateway/feed/compact", Inside: []string{"engine/wire", "gateway/candles"}},
	{Path: "gateway/http", Inside: gatewaySees, Outside: []string{"github.com/valyala/fasthttp"}},
	{
		Path: "gateway/stream", Inside: gatewaySees,
		Outside: []string{"github.com/valyala/fasthttp", "github.com/gobwas/ws", "github.com/gobwas/httphead"},
	},
	{Path: "gateway/client", Inside: gatewaySees, Outside: []string{"github.com/valyala/fasthttp"}},
	{
		Path:    "gateway/client/follow",
		Inside:  []string{"engine/wire", "gateway/auth", "gateway/candles", "gateway/client", "gateway/decimal", "gateway/feed/compact"},
		Outside: []string{"github.com/gobwas/ws", "github.com/gobwas/httphead"},
	},
	{
		Path: "gateway/history", Inside: gatewaySees,
		Outside: []string{"github.com/cockroachdb/pebble/v2", "github.com/cespare/xxhash/v2"},
	},
	{Path: "gateway/candles", Inside: []string{"engine/wire"}},
	{Path: "gateway/storage", Inside: []string{"gateway/progress", "internal/orderedfs"}, Outside: []string{"github.com/cockroachdb/pebble/v2"}},
	{Path: "gateway/storage/storagetest", Inside: []string{"engine/wire", "internal/ring"}, Outside: []string{"github.com/cockroachdb/pebble/v2"}},
	{Path: "gateway/auth", Inside: gatewaySees, Outside: []string{"golang.org/x/crypto"}},
	{Path: "gateway/web"}, // files, and the standard library to embed them
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
		Inside:  []string{"bench/…", "book", "engine", "engine/…", "wal", "replication", "gateway/auth", "gateway/client", "gateway/client/follow", "gateway/feed/compact", "gateway/fix/message", "gateway/fix/initiator", "internal/…"},
		Outside: []string{"github.com/google/btree", "github.com/google/pprof", "github.com/HdrHistogram/hdrhistogram-go", "github.com/cespare/xxhash/v2", "github.com/hashicorp/raft"},
	},

	{Path: "internal/arch"},
	{Path: "internal/archive"},
	{Path: "internal/orderedfs", Outside: []string{"github.com/cockroachdb/pebble/v2"}},
	// Clients as well: nodes are processes, which are looked at through their gateways.
	{Path: "internal/nodes", Inside: []string{"gateway/client"}},
	{Path: "internal/nodes/nodestest", Inside: []string{"engine/wire", "gateway/auth", "gateway/client", "internal/nodes"}},
	{Path: "internal/recorded"},
	{Path: "internal/memnet"},
	{Path: "internal/nodeid"},
	{Path: "internal/ring"},
	{Path: "internal/slab"},
	{Path: "internal/testsum"},
	{Path: "internal/foreign", Inside: []string{"engine/amount", "engine/wire", "gateway/mirror"}},
	{Path: "internal/neutral", Inside: []string{"book", "engine", "engine/wire"}},
	{Path: "internal/neutral/remote", Inside: []string{"book", "engine/wire", "gateway/…", "internal/neutral"}},
	// Clients: they reach the venue through its gateways alone.
	{
		Path:   "internal/traders",
		Inside: []string{"engine/wire", "gateway/auth", "gateway/client", "gateway/decimal", "gateway/fix/initiator", "gateway/fix/message"},
	},
	{Path: "internal/sandbox", Inside: []string{"book", "engine", "engine/…", "gateway/decimal"}},

	{
		Path:   "cmd",
		Inside: []string{"bench", "bench/…", "book", "engine", "engine/…", "wal", "replication", "replication/…", "gateway/…", "internal/…"},
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
