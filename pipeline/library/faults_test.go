package library

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const big = "compiled/Unet.mlmodelc/weights/weight.bin"

// nothing says that no model is there, and that of a download only .part files with what goes with them are.
func nothing(t *testing.T, l *Library) {
	t.Helper()
	require.NoDirExists(t, filepath.Join(l.Own, "painter"))
	require.NoError(t, filepath.WalkDir(l.Own, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			require.Regexp(t, `\.(part|part\.etag|lock)$`, path)
		}
		return err
	}))
}

func TestConnectionCut(t *testing.T) {
	h := newFakeHub(t, someFiles())
	l := &Library{Own: t.TempDir()}
	var cuts atomic.Int32
	h.fault = func(w http.ResponseWriter, r *http.Request, name string) bool {
		if name != big || cuts.Add(1) > 3 {
			return false
		}
		from := 0
		if s := r.Header.Get("Range"); s != "" {
			require.Equal(t, `"`+sha(h.files[big])+`"`, r.Header.Get("If-Range"))
			from = atoi(t, strings.TrimSuffix(strings.TrimPrefix(s, "bytes="), "-"))
			w.Header().Set("Content-Range", strings.Replace(s, "=", " ", 1)+"299999/300000")
		}
		w.Header().Set("ETag", `"`+sha(h.files[big])+`"`)
		w.Header().Set("Content-Length", itoa(len(h.files[big])-from))
		if from > 0 {
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write(h.files[big][from : from+50_000])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	g, err := get(t, h, l, nil)
	require.NoError(t, err)
	b, err := os.ReadFile(filepath.Join(g.Path, big))
	require.NoError(t, err)
	require.Equal(t, h.files[big], b)
	require.Contains(t, h.ranges, "bytes=150000-", "it goes on where it was cut")
}

func TestResumeInAnotherProcess(t *testing.T) {
	for name, damage := range map[string]struct {
		part    func(b []byte) []byte
		changed bool
	}{
		"the first half":       {part: func(b []byte) []byte { return b[:150_000] }},
		"all of it":            {part: func(b []byte) []byte { return b }},
		"other bytes":          {part: func(b []byte) []byte { return append([]byte("other"), b[5:150_000]...) }},
		"too many bytes":       {part: func(b []byte) []byte { return append(b[:len(b):len(b)], 1) }},
		"another answer's tag": {part: func(b []byte) []byte { return b[:150_000] }, changed: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFakeHub(t, someFiles())
			l := &Library{Own: t.TempDir()}
			stage := filepath.Join(l.Own, downloads, "painter--model")
			require.NoError(t, os.MkdirAll(stage, 0o755))
			part := filepath.Join(stage, sha(h.files[big])+".part")
			require.NoError(t, os.WriteFile(part, damage.part(h.files[big]), 0o600))
			if damage.changed {
				require.NoError(t, os.WriteFile(part+".etag", []byte(`"old"`), 0o600))
			}
			g, err := get(t, h, l, nil)
			require.NoError(t, err)
			b, err := os.ReadFile(filepath.Join(g.Path, big))
			require.NoError(t, err)
			require.Equal(t, h.files[big], b)
		})
	}
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		code   int
		header string
		times  int32
		waits  time.Duration
		err    string
	}{
		"asked too often, then not": {429, "7", 2, 7 * time.Second, ""},
		"always asked too often":    {429, "7", 99, 7 * time.Second, "429"},
		"a fault that passes":       {503, "", 1, time.Second, ""},
		"not there":                 {404, "", 99, 0, "404"},
		"not allowed":               {403, "", 99, 0, "accept its licence"},
		"no such range":             {416, "", 1, time.Second, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFakeHub(t, someFiles())
			l := &Library{Own: t.TempDir()}
			var n atomic.Int32
			var waited atomic.Int64
			h.fault = func(w http.ResponseWriter, _ *http.Request, name string) bool {
				if name != big || n.Add(1) > c.times {
					return false
				}
				if c.header != "" {
					w.Header().Set("Retry-After", c.header)
				}
				w.WriteHeader(c.code)
				return true
			}
			_, err := get(t, h, l, func(o *GetOptions) {
				o.sleep = func(ctx context.Context, d time.Duration) error {
					waited.Store(int64(d))
					return ctx.Err()
				}
			})
			require.Equal(t, c.waits, time.Duration(waited.Load()))
			if c.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.err)
			nothing(t, l)
		})
	}
}

