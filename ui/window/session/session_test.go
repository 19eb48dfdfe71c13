package session

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/pipeline"
	"github.com/gesso-app/gesso/pipeline/picture"
)

func TestStartsEmpty(t *testing.T) {
	r := start(t)
	n := r.Snapshot()
	require.InDelta(t, 0.7, n.Strength, 0)
	require.Equal(t, pipeline.GateWarn, n.Gate)
	require.False(t, n.CanStylize)
	r.Stylize()
	require.Zero(t, r.engine.count())
}

func TestPanesShowThePictures(t *testing.T) {
	r := ready(t)
	n := r.Snapshot()
	require.Equal(t, "Sample photo", n.Content.Name)
	require.Equal(t, 64, n.Content.Width)
	require.Equal(t, "png", n.Content.Format)
	require.NotNil(t, n.Style.Thumb)
	time.Sleep(60 * time.Millisecond)
	require.Zero(t, r.engine.count(), "samples make no preview")
}

func TestBrokenPictureSaysWhyInThePane(t *testing.T) {
	r := start(t)
	text := filepath.Join(r.dir, "text.jpg")
	require.NoError(t, os.WriteFile(text, []byte("hello"), 0o600))
	r.OpenContent(text)
	n := r.wait(t, func(n Snapshot) bool { return n.Content.Error != "" })
	require.True(t, strings.HasPrefix(n.Content.Error, "text.jpg "), n.Content.Error)
	require.Nil(t, n.Content.Thumb)
	require.False(t, n.CanStylize)

	r.OpenStyle(filepath.Join(r.dir, "missing.png"))
	n = r.wait(t, func(n Snapshot) bool { return n.Style.Error != "" })
	require.Contains(t, n.Style.Error, "missing.png")
}

func TestHeatIsSaid(t *testing.T) {
	r := ready(t)
	r.Stylize()
	r.engine.job(t, 0).paint(pipeline.Result{SSIMScore: 0.9, Heat: "serious"})
	n := r.wait(t, func(n Snapshot) bool { return n.Result != nil })
	require.Contains(t, n.Status.Text, "hot")
}

func TestStylizeReportsProgressAndScores(t *testing.T) {
	r := ready(t)
	r.Stylize()
	r.Stylize() // a second press does nothing
	j := r.engine.job(t, 0)
	require.Equal(t, r.photo, j.config.ContentImagePath)
	require.Equal(t, r.painting, j.config.StyleImagePath)
	require.Zero(t, j.config.Size)
	require.NoError(t, j.config.Validate())
	j.progress <- pipeline.Progress{Phase: pipeline.PhaseStylize, Fraction: 0.4}
	n := r.wait(t, func(n Snapshot) bool { return n.Fraction == 0.4 })
	require.True(t, n.Busy)
	require.False(t, n.CanStylize)
	require.Equal(t, pipeline.PhaseStylize, n.Phase)

	j.paint(pipeline.Result{SSIMScore: 0.31, GateNote: "SSIM 0.31 is below 0.85"})
	n = r.wait(t, func(n Snapshot) bool { return n.Result != nil })
	require.InDelta(t, 0.31, n.Result.Scores.SSIMScore, 0)
	require.Equal(t, 64, n.Result.After.Size().X)
	require.Equal(t, "SSIM 0.31 is below 0.85: lower the strength, or let the gate hold it.", n.Status.Text)
	require.True(t, n.CanSave)
	require.False(t, n.Busy)
	require.Equal(t, 1, r.engine.count())
}

func TestCancel(t *testing.T) {
	r := ready(t)
	r.Stylize()
	j := r.engine.job(t, 0)
	r.Cancel()
	j.ended(t)
	n := r.wait(t, func(n Snapshot) bool { return !n.Busy })
	require.Equal(t, ToneNeutral, n.Status.Tone)
	require.Contains(t, n.Status.Text, "Cancelled")
	require.True(t, n.CanStylize)
	require.Nil(t, n.Result)
}

func TestFailureIsOneSentence(t *testing.T) {
	r := ready(t)
	r.Stylize()
	r.engine.job(t, 0).end(nil, errBroken)
	n := r.wait(t, func(n Snapshot) bool { return !n.Busy })
	require.Equal(t, Status{Text: "Read network: it is broken.", Tone: ToneBad}, n.Status)
	require.True(t, n.CanStylize)
}

func TestSliderMakesOnePreviewWhenItRests(t *testing.T) {
	r := ready(t)
	for i := range 20 {
		r.SetStrength(float64(i) / 20)
	}
	j := r.engine.job(t, 0)
	require.Equal(t, 512, j.config.Size)
	require.InDelta(t, 0.95, j.config.StyleStrength, 1e-9)
	n := r.wait(t, func(n Snapshot) bool { return n.Previewing })
	require.False(t, n.Busy)

	// A change while the preview is made ends it and makes another.
	r.SetStrength(0.2)
	j.ended(t)
	k := r.engine.job(t, 1)
	require.InDelta(t, 0.2, k.config.StyleStrength, 1e-9)
	k.paint(pipeline.Result{})
	n = r.wait(t, func(n Snapshot) bool { return n.Result != nil })
	require.True(t, n.Result.Preview)
	require.False(t, n.Result.Stale)
	require.False(t, n.CanSave, "a preview is not saved")
}

