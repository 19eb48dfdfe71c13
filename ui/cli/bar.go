package cli

import (
	"fmt"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/gesso-app/gesso/pipeline"
)

// bar shows progress on a terminal, and nothing elsewhere.
type bar struct{ *progressbar.ProgressBar }

const barSteps = 1000

func (p *program) newBar() *bar {
	if !isTerminal(p.stderr) {
		return &bar{}
	}
	return &bar{progressbar.NewOptions(barSteps,
		progressbar.OptionSetWriter(p.stderr),
		progressbar.OptionSetDescription("loading"),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(50*time.Millisecond),
		progressbar.OptionSetPredictTime(false),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true),
	)}
}

// show may be called from any goroutine until close is called.
func (b *bar) show(p pipeline.Progress) {
	if b.ProgressBar == nil {
		return
	}
	b.Describe(map[pipeline.Phase]string{
		pipeline.PhaseOpen:    "opening",
		pipeline.PhaseStyle:   "looking",
		pipeline.PhaseStylize: "painting",
		pipeline.PhaseMeasure: "measuring",
		pipeline.PhaseSave:    "saving",
	}[p.Phase])
	_ = b.Set(min(int(p.Fraction*barSteps), barSteps-1)) // a terminal that cannot be drawn on is no reason to stop
}

// count shows how many photos of a batch have ended. It may be called from any goroutine until close is called.
func (b *bar) count(ended int64, of int) {
	if b.ProgressBar == nil {
		return
	}
	b.Describe(fmt.Sprintf("%d of %d photos", ended, of))
	_ = b.Set(min(int(ended)*barSteps/max(of, 1), barSteps-1)) // as in show
}

// close clears the line. It may be called again.
func (b *bar) close() {
	if b.ProgressBar != nil {
		_ = b.Clear() // as in show
		b.ProgressBar = nil
	}
}

// isTerminal tells whether v, a reader or writer, is a terminal.
func isTerminal(v any) bool {
	f, ok := v.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
