package arch

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"sort"
	"strconv"
	"strings"
)

// Finding is one breach of a rule.
type Finding struct {
	Pos  token.Position
	Text string
}

// String returns the finding as a compiler would.
func (f Finding) String() string { return fmt.Sprintf("%s:%d: %s", f.Pos.Filename, f.Pos.Line, f.Text) }

// inspector gathers findings in one package.
type inspector struct {
	folder string
	fset   *token.FileSet
	info   *types.Info
	found  []Finding
}

func (in *inspector) report(n ast.Node, format string, args ...any) {
	in.found = append(in.found, Finding{in.fset.Position(n.Pos()), fmt.Sprintf(format, args...)})
}

// checkDeterminism returns the breaches of the rules in a type-checked package.
func checkDeterminism(folder string, fset *token.FileSet, files []*ast.File, info *types.Info) []Finding {
	in := &inspector{folder: folder, fset: fset, info: info}
	for _, f := range files {
		in.imports(f)
		for _, d := range f.Decls {
			name := ""
			if fn, ok := d.(*ast.FuncDecl); ok {
				name = fn.Name.Name
			}
			ast.Inspect(d, func(n ast.Node) bool {
				in.node(n, name)
				return true
			})
		}
	}
	sort.SliceStable(in.found, func(i, j int) bool {
		a, b := in.found[i].Pos, in.found[j].Pos
		return a.Filename < b.Filename || a.Filename == b.Filename && a.Line < b.Line
	})
	return in.found
}

func (in *inspector) imports(f *ast.File) {
	for _, spec := range f.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		instead, banned := bannedImports[path]
		if _, ok := allowedImports[[2]string{in.folder, path}]; banned && !ok {
			in.report(spec, "imports %s; use instead: %s", path, instead)
		}
	}
}

// node looks at one node of the function called name ("" outside functions).
func (in *inspector) node(n ast.Node, name string) {
	switch n := n.(type) {
	case *ast.GoStmt:
		in.report(n, "starts a goroutine; use instead: a loop, the engine is one thread")
	case *ast.SelectStmt:
		in.report(n, "select; use instead: the command's own order")
	case *ast.ChanType:
		in.report(n, "channel; use instead: a slice that the caller hands in")
	case *ast.RangeStmt:
		if t := in.info.TypeOf(n.X); t != nil {
			if _, ok := t.Underlying().(*types.Map); ok && allowedMapRanges[in.folder+"."+name] == "" {
				in.report(n, "ranges over a map, which comes in random order; use instead: a slice or a slab")
			}
		}
	case *ast.CallExpr:
		in.call(n, name)
	case *ast.Ident:
		if obj, ok := in.info.Defs[n]; ok && obj != nil && isFloat(obj.Type()) {
			in.report(n, "%s is a float; use instead: integers", n.Name)
		}
	}
}

func (in *inspector) call(n *ast.CallExpr, name string) {
	if tv, ok := in.info.Types[n.Fun]; ok && tv.IsType() {
		if isFloat(tv.Type) {
			in.report(n, "converts to a float; use instead: integers")
		}
		if b, ok := tv.Type.Underlying().(*types.Basic); ok && b.Kind() == types.Uintptr && len(n.Args) == 1 {
			if from, ok := in.info.TypeOf(n.Args[0]).Underlying().(*types.Basic); ok && from.Kind() == types.UnsafePointer {
				in.report(n, "turns a pointer into a number; use instead: integer handles")
			}
		}
		return
	}
	var id *ast.Ident
	switch f := ast.Unparen(n.Fun).(type) {
	case *ast.SelectorExpr:
		id = f.Sel
	case *ast.Ident:
		id = f
	default:
		return
	}
	fn, ok := in.info.Uses[id].(*types.Func)
	if !ok {
		if b, ok := in.info.Uses[id].(*types.Builtin); ok && (b.Name() == "print" || b.Name() == "println") {
			in.report(n, "%s; use instead: events", b.Name())
		}
		return
	}
	if fn.Pkg() == nil {
		return
	}
	full := fn.Pkg().Path() + "." + fn.Name()
	if fn.Pkg().Path() == "math" {
		in.report(n, "calls %s; use instead: integers, floats round by platform and compiler", full)
	}
	if instead, ok := bannedCalls[full]; ok && allowedCalls[[2]string{in.folder + "." + name, full}] == "" {
		in.report(n, "calls %s; use instead: %s", full, instead)
	}
}

func isFloat(t types.Type) bool {
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&(types.IsFloat|types.IsComplex) != 0
}

// folderOf returns the folder of a package of the module.
func folderOf(importPath string) string { return strings.TrimPrefix(importPath, Module+"/") }
