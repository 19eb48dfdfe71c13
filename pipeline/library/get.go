package library

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/gofrs/flock"
	"golang.org/x/sync/errgroup"

	"github.com/gesso-app/gesso/pipeline/disk"
)

// GetOptions is what is downloaded and how.
type GetOptions struct {
	Reference Reference
	// Endpoint is the hub's address; empty is DefaultEndpoint.
	Endpoint string
	// Token is sent to the endpoint alone; empty is none.
	Token string
	// Include are patterns of paths, such as split_einsum/packages/**; empty is all, if the files are of one model.
	Include []string
	// Accept says that the user accepts the licence of a gated model.
	Accept bool
	// Force replaces another revision, or another choice of files, that is there.
	Force bool
	// Parallel is how many files come at once, 1..16; 0 is 4.
	Parallel int
	// Card is called once with what the hub says of the model, before anything is downloaded; it may be nil.
	Card func(Card)
	// Progress is called about four times a second, on another goroutine; it may be nil.
	Progress func(Progress)

	// what tests replace
	open  func(path string) (partFile, error)
	free  func(path string) (uint64, error)
	sleep func(context.Context, time.Duration) error
}

// Progress is how far a download is.
type Progress struct {
	Done, Total int64         // bytes
	Rate        float64       // bytes a second, of the last seconds
	Remaining   time.Duration // 0 while it is not known
	Files, Of   int           // files that are there, of all
}

// Validate names the first option that is out of range.
func (o GetOptions) Validate() error {
	if o.Parallel < 0 || o.Parallel > 16 {
		return fmt.Errorf("parallel is %d: it goes from 1 to 16, and 0 picks it", o.Parallel)
	}
	for _, p := range o.Include {
		if !doublestar.ValidatePattern(p) {
			return fmt.Errorf("include is %q, which is no pattern of paths, such as split_einsum/packages/**", p)
		}
	}
	return nil
}

// Errors of Get that a caller decides on.
var (
	ErrExists  = errors.New("it is there already")
	ErrLicense = errors.New("its licence must be accepted first")
	ErrChoose  = errors.New("it holds several models")
	ErrBusy    = errors.New("another process is at it")
)

// margin is what a download leaves free on the disk.
const margin = 64 << 20

// downloads is the folder in our own where downloads are until they are whole.
const downloads = ".downloads"

// Get downloads a model into our own folder. It is there whole or not at all: when ctx ends, or anything fails, what has come stays as .part files
// in a hidden folder, from which a later Get goes on.
func (l *Library) Get(ctx context.Context, o GetOptions) (*Got, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	h, err := newHub(cmp.Or(o.Endpoint, DefaultEndpoint), o.Token)
	if err != nil {
		return nil, err
	}
	if o.sleep != nil {
		h.sleep = o.sleep
	}
	card, err := h.card(ctx, o.Reference)
	if err != nil {
		return nil, err
	}
	if o.Card != nil {
		o.Card(*card)
	}
	if card.Gated && !o.Accept {
		return nil, fmt.Errorf("%s is gated: %w: read it at %s, accept it there, and say so with --accept-license", card.ID, ErrLicense, card.Link)
	}
	all, err := h.tree(ctx, o.Reference, card.Revision)
	if err != nil {
		return nil, err
	}
	files, err := choose(card.ID, all, o.Include)
	if err != nil {
		return nil, err
	}
	r := &record{Repository: o.Reference.ID, Revision: card.Revision, Endpoint: h.endpoint, License: card.License, Include: o.Include, Files: files}
	// The folder has the name that the user gave, and none that an answer gives.
	target := filepath.Join(l.Own, filepath.FromSlash(o.Reference.ID))
	unlock, err := l.lock(strings.ReplaceAll(o.Reference.ID, "/", "--"))
	if err != nil {
		return nil, fmt.Errorf("download %s: %w", o.Reference.ID, err)
	}
	defer unlock()
	if old, err := readRecord(target); err == nil && old.Revision == r.Revision && slices.Equal(old.Files, kept(r.Files)) {
		return old.got(target), nil
	} else if _, err := os.Lstat(target); err == nil && !o.Force {
		what := "it was not downloaded by Gesso"
		if old != nil {
			what = "as revision " + old.Revision + ", or with other files"
		}
		return nil, fmt.Errorf("%s: %w (%s); --force replaces it", target, ErrExists, what)
	}
	if err := l.download(ctx, o, h, r, target); err != nil {
		return nil, err
	}
	return r.got(target), nil
}