func TestWrongHash(t *testing.T) {
	h := newFakeHub(t, someFiles())
	l := &Library{Own: t.TempDir()}
	h.fault = func(w http.ResponseWriter, _ *http.Request, name string) bool {
		if name != big {
			return false
		}
		_, _ = w.Write(make([]byte, len(h.files[big])))
		return true
	}
	_, err := get(t, h, l, nil)
	require.ErrorIs(t, err, errHash)
	require.ErrorContains(t, err, big)
	nothing(t, l)
}

func TestSmallFilesAreVerified(t *testing.T) {
	h := newFakeHub(t, someFiles())
	l := &Library{Own: t.TempDir()}
	h.fault = func(w http.ResponseWriter, _ *http.Request, name string) bool {
		if name == "compiled/vocab.json" {
			_, _ = w.Write([]byte("[]"))
		}
		return name == "compiled/vocab.json"
	}
	_, err := get(t, h, l, nil)
	require.ErrorIs(t, err, errHash)
	nothing(t, l)
}

func TestMoreBytesThanNamed(t *testing.T) {
	h := newFakeHub(t, someFiles())
	l := &Library{Own: t.TempDir()}
	h.fault = func(w http.ResponseWriter, _ *http.Request, name string) bool {
		if name == big {
			_, _ = w.Write(make([]byte, 10*len(h.files[big])))
		}
		return name == big
	}
	_, err := get(t, h, l, nil)
	require.ErrorContains(t, err, "more bytes come")
	nothing(t, l)
}

// fullFile is a file on a disk that has room for some bytes.
type fullFile struct {
	*os.File
	room int
}

func (f *fullFile) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, &fs.PathError{Op: "write", Path: f.Name(), Err: syscall.ENOSPC}
	}
	return f.File.Write(b)
}

func TestDiskFull(t *testing.T) {
	h := newFakeHub(t, someFiles())
	l := &Library{Own: t.TempDir()}
	_, err := get(t, h, l, func(o *GetOptions) {
		o.free = func(string) (uint64, error) { return margin, nil }
	})
	require.ErrorContains(t, err, "are free")
	require.Empty(t, h.ranges, "nothing is downloaded that does not fit")
	_, err = get(t, h, l, func(o *GetOptions) {
		o.open = func(path string) (partFile, error) {
			f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
			return &fullFile{f, 40_000}, err
		}
	})
	require.ErrorIs(t, err, syscall.ENOSPC)
	nothing(t, l)
	_, err = get(t, h, l, nil)
	require.NoError(t, err, "it goes on when there is room")
}

func TestCancelled(t *testing.T) {
	h := newFakeHub(t, someFiles())
	l := &Library{Own: t.TempDir()}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	h.fault = func(w http.ResponseWriter, r *http.Request, name string) bool {
		if name != big {
			return false
		}
		w.Header().Set("Content-Length", itoa(len(h.files[big])))
		_, _ = w.Write(h.files[big][:100_000])
		_ = http.NewResponseController(w).Flush()
		time.AfterFunc(200*time.Millisecond, cancel)
		<-r.Context().Done()
		return true
	}
	_, err := l.Get(ctx, GetOptions{Reference: Reference{"painter/model", "main"}, Endpoint: h.URL})
	require.ErrorIs(t, err, context.Canceled)
	nothing(t, l)
	st, err := os.Stat(filepath.Join(l.Own, downloads, "painter--model", sha(h.files[big])+".part"))
	require.NoError(t, err)
	require.Positive(t, st.Size())
	h.fault = nil
	_, err = get(t, h, l, nil)
	require.NoError(t, err)
	require.Contains(t, h.ranges, "bytes=100000-")
}

