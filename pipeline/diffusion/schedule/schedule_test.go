package schedule

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline/diffusion/random"
)

// TestReferences runs a made-up network as testdata/make.py runs it with diffusers.
func TestReferences(t *testing.T) {
	read := func(name string, to any) {
		b, err := os.ReadFile("testdata/" + name)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, to))
	}
	var configs map[string]json.RawMessage
	read("configs.json", &configs)
	var cases []struct {
		Config, Name string
		Steps        int
		Strength     float64
		Times        []float64
	}
	read("cases.json", &cases)
	b, err := os.ReadFile("testdata/latents.f32")
	require.NoError(t, err)
	const n = 48
	require.Len(t, b, 4*n*len(cases))
	draw := func(seed uint64) random.Source {
		s, err := random.New("torch", seed)
		require.NoError(t, err)
		return s
	}
	for i, c := range cases {
		t.Run(fmt.Sprintf("%s/%s/%d/%v", c.Config, c.Name, c.Steps, c.Strength), func(t *testing.T) {
			config, err := Parse(configs[c.Config])
			require.NoError(t, err)
			s, err := New(c.Name, config, c.Steps)
			require.NoError(t, err)
			x := draw(3).Normal(n)
			first := 0
			if c.Strength > 0 {
				first, err = s.Start(c.Strength)
				require.NoError(t, err)
				x = s.AddNoise(draw(4).Normal(n), x)
			} else {
				for k := range x {
					x[k] *= float32(s.InitNoise)
				}
			}
			require.Len(t, s.Timesteps[first:], len(c.Times))
			g := draw(5)
			in, out := make([]float32, n), make([]float32, n)
			for k, at := range s.Timesteps[first:] {
				require.InDelta(t, c.Times[k], at, 2e-3)
				s.Scale(in, x)
				for j, v := range in {
					out[j] = float32(0.3*math.Sin(float64(v)+at/300) + 0.2*float64(v) + 0.05)
				}
				s.Step(out, x, g.Normal)
			}
			for k, v := range x {
				want := float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*(i*n+k):])))
				require.InDelta(t, want, float64(v), 1e-4*max(1, math.Abs(want)/10))
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps int
		json  string
		want  string
	}{
		{"heun", 10, `{}`, `scheduler is "heun"`},
		{"ddim", 0, `{}`, "it goes from 1 to 1000"},
		{"lcm", 51, `{}`, "lcm takes up to 50"},
		{"pndm", 3, `{}`, "takes 4 and more"},
		{"ddim", 3, `{"thresholding":true}`, "thresholding"},
		{"ddim", 3, `{"beta_start":-1}`, "betas from -1"},
		{"ddim", 3, `{"beta_schedule":"x"}`, "beta_schedule"},
		{"ddim", 3, `{"steps_offset":-5}`, "steps_offset"},
	} {
		config, err := Parse([]byte(c.json))
		require.NoError(t, err)
		_, err = New(c.name, config, c.steps)
		require.ErrorContains(t, err, c.want)
	}
	s, err := New("", Default(), 10)
	require.NoError(t, err)
	require.Equal(t, "pndm", s.Name())
	_, err = s.Start(0.05)
	require.ErrorContains(t, err, "leaves no step to take")
}
