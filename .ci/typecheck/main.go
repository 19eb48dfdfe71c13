// Command typecheck checks a program's Go code for another system, all packages that it is made of, without that system's C headers: what Go code
// takes from C is taken to exist. Usage: go run ./.ci/typecheck GOOS/GOARCH PACKAGE
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const module = "github.com/gesso-app/gesso"

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir   string
	GoFiles, CgoFiles []string
	ImportMap         map[string]string
	Module            *struct{ GoVersion string }
	Error             *struct{ Err string }
}

func main() {
	goos, goarch, ok := "", "", len(os.Args) == 3
	if ok {
		goos, goarch, ok = strings.Cut(os.Args[1], "/")
	}
	if !ok {
		fmt.Fprintln(os.Stderr, "usage: go run ./.ci/typecheck GOOS/GOARCH PACKAGE")
		os.Exit(2)
	}
	if err := run(goos, goarch, os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(goos, goarch, path string) error {
	list := exec.Command("go", "list", "-deps", "-json=ImportPath,Dir,GoFiles,CgoFiles,ImportMap,Module,Error", path)
	list.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=1")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("go list: %w", err)
	}
	checked := map[string]*types.Package{"unsafe": types.Unsafe}
	var ours int
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			fmt.Printf("%s: %d packages pass for %s/%s, %d of them ours\n", path, len(checked), goos, goarch, ours)
			return nil
		} else if err != nil {
			return err
		}
		if p.Error != nil {
			return fmt.Errorf("%s: %s", p.ImportPath, p.Error.Err)
		}
		if p.ImportPath == "unsafe" {
			continue
		}
		own := strings.HasPrefix(p.ImportPath, module)
		if own {
			ours++
		}
		if checked[p.ImportPath], err = check(p, goarch, own && len(p.CgoFiles) == 0, checked); err != nil {
			return err
		}
	}
}

// importer finds what is checked already: go list names the packages in the order of their imports.
type importer func(path string) (*types.Package, error)

func (i importer) Import(path string) (*types.Package, error) { return i(path) }

// check reads a package and checks it: all of it, or its declarations. What a function does with values of C's types cannot be checked here.
func check(p listed, goarch string, bodies bool, checked map[string]*types.Package) (*types.Package, error) {
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range append(p.GoFiles, p.CgoFiles...) {
		f, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, f)
	}
	var errs []error
	config := types.Config{
		FakeImportC:      true,
		IgnoreFuncBodies: !bodies,
		Sizes:            types.SizesFor("gc", goarch),
		Error:            func(err error) { errs = append(errs, err) },
		Importer: importer(func(path string) (*types.Package, error) {
			if to, ok := p.ImportMap[path]; ok {
				path = to
			}
			if q := checked[path]; q != nil {
				return q, nil
			}
			return nil, fmt.Errorf("%s is not there", path)
		}),
	}
	if p.Module != nil && p.Module.GoVersion != "" {
		config.GoVersion = "go" + p.Module.GoVersion
	}
	q, _ := config.Check(p.ImportPath, files, parsed, nil) // its errors are in errs
	return q, errors.Join(errs...)
}