func TestRefusedLists(t *testing.T) {
	entry := func(path string, size int) map[string]any {
		return map[string]any{"type": "file", "path": path, "size": size, "oid": commit}
	}
	for name, c := range map[string]struct {
		entry map[string]any
		err   string
	}{
		"a climbing path":   {entry("a/../../b", 1), "leaves its folder"},
		"an absolute path":  {entry("/etc/passwd", 1), "leaves its folder"},
		"a drive":           {entry(`C:\b`, 1), "leaves its folder"},
		"our record":        {entry(recordName, 1), "Gesso's own"},
		"a huge file":       {entry("b", maxFileSize+1), "more than a file may have"},
		"a negative size":   {entry("b", -1), "more than a file may have"},
		"one name in cases": {entry("readme.MD", 1), "one name"},
		"no hash":           {map[string]any{"type": "file", "path": "b", "oid": "../../b"}, "no hash"},
	} {
		t.Run(name, func(t *testing.T) {
			h := newFakeHub(t, someFiles())
			h.listed = func(all []map[string]any) []map[string]any { return append(all, c.entry) }
			l := &Library{Own: t.TempDir()}
			_, err := get(t, h, l, nil)
			require.ErrorContains(t, err, c.err)
			require.Empty(t, h.ranges)
			nothing(t, l)
		})
	}
}

func TestLicense(t *testing.T) {
	h := newFakeHub(t, someFiles())
	h.gated = "manual"
	l := &Library{Own: t.TempDir()}
	_, err := get(t, h, l, nil)
	require.ErrorIs(t, err, ErrLicense)
	_, err = get(t, h, l, func(o *GetOptions) { o.Accept = true })
	require.NoError(t, err)
	h.fault = func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	_, err = get(t, h, l, nil)
	require.ErrorIs(t, err, ErrGated)
	require.ErrorContains(t, err, "HF_TOKEN")
}

func TestBusy(t *testing.T) {
	h := newFakeHub(t, someFiles())
	l := &Library{Own: t.TempDir()}
	unlock, err := l.lock("painter--model")
	require.NoError(t, err)
	_, err = get(t, h, l, nil)
	require.ErrorIs(t, err, ErrBusy)
	unlock()
	_, err = get(t, h, l, nil)
	require.NoError(t, err)
}

func TestTokenStaysAtTheHub(t *testing.T) {
	h := newFakeHub(t, someFiles())
	other := newFakeHub(t, h.files)
	h.fault = func(w http.ResponseWriter, r *http.Request, name string) bool {
		if h.files[name] != nil {
			http.Redirect(w, r, other.URL+r.URL.Path, http.StatusFound)
		}
		return h.files[name] != nil
	}
	_, err := get(t, h, &Library{Own: t.TempDir()}, func(o *GetOptions) { o.Token = "secret" })
	require.NoError(t, err)
	require.NotEmpty(t, other.tokens)
	for _, token := range other.tokens {
		require.Empty(t, token)
	}
}

func TestChoose(t *testing.T) {
	files := someFiles()
	files["packages/Stable_Diffusion_version_x_unet.mlpackage/Data/weights.bin"] = make([]byte, 5000)
	h := newFakeHub(t, files)
	l := &Library{Own: t.TempDir()}
	_, err := get(t, h, l, nil)
	require.ErrorIs(t, err, ErrChoose)
	require.ErrorContains(t, err, "compiled/** (0.0 GB), packages/**")
	_, err = get(t, h, l, func(o *GetOptions) { o.Include = []string{"nothing/**"} })
	require.ErrorContains(t, err, "no model's files")
	g, err := get(t, h, l, func(o *GetOptions) { o.Include = []string{"packages/**"} })
	require.NoError(t, err)
	require.FileExists(t, filepath.Join(g.Path, "compiled", "vocab.json"), "the tokenizer comes too")
	require.NoDirExists(t, filepath.Join(g.Path, "compiled", "Unet.mlmodelc"))
	_, err = get(t, h, l, func(o *GetOptions) { o.Include = []string{"compiled/**"} })
	require.ErrorIs(t, err, ErrExists)
	_, err = get(t, h, l, func(o *GetOptions) { o.Include, o.Force = []string{"compiled/**"}, true })
	require.NoError(t, err)
	require.NoDirExists(t, filepath.Join(g.Path, "packages"))
}

func TestReference(t *testing.T) {
	r, err := ParseReference("a/b@v1")
	require.NoError(t, err)
	require.Equal(t, Reference{"a/b", "v1"}, r)
	for _, s := range []string{"a", "a/b/c", "../b", "a/..", "a/b@", "a/b@../c", "a/b c", ""} {
		_, err := ParseReference(s)
		require.Error(t, err, s)
	}
	_, err = newHub("ftp://x", "")
	require.Error(t, err)
	require.True(t, errors.Is(&writeError{syscall.EIO}, syscall.EIO))
}