func TestStylizeTakesThePlaceOfAPreview(t *testing.T) {
	r := ready(t)
	r.SetStrength(0.1)
	preview := r.engine.job(t, 0)
	r.Stylize()
	preview.ended(t)
	require.Zero(t, r.engine.job(t, 1).config.Size)
}

func TestFullPictureComesBackWithItsSettings(t *testing.T) {
	r := ready(t)
	r.stylized(t, 0)
	r.SetStrength(0.2)
	require.False(t, r.Snapshot().CanSave)
	require.True(t, r.Snapshot().Result.Stale)
	r.engine.job(t, 1).paint(pipeline.Result{})
	r.wait(t, func(n Snapshot) bool { return n.Result.Preview })

	r.SetStrength(0.7)
	n := r.Snapshot()
	require.True(t, n.CanSave)
	require.False(t, n.Result.Preview)
	time.Sleep(60 * time.Millisecond)
	require.Equal(t, 2, r.engine.count(), "nothing had to be made again")
}

func TestSettingsChangedWhileBusyArePreviewedAfterwards(t *testing.T) {
	r := ready(t)
	r.Stylize()
	j := r.engine.job(t, 0)
	r.SetStrength(0.3)
	time.Sleep(60 * time.Millisecond)
	require.Equal(t, 1, r.engine.count())
	j.paint(pipeline.Result{})
	require.Equal(t, 512, r.engine.job(t, 1).config.Size)
	require.False(t, r.Snapshot().CanSave)
}

func TestPromptAndPaintingAreAlternatives(t *testing.T) {
	r := ready(t)
	r.SetPrompt(" starry night ")
	require.Equal(t, FromPrompt, r.Snapshot().Source)
	j := r.engine.job(t, 0)
	require.Equal(t, "starry night", j.config.StylePrompt)
	require.Empty(t, j.config.StyleImagePath)
	require.NoError(t, j.config.Validate())
	j.paint(pipeline.Result{Style: "Starry Night"})
	n := r.wait(t, func(n Snapshot) bool { return n.Result != nil })
	require.Equal(t, "Starry Night", n.Result.Style)

	r.OpenStyle(r.painting)
	n = r.Snapshot()
	require.Empty(t, n.Prompt)
	require.Equal(t, FromPainting, n.Source)
	require.Equal(t, r.painting, r.engine.job(t, 1).config.StyleImagePath)
}

func TestBuiltinStyleTakesTheOthersPlace(t *testing.T) {
	r := ready(t)
	r.SetPrompt("monet")
	r.ChooseStyle("great-wave")
	n := r.Snapshot()
	require.Equal(t, FromStyles, n.Source)
	require.Equal(t, []Share{{"great-wave", 1}}, n.Styles)
	require.Empty(t, n.Prompt)
	require.True(t, n.CanStylize)
	j := r.engine.job(t, 0)
	require.NoError(t, j.config.Validate())
	require.Equal(t, "great-wave", j.config.StyleName)
	require.Contains(t, r.SuggestedPath(), "photo-great-wave.jpg")
	j.paint(pipeline.Result{Style: "The Great Wave"})
	n = r.wait(t, func(n Snapshot) bool { return n.Result != nil })
	require.Equal(t, "The Great Wave", n.Result.Style)

	r.SetPrompt("monet")
	require.Empty(t, r.Snapshot().Styles)
	r.ChooseStyle("udnie")
	r.OpenStyle(r.painting)
	require.Equal(t, FromPainting, r.Snapshot().Source)
}

func TestMapOfLikeness(t *testing.T) {
	r := ready(t)
	r.SetMapped(true)
	r.stylized(t, 0)
	n := r.wait(t, func(n Snapshot) bool { return n.Result.Map != nil })
	require.Equal(t, n.Result.After.Size(), n.Result.Map.Size())
}

func TestBrushAndColour(t *testing.T) {
	r := ready(t)
	r.SetBrush(9)
	r.SetPreserveColour(true)
	n := r.Snapshot()
	require.InDelta(t, BrushBroad, n.Brush, 0)
	require.True(t, n.PreserveColour)
	j := r.engine.job(t, 0)
	require.NoError(t, j.config.Validate())
	require.InDelta(t, 4, j.config.BrushScale, 1e-9)
	require.True(t, j.config.PreserveColour)
	r.SetBrush(0)
	require.Zero(t, r.engine.job(t, 1).config.BrushScale, "the middle leaves it to the photo's size")
}

