package library

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// DefaultEndpoint is the hub that is asked where neither a flag nor HF_ENDPOINT names another.
const DefaultEndpoint = "https://huggingface.co"

// Bounds on what a hub may say.
const (
	maxPages    = 200
	maxFileSize = 64 << 30
	maxModel    = 256 << 30
	maxWait     = 5 * time.Minute // of a Retry-After
)

// ErrGated means that a model's licence must be accepted, or that the token is missing or wrong.
var ErrGated = errors.New("it is not open to everyone")

// Reference names a model on a hub.
type Reference struct {
	ID       string // OWNER/NAME
	Revision string // a branch, a tag or a commit
}

var (
	idForm       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$`)
	revisionForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$`)
	commitForm   = regexp.MustCompile(`^[0-9a-f]{40}(?:[0-9a-f]{24})?$`)
)

// ParseReference reads OWNER/NAME or OWNER/NAME@REVISION.
func ParseReference(s string) (Reference, error) {
	id, rev, has := strings.Cut(s, "@")
	r := Reference{id, cmp.Or(rev, "main")}
	if !idForm.MatchString(id) || strings.Contains(id, "..") || has && rev == "" || !revisionForm.MatchString(r.Revision) || strings.Contains(r.Revision, "..") {
		return r, fmt.Errorf("%q is no model of a hub: it is OWNER/NAME or OWNER/NAME@REVISION", s)
	}
	return r, nil
}

// hub asks a Hugging-Face-compatible hub.
type hub struct {
	endpoint string
	token    string
	client   *http.Client
	sleep    func(context.Context, time.Duration) error
}

func newHub(endpoint, token string) (*hub, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("the endpoint %q is no address of a hub: it is such as %s", endpoint, DefaultEndpoint)
	}
	if strings.ContainsFunc(token, unicode.IsControl) {
		return nil, errors.New("HF_TOKEN holds a line's end or another control character")
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 30 * time.Second}).DialContext, ForceAttemptHTTP2: true,
		TLSHandshakeTimeout: 30 * time.Second, ResponseHeaderTimeout: time.Minute, MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute,
		DisableCompression: true, // sizes and ranges are of the files as they are
	}
	return &hub{strings.TrimSuffix(u.String(), "/"), token, &http.Client{Transport: transport, CheckRedirect: redirect}, sleep}, nil
}

// redirect keeps the token from other hosts than the hub, and traffic from being led to where all can read it.
func redirect(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("it redirects in circles")
	}
	first := via[0].URL
	if req.URL.Scheme != "https" && (req.URL.Scheme != "http" || first.Scheme == "https") {
		return fmt.Errorf("it redirects to %s, which is not https", req.URL.Redacted())
	}
	if req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		req.Header.Del("Authorization")
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// statusError is an answer that is none of the wanted.
type statusError struct {
	code  int
	after time.Duration // to wait before asking again
}

func (e *statusError) Error() string {
	return fmt.Sprintf("it answers %d %s", e.code, cmp.Or(http.StatusText(e.code), "(of no known meaning)"))
}

// passing tells whether it may go away by itself.
func (e *statusError) passing() bool {
	return e.code == http.StatusTooManyRequests || e.code == http.StatusRequestTimeout || e.code >= 500
}

// do asks once. The caller closes the body of an answer with one of the codes; other answers are errors.
func (h *hub) do(ctx context.Context, address string, header http.Header, codes ...int) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", "gesso")
	if h.token != "" && strings.HasPrefix(address, h.endpoint+"/") {
		req.Header.Set("Authorization", "Bearer "+h.token)
	}
	r, err := h.client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // its text has the address, of which a redirect's may hold a signature
			err = u.Err
		}
		return nil, err
	}
	for _, c := range codes {
		if r.StatusCode == c {
			return r, nil
		}
	}
	_ = r.Body.Close() // it is not read
	return nil, &statusError{r.StatusCode, retryAfter(r.Header.Get("Retry-After"))}
}

// retryAfter reads seconds or a date, 0 for none.
func retryAfter(s string) time.Duration {
	if n, err := strconv.Atoi(s); err == nil && n > 0 {
		return min(time.Duration(min(n, 1<<20))*time.Second, maxWait)
	}
	if t, err := http.ParseTime(s); err == nil {
		return max(0, min(time.Until(t), maxWait))
	}
	return 0
}

