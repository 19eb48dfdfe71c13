// Package session is what the window knows and does: the two inputs, the settings, previews, the picture being made, saving. It shows its
// state as immutable snapshots. It must not import Fyne, so that all of it is tested without a display.
package session

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
	"github.com/gesso-app/gesso/pipeline/unattended"
	"github.com/gesso-app/gesso/pipeline/watch"
)

// ThumbSize is the longest side of thumbnails in pixels.
const ThumbSize = 640

// Engine makes pictures. Render may be called again before the last job has ended; jobs then wait for each other.
type Engine interface {
	// Render starts a job and returns at once.
	Render(c pipeline.Config) Job
	// Batch is Render for the pictures of the queue, which have an engine of their own: previews do not wait for them.
	Batch(c pipeline.Config) Job
	// StyleCode reads the style of c. It may wait for a picture being made.
	StyleCode(ctx context.Context, c pipeline.Config) (*pipeline.StyleCode, error)
	// Save writes a rendering, whole or not at all. An existing file is an error unless overwrite is set.
	Save(ctx context.Context, r *pipeline.Rendering, path string, overwrite bool) error
	// Close cancels every job and returns when they have ended.
	Close()
}

// Job is a picture being made. *pipeline.Job is one.
type Job interface {
	// Cancel asks the job to end; it then ends with context.Canceled. It returns at once.
	Cancel()
	Done() <-chan struct{}
	// Progress is closed when the job has ended.
	Progress() <-chan pipeline.Progress
	// Rendering is valid after Done.
	Rendering() (*pipeline.Rendering, error)
}

// Options are what a session needs from its surroundings.
type Options struct {
	Engine Engine
	// Changed gets every state after the first, on a goroutine of the session, never two at once; states that follow each other quickly are
	// merged. It must not call Close.
	Changed func(Snapshot)
	// Open reads a picture; nil means picture.Open with the default limits.
	Open func(ctx context.Context, path string) (*picture.Picture, error)
	// PreviewDelay is how long the settings must rest before a preview is made; 0 means 120 ms. A prompt rests four times as long.
	PreviewDelay time.Duration
	// PreviewSize is the longest side of previews in pixels; 0 means 512.
	PreviewSize int
	// Settle is how long a file on disk must be quiet before it is read again; 0 means watch.DefaultSettle.
	Settle time.Duration
	// StateFolder is where the queue and the history are kept over the program's end; without one they are not.
	StateFolder string
	// Watch is what watch folders need; without Open, or without a StateFolder, folders are not watched. Path and Changed are the session's.
	Watch unattended.WatchOptions
	// SaveFolder is where pictures go whose photo lies under PrivateFolder, the place of the program's own samples.
	SaveFolder, PrivateFolder string
}

// Session holds the state. Its methods may be called from any goroutine and return at once, except Close.
type Session struct {
	o      Options
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	dirty  chan struct{}
	files  *watch.Files // nil when the system lets us watch nothing
	silent chan struct{}

	mu       sync.Mutex
	closed   bool
	content  pane
	style    pane
	settings settings
	timer    *time.Timer // the next preview, nil when none is due
	work     *work       // the picture being made, nil when idle
	full     *made       // the last full-size picture
	shown    *made       // the one in the snapshot: full or a preview
	saving   bool
	saved    string // the path of the picture that was saved last
	mapped   bool   // a map of the likeness is wanted
	status   Status
	past     history
	queue    queue
	entries  []Entry    // saved pictures, the oldest first
	own      []OwnStyle // replaced as a whole, never changed

	preferences                  Preferences
	watches                      *unattended.Watches // nil where folders are not watched
	preferencesFile, entriesFile *keeper
}

// The ends of SetBrush.
const (
	BrushFine  = -1.0
	BrushBroad = 2.0
)

type settings struct {
	prompt   string
	styles   mix
	code     *pipeline.StyleCode // a preset's style
	strength float64
	brush    float64 // octaves broader than what fits the photo's size
	colour   bool    // the photo's own colours are kept
	steps    steps
	mask     Mask
	gate     pipeline.Gate
	minSSIM  float64
	quality  int
	useANE   bool
}

