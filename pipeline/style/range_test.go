package style

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/disintegration/imaging"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/gesso-app/gesso/assets"
	"github.com/gesso-app/gesso/native"
	"github.com/gesso-app/gesso/native/mlpackage/coremlpb"
	"github.com/gesso-app/gesso/native/mlpackage/milpb"
)

// halfMost is the largest number of float16, in which the Neural Engine computes.
const halfMost = 65504

// laidOpen writes the embedded networks into a folder so that everything that they compute on the way is an output too. side is the height of the
// transform network's values.
func laidOpen(t *testing.T) (dir string, side map[string]int) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("../../assets/networks")))
	for _, name := range []string{styleNetwork, statisticsNetwork, transformNetwork} {
		path := filepath.Join(dir, name+".mlpackage", "Data", "com.apple.CoreML", "model.mlmodel")
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		var m coremlpb.Model
		require.NoError(t, proto.Unmarshal(data, &m))
		described := map[string]bool{}
		for _, out := range m.GetDescription().GetOutput() {
			described[out.GetName()] = true
		}
		for _, f := range m.GetMlProgram().GetFunctions() {
			block := f.GetBlockSpecializations()[f.GetOpset()]
			if name == transformNetwork {
				side = sides(block)
			}
			for _, op := range block.GetOperations() {
				v := op.GetOutputs()[0]
				d := v.GetType().GetTensorType().GetDataType()
				if op.GetType() == "const" || described[v.GetName()] || d != milpb.DataType_FLOAT32 && d != milpb.DataType_FLOAT16 {
					continue
				}
				block.Outputs = append(block.Outputs, v.GetName())
				array := &coremlpb.ArrayFeatureType{DataType: coremlpb.ArrayFeatureType_FLOAT32}
				m.Description.Output = append(m.Description.Output, &coremlpb.FeatureDescription{
					Name: v.GetName(), Type: &coremlpb.FeatureType{Type: &coremlpb.FeatureType_MultiArrayType{MultiArrayType: array}},
				})
			}
		}
		data, err = proto.Marshal(&m)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, data, 0o600))
	}
	return dir, side
}

// rangeTile is the side of the tile that is looked at, in pixels.
const rangeTile = 208

// sides follows the height, which is the width, through a program's operations.
func sides(block *milpb.Block) map[string]int {
	side, stride := map[string]int{inImage: rangeTile}, map[string]int{}
	for _, op := range block.GetOperations() {
		out := op.GetOutputs()[0].GetName()
		if op.GetType() == "const" {
			if ints := op.GetAttributes()["val"].GetImmediateValue().GetTensor().GetInts().GetValues(); len(ints) > 0 {
				stride[out] = int(ints[0])
			}
			continue
		}
		for _, input := range []string{"x", "y"} {
			if args := op.GetInputs()[input].GetArguments(); side[out] == 0 && len(args) > 0 {
				side[out] = side[args[0].GetName()]
			}
		}
		switch op.GetType() {
		case "conv":
			side[out] /= stride[op.GetInputs()["strides"].GetArguments()[0].GetName()]
		case "upsample_bilinear", "pixel_shuffle":
			side[out] *= 2
		case "pad":
			side[out]++
		case "avg_pool":
			side[out]--
		}
	}
	return side
}

// sizeOutputs gives the outputs whose height and width follow the input's a tensor.
func sizeOutputs(t *testing.T, n *network, side map[string]int) {
	t.Helper()
	for _, f := range n.model.Outputs() {
		if n.out[f.Name] != nil {
			continue
		}
		require.Len(t, f.Shape, 4, f.Name)
		tensor, err := native.NewTensor(native.Float32, 1, f.Shape[1], side[f.Name], side[f.Name])
		require.NoError(t, err, f.Name)
		n.out[f.Name] = tensor
	}
}

// TestNothingLeavesFloat16 looks at every value on the way, on a photo, on every built-in style, and on pictures that no painting is like.
func TestNothingLeavesFloat16(t *testing.T) {
	dir, side := laidOpen(t)
	n, err := Load(native.Open, dir, native.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, n.Close()) }()
	in, err := n.transform.tensor(inImage, []int{1, 3, rangeTile, rangeTile})
	require.NoError(t, err)
	for _, name := range []string{inScale, inShift} {
		_, err := n.transform.tensor(name, nil)
		require.NoError(t, err)
	}
	sizeOutputs(t, n.transform, side)
	require.Greater(t, len(n.transform.out), 40, "the values on the way are outputs")
	worst := map[string]float64{}
	look := func(net *network, most float64) {
		for name, tensor := range net.out {
			for _, v := range tensor.Float32s() {
				if a := math.Abs(float64(v)); !(a <= worst[net.name]) {
					worst[net.name] = a
					require.Less(t, a, most, "%s: %s", net.name, name)
				}
			}
		}
	}
	ctx := context.Background()
	sample, err := jpeg.Decode(bytes.NewReader(assets.SamplePhoto()))
	require.NoError(t, err)
	noise := imaging.New(Side, Side, color.Black)
	for i := range noise.Pix {
		noise.Pix[i] = uint8(i*i>>3) ^ uint8(i*2654435761>>13)
	}
	const h, w = rangeTile, rangeTile
	for _, photo := range []struct {
		image *image.NRGBA
		every int // so many styles are passed over, for time
		most  float64
	}{
		{imaging.Fill(sample, w, h, imaging.Center, imaging.Lanczos), 2, halfMost / 2},
		{imaging.Resize(noise, w, h, imaging.NearestNeighbor), 7, halfMost},
	} {
		img := photo.image
		seen, err := n.Look(ctx, img)
		require.NoError(t, err)
		look(n.style, photo.most)
		codes := []Code{seen.Code}
		for i, p := range Catalogue() {
			if i%photo.every == 0 {
				codes = append(codes, Code(p.Code))
			}
		}
		for _, c := range codes {
			m, err := n.Statistics(ctx, img, c)
			require.NoError(t, err)
			look(n.statistics, photo.most)
			fill(in.Float32s(), img, 0, 0, w, h)
			for name, v := range map[string][]float32{inScale: m.Scale, inShift: m.Shift} {
				tensor, err := n.transform.tensor(name, nil)
				require.NoError(t, err)
				copy(tensor.Float32s(), v)
			}
			require.NoError(t, n.transform.run(ctx))
			look(n.transform, photo.most)
		}
	}
	t.Logf("largest values: %v", worst)
}
