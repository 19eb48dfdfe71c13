package library

import (
	"context"
	"crypto/sha1" //nolint:gosec // git names files by it
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const commit = "0123456789abcdef0123456789abcdef01234567"

// fakeHub serves one model, with faults that tests set.
type fakeHub struct {
	*httptest.Server
	files map[string][]byte
	lfs   func(name string) bool
	gated any

	mu       sync.Mutex
	requests []string
	ranges   []string
	tokens   []string
	fault    func(w http.ResponseWriter, r *http.Request, name string) bool // true: it has answered
	listed   func(entries []map[string]any) []map[string]any
	page     int // entries of each page
}

func newFakeHub(t *testing.T, files map[string][]byte) *fakeHub {
	h := &fakeHub{files: files, gated: false, page: 2, lfs: func(name string) bool { return len(files[name]) > 1000 }}
	h.Server = httptest.NewServer(http.HandlerFunc(h.serve))
	t.Cleanup(h.Close)
	return h
}

func blobName(b []byte) string {
	s := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(b)), b...)) //nolint:gosec,nolintlint // as above
	return hex.EncodeToString(s[:])
}

func sha(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func (h *fakeHub) serve(w http.ResponseWriter, r *http.Request) {
	name, isFile := strings.CutPrefix(r.URL.Path, "/painter/model/resolve/"+commit+"/")
	h.mu.Lock()
	h.requests = append(h.requests, r.URL.Path)
	h.tokens = append(h.tokens, r.Header.Get("Authorization"))
	if isFile {
		h.ranges = append(h.ranges, r.Header.Get("Range"))
	}
	fault := h.fault
	h.mu.Unlock()
	if fault != nil && fault(w, r, name) {
		return
	}
	switch {
	case r.URL.Path == "/api/models/painter/model/revision/main":
		_ = json.NewEncoder(w).Encode(map[string]any{"id": "painter/model", "sha": commit, "gated": h.gated, "cardData": map[string]any{"license": "openrail"}})
	case r.URL.Path == "/api/models/painter/model/tree/"+commit:
		h.tree(w, r)
	case isFile && h.files[name] != nil:
		w.Header().Set("ETag", `"`+sha(h.files[name])+`"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(h.files[name])))
	default:
		http.NotFound(w, r)
	}
}

func (h *fakeHub) tree(w http.ResponseWriter, r *http.Request) {
	var entries []map[string]any
	for name, b := range h.files {
		e := map[string]any{"type": "file", "path": name, "size": len(b), "oid": blobName(b)}
		if h.lfs(name) {
			e["lfs"] = map[string]any{"oid": sha(b), "size": len(b)}
		}
		entries = append(entries, e)
	}
	slicesSort(entries)
	if h.listed != nil {
		entries = h.listed(entries)
	}
	from := 0
	_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &from) // none is the first page
	to := min(from+h.page, len(entries))
	if to < len(entries) {
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?recursive=true&cursor=%d>; rel="next"`, h.URL, r.URL.Path, to))
	}
	_ = json.NewEncoder(w).Encode(entries[from:to])
}

func slicesSort(e []map[string]any) {
	for i := range e {
		for j := i; j > 0 && e[j]["path"].(string) < e[j-1]["path"].(string); j-- {
			e[j], e[j-1] = e[j-1], e[j]
		}
	}
}

// someFiles are those of a compiled model in Apple's layout.
func someFiles() map[string][]byte {
	files := map[string][]byte{
		"README.md": []byte("a card\n"), "compiled/vocab.json": []byte("{}"), "compiled/merges.txt": []byte("#version\n"),
		"compiled/Unet.mlmodelc/metadata.json": []byte(`[{"inputSchema":[{"name":"sample","shape":"[2, 4, 64, 64]"},
{"name":"encoder_hidden_states","shape":"[2, 768, 1, 77]"}],"mlProgramOperationTypeHistogram":{"Ios16.einsum":12}}]`),
	}
	for i, part := range []string{"Unet", "TextEncoder", "VAEDecoder", "VAEEncoder"} {
		files["compiled/"+part+".mlmodelc/coremldata.bin"] = []byte(part)
		big := make([]byte, 300_000)
		for j := range big {
			big[j] = byte(j*(i+3) + j>>8)
		}
		files["compiled/"+part+".mlmodelc/weights/weight.bin"] = big
	}
	return files
}

func get(t *testing.T, h *fakeHub, l *Library, change func(*GetOptions)) (*Got, error) {
	t.Helper()
	o := GetOptions{Reference: Reference{"painter/model", "main"}, Endpoint: h.URL, sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	if change != nil {
		change(&o)
	}
	return l.Get(t.Context(), o)
}

func TestGet(t *testing.T) {
	h := newFakeHub(t, someFiles())
	l := &Library{Own: filepath.Join(t.TempDir(), "models")}
	var card Card
	var last Progress
	g, err := get(t, h, l, func(o *GetOptions) {
		o.Token, o.Card, o.Progress = "secret", func(c Card) { card = c }, func(p Progress) { last = p }
	})
	require.NoError(t, err)
	require.Equal(t, Card{ID: "painter/model", Revision: commit, License: "openrail", Link: h.URL + "/painter/model"}, card)
	require.Equal(t, last.Total, last.Done)
	require.Equal(t, last.Of, last.Files)
	for name, want := range h.files {
		b, err := os.ReadFile(filepath.Join(g.Path, filepath.FromSlash(name)))
		require.NoError(t, err)
		require.Equal(t, want, b, name)
	}
	require.NotContains(t, h.tokens, "", "the hub gets the token")
	left, err := filepath.Glob(filepath.Join(l.Own, downloads, "*"))
	require.NoError(t, err)
	require.Equal(t, []string{filepath.Join(l.Own, downloads, "painter--model.lock")}, left)

	m, err := l.Find("painter/model/compiled")
	require.NoError(t, err)
	require.Equal(t, "Stable Diffusion 1.x", m.Kind)
	require.Equal(t, "split-einsum", m.Attention)
	require.Equal(t, Compiled, m.Form)
	require.Equal(t, 512, m.Width)
	require.True(t, m.NeedsMac)
	require.Contains(t, m.Note, "needs a Mac")
	require.Empty(t, m.Lacks)
	require.False(t, m.Usable(false))
	require.True(t, m.Usable(true))
	require.Equal(t, commit, m.Revision)

	before := len(h.requests)
	_, err = get(t, h, l, nil)
	require.NoError(t, err)
	for _, r := range h.requests[before:] {
		require.Contains(t, r, "/api/", "nothing is downloaded twice")
	}
	v, err := Verify(t.Context(), m, nil)
	require.NoError(t, err)
	require.Equal(t, len(h.files), v.Files)
	require.Empty(t, v.Damaged)
	require.NoError(t, os.WriteFile(filepath.Join(m.Path, "merges.txt"), []byte("#versiom\n"), 0o600))
	v, err = Verify(t.Context(), m, nil)
	require.NoError(t, err)
	require.Len(t, v.Damaged, 1)

	_, err = l.Remove(m)
	require.NoError(t, err)
	all, err := l.List()
	require.NoError(t, err)
	require.Empty(t, all)
	require.NoDirExists(t, filepath.Join(l.Own, "painter"))
}
