//go:build !headless

package window

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/storage"
	"fyne.io/fyne/v2/test"
	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/ui/window/session"
)

func (r *rig) folder() string {
	r.t.Helper()
	dir := filepath.Join(r.dir, "shoot")
	require.NoError(r.t, os.MkdirAll(dir, 0o755))
	for _, name := range []string{"a.png", "b.png", "c.png"} {
		writePicture(r.t, filepath.Join(dir, name))
	}
	return dir
}

func TestADroppedFolderFillsTheQueue(t *testing.T) {
	r := ready(t)
	r.drop(centre(r.compare), []fyne.URI{storage.NewFileURI(r.folder())})
	require.NotNil(t, r.queue)
	r.until(func() bool { return len(r.queue.tasks) == 3 })
	r.until(func() bool { return r.queue.tasks[0].State == session.TaskRunning })
	require.Len(t, r.queue.row(r.queue.tasks[1]).Buttons, 3)
	r.engine.finish <- nil
	r.until(func() bool { return r.queue.tasks[0].State == session.TaskDone })
	require.Equal(t, "1 of 3 pictures", r.queue.title.String())
	test.Tap(r.queue.stop)
	r.until(func() bool { return r.queue.stop.Disabled() })
	require.Equal(t, session.TaskCancelled, r.queue.tasks[2].State)
	test.Tap(r.queue.clear)
	r.until(func() bool { return len(r.queue.tasks) == 0 })
	require.Equal(t, "The queue is empty", r.queue.title.String())
}

func TestHistoryTakesWhatWasSaved(t *testing.T) {
	r := ready(t)
	r.showHistory()
	require.True(t, r.history.empty.Visible())
	r.stylized()
	r.session.Save(filepath.Join(r.dir, "out.jpg"), false)
	r.until(func() bool { return len(r.history.entries) == 1 })
	r.history.grid.Select(0)
	require.False(t, r.history.reuse.Disabled())
	require.True(t, r.history.compare.Disabled())
	r.session.SetStrength(0.1)
	test.Tap(r.history.reuse)
	r.until(func() bool { return math.Abs(r.strength.Value-0.7) < 1e-6 })
	test.Tap(r.history.forget)
	r.until(func() bool { return len(r.history.entries) == 0 })
}

func TestPresetIsSavedAppliedRenamedAndDeleted(t *testing.T) {
	r := ready(t)
	r.session.SetStrength(0.35)
	r.savePreset()
	name := r.win.Canvas().Focused()
	test.Type(name, "Soft")
	name.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	var item *fyne.MenuItem
	find := func(label string) bool {
		item = nil
		for _, i := range r.menu.presets.Items {
			if i.Label == label {
				item = i
			}
		}
		return item != nil
	}
	r.until(func() bool { return find("Soft") })
	r.session.SetStrength(0.9)
	item.Action()
	r.until(func() bool { return math.Abs(r.strength.Value-0.35) < 1e-6 })
	require.Equal(t, session.FromPainting, r.session.Snapshot().Source, "the code is of other networks, so the picture is read again")

	r.managePresets()
	m := r.manager
	for i, p := range m.all {
		if p.Name == "Soft" {
			m.list.Select(i)
		} else if p.Builtin {
			m.list.Select(i)
			require.True(t, m.remove.Disabled(), "a preset that comes with the program stays")
		}
	}
	m.reload("Soft")
	test.Tap(m.remove)
	require.False(t, find("Soft"))
	test.Tap(m.undo)
	require.True(t, find("Soft"))
	test.Tap(m.rename)
	entry := r.win.Canvas().Focused()
	test.Type(entry, "er")
	entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	require.False(t, find("Soft"))
	require.True(t, find("erSoft") || find("Softer"))
}

func TestMixSliders(t *testing.T) {
	r := ready(t)
	r.session.ChooseStyle("udnie")
	r.until(func() bool { return len(r.styles.strip.Chosen()) == 1 })
	require.False(t, r.styles.mixer.Visible())
	second := r.styles.strip.Tiles()[1].(fyne.Focusable)
	r.win.Canvas().Focus(second)
	second.TypedRune('m')
	r.until(func() bool { return len(r.styles.mixer.Parts()) == 2 })
	require.True(t, r.styles.mixer.Visible())
	r.styles.mixer.OnWeight(r.styles.mixer.Parts()[1].ID, 0.25)
	require.InDelta(t, 0.25, r.session.Snapshot().Styles[1].Weight, 1e-9)
	m := r.win.Content().MinSize()
	require.LessOrEqual(t, m.Height, float32(700-32), "with the sliders it still fits the smallest window")
}

func TestSettings(t *testing.T) {
	r := ready(t)
	r.openSettings()
	require.NotNil(t, r.win.Canvas().Overlays().Top())
	r.escape()
	p := r.session.Preferences()
	p.Theme = "dark"
	require.NoError(t, r.session.SetPreferences(p))
	r.applyPreferences()
	require.NotNil(t, r.app.Settings().Theme())
}

func TestOwnStyleJoinsTheStrip(t *testing.T) {
	r := ready(t)
	n := len(r.styles.strip.Tiles())
	r.session.AddOwnStyle()
	r.until(func() bool { return len(r.styles.strip.Tiles()) == n+1 })
	id := r.session.Snapshot().Own[0].Path
	r.session.ToggleFavourite(id)
	test.Tap(r.styles.star)
	r.until(func() bool { return len(r.styles.strip.Tiles()) == 1 })
	r.session.RemoveOwnStyle(id)
	r.until(func() bool { return len(r.styles.strip.Tiles()) == 0 })
	require.NoFileExists(t, id)
}

func TestUndoInTheMenu(t *testing.T) {
	r := ready(t)
	r.strength.SetValue(0.2)
	r.menu.undo.Action()
	r.until(func() bool { return math.Abs(r.strength.Value-0.7) < 1e-6 })
	r.win.Canvas().Focus(r.prompt) // there the shortcut is the text's
	test.Type(r.prompt, "waves")
	r.menu.undo.Action()
	require.NotEqual(t, "waves", r.prompt.Text)
}