// attempts is how often something is asked for without any of it coming.
const attempts = 5

// again waits before another attempt, or returns why there is none.
func (h *hub) again(ctx context.Context, err error, attempt int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	wait := time.Second << min(attempt, 5)
	var status *statusError
	if errors.As(err, &status) {
		if !status.passing() {
			return err
		}
		wait = cmp.Or(status.after, wait)
	}
	var disk *writeError
	if errors.As(err, &disk) || errors.Is(err, errHash) || attempt+1 >= attempts {
		return err
	}
	return h.sleep(ctx, wait)
}

// json asks for JSON, and returns the address of the next page.
func (h *hub) json(ctx context.Context, address string, to any) (next string, err error) {
	for attempt := 0; ; attempt++ {
		r, err := h.do(ctx, address, nil, http.StatusOK)
		var b []byte
		if err == nil {
			b, err = io.ReadAll(io.LimitReader(r.Body, maxText+1))
			err = errors.Join(err, r.Body.Close())
		}
		if err != nil {
			if err := h.again(ctx, err, attempt); err != nil {
				return "", err
			}
			continue
		}
		if len(b) > maxText {
			return "", fmt.Errorf("its answer is larger than %d MiB", maxText>>20)
		}
		if err := json.Unmarshal(b, to); err != nil {
			return "", fmt.Errorf("its answer is not the JSON of a hub: %w", err)
		}
		return h.next(address, r.Header.Get("Link"))
	}
}

var linkNext = regexp.MustCompile(`<([^<>]*)>\s*;\s*rel="?next"?`)

// next is the next page's address by a Link header, which must be the same hub's.
func (h *hub) next(address, link string) (string, error) {
	m := linkNext.FindStringSubmatch(link)
	if m == nil {
		return "", nil
	}
	here, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	to, err := here.Parse(m[1])
	if err != nil || to.Host != here.Host || to.Scheme != here.Scheme || !strings.HasPrefix(to.String(), h.endpoint+"/") {
		return "", errors.New("its next page is on another host")
	}
	return to.String(), nil
}

// Card is what a hub says of a model.
type Card struct {
	ID       string `json:"id"`
	Revision string `json:"revision"` // the commit
	License  string `json:"license"`  // its short name, such as creativeml-openrail-m; empty if the card has none
	Link     string `json:"card"`     // the card's address
	Gated    bool   `json:"gated"`
}

func (h *hub) card(ctx context.Context, ref Reference) (*Card, error) {
	var a struct {
		SHA   string   `json:"sha"`
		Gated any      `json:"gated"` // false, "auto" or "manual"
		Tags  []string `json:"tags"`
		Card  struct {
			License any    `json:"license"` // one or several
			Name    string `json:"license_name"`
		} `json:"cardData"`
	}
	if _, err := h.json(ctx, fmt.Sprintf("%s/api/models/%s/revision/%s", h.endpoint, ref.ID, url.PathEscape(ref.Revision)), &a); err != nil {
		return nil, h.explain(ref, err)
	}
	if !commitForm.MatchString(a.SHA) {
		return nil, fmt.Errorf("ask %s for %s: its answer names no commit", h.endpoint, ref.ID)
	}
	c := &Card{ID: ref.ID, Revision: a.SHA, Link: h.endpoint + "/" + ref.ID}
	if text, ok := a.Gated.(string); ok {
		c.Gated = text != ""
	} else if yes, ok := a.Gated.(bool); ok {
		c.Gated = yes
	}
	c.License, _ = a.Card.License.(string)
	if c.License == "other" {
		c.License = cmp.Or(a.Card.Name, c.License)
	}
	for _, t := range a.Tags {
		if name, ok := strings.CutPrefix(t, "license:"); ok && c.License == "" {
			c.License = name
		}
	}
	return c, nil
}

