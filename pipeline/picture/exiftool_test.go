package picture

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// exiftool reads the tags of a file, by group and name.
func exiftool(t *testing.T, args ...string) map[string]any {
	t.Helper()
	out, err := exec.Command("exiftool", args...).CombinedOutput()
	require.NoError(t, err, string(out))
	var files []map[string]any
	if json.Unmarshal(out, &files) != nil {
		return nil
	}
	return files[0]
}

// What a photo says is found again in what is written of it, in the eyes of another program.
func TestMetadataForExiftool(t *testing.T) {
	if _, err := exec.LookPath("exiftool"); err != nil {
		t.Skip("exiftool is missing: make test installs it (Debian: libimage-exiftool-perl)")
	}
	p3, err := os.ReadFile("testdata/displayp3.png")
	require.NoError(t, err)
	m, _ := pngMetadata(p3)
	for _, from := range []string{".jpg", ".png", ".tif", ".webp"} {
		dir := t.TempDir()
		photo := filepath.Join(dir, "photo"+from)
		require.NoError(t, Save(t.Context(), photo, sample(64, 48), SaveOptions{Meta: Metadata{ICC: m.ICC}}))
		exiftool(t, "-q", "-overwrite_original", "-Make=Maker", "-Model=Camera", "-Orientation#=6", "-GPSLatitude=48.2", "-GPSLatitudeRef=N", "-GPSLongitude=16.3",
			"-GPSLongitudeRef=E", "-FNumber=2.8", "-SerialNumber=12345", "-XMP-dc:Title=A title", "-XMP-iptcExt:DigitalSourceType=digitalCapture",
			"-ColorSpace#=1", "-ExifImageWidth=64", "-ExifImageHeight=48", photo)
		records := from == ".jpg" || from == ".tif"
		if records {
			exiftool(t, "-q", "-overwrite_original", "-IPTC:Keywords=tree", photo)
		}
		p, err := Open(t.Context(), photo, Limits{})
		require.NoError(t, err)
		require.Equal(t, 48, p.Bounds().Dx(), "the orientation is applied")
		for _, to := range []string{".jpg", ".png", ".tif", ".webp"} {
			t.Run(from+to, func(t *testing.T) {
				out := filepath.Join(dir, "out"+to)
				require.NoError(t, Save(t.Context(), out, p.Image, SaveOptions{Meta: p.Meta, Recipe: []byte(`{"a":1}`)}))
				tags := exiftool(t, "-j", "-n", "-G1", out)
				require.NotContains(t, tags, "ExifTool:Warning")
				for tag, want := range map[string]any{
					"IFD0:Make": "Maker", "IFD0:Model": "Camera", "ExifIFD:FNumber": 2.8, "GPS:GPSLatitudeRef": "N",
					"XMP-dc:Title": "A title", "ICC-header:ColorSpaceData": "RGB ", "ExifIFD:ColorSpace": 65535.0,
					"ExifIFD:ExifImageWidth": 48.0, "ExifIFD:ExifImageHeight": 64.0,
					"XMP-iptcExt:DigitalSourceType": "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia",
				} {
					require.Equal(t, want, tags[tag], tag)
				}
				require.InDelta(t, 48.2, tags["Composite:GPSLatitude"], 1e-4)
				if from != ".tif" || to == ".tif" { // of a TIFF file the orientation is the file's own
					require.Equal(t, 1.0, tags["IFD0:Orientation"])
				}
				if records && (to == ".jpg" || to == ".tif") {
					require.Equal(t, "tree", tags["IPTC:Keywords"])
				}
				recipe, err := Recipe(out)
				require.NoError(t, err)
				require.JSONEq(t, `{"a":1}`, string(recipe))

				require.NoError(t, Save(t.Context(), out, p.Image, SaveOptions{Meta: p.Meta, NoPrivate: true, Colour: ColourSRGB, Overwrite: true}))
				tags = exiftool(t, "-j", "-n", "-G1", out)
				require.NotContains(t, tags, "ExifTool:Warning")
				for tag := range tags {
					require.NotContains(t, tag, "GPS")
					require.NotContains(t, tag, "SerialNumber")
					require.NotContains(t, tag, "IPTC")
				}
				require.Equal(t, "Maker", tags["IFD0:Make"])
				require.Equal(t, 1.0, tags["ExifIFD:ColorSpace"])
			})
		}
	}
}
