package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"uncross/engine/wire"
)

// version is the program's version; a release sets it with -ldflags "-X main.version=…".
var version = "0.1.0-dev"

type versionCmd struct{}

// Run prints the version of the program, of its formats, and of Go.
func (versionCmd) Run(s *streams) error {
	revision := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				revision = setting.Value
			}
		}
	}
	fmt.Fprintf(s.out, "uncross %s (revision %s)\n", version, revision)
	fmt.Fprintf(s.out, "rules %d, batch format %d, %s %s/%s\n", wire.CurrentRules, wire.BatchVersion, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
