// Package preset keeps named settings: versioned JSON files (preset.schema.json) in the user's configuration folder, and a few that come with the
// program. A preset made from a style picture holds the style's code, so that it works where the picture is not. The package must not import ui.
package preset

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"strings"

	"github.com/gesso-app/gesso/pipeline"
)

// Version is the version of the format that is written.
const Version = 1

// Schema is the format's published JSON schema.
//
//go:embed preset.schema.json
var Schema string

// schemaURL is the schema's name, written into every file so that editors find it.
const schemaURL = "https://gesso.app/schema/preset-1.json"

// maxBytes bounds a preset's file; a style code takes 6 kB.
const maxBytes = 1 << 20

var (
	// ErrNotFound says that there is no preset of that name.
	ErrNotFound = errors.New("no such preset; `gesso preset list` lists them")
	// ErrExists says that there is a preset of that name already.
	ErrExists = errors.New("there is a preset of that name already: choose another name, or replace it with --force")
	// ErrBuiltin says that a preset comes with the program and stays as it is.
	ErrBuiltin = errors.New("it comes with Gesso and cannot be changed: choose another name")
	// ErrConflict says that someone else changed the same setting of the preset meanwhile.
	ErrConflict = errors.New("another program changed it in the same place meanwhile: load it again")
)

// Preset is a name with settings.
type Preset struct {
	Name        string
	Description string
	// Settings are all but the photo's and the output's paths. StyleImagePath is empty: StyleCode stands for the picture.
	Settings pipeline.Config
	// StyleImage is where the style's picture was. It is read again if it is still there and the networks have changed since.
	StyleImage string
	// Builtin says that the preset comes with the program.
	Builtin bool

	base document // as it was read, to find out later what was changed; nil for a new preset
}

// document is a preset's JSON as far as it matters for keeping what is not known: the fields, and among them the settings' fields.
type document struct {
	fields   map[string]json.RawMessage
	settings map[string]json.RawMessage
}

// Names of the fields around the settings.
const (
	fieldSchema      = "$schema"
	fieldVersion     = "version"
	fieldName        = "name"
	fieldDescription = "description"
	fieldStyleImage  = "style_image"
	fieldSettings    = "settings"
)

// pathFields are the fields of a Config that belong to one picture and not to a preset.
var pathFields = []string{"content_image_path", "output_path", "style_image_path"}

// Parse reads a preset, of this version or an older one, or a recipe as pictures carry it. name is used if the file has none.
func Parse(r io.Reader, name string) (*Preset, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read the preset %s: %w", name, err)
	}
	if len(b) > maxBytes {
		return nil, &FormatError{name, fmt.Sprintf("is larger than %d bytes", maxBytes)}
	}
	p, err := parse(b)
	if err != nil {
		return nil, &FormatError{name, err.Error()}
	}
	if p.Name == "" {
		p.Name = name
	}
	if err := p.Validate(); err != nil {
		return nil, &FormatError{name, err.Error()}
	}
	return p, nil
}

// FormatError says why a file is no preset.
type FormatError struct{ Name, Reason string }

func (e *FormatError) Error() string { return fmt.Sprintf("preset %s: %s", e.Name, e.Reason) }

func parse(b []byte) (*Preset, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil || fields == nil {
		return nil, fmt.Errorf("it is no JSON object: %w", err)
	}
	fields, err := migrate(fields)
	if err != nil {
		return nil, err
	}
	p := &Preset{Settings: pipeline.DefaultConfig()}
	for name, into := range map[string]*string{fieldName: &p.Name, fieldDescription: &p.Description, fieldStyleImage: &p.StyleImage} {
		if raw, ok := fields[name]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				return nil, fmt.Errorf("its field %s is no text", name)
			}
		}
	}
	raw, ok := fields[fieldSettings]
	if !ok {
		return nil, errors.New("it has no settings")
	}
	if err := json.Unmarshal(raw, &p.Settings); err != nil {
		var kind *json.UnmarshalTypeError
		if errors.As(err, &kind) {
			return nil, fmt.Errorf("its setting %s is a %s and should be a %s", kind.Field, kind.Value, kind.Type)
		}
		return nil, fmt.Errorf("its settings do not read: %w", err)
	}
	var settings map[string]json.RawMessage
	if err := json.Unmarshal(raw, &settings); err != nil || settings == nil {
		return nil, errors.New("its settings are no JSON object")
	}
	if p.StyleImage == "" {
		p.StyleImage = p.Settings.StyleImagePath
	}
	p.Settings.ContentImagePath, p.Settings.OutputPath, p.Settings.StyleImagePath = "", "", ""
	p.base = document{fields, settings}
	return p, nil
}

