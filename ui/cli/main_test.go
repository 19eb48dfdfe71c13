package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// cacheVariable names the folder in which the networks are unpacked, once for all tests of this package.
const cacheVariable = "GESSO_TEST_CACHE"

// TestMain lets the test binary be the program as well: started under the name gesso, it is a command.
func TestMain(m *testing.M) {
	testscript.Main(withCache{m}, map[string]func(){"gesso": gesso})
}

type withCache struct{ *testing.M }

func (m withCache) Run() int {
	cache, err := os.MkdirTemp("", "gesso-test-*")
	if err == nil {
		defer os.RemoveAll(cache)
		err = os.Setenv(cacheVariable, cache)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.M.Run()
}

// gesso is main.main with arguments.
func gesso() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(Main(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// programEnv is what the program needs in its environment.
func programEnv() map[string]string {
	cache := os.Getenv(cacheVariable)
	env := map[string]string{"HOME": cache, "XDG_CACHE_HOME": cache}
	lib := os.Getenv("GESSO_ONNXRUNTIME")
	if lib == "" { // where `make lib` puts it: the scripts run in folders from which it is not found
		lib, _ = filepath.Abs("../../build/lib/libonnxruntime.so") // a missing one is what the program then says
	}
	env["GESSO_ONNXRUNTIME"] = lib
	return env
}