// Got is a model that was downloaded. Its JSON names are those of gesso models get --json.
type Got struct {
	Repository string `json:"repository"`
	Revision   string `json:"revision"`
	License    string `json:"license,omitempty"`
	Path       string `json:"path"`
	Files      int    `json:"files"`
}

func (r *record) got(path string) *Got {
	return &Got{r.Repository, r.Revision, r.License, path, len(r.Files)}
}

// lock keeps other processes from a model until the function that it returns is called.
func (l *Library) lock(name string) (func(), error) {
	dir := filepath.Join(l.Own, downloads)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of models: %w", err)
	}
	f := flock.New(filepath.Join(dir, name+".lock")) // it stays: removing it would let two hold it
	ok, err := f.TryLock()
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fmt.Errorf("%w: wait for it, or end it", ErrBusy)
	}
	return func() { _ = f.Unlock() }, nil // the system unlocks it too
}

// choose picks the files of the patterns. Without patterns, the files must be of one model.
func choose(id string, all []digest, include []string) (files []digest, err error) {
	if len(include) == 0 {
		kinds := variants(all)
		if len(kinds) < 2 {
			return all, nil
		}
		var names []string
		for _, k := range kinds {
			names = append(names, fmt.Sprintf("%s (%.1f GB)", k.pattern, float64(k.bytes)/1e9))
		}
		return nil, fmt.Errorf("%s: %w: choose with --include one of %s", id, ErrChoose, strings.Join(names, ", "))
	}
	tokenizer := map[string]bool{}
	for _, d := range all {
		take := variantOf(d.Path) == "" && !strings.Contains(d.Path, "/") && d.Size < maxText // licence and card
		for _, p := range include {
			take = take || doublestar.MatchUnvalidated(p, d.Path)
		}
		if take {
			files = append(files, d)
			tokenizer[path.Base(d.Path)] = true
		}
	}
	if !slices.ContainsFunc(files, func(d digest) bool {
		return strings.Contains(d.Path, ".ml") || strings.HasSuffix(d.Path, ".zip") || d.SHA256 != ""
	}) {
		return nil, fmt.Errorf("%s has no model's files that match %s", id, strings.Join(include, ", "))
	}
	for _, name := range []string{"vocab.json", "merges.txt"} { // Apple's packages lie beside a folder that has them
		if tokenizer[name] {
			continue
		}
		var best *digest
		for i, d := range all {
			if path.Base(d.Path) == name && d.Size < maxText && (best == nil || beside(files, d.Path) && !beside(files, best.Path)) {
				best = &all[i]
			}
		}
		if best != nil {
			files = append(files, *best)
		}
	}
	return sorted(files), nil
}

// beside tells whether a file's folder has a sibling of which files are taken.
func beside(files []digest, name string) bool {
	up := path.Dir(path.Dir(name)) + "/"
	return slices.ContainsFunc(files, func(d digest) bool { return variantOf(d.Path) != "" && strings.HasPrefix(d.Path, up) })
}

// variant is one of the models of a repository.
type variant struct {
	pattern string
	bytes   int64
}

// variantOf is the pattern of the files beside a Core ML model, or an archive's own name; empty for files that are of no model.
func variantOf(name string) string {
	if strings.HasSuffix(strings.ToLower(name), ".zip") {
		return name
	}
	parts := strings.Split(name, "/")
	for i, p := range parts {
		if partEnding(p) != "" {
			return strings.Join(append(slices.Clone(parts[:i]), "**"), "/")
		}
	}
	return ""
}

func variants(all []digest) (out []variant) {
	bytes := map[string]int64{}
	for _, d := range all {
		if v := variantOf(d.Path); v != "" && !strings.Contains(strings.ToLower(v), "controlnet/") {
			bytes[v] += d.Size
		}
	}
	for v, n := range bytes {
		out = append(out, variant{v, n})
	}
	slices.SortFunc(out, func(a, b variant) int { return strings.Compare(a.pattern, b.pattern) })
	return out
}

