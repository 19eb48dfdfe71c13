package convert

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/gesso-app/gesso/pipeline/convert/compress"
)

// provenance is what a package's metadata says of how it was made.
func provenance(o Options, r *Result) map[string]string {
	m := map[string]string{
		"gesso.source": filepath.Base(o.ModelPath), "gesso.source_format": r.Format, "gesso.architecture": r.Architecture,
		"gesso.precision": "float16", "gesso.converter": "gesso convert",
	}
	set := func(key string, v any, there bool) {
		if there {
			b, err := json.Marshal(v)
			if err == nil { // numbers, texts and lists of them
				m["gesso."+key] = string(b)
			}
		}
	}
	if r.SourceSHA256 != "" {
		m["gesso.source_sha256"] = r.SourceSHA256
	}
	if o.Float32 {
		m["gesso.precision"] = "float32"
	}
	if o.Target != 0 {
		m["gesso.target"] = fmt.Sprintf("iOS%d", o.Target)
	}
	set("sizes", o.Sizes, len(o.Sizes) > 0)
	set("input_shapes", o.Shapes, len(o.Shapes) > 0)
	set("images", o.Images, len(o.Images) > 0)
	set("compress", o.Compress, o.Compress.Mode != compress.None)
	var loras []string
	for _, l := range o.LoRAs {
		loras = append(loras, fmt.Sprintf("%s:%g", filepath.Base(l.Path), l.Weight))
	}
	set("loras", loras, len(loras) > 0)
	set("controlled_unet", true, o.ControlledUNet)
	set("chunk_unet", true, o.ChunkUNet)
	if o.Attention != "" {
		m["gesso.attention"] = o.Attention
	}
	return m
}
