package library

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// errHash means that a file's bytes are not those that the hub names.
var errHash = errors.New("its hash is not the one that it should have: it is damaged")

// stalled is how long a download may stand still.
const stalled = time.Minute

// partFile is a file that is being downloaded.
type partFile interface {
	io.ReadWriteSeeker
	io.Closer
	Truncate(size int64) error
	Sync() error
}

// fetcher downloads files of one commit to a folder of .part files, each named by its hash.
type fetcher struct {
	hub    *hub
	ref    Reference
	commit string
	dir    string
	open   func(path string) (partFile, error)
	count  func(n int64) // bytes that came, or that are dropped if negative
}

func openPart(path string) (partFile, error) { return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644) }

// part is the path of a file while it is being downloaded, and after that.
func (f *fetcher) part(d digest) string { return filepath.Join(f.dir, d.name()+".part") }

// etag is a file beside it that says which answer its bytes are from.
func (f *fetcher) etag(d digest) string { return f.part(d) + ".etag" }

// fetch downloads a file, or the rest of it, and checks its hash. What has come stays when it fails.
func (f *fetcher) fetch(ctx context.Context, d digest) (err error) {
	file, err := f.open(f.part(d))
	if err != nil {
		return &writeError{err}
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	p := &download{fetcher: f, digest: d, file: file}
	if err := p.rehash(ctx); err != nil {
		return err
	}
	again := false // after a wrong hash
	for attempt := 0; ; attempt++ {
		before := p.done
		err := p.once(ctx)
		if err == nil {
			err = p.finish()
			if err == nil {
				return nil
			}
			if errors.Is(err, errHash) {
				if err := p.restart(); err != nil {
					return err
				}
				if again {
					return fmt.Errorf("download %s: %w", d.Path, errHash)
				}
				again = true
				continue
			}
		}
		if p.done > before {
			attempt = -1 // it goes on
		}
		if err := f.hub.again(ctx, err, max(attempt, 0)); err != nil {
			return f.explain(d, err)
		}
	}
}

func (f *fetcher) explain(d digest, err error) error {
	var status *statusError
	if errors.As(err, &status) && (status.code == http.StatusUnauthorized || status.code == http.StatusForbidden) {
		return f.hub.explain(f.ref, err)
	}
	return fmt.Errorf("download %s: %w", d.Path, err)
}

// download is a file on its way.
type download struct {
	*fetcher
	digest digest
	file   partFile
	hash   hash.Hash
	done   int64 // bytes in the file, all of them in the hash
}

// rehash takes up what is there already.
func (p *download) rehash(ctx context.Context) error {
	p.hash, _ = p.digest.hash()
	n, err := copyTo(ctx, p.hash, p.file, func(int64) {})
	if err != nil {
		return err
	}
	if n > p.digest.Size {
		return p.restart()
	}
	p.done = n
	p.count(n)
	return nil
}

// restart drops what has come.
func (p *download) restart() error {
	p.count(-p.done)
	p.done = 0
	p.hash, _ = p.digest.hash()
	if err := p.file.Truncate(0); err != nil {
		return &writeError{err}
	}
	if _, err := p.file.Seek(0, io.SeekStart); err != nil {
		return &writeError{err}
	}
	if err := os.Remove(p.etag(p.digest)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &writeError{err}
	}
	return nil
}

// finish checks the whole file.
func (p *download) finish() error {
	_, want := p.digest.hash()
	if hex.EncodeToString(p.hash.Sum(nil)) != want {
		return errHash
	}
	if err := p.file.Sync(); err != nil {
		return &writeError{err}
	}
	return nil
}

// once asks for what is missing and takes what comes.
func (p *download) once(ctx context.Context) error {
	if p.done == p.digest.Size {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	header := http.Header{}
	if p.done > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", p.done))
		if tag, err := os.ReadFile(p.etag(p.digest)); err == nil {
			header.Set("If-Range", string(tag))
		}
	}
	r, err := p.hub.do(ctx, p.hub.address(p.ref, p.commit, p.digest.Path), header, http.StatusOK, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable)
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if err := p.begin(r); err != nil {
		return err
	}
	watch := time.AfterFunc(stalled, func() { cancel(fmt.Errorf("nothing came for %s", stalled)) })
	defer watch.Stop()
	base := p.done
	body := io.LimitReader(r.Body, p.digest.Size-p.done+1)
	_, err = copyTo(ctx, io.MultiWriter(&bounded{p}, p.hash), body, func(n int64) {
		watch.Reset(stalled)
		p.count(base + n - p.done)
		p.done = base + n
	})
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	if err == nil && p.done < p.digest.Size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// bounded is the file, which takes no more than its size.
type bounded struct{ p *download }

func (b *bounded) Write(data []byte) (int, error) {
	if b.p.done+int64(len(data)) > b.p.digest.Size {
		return 0, fmt.Errorf("more bytes come than the %d that the hub named", b.p.digest.Size)
	}
	return b.p.file.Write(data)
}

// begin reads an answer's head: whether it goes on where the file ends.
func (p *download) begin(r *http.Response) error {
	switch r.StatusCode {
	case http.StatusRequestedRangeNotSatisfiable:
		if err := p.restart(); err != nil {
			return err
		}
		return errors.New("the range that is missing was refused")
	case http.StatusPartialContent:
		want := fmt.Sprintf("bytes %d-", p.done)
		if !strings.HasPrefix(r.Header.Get("Content-Range"), want) {
			if err := p.restart(); err != nil {
				return err
			}
			return fmt.Errorf("the answer's range is %q, not the one that was asked for", r.Header.Get("Content-Range"))
		}
		return nil
	}
	if p.done > 0 { // all of it comes: the file there has changed, or ranges are not known
		if err := p.restart(); err != nil {
			return err
		}
	}
	tag := r.Header.Get("ETag")
	if tag == "" || strings.HasPrefix(tag, "W/") || len(tag) > 1024 { // a weak one does not promise the same bytes
		return nil
	}
	if err := os.WriteFile(p.etag(p.digest), []byte(tag), 0o644); err != nil {
		return &writeError{err}
	}
	return nil
}