// Validate checks the name and the settings.
func (p *Preset) Validate() error {
	if err := CheckName(p.Name); err != nil {
		return err
	}
	c := p.Settings
	c.ContentImagePath = "photo"
	if p.StyleImage != "" && c.StyleCode == nil && c.StyleName == "" && c.StylePrompt == "" && c.StyleMix == nil {
		c.StyleImagePath = p.StyleImage
	}
	return c.Validate()
}

// Config returns the settings to make pictures with.
func (p *Preset) Config() pipeline.Config {
	c := p.Settings
	if p.StyleImage != "" && c.StyleName == "" && c.StylePrompt == "" && c.StyleMix == nil && (c.StyleCode == nil || !c.StyleCode.Usable()) {
		c.StyleImagePath, c.StyleCode = p.StyleImage, nil // the code is of other networks, and the picture may still be there
	}
	return c
}

// document returns the preset's JSON with the fields that are not known, from where it was read.
func (p *Preset) document() (document, error) {
	d := document{maps.Clone(p.base.fields), maps.Clone(p.base.settings)}
	if d.fields == nil {
		d = document{map[string]json.RawMessage{}, map[string]json.RawMessage{}}
	}
	c := p.Settings
	c.StyleImagePath = ""
	raw, err := json.Marshal(c)
	if err != nil {
		return d, fmt.Errorf("write the preset %s: %w", p.Name, err)
	}
	var known map[string]json.RawMessage
	if err := json.Unmarshal(raw, &known); err != nil {
		return d, err
	}
	for _, name := range configFields() {
		delete(d.settings, name) // what is empty now must not stay
	}
	maps.Copy(d.settings, known)
	for _, name := range pathFields {
		delete(d.settings, name)
	}
	for name, v := range map[string]string{fieldSchema: schemaURL, fieldName: p.Name, fieldDescription: p.Description, fieldStyleImage: p.StyleImage} {
		if v == "" {
			delete(d.fields, name)
		} else if d.fields[name], err = json.Marshal(v); err != nil {
			return d, err
		}
	}
	d.fields[fieldVersion] = json.RawMessage(fmt.Sprint(Version))
	if d.fields[fieldSettings], err = json.Marshal(d.settings); err != nil {
		return d, err
	}
	return d, nil
}

// configFields are the JSON names of Config.
func configFields() (names []string) {
	for f := range reflect.TypeFor[pipeline.Config]().Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			names = append(names, name)
		}
	}
	return names
}

// JSON returns the preset as its file holds it.
func (p *Preset) JSON() ([]byte, error) {
	d, err := p.document()
	if err != nil {
		return nil, err
	}
	return d.bytes()
}

func (d document) bytes() ([]byte, error) {
	settings, err := json.Marshal(d.settings)
	if err != nil {
		return nil, err
	}
	fields := maps.Clone(d.fields)
	fields[fieldSettings] = settings
	b, err := json.MarshalIndent(fields, "", "  ")
	return append(b, '\n'), err
}

// merge brings what was changed from base to mine into theirs.
func merge(base, mine, theirs document) (document, error) {
	fields, err := mergeFields(base.fields, mine.fields, theirs.fields)
	if err != nil {
		return document{}, err
	}
	settings, err := mergeFields(base.settings, mine.settings, theirs.settings)
	return document{fields, settings}, err
}

func mergeFields(base, mine, theirs map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	merged := maps.Clone(theirs)
	all := maps.Clone(base)
	maps.Copy(all, mine)
	for name := range all {
		if name == fieldSettings || same(base[name], mine[name]) {
			continue
		}
		if !same(base[name], theirs[name]) && !same(mine[name], theirs[name]) {
			return nil, fmt.Errorf("%s: %w", name, ErrConflict)
		}
		if v, ok := mine[name]; ok {
			merged[name] = v
		} else {
			delete(merged, name)
		}
	}
	return merged, nil
}

// same compares two values of JSON but for white space; an absent one is nil.
func same(a, b json.RawMessage) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}
