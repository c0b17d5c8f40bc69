package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"gopkg.in/yaml.v3"
)

// configResolver gives flags their values from the file that the flag --config names: YAML, or JSON, which is a part of
// it. Its members are the command's flags by name. A flag on the command line comes before the environment, and that
// before the file: kong would let a resolver win over the environment, so this one keeps silent where the environment
// speaks.
type configResolver struct {
	path   string
	values map[string]string
}

// Validate implements kong.Resolver.
func (r *configResolver) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver.
func (r *configResolver) Resolve(ctx *kong.Context, parent *kong.Path, flag *kong.Flag) (any, error) {
	i := slices.IndexFunc(parent.Flags, func(f *kong.Flag) bool { return f.Name == configFlag })
	if i < 0 || flag.Name == configFlag {
		return nil, nil
	}
	path, _ := ctx.FlagValue(parent.Flags[i]).(string)
	if path == "" {
		return nil, nil
	}
	if r.path != path {
		values, err := readConfig(path, parent.Flags)
		if err != nil {
			return nil, err
		}
		r.path, r.values = path, values
	}
	for _, env := range flag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil
		}
	}
	if v, ok := r.values[flag.Name]; ok {
		return v, nil
	}
	return nil, nil
}

// configFlag is the name of the flag that names the configuration file.
const configFlag = "config"

// readConfig reads a configuration file and returns its values as a command line would have them.
func readConfig(path string, flags []*kong.Flag) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	var members map[string]any
	if err := yaml.NewDecoder(bytes.NewReader(text)).Decode(&members); err != nil {
		return nil, fmt.Errorf("configuration %s: %w", path, err)
	}
	values := map[string]string{}
	for name, v := range members {
		name = strings.ReplaceAll(name, "_", "-")
		i := slices.IndexFunc(flags, func(f *kong.Flag) bool { return f.Name == name })
		if i < 0 || name == configFlag || name == "help" {
			return nil, fmt.Errorf("configuration %s: there is no setting %q", path, name)
		}
		switch v := v.(type) {
		case string:
			values[name] = v
		case bool, int, int64, uint64, float64:
			values[name] = fmt.Sprint(v)
		case []any:
			parts := make([]string, len(v))
			for i := range v {
				parts[i] = fmt.Sprint(v[i])
			}
			values[name] = strings.Join(parts, ",")
		default:
			return nil, fmt.Errorf("configuration %s: %s has a value that is no text, number, truth value or list", path, name)
		}
	}
	return values, nil
}