// download fetches the files of a record and publishes them at target.
func (l *Library) download(ctx context.Context, o GetOptions, h *hub, r *record, target string) error {
	stage := filepath.Join(l.Own, downloads, strings.ReplaceAll(r.Repository, "/", "--"))
	if err := os.MkdirAll(stage, 0o755); err != nil {
		return fmt.Errorf("make the folder of a download: %w", err)
	}
	f := &fetcher{hub: h, ref: o.Reference, commit: r.Revision, dir: stage, open: o.open}
	if f.open == nil {
		f.open = openPart
	}
	one := map[string]digest{} // files that are the same are fetched once
	var total int64
	for _, d := range r.Files {
		if _, ok := one[d.name()]; !ok {
			one[d.name()] = d
			total += d.Size
		}
	}
	if err := room(stage, f, one, r.Files, o.free); err != nil {
		return fmt.Errorf("download %s: %w", r.Repository, err)
	}
	m := newMeter(total, len(one), o.Progress)
	defer m.stop()
	f.count = m.add
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(o.Parallel, 4))
	for _, d := range r.Files {
		if one[d.name()].Path != d.Path {
			continue
		}
		g.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			err := f.fetch(ctx, d)
			if err == nil {
				m.file()
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return l.publish(r, f, target)
}

// room refuses a download that does not fit on the disk.
func room(stage string, f *fetcher, one map[string]digest, files []digest, free func(string) (uint64, error)) error {
	if free == nil {
		free = disk.OS().Free
	}
	need := int64(margin)
	for _, d := range one {
		need += d.Size
		if st, err := os.Stat(f.part(d)); err == nil {
			need -= min(st.Size(), d.Size)
		}
	}
	for _, d := range files {
		if strings.HasSuffix(strings.ToLower(d.Path), ".zip") || one[d.name()].Path != d.Path {
			need += d.Size // what an archive holds, weights that hardly shrink, and copies
		}
	}
	have, err := free(stage)
	if err != nil {
		return nil //nolint:nilerr // a file system that does not tell says so when it is full
	}
	if uint64(need) > have {
		return fmt.Errorf("it needs %.1f GB on the disk of %s, where %.1f GB are free", float64(need)/1e9, stage, float64(have)/1e9)
	}
	return nil
}

// publish gives the files their names in a folder that then takes its place at once.
func (l *Library) publish(r *record, f *fetcher, target string) (err error) {
	temp, err := os.MkdirTemp(filepath.Join(l.Own, downloads), ".whole-*")
	if err != nil {
		return fmt.Errorf("make the folder of a model: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(temp)) }()
	inner := filepath.Join(temp, "model")
	if err := os.Mkdir(inner, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(inner) // no name leaves it, whatever the list says
	if err != nil {
		return err
	}
	defer root.Close()
	for _, d := range r.Files {
		local := filepath.FromSlash(d.Path)
		if err := root.MkdirAll(filepath.Dir(local), 0o755); err != nil {
			return fmt.Errorf("place %s: %w", d.Path, err)
		}
		to := filepath.Join(inner, local)
		if err := os.Link(f.part(d), to); err != nil { // the .part files go when all is in its place
			if err := disk.OS().Place(f.part(d), to, false); err != nil {
				return fmt.Errorf("place %s: %w", d.Path, err)
			}
		}
		if strings.HasSuffix(strings.ToLower(d.Path), ".zip") {
			if err := unzip(to, filepath.Dir(to)); err != nil {
				return fmt.Errorf("unpack %s: %w", d.Path, err)
			}
			if err := os.Remove(to); err != nil {
				return err
			}
		}
	}
	r.Files = kept(r.Files)
	if err := r.write(inner); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	if err := swap(inner, target, filepath.Join(temp, "old")); err != nil {
		return fmt.Errorf("place the model %s: %w", target, err)
	}
	return os.RemoveAll(f.dir)
}

// kept are the files that stay: archives are unpacked and removed.
func kept(files []digest) (out []digest) {
	for _, d := range files {
		if !strings.HasSuffix(strings.ToLower(d.Path), ".zip") {
			out = append(out, d)
		}
	}
	return out
}

// swap puts a folder at a path, and what is there aside.
func swap(from, to, aside string) error {
	if _, err := os.Lstat(to); err == nil {
		if err := os.Rename(to, aside); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		if back := os.Rename(aside, to); back != nil && !errors.Is(back, fs.ErrNotExist) {
			return errors.Join(err, back)
		}
		return err
	}
	return disk.OS().SyncDir(filepath.Dir(to))
}