// explain puts a hub's refusal into a sentence that says what to do.
func (h *hub) explain(ref Reference, err error) error {
	var status *statusError
	if !errors.As(err, &status) {
		return fmt.Errorf("ask %s for %s: %w", h.endpoint, ref.ID, err)
	}
	switch status.code {
	case http.StatusUnauthorized, http.StatusForbidden:
		what := "set HF_TOKEN to a token of your account there"
		if h.token != "" {
			what = "and check that the account of your HF_TOKEN has access"
		}
		return fmt.Errorf("%s is private, gated or not there (%d): %w; accept its licence at %s/%s, if it has one, %s", ref.ID, status.code, ErrGated, h.endpoint, ref.ID, what)
	case http.StatusNotFound:
		return fmt.Errorf("%w: %s has no model %s with a revision %s", ErrNotFound, h.endpoint, ref.ID, ref.Revision)
	case http.StatusTooManyRequests:
		return fmt.Errorf("%s is asked too often (429): try again later", h.endpoint)
	}
	return fmt.Errorf("ask %s for %s: %w", h.endpoint, ref.ID, err)
}

// tree lists all files of a commit, of which none leaves the model's folder.
func (h *hub) tree(ctx context.Context, ref Reference, commit string) ([]digest, error) {
	address := fmt.Sprintf("%s/api/models/%s/tree/%s?recursive=true&expand=false", h.endpoint, ref.ID, commit)
	var files []digest
	seen := map[string]string{}
	var total int64
	for page := 0; address != ""; page++ {
		if page == maxPages {
			return nil, fmt.Errorf("ask %s for %s: its list has more than %d pages", h.endpoint, ref.ID, maxPages)
		}
		var entries []struct {
			Type string `json:"type"`
			OID  string `json:"oid"`
			Path string `json:"path"`
			Size int64  `json:"size"`
			LFS  *struct {
				OID  string `json:"oid"`
				Size int64  `json:"size"`
			} `json:"lfs"`
		}
		next, err := h.json(ctx, address, &entries)
		if err != nil {
			return nil, h.explain(ref, err)
		}
		address = next
		for _, e := range entries {
			if e.Type != "file" {
				continue
			}
			d := digest{Path: e.Path, Size: e.Size, Blob: e.OID}
			if e.LFS != nil {
				d.Size, d.SHA256, d.Blob = e.LFS.Size, e.LFS.OID, ""
			}
			if err := d.check(); err != nil {
				return nil, fmt.Errorf("%s is refused: %w", ref.ID, err)
			}
			if other, ok := seen[strings.ToLower(d.Path)]; ok { // on a Mac they are one file
				return nil, fmt.Errorf("%s is refused: its files %q and %q have one name", ref.ID, other, d.Path)
			}
			seen[strings.ToLower(d.Path)] = d.Path
			if total += d.Size; total > maxModel || len(files) == maxFiles {
				return nil, fmt.Errorf("%s is refused: it has more than %d files or %d GiB", ref.ID, maxFiles, maxModel>>30)
			}
			files = append(files, d)
		}
	}
	return sorted(files), nil
}

// check refuses what a model's file cannot be.
func (d digest) check() error {
	local := filepath.FromSlash(d.Path)
	switch {
	case d.Path == "" || !filepath.IsLocal(local) || filepath.ToSlash(filepath.Clean(local)) != d.Path || strings.ContainsAny(d.Path, `\:`) ||
		strings.ContainsFunc(d.Path, unicode.IsControl) || len(d.Path) > 1024:
		return fmt.Errorf("the path %q of a file leaves its folder, or is none", d.Path)
	case strings.EqualFold(d.Path, recordName):
		return fmt.Errorf("a file has the name %s, which is Gesso's own", recordName)
	case d.Size < 0 || d.Size > maxFileSize:
		return fmt.Errorf("%s has %d bytes, more than a file may have", d.Path, d.Size)
	case d.SHA256 != "" && len(d.SHA256) != 64, !hexName.MatchString(d.name()):
		return fmt.Errorf("%s has no hash that can be verified", d.Path)
	}
	return nil
}

// address of a file's bytes.
func (h *hub) address(ref Reference, commit, path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return fmt.Sprintf("%s/%s/resolve/%s/%s", h.endpoint, ref.ID, commit, strings.Join(parts, "/"))
}
