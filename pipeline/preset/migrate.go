package preset

import (
	"encoding/json"
	"fmt"
	"maps"
)

// migrations bring a document from the version that is their index to the next one.
var migrations = []func(map[string]json.RawMessage) (map[string]json.RawMessage, error){fromRecipe}

// migrate brings a document to Version. One without a version is version 0: the recipe that pictures carry.
func migrate(fields map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	version := 0
	if raw, ok := fields[fieldVersion]; ok {
		if err := json.Unmarshal(raw, &version); err != nil || version < 1 {
			return nil, fmt.Errorf("its version is %s: it should be a whole number from 1", raw)
		}
	}
	if version > Version {
		return nil, fmt.Errorf("a newer Gesso wrote it (version %d, this one reads up to %d): update Gesso", version, Version)
	}
	for ; version < Version; version++ {
		var err error
		if fields, err = migrations[version](fields); err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// fromRecipe takes a recipe's fields as settings. Those that belong to its photo and its output are dropped.
func fromRecipe(recipe map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	settings := maps.Clone(recipe)
	if _, ok := settings["style_strength"]; !ok {
		return nil, fmt.Errorf("it is neither a preset nor a recipe: it has no %s", fieldVersion)
	}
	for _, name := range []string{"content_image_path", "output_path", "gesso_version", "source_sha256", "recipe_key"} {
		delete(settings, name)
	}
	raw, err := json.Marshal(settings)
	if err != nil {
		return nil, err
	}
	return map[string]json.RawMessage{fieldVersion: json.RawMessage("1"), fieldSettings: raw}, nil
}
