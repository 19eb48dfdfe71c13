package diffusion

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"github.com/gesso-app/gesso/pipeline/convert"
	sources "github.com/gesso-app/gesso/pipeline/convert/diffusion"
)

// Prepare gives the folder of packages for a model with LoRAs merged. A folder of diffusers, and LoRAs, are converted, into a folder of the cache by
// the hash of what it is made of. cache is where: empty is gesso/diffusion in the user's cache folder.
func Prepare(ctx context.Context, dir string, loras []convert.LoRA, cache string) (string, error) {
	o := convert.Options{Float32: runtime.GOOS != "darwin", LoRAs: loras} // elsewhere float16 costs time, and gains nothing
	switch {
	case sources.Is(dir) == "folder":
		o.ModelPath = dir
	case len(loras) == 0:
		return dir, nil
	default:
		var origin convert.Origin
		ok, err := settings(dir, convert.OriginFile, &origin)
		if err != nil {
			return "", err
		}
		if !ok || !exists(origin.Source) {
			return "", refuse("a LoRA is merged into the files that a model was converted from, and those of %s are not known or gone: give --model the folder of "+
				"diffusers, or merge the LoRA with gesso convert --lora", dir)
		}
		o.ModelPath, o.Float32, o.Attention, o.Sizes = origin.Source, origin.Float32, origin.Attention, origin.Sizes
		o.LoRAs = append(origin.LoRAs, loras...)
	}
	if cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(base, "gesso", "diffusion")
	}
	key, err := hash(ctx, o)
	if err != nil {
		return "", &InputError{err}
	}
	o.OutputPath = filepath.Join(cache, key)
	if exists(filepath.Join(o.OutputPath, convert.OriginFile)) { // it is written whole or not at all
		return o.OutputPath, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("make the cache of models: %w", err)
	}
	_, err = convert.Run(ctx, o, nil)
	if errors.Is(err, convert.ErrExists) { // another process was quicker
		return o.OutputPath, nil
	}
	if err != nil {
		return "", &InputError{err}
	}
	return o.OutputPath, nil
}

// hash names what a conversion is made of: the options, the LoRAs' bytes, and the source's files by name, size and time.
func hash(ctx context.Context, o convert.Options) (string, error) {
	h := sha256.New()
	if err := json.NewEncoder(h).Encode([]any{1, o.ModelPath, o.Float32, o.Attention, o.Sizes}); err != nil {
		return "", err
	}
	for _, l := range o.LoRAs {
		fmt.Fprintf(h, "%g\n", l.Weight)
		f, err := os.Open(l.Path)
		if err != nil {
			return "", fmt.Errorf("the LoRA: %w", err)
		}
		_, err = io.Copy(h, f)
		if err := errors.Join(err, f.Close(), ctx.Err()); err != nil {
			return "", fmt.Errorf("the LoRA %s: %w", l.Path, err)
		}
	}
	err := filepath.WalkDir(o.ModelPath, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := os.Stat(path) // hubs' caches hold links
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%s %d %d\n", path, st.Size(), st.ModTime().UnixNano())
		return nil
	})
	return hex.EncodeToString(h.Sum(nil))[:32], err
}
