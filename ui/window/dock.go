//go:build !headless

package window

import (
	"math"
	"strconv"

	"github.com/gesso-app/gesso/native/mac"
	"github.com/gesso-app/gesso/ui/window/session"
)

// dock is what the program's tile in the Dock shows: how many pictures wait, and how much of the work is done.
type dock struct {
	badge    string
	fraction float64 // in whole hundredths, below 0 for no bar
}

func dockState(n session.Snapshot) dock {
	d := dock{fraction: -1}
	q := n.Queue
	switch {
	case q.Waiting > 0 && !q.Paused:
		d.badge = strconv.Itoa(q.Waiting)
		d.fraction = (float64(q.Done+q.Failed) + q.Fraction) / float64(q.Done+q.Failed+q.Waiting)
	case n.Busy:
		d.fraction = n.Fraction
	}
	if d.fraction >= 0 {
		d.fraction = math.Round(min(d.fraction, 1)*100) / 100
	}
	return d
}

// updateDock shows the state on the tile when that changes it. Where the system has no such thing nothing is missed.
func (w *window) updateDock(n session.Snapshot) {
	if d := dockState(n); d != w.dock {
		w.dock = d
		_ = mac.Dock(d.badge, d.fraction)
	}
}
