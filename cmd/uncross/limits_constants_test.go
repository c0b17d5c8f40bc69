package main

import (
	"errors"
	"go/ast"
	"go/constant"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// noLimits are the exported numbers that bound nothing, and where they are described.
var noLimits = map[string]string{
	"follow.TooSlow":    "docs/stream.md",
	"peer.Version":      "docs/protocols.md",
	"roster.Format":     "docs/protocols.md",
	"wal.FormatVersion": "docs/protocols.md",
}

// TestEveryConstantIsDocumented finds the numbers that the packages below the gateway and the client export, and every pause and
// time-out in them: one that is new has no row in docs/limits.md yet. A row that names any other constant of theirs, of the gateway
// or of the program has its value, too.
func TestEveryConstantIsDocumented(t *testing.T) {
	b, err := os.ReadFile("../../docs/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	text, clock := string(b), importer.Default()
	known := map[string]bool{}
	complete := []string{"replication", "replication/peer", "replication/roster", "wal", "gateway/storage", "gateway/client", "gateway/client/follow"}
	others := []string{"gateway/http", "gateway/history", "gateway/fix", "gateway/fix/entry", "gateway/fix/reference", "internal/traders", "cmd/uncross"}
	var packages []string
	for i, dir := range slices.Concat(complete, others) {
		packages = append(packages, path.Base(dir))
		scope := declared(t, clock, dir)
		for _, name := range scope.Names() {
			qualified := path.Base(dir) + "." + name
			value, isLimit := limitOf(scope.Lookup(name))
			named := strings.Contains(text, "`"+qualified+"`")
			known[qualified] = true
			switch {
			case named && value != nil:
				checkRow(t, text, qualified, value)
			case i >= len(complete) || !isLimit || named || noLimits[qualified] != "":
			case value != nil:
				checkRow(t, text, name, value)
			default:
				t.Errorf("docs/limits.md does not name %s", qualified)
			}
		}
	}
	for _, named := range regexp.MustCompile("`((?:"+strings.Join(packages, "|")+")\\.[a-z]\\w*)`").FindAllStringSubmatch(text, -1) {
		if !known[named[1]] {
			t.Errorf("docs/limits.md names %s, which is not there", named[1])
		}
	}
}

// limitOf returns a constant's value as docs/limits.md writes it, nil for anything else, and whether it has to be there.
func limitOf(o types.Object) (value any, isLimit bool) {
	isDuration := types.TypeString(o.Type(), nil) == "time.Duration"
	c, isConst := o.(*types.Const)
	if !isConst {
		_, isVar := o.(*types.Var)
		return nil, isVar && isDuration
	}
	basic, _ := c.Type().(*types.Basic) // types of their own are kinds and codes
	n, exact := constant.Int64Val(constant.ToInt(c.Val()))
	switch {
	case isDuration:
		return time.Duration(n), true
	case basic != nil && basic.Info()&types.IsNumeric != 0 && exact:
		return int(n), c.Exported()
	}
	return nil, false
}

// declared returns what a package declares. Types of other packages than time stay unknown, which does not matter here.
func declared(t *testing.T, clock types.Importer, dir string) *types.Scope {
	t.Helper()
	paths, err := filepath.Glob("../../" + dir + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, p := range paths {
		if strings.HasSuffix(p, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, p, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	config := types.Config{Importer: onlyTime{clock}, IgnoreFuncBodies: true, Error: func(error) {}}
	p, _ := config.Check(dir, set, files, nil)
	return p.Scope()
}

type onlyTime struct{ types.Importer }

func (i onlyTime) Import(name string) (*types.Package, error) {
	if name != "time" {
		return nil, errors.New("not needed")
	}
	return i.Importer.Import(name)
}
