package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io/fs"
	"math"
	"sync"

	"github.com/gesso-app/gesso/assets"
	"github.com/gesso-app/gesso/pipeline/quality"
	"github.com/gesso-app/gesso/pipeline/style"
)

// StyleCode is a style as the networks read it from a picture, so that it works where the picture is not.
type StyleCode struct {
	// Title names the style for people.
	Title string `json:"title"`
	// Networks names the networks that read it: to others it means nothing.
	Networks string `json:"networks"`
	// Code holds style.CodeLength values.
	Code Floats `json:"code"`
	// Moments are the picture's feature statistics, against which the style loss is measured.
	Moments Floats `json:"moments"`
}

// Floats are base64 of little-endian 32-bit values in JSON.
type Floats []float32

// MarshalText writes base64.
func (f Floats) MarshalText() ([]byte, error) {
	raw := make([]byte, 0, 4*len(f))
	for _, v := range f {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	return base64.StdEncoding.AppendEncode(nil, raw), nil
}

// UnmarshalText reads base64.
func (f *Floats) UnmarshalText(b []byte) error {
	raw, err := base64.StdEncoding.DecodeString(string(b))
	if err != nil {
		return err
	}
	if len(raw)%4 != 0 {
		return fmt.Errorf("%d bytes are no 32-bit values", len(raw))
	}
	*f = nil
	if len(raw) > 0 {
		*f = make(Floats, len(raw)/4)
	}
	for i := range *f {
		(*f)[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	return nil
}

func (f Floats) finite() bool {
	for _, v := range f {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return false
		}
	}
	return true
}

// maxMoments bounds what is kept of a code that other networks made.
const maxMoments = 1 << 14

// Validate checks the code's form; whether this program's networks can use it, Usable tells. The error is a *FieldError.
func (s *StyleCode) Validate() error {
	switch {
	case len(s.Code) == 0 || len(s.Code) > maxMoments || len(s.Moments) > maxMoments:
		return &FieldError{"style_code", fmt.Sprintf("%d and %d values long", len(s.Code), len(s.Moments)), "make it again from the style image"}
	case !s.Code.finite() || !s.Moments.finite():
		return &FieldError{"style_code", "not finite", "make it again from the style image"}
	}
	return nil
}

// Usable tells whether this program's networks made the code.
func (s *StyleCode) Usable() bool {
	return s.Networks == styleNetworkID() && len(s.Code) == style.CodeLength && len(s.Moments) == quality.MomentsLength
}

// features are what Usable code stands for.
func (s *StyleCode) features() (*style.Features, error) {
	if !s.Usable() {
		return nil, &FieldError{"style_code", fmt.Sprintf("of %q by other networks", s.Title), "make it again from the style image"}
	}
	return &style.Features{Code: style.Code(s.Code), Moments: s.Moments}, nil
}

// key changes when the code does.
func (s *StyleCode) key() string {
	b, err := s.Code.MarshalText()
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return "code:" + s.Networks + "|" + hex.EncodeToString(sum[:])
}

// styleNetworkID names the embedded network that reads styles, by its content.
var styleNetworkID = sync.OnceValue(func() string {
	sum := sha256.New()
	_ = fs.WalkDir(assets.Networks, "networks/style.mlpackage", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := assets.Networks.ReadFile(p)
		fmt.Fprintf(sum, "%s %d\n", p, len(b))
		sum.Write(b)
		return err
	}) // an embedded file reads
	return hex.EncodeToString(sum.Sum(nil))[:16]
})

// StyleCode reads the style that c asks for, by image, name, prompt, mix or code. The rest of c does not matter.
func (t *Transfer) StyleCode(ctx context.Context, c Config) (*StyleCode, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.ready(); err != nil {
		return nil, err
	}
	l, err := t.look(ctx, c)
	if err != nil {
		return nil, err
	}
	title := l.name
	if c.StyleImagePath != "" || c.StyleMix != nil {
		title = c.StyleWord()
	}
	return &StyleCode{Title: title, Networks: styleNetworkID(), Code: Floats(l.features.Code), Moments: l.features.Moments}, nil
}
