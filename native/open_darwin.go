package native

import "github.com/gesso-app/gesso/native/coreml"

func open(path string, o Options) (Model, error) { return coreml.Open(path, o) }

func name() string { return coreml.Name }
