//go:build !headless

package main

import (
	"context"

	"github.com/gesso-app/gesso/pipeline"
	_ "github.com/gesso-app/gesso/ui/locale" // before Fyne reads it
	"github.com/gesso-app/gesso/ui/window"
)

// noArguments opens the window and returns the exit code.
func noArguments(ctx context.Context) int {
	return window.Run(ctx, pipeline.Version)
}
