package coreml

import (
	"errors"
	"fmt"

	"github.com/gesso-app/gesso/native/engine"
)

// Name is what Result.Engine says.
const Name = "Core ML"

// ErrNotLinked means that this build has no bridge to Core ML.
var ErrNotLinked = errors.New("this build of Gesso has no bridge to Core ML yet")

// Open says that the bridge is missing, after the file's name.
func Open(path string, _ engine.Options) (engine.Model, error) {
	return nil, fmt.Errorf("open %s: %w", path, ErrNotLinked)
}