func TestPromptNeedsNoPainting(t *testing.T) {
	r := start(t)
	r.OpenContent(r.photo)
	r.wait(t, func(n Snapshot) bool { return n.Content.Ready() })
	require.False(t, r.Snapshot().CanStylize)
	r.SetPrompt("   ")
	require.False(t, r.Snapshot().CanStylize)
	r.SetPrompt("waves")
	require.True(t, r.Snapshot().CanStylize)
}

func TestFileReplacedOnDiskIsReadAgain(t *testing.T) {
	r := ready(t)
	r.stylized(t, 0)
	writePicture(t, r.photo, 40, 40)
	n := r.wait(t, func(n Snapshot) bool { return n.Content.Width == 40 })
	require.Equal(t, "Sample photo", n.Content.Name)
	require.False(t, n.CanSave, "the picture is of the old photo")
	require.Equal(t, 512, r.engine.job(t, 1).config.Size)

	require.NoError(t, os.WriteFile(r.painting, []byte("text"), 0o600))
	n = r.wait(t, func(n Snapshot) bool { return n.Style.Error != "" })
	require.False(t, n.CanStylize)
}

func TestClear(t *testing.T) {
	r := ready(t)
	r.stylized(t, 0)
	r.Clear(true)
	n := r.Snapshot()
	require.Empty(t, n.Content.Path)
	require.Nil(t, n.Result)
	require.False(t, n.CanStylize)
}

func TestPictureOfAnOlderPhotoIsDropped(t *testing.T) {
	r := ready(t)
	other := filepath.Join(r.dir, "other.png")
	writePicture(t, other, 20, 20)
	r.Stylize()
	j := r.engine.job(t, 0)
	r.OpenContent(other)
	r.wait(t, func(n Snapshot) bool { return n.Content.Width == 20 })
	j.paint(pipeline.Result{})
	n := r.wait(t, func(n Snapshot) bool { return !n.Busy })
	require.Nil(t, n.Result)
}

func TestSave(t *testing.T) {
	r := ready(t)
	r.Save(filepath.Join(r.dir, "early.jpg"), false)
	require.Equal(t, ToneWarn, r.Snapshot().Status.Tone)

	r.stylized(t, 0)
	path := r.SuggestedPath()
	require.Equal(t, filepath.Join(r.dir, "photo-painting.jpg"), path)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.Equal(t, filepath.Join(r.dir, "photo-painting-2.jpg"), r.SuggestedPath())

	exists, problem := r.CheckSave(path)
	require.True(t, exists)
	require.Empty(t, problem)
	_, problem = r.CheckSave(r.photo)
	require.Contains(t, problem, "is the picture that you opened")
	_, problem = r.CheckSave(filepath.Join(r.dir, "a.gif"))
	require.Contains(t, problem, ".png")

	r.Save(path, true)
	n := r.wait(t, func(n Snapshot) bool { return n.Status.Tone == ToneGood })
	require.Contains(t, n.Status.Text, "Saved photo-painting.jpg in ")
	require.Equal(t, []string{path}, r.engine.saved)

	r.engine.mu.Lock()
	r.engine.save = picture.ErrExists
	r.engine.mu.Unlock()
	r.Save(path, false)
	n = r.wait(t, func(n Snapshot) bool { return n.Status.Tone == ToneBad })
	require.Contains(t, n.Status.Text, "exists already")
}

func TestSamplesAreSavedElsewhere(t *testing.T) {
	r := ready(t)
	r.o.PrivateFolder, r.o.SaveFolder = r.dir, t.TempDir()
	r.SetPrompt("Starry night, over the water & more")
	require.Equal(t, filepath.Join(r.o.SaveFolder, "photo-starry-night-over-the.jpg"), r.SuggestedPath())
}

func TestChangedIsCalledOneAtATimeAndNotAfterClose(t *testing.T) {
	var mu sync.Mutex
	var last Snapshot
	calls := 0
	e := &fakeEngine{}
	s := New(Options{Engine: e, Changed: func(n Snapshot) {
		mu.Lock()
		defer mu.Unlock()
		last, calls = n, calls+1
	}})
	for i := range 100 {
		s.SetStrength(float64(i) / 100)
	}
	require.Eventually(t, func() bool { mu.Lock(); defer mu.Unlock(); return last.Strength == 0.99 }, 5*time.Second, time.Millisecond)
	s.Close()
	s.Close()
	require.True(t, e.closed)
	mu.Lock()
	before := calls
	mu.Unlock()
	s.SetStrength(0.5)
	require.InDelta(t, 0.99, s.Snapshot().Strength, 1e-9)
	require.Equal(t, before, calls)
}

func TestCloseCancelsTheWork(t *testing.T) {
	r := ready(t)
	r.Stylize()
	j := r.engine.job(t, 0)
	r.Close()
	j.ended(t)
}

func TestSentences(t *testing.T) {
	for in, want := range map[string]string{
		"a.jpg is broken": "a.jpg is broken.", "the folder is gone": "The folder is gone.", "ok!": "Ok!", "": "",
	} {
		require.Equal(t, want, fullStop(in))
	}
}
