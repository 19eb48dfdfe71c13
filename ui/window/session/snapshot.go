package session

import (
	"fmt"
	"image"
	"time"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/adjust"
	"github.com/gesso-app/gesso/ui/window/zoom"
)

// Source is what gives the style.
type Source int

// The sources. What was chosen last counts: choosing one gives up the others, but for the painting, which stays in its pane.
const (
	FromPainting Source = iota
	FromPrompt
	FromStyles // of the strip
	FromPreset
)

// Snapshot is all that the window shows. It is immutable: nothing in it is changed after it was handed out.
type Snapshot struct {
	Content, Style Pane
	Source         Source
	Prompt         string
	Styles         []Share // those chosen in the strip, empty when another source counts
	Preset         string  // what a preset calls its style, empty when another source counts
	Strength       float64 // 0..1
	Brush          float64 // BrushFine to BrushBroad
	PreserveColour bool
	Post           []adjust.Step // the steps after the style
	Mask           Mask
	Gate           pipeline.Gate
	MinSSIM        float64

	// Busy is whether a full-size picture is being made; previews do not count.
	Busy       bool
	Cancelling bool
	Previewing bool
	Saving     bool
	Phase      pipeline.Phase
	Fraction   float64 // 0..1

	Own        []OwnStyle
	Favourites []string // identifiers of styles
	Recent     []string // photos, the latest first
	// Queue has no tasks here: Session.Queue has.
	Queue Queue

	CanUndo, CanRedo bool

	CanStylize bool
	CanEnqueue bool
	CanSave    bool
	// Saved is the path of the picture that was saved last, empty before any was.
	Saved string
	// Result is the latest picture that goes with the opened photo, nil when there is none.
	Result *Result
	// Status is one sentence on what happened last, empty when there is nothing to say.
	Status Status
}

// Pane is one of the two inputs.
type Pane struct {
	Path    string
	Name    string // the file's name, or what the caller called it
	Format  string // jpeg, png, ...
	Width   int
	Height  int
	Loading bool
	Error   string        // one sentence, empty when the picture is fine
	Thumb   image.Image   // at most ThumbSize pixels
	Large   *zoom.Pyramid // the whole picture; the photo's pane only
}

// Ready is whether the pane holds a picture that can be used.
func (p Pane) Ready() bool { return p.Path != "" && !p.Loading && p.Error == "" }

// Result is a stylized picture as it is shown, with the scores of the rendering.
type Result struct {
	After *zoom.Pyramid
	// Map shows where After is like the photo, bright, and where not, dark (quality.SSIMMap); nil until it is asked for and drawn.
	Map *zoom.Pyramid
	// Preview is whether it was rendered small, to follow the settings.
	Preview bool
	// Stale is whether the settings have changed since.
	Stale  bool
	Scores pipeline.Result
	// Style is the built-in style, or what the prompt was taken for; empty for a painting.
	Style string
	At    time.Time
}

// Tone is how a status is meant.
type Tone int

// The tones.
const (
	ToneNeutral Tone = iota
	ToneGood
	ToneWarn
	ToneBad
)

// Status is one sentence.
type Status struct {
	Text string
	Tone Tone
	// Format and Args are those that Text was made of, for another language; Format is empty where there is only Text.
	Format string
	Args   []any
}

// said is a status in the words of format.
func said(t Tone, format string, args ...any) Status {
	return Status{fmt.Sprintf(format, args...), t, format, args}
}
