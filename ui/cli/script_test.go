package cli

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // for the command picture
	"image/png"
	"io/fs"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/gesso-app/gesso/assets"
	"github.com/gesso-app/gesso/native/mlpackage/npy"
)

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error { return setUp(e) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"refuse":  refuse,
			"field":   field,
			"picture": checkPicture,
			"await":   await,
		},
	})
}

// setUp makes the pictures in a script's folder.
func setUp(e *testscript.Env) error {
	for k, v := range programEnv() {
		e.Setenv(k, v)
	}
	networks, err := filepath.Abs(filepath.Join("..", "..", "assets", "networks"))
	if err != nil {
		return err
	}
	e.Setenv("NETWORKS", networks)
	models, err := filepath.Abs(filepath.Join("..", "..", "pipeline", "convert", "testdata"))
	if err != nil {
		return err
	}
	e.Setenv("MODELS", models)
	at := func(name string) string { return filepath.Join(e.WorkDir, name) }
	return errors.Join(
		os.WriteFile(at("photo.jpg"), assets.SamplePhoto(), 0o600),
		os.WriteFile(at("painting.jpg"), assets.SampleStyle(), 0o600),
		os.WriteFile(at("text.jpg"), []byte("This is no picture, whatever its name says.\n"), 0o600),
		writeArray(at("picture.npy"), 1, 3, 256, 256),
		writeArray(at("wrong.npy"), 1, 3, 25, 256),
		writePNG(at("small.png"), 160, 120),
		writeBlack(at("black.png"), 160, 120),
		writePNG(at("tiny.png"), 1, 1),
		writePNG(at("thin.png"), 3, 20000),
	)
}

// writeArray writes numbers between 0 and 1 as a NumPy file.
func writeArray(name string, shape ...int) error {
	a := &npy.Array{Type: "float32", Shape: shape}
	n := 1
	for _, d := range shape {
		n *= d
	}
	for i := range n {
		a.Data = binary.LittleEndian.AppendUint32(a.Data, math.Float32bits(float32(i%97)/97))
	}
	var b bytes.Buffer
	if err := a.Write(&b); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o600)
}

// writePNG writes a picture of soft waves.
func writePNG(path string, w, h int) error {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.SetNRGBA(x, y, color.NRGBA{uint8(x * 255 / w), uint8(y * 255 / h), uint8((x/8 + y/8) % 2 * 200), 255})
		}
	}
	return encodePNG(path, img)
}

// writeBlack writes a mask that is black everywhere.
func writeBlack(path string, w, h int) error {
	return encodePNG(path, image.NewGray(image.Rect(0, 0, w, h)))
}

func encodePNG(path string, img image.Image) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(png.Encode(f, img), f.Close())
}

// refuse CODE REGEXP ARGUMENT... runs gesso with the arguments and checks that it ends with the exit code and one sentence on stderr that
// matches, prints nothing else, and leaves every file and folder, temporary ones too, as it was.
func refuse(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: refuse CODE REGEXP ARGUMENT...")
	}
	before := listing(ts)
	err := ts.Exec("gesso", args[2:]...)
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("gesso did not run: %v", err)
	}
	if fmt.Sprint(code) != args[0] {
		ts.Fatalf("exit code %d, not %s", code, args[0])
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("stdout is not empty: %q", out)
	}
	sentence := ts.ReadFile("stderr")
	if !strings.HasPrefix(sentence, "gesso: ") || strings.Count(sentence, "\n") != 1 || !strings.HasSuffix(sentence, "\n") {
		ts.Fatalf("stderr is not one sentence: %q", sentence)
	}
	if !regexp.MustCompile(args[1]).MatchString(sentence) {
		ts.Fatalf("%q does not match %s", sentence, args[1])
	}
	if after := listing(ts); !maps.Equal(before, after) {
		ts.Fatalf("files were left or changed: %v before, %v after", before, after)
	}
}

// listing gives every file and folder below the script's folder, its temporary folder included, with size and time of change.
func listing(ts *testscript.TestScript) map[string]string {
	files := map[string]string{}
	ts.Check(filepath.WalkDir(ts.Getenv("WORK"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			files[path] = fmt.Sprint(info.Size(), info.ModTime())
			if d.IsDir() {
				files[path] = "" // its time changes when a temporary file comes and goes
			}
		}
		return err
	}))
	return files
}

// field NAME REGEXP checks a field of the JSON object on stdout; a list is checked for its length. "! field NAME" checks that there is none.
func field(ts *testscript.TestScript, neg bool, args []string) {
	var object map[string]any
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &object); err != nil {
		ts.Fatalf("stdout is not a JSON object: %v", err)
	}
	v, ok := object[args[0]]
	if neg {
		if ok {
			ts.Fatalf("%s is there: %v", args[0], v)
		}
		return
	}
	if !ok {
		ts.Fatalf("%s is not there, only %v", args[0], slices.Sorted(maps.Keys(object)))
	}
	if list, ok := v.([]any); ok {
		v = len(list)
	}
	if text := fmt.Sprint(v); !regexp.MustCompile("^(?:" + args[1] + ")$").MatchString(text) {
		ts.Fatalf("%s is %s, which does not match %s", args[0], text, args[1])
	}
}

// await FILE... waits until the files are there; with ! until they are gone.
func await(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			_, err := os.Stat(ts.MkAbs(name))
			if (err == nil) != neg {
				break
			}
			if time.Since(start) > time.Minute {
				ts.Fatalf("%s: waited for a minute", name)
			}
		}
	}
}

// picture FILE FORMAT WIDTH HEIGHT checks what is in a file.
func checkPicture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: picture FILE FORMAT WIDTH HEIGHT")
	}
	img, format, err := image.Decode(strings.NewReader(ts.ReadFile(args[0])))
	ts.Check(err)
	got := []string{format, fmt.Sprint(img.Bounds().Dx()), fmt.Sprint(img.Bounds().Dy())}
	if !slices.Equal(got, args[1:]) {
		ts.Fatalf("%s is %v, not %v", args[0], got, args[1:])
	}
}
