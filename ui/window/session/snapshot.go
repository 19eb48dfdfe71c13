package session

import (
	"image"
	"time"

	"github.com/gesso-app/gesso/pipeline"
)

// Source is what gives the style.
type Source int

// The sources. A prompt that is not empty wins over a painting, and choosing a painting empties the prompt.
const (
	FromPainting Source = iota
	FromPrompt
)

// Snapshot is all that the window shows. It is immutable: nothing in it is changed after it was handed out.
type Snapshot struct {
	Content, Style Pane
	Source         Source
	Prompt         string
	Strength       float64 // 0..1
	Gate           pipeline.Gate
	MinSSIM        float64

	// Busy is whether a full-size picture is being made; previews do not count.
	Busy       bool
	Cancelling bool
	Previewing bool
	Saving     bool
	Phase      pipeline.Phase
	Fraction   float64 // 0..1

	CanStylize bool
	CanSave    bool
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
	Error   string      // one sentence, empty when the picture is fine
	Thumb   image.Image // at most ThumbSize pixels
	Large   image.Image // at most DisplaySize pixels
}

// Ready is whether the pane holds a picture that can be used.
func (p Pane) Ready() bool { return p.Path != "" && !p.Loading && p.Error == "" }

// Result is a stylized picture as it is shown: pictures at display size, scores of the rendering.
type Result struct {
	Before, After image.Image
	// Preview is whether it was rendered small, to follow the settings.
	Preview bool
	// Stale is whether the settings have changed since.
	Stale  bool
	Scores pipeline.Result
	// Style is what the prompt was taken for, empty for a painting.
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
}
