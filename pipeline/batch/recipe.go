package batch

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/journal"
	"github.com/gesso-app/gesso/pipeline/picture"
)

// Format is what outputs are written as.
type Format string

// The formats.
const (
	FormatAuto Format = "auto" // JPEG for a photo that is JPEG, PNG for others
	FormatJPEG Format = "jpeg"
	FormatPNG  Format = "png"
	FormatTIFF Format = "tiff"
	FormatWebP Format = "webp" // without loss
)

// Formats lists the formats.
var Formats = []Format{FormatAuto, FormatJPEG, FormatPNG, FormatTIFF, FormatWebP}

// Recipe is all that decides what a source becomes.
type Recipe struct {
	Config   pipeline.Config // the photo's and the output's path do not matter
	Format   Format          // default FormatAuto
	Metadata bool            // the photo's EXIF, ICC profile and XMP are carried over

	fixed, word string // the key and the style's word, once Fix was called
}

// Fix puts code in place of the style's pictures, which may vanish while the work goes on. Key and names of outputs stay those of the pictures.
func (r Recipe) Fix(code *pipeline.StyleCode) (Recipe, error) {
	key, err := r.Key()
	r.fixed, r.word = key, r.style()
	c := &r.Config
	c.StyleImagePath, c.StyleName, c.StylePrompt, c.StyleMix, c.StyleCode = "", "", "", nil, code
	return r, err
}

// NeedsPictures tells whether the style is read from pictures, so that the recipe is to be fixed before the work begins.
func (r Recipe) NeedsPictures() bool { return r.Config.NeedsStylePictures() }

// Validate checks the recipe.
func (r Recipe) Validate() error {
	c := r.Config
	c.ContentImagePath = "photo"
	if err := c.Validate(); err != nil {
		return err
	}
	if !slices.Contains(Formats, r.Format) {
		return &pipeline.FieldError{Field: "format", Value: r.Format, Want: "it is auto, jpeg, png, tiff or webp"}
	}
	return nil
}

// Key names the recipe in the journal: two recipes that make the same pictures have one. The style's picture is read for it.
func (r Recipe) Key() (string, error) {
	if r.fixed != "" {
		return r.fixed, nil
	}
	c := r.Config
	c.ContentImagePath, c.OutputPath, c.UseANE = "", "", false // which unit computes is not what the picture is of
	c.StyleMix = slices.Clone(c.StyleMix)
	paths := []*string{&c.StyleImagePath, &c.MaskPath}
	for i := range c.StyleMix {
		paths = append(paths, &c.StyleMix[i].StyleImagePath)
	}
	for _, p := range paths {
		if err := hashInPlace(p); err != nil {
			return "", err
		}
	}
	fields, err := fieldsOf(c)
	if err != nil {
		return "", err
	}
	defaults, err := fieldsOf(pipeline.DefaultConfig())
	if err != nil {
		return "", err
	}
	maps.DeleteFunc(fields, func(name string, v json.RawMessage) bool { // so that a setting of a later version leaves the keys of today
		return bytes.Equal(v, defaults[name])
	})
	b, err := json.Marshal(map[string]any{"settings": fields, "format": r.Format, "metadata": r.Metadata})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])[:16], nil
}

// hashInPlace puts the hash of a file in place of its path; an empty path stays.
func hashInPlace(path *string) error {
	if *path == "" {
		return nil
	}
	f, err := os.Open(*path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return &picture.Error{Path: *path, Reason: "does not exist", Err: err}
	case err != nil:
		return &picture.Error{Path: *path, Reason: "cannot be read", Err: err}
	}
	defer f.Close()
	hash, err := journal.Hash(f)
	if err != nil {
		return fmt.Errorf("read the picture %s of the recipe: %w", *path, err)
	}
	*path = hash
	return nil
}

func fieldsOf(c pipeline.Config) (fields map[string]json.RawMessage, err error) {
	b, err := json.Marshal(c)
	if err == nil {
		err = json.Unmarshal(b, &fields)
	}
	return fields, err
}

// extension is that of the output for a source of the format that was decoded.
func (r Recipe) extension(decoded string) string {
	switch {
	case r.Format == FormatJPEG, r.Format == FormatAuto && decoded == "jpeg":
		return ".jpg"
	case r.Format == FormatTIFF:
		return ".tif"
	case r.Format == FormatWebP:
		return ".webp"
	}
	return ".png"
}

// style names the recipe's style in a word for file names.
func (r Recipe) style() string {
	if r.word != "" {
		return r.word
	}
	return r.Config.StyleWord()
}

// extensions are those of the files that are taken for pictures. Kinds that this build does not read are among them, so that they are reported
// and not passed over.
var extensions = []string{".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".gif", ".bmp", ".heic", ".heif", ".avif"}

// IsPicture tells by a file's name whether it may be a picture.
func IsPicture(name string) bool {
	return slices.Contains(extensions, strings.ToLower(filepath.Ext(name)))
}
