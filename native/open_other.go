//go:build !darwin

package native

import "github.com/gesso-app/gesso/native/portable"

func open(path string, o Options) (Model, error) { return portable.Open(path, o) }

func name() string { return portable.Name() }
