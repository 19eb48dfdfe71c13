package portable

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/gesso-app/gesso/native/engine"
)

// runtimeVersion is the version of ONNX Runtime that `make lib` fetches.
const runtimeVersion = "1.24.1"

// libraryVariable names a file to use in place of those that are looked for.
const libraryVariable = "GESSO_ONNXRUNTIME"

// Name is the engine's name and version.
func Name() string { return "ONNX Runtime " + runtimeVersion + " (CPU)" }

// environment loads ONNX Runtime once for the process; it stays.
var environment = sync.OnceValue(func() error {
	path, err := library()
	if err != nil {
		return err
	}
	ort.SetSharedLibraryPath(path)
	if err := ort.InitializeEnvironment(ort.WithLogLevelError()); err != nil {
		return fmt.Errorf("load ONNX Runtime from %s: %w", path, err)
	}
	return nil
})

// library finds the shared library.
func library() (string, error) {
	if p := os.Getenv(libraryVariable); p != "" {
		if !isFile(p) {
			return "", fmt.Errorf("%w: %s names %s, which is not a file", engine.ErrNoRuntime, libraryVariable, p)
		}
		return filepath.Abs(p) // the system would look for a bare name in its own folders
	}
	name := "libonnxruntime.so"
	if runtime.GOOS == "darwin" {
		name = "libonnxruntime.dylib"
	}
	for _, dir := range folders() {
		if p := filepath.Join(dir, name); isFile(p) {
			return p, nil
		}
	}
	return "", fmt.Errorf("%w: `make lib` fetches ONNX Runtime %s, or let %s name its %s", engine.ErrNoRuntime, runtimeVersion, libraryVariable, name)
}

// folders are where the library may lie: beside the executable, in the user's cache, and for tests in the source tree's build folder.
func folders() (dirs []string) {
	if exe, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(exe); err == nil {
			exe = real
		}
		dirs = append(dirs, filepath.Join(filepath.Dir(exe), "lib"), filepath.Dir(exe))
	}
	if cache, err := os.UserCacheDir(); err == nil {
		dirs = append(dirs, filepath.Join(cache, "gesso", "lib"))
	}
	if !testing.Testing() { // a program must not load code from whatever folder it is started in
		return dirs
	}
	for dir, err := os.Getwd(); err == nil; dir = filepath.Dir(dir) {
		if isFile(filepath.Join(dir, "go.mod")) {
			return append(dirs, filepath.Join(dir, "build", "lib"))
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	return dirs
}

func isFile(p string) bool {
	st, err := os.Stat(p)
	return err == nil && st.Mode().IsRegular()
}
