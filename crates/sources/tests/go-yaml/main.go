// Command go-yaml reads a file as Argo CD reads a manifest file and prints what it found: one line of JSON
// per document, and `error` where reading stops. `go-yaml -versions` prints the versions of the libraries that
// did it. The goldens in ../yaml are made with `go-yaml -bless ../yaml`.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	switch {
	case len(arguments) == 1 && arguments[0] == "-versions":
		fmt.Print(versions())
		return nil
	case len(arguments) == 2 && arguments[0] == "-bless":
		return bless(arguments[1])
	case len(arguments) == 1:
		content, err := os.ReadFile(arguments[0])
		if err != nil {
			return err
		}
		fmt.Print(read(content))
		return nil
	}
	return errors.New("usage: go-yaml FILE | -bless FOLDER | -versions")
}

func bless(folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		golden := strings.TrimSuffix(file, ".yaml") + ".golden"
		if err := os.WriteFile(golden, []byte(read(content)), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(folder, "VERSIONS"), []byte(versions()), 0o644)
}

// read prints every document as Kubernetes' own JSON library holds it.
func read(content []byte) string {
	var out strings.Builder
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(content), 4096)
	for {
		var raw json.RawMessage
		if err := decoder.Decode(&raw); err != nil {
			if !errors.Is(err, io.EOF) {
				out.WriteString("error\n")
			}
			return out.String()
		}
		if len(raw) == 0 || string(raw) == "null" {
			out.WriteString("null\n")
			continue
		}
		var value any
		if err := utiljson.Unmarshal(raw, &value); err != nil {
			out.WriteString("error\n")
			return out.String()
		}
		if err := print(&out, value); err != nil {
			out.WriteString("error\n")
			return out.String()
		}
	}
}

// print tells integers from floats, which JSON does not.
func print(out *strings.Builder, value any) error {
	line, err := json.Marshal(mark(value))
	if err != nil {
		return err
	}
	out.Write(line)
	out.WriteByte('\n')
	return nil
}

func mark(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, field := range value {
			value[key] = mark(field)
		}
		return value
	case []any:
		for index, item := range value {
			value[index] = mark(item)
		}
		return value
	case float64:
		return map[string]any{"float": fmt.Sprintf("%g", value)}
	default:
		return value
	}
}

func versions() string {
	var out strings.Builder
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, module := range info.Deps {
		switch module.Path {
		case "k8s.io/apimachinery", "sigs.k8s.io/yaml", "go.yaml.in/yaml/v2":
			fmt.Fprintf(&out, "%s %s\n", module.Path, module.Version)
		}
	}
	return out.String()
}