// New returns a session with the default settings and no pictures.
func New(o Options) *Session {
	if o.Open == nil {
		o.Open = func(ctx context.Context, path string) (*picture.Picture, error) {
			return picture.Open(ctx, path, picture.DefaultLimits)
		}
	}
	if o.Changed == nil {
		o.Changed = func(Snapshot) {}
	}
	if o.PreviewDelay <= 0 {
		o.PreviewDelay = 120 * time.Millisecond
	}
	if o.PreviewSize <= 0 {
		o.PreviewSize = 512
	}
	s := &Session{o: o, dirty: make(chan struct{}, 1), silent: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := errors.Join(s.restorePreferences(), s.restoreHistory(), s.restoreQueue(), s.restoreFolders()); err != nil {
		s.status = Status{Text: sentence(err), Tone: ToneWarn}
	}
	p := s.preferences
	s.settings = settings{
		strength: pipeline.DefaultConfig().StyleStrength, gate: p.Gate, minSSIM: p.MinSSIM, quality: p.Quality, useANE: p.useANE(),
	}
	files, err := watch.NewFiles(o.Settle, s.replaced)
	if err != nil {
		s.status = said(ToneWarn, "Changes that other programs make to the pictures are not seen: %s", sentence(err))
	} else {
		s.files = files
	}
	s.loadOwn()
	go s.emit()
	return s
}

// Close cancels what is running, waits until every goroutine of the session and the engine has ended, and frees the engine.
func (s *Session) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	s.stopPreview()
	if s.work != nil {
		s.work.job.Cancel()
	}
	s.mu.Unlock()
	s.cancel()
	if s.files != nil {
		_ = s.files.Close() // nothing is written through it
	}
	if s.watches != nil {
		s.watches.Close()
	}
	s.o.Engine.Close()
	s.wg.Wait()
	<-s.silent
}

// frame is how long a state is shown at least: nobody sees more of them.
const frame = 16 * time.Millisecond

// emit hands out the state whenever it has changed.
func (s *Session) emit() {
	defer close(s.silent)
	for {
		select {
		case <-s.dirty:
			s.o.Changed(s.Snapshot())
			select {
			case <-time.After(frame): // changes that come meanwhile are handed out together
			case <-s.ctx.Done():
				return
			}
		case <-s.ctx.Done():
			return
		}
	}
}

// touch asks for a snapshot to be handed out.
func (s *Session) touch() {
	select {
	case s.dirty <- struct{}{}:
	default: // one is due already and will hold this change too
	}
}

// edit runs f on the state and hands out the outcome. After Close it does nothing.
func (s *Session) edit(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return
	}
	f()
	s.touch()
}

// spawn runs f on a goroutine that Close waits for. s.mu is held, so that Close cannot have passed its wait.
func (s *Session) spawn(f func()) {
	s.wg.Add(1)
	go func() {
		defer s.wg.Done()
		f()
	}()
}

// SetPrompt sets the sentence that gives the style; an empty one gives the style back to the painting.
func (s *Session) SetPrompt(text string) {
	s.change("prompt", 4*s.o.PreviewDelay, func(n *settings) { // a sentence comes word by word
		if text != n.prompt {
			n.prompt, n.styles, n.code = text, mix{}, nil
		}
	})
}

// SetStrength sets how far to go from the photo (0) to the painting (1).
func (s *Session) SetStrength(v float64) {
	s.change("strength", s.o.PreviewDelay, func(n *settings) { n.strength = min(max(v, 0), 1) })
}

// SetBrush sets the breadth of the strokes in octaves, BrushFine to BrushBroad: 0 fits the photo's size, 1 is twice as broad.
func (s *Session) SetBrush(v float64) {
	s.change("brush", s.o.PreviewDelay, func(n *settings) { n.brush = min(max(v, BrushFine), BrushBroad) })
}

// SetPreserveColour sets whether the photo's own colours are kept.
func (s *Session) SetPreserveColour(on bool) {
	s.change("colour", s.o.PreviewDelay, func(n *settings) { n.colour = on })
}

// SetGate sets what happens when the SSIM falls below the threshold.
func (s *Session) SetGate(g pipeline.Gate) {
	s.change("gate", s.o.PreviewDelay, func(n *settings) { n.gate = g })
}

// SetMapped sets whether results come with a map of their likeness to the photo.
func (s *Session) SetMapped(on bool) {
	s.edit(func() {
		if s.mapped != on {
			s.mapped = on
			s.drawMap()
		}
	})
}

// Snapshot returns the state.
func (s *Session) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := Snapshot{
		Content: s.content.Pane, Style: s.style.Pane,
		Prompt: s.settings.prompt, Styles: s.settings.styles.list(), Source: s.source(),
		CanUndo: len(s.past.undo) > 0, CanRedo: len(s.past.redo) > 0,
		Strength: s.settings.strength, Brush: s.settings.brush, PreserveColour: s.settings.colour, Gate: s.settings.gate, MinSSIM: s.settings.minSSIM,
		Post: s.settings.steps.list(), Mask: s.settings.mask,
		Saving: s.saving, Status: s.status,
		Own: s.own, Favourites: s.preferences.Favourites, Recent: s.preferences.Recent, Queue: s.queue.counts(),
	}
	if s.settings.code != nil {
		n.Preset = s.settings.code.Title
	}
	if w := s.work; w != nil {
		n.Busy, n.Previewing = !w.preview, w.preview
		n.Cancelling, n.Phase, n.Fraction = w.cancelled, w.phase, w.fraction
	}
	n.CanEnqueue = s.ready()
	n.CanStylize = s.ready() && !n.Busy
	n.Saved = s.saved
	n.CanSave = s.full != nil && s.full.key == s.key() && !n.Busy && !s.saving
	if m := s.shown; m != nil {
		r := m.result
		r.Stale = m.key != s.key()
		n.Result = &r
	}
	return n
}
