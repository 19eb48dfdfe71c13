//go:build headless

package window

import (
	"context"
	"fmt"
	"os"
)

// Run says that this build has no window and returns exit code 1.
func Run(context.Context, string) int {
	fmt.Fprintln(os.Stderr, "This build of Gesso has no window. Use gesso transfer, or build without the tag headless.")
	return 1
}
