package arch

// Deterministic lists the folders whose packages must give the same result for the same input, always and everywhere.
var Deterministic = []string{"book", "engine", "engine/amount", "engine/wire", "internal/slab"}

// bannedImports are packages that a deterministic package may not import, with what to use in their place.
var bannedImports = map[string]string{
	"context":          "nothing: an apply is never cut short",
	"crypto/rand":      "a number that comes with the command",
	"encoding/gob":     "engine/wire, whose layout is fixed",
	"encoding/json":    "engine/wire, whose layout is fixed",
	"fmt":              "errors.New, or a panic with a plain string",
	"hash/maphash":     "the package's own mixer: maphash is seeded anew in every process",
	"io/fs":            "nothing: files are opened outside",
	"log":              "events",
	"log/slog":         "events",
	"maps":             "a slab or a sorted slice: maps come in random order",
	"math/cmplx":       "integers",
	"math/rand":        "a number that comes with the command",
	"math/rand/v2":     "a number that comes with the command",
	"net":              "nothing: sockets are the gateway's",
	"net/http":         "nothing: sockets are the gateway's",
	"os":               "nothing: files and environment are read outside",
	"os/signal":        "nothing: signals are handled outside",
	"reflect":          "written-out code",
	"runtime":          "nothing",
	"runtime/debug":    "nothing",
	"sync":             "nothing: one goroutine owns the value",
	"sync/atomic":      "nothing: one goroutine owns the value",
	"syscall":          "nothing",
	"time":             "the command's stamped time",
	"unique":           "integer handles",
	"weak":             "integer handles",
	"golang.org/x/sys": "nothing",
}

// allowedImports are exceptions, each with its reason.
var allowedImports = map[[2]string]string{
	{"internal/slab", "sync/atomic"}: "a view is released on the goroutine that reads it",
	{"engine/wire", "fmt"}:           "errors of decoding name what was found; they never reach an event",
}

// bannedCalls are functions of packages that may be imported, with what to use in their place.
var bannedCalls = map[string]string{
	"sort.Slice":          "slices.SortStableFunc",
	"sort.Sort":           "slices.SortStableFunc",
	"slices.SortFunc":     "slices.SortStableFunc",
	"errors.As":           "a comparison with errors.Is, outside the hot path",
	"strconv.AppendQuote": "plain text",
}

// allowedCalls are exceptions by function and call, each with its reason.
var allowedCalls = map[[2]string]string{
	{"engine.listBalances", "slices.SortFunc"}: uniqueKeys,
	{"engine.sortKeyed", "slices.SortFunc"}:    uniqueKeys,
}

const uniqueKeys = "no two values share a key, so that there is one order only"

// allowedMapRanges are functions that may range over a map, each with its reason.
var allowedMapRanges = map[string]string{
	"engine/wire.sizes": "fills a table at start; the result does not depend on the order",
}
