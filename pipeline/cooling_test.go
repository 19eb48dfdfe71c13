package pipeline

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native"
)

func TestCooling(t *testing.T) {
	for name, c := range map[string]struct {
		heat   native.Thermal
		cools  time.Duration // when it is nominal again; 0: never
		worked time.Duration
		want   time.Duration
	}{
		"cool":                   {native.ThermalNominal, 0, 10 * time.Second, 0},
		"warm":                   {native.ThermalFair, 0, 10 * time.Second, 0},
		"hot":                    {native.ThermalSerious, 0, 10 * time.Second, 10 * time.Second},
		"very hot":               {native.ThermalCritical, 0, 10 * time.Second, 40 * time.Second},
		"hot after a long while": {native.ThermalCritical, 0, time.Hour, time.Minute},
		"cooled meanwhile":       {native.ThermalCritical, 3 * time.Second, 10 * time.Second, 3 * time.Second},
		"the first picture":      {native.ThermalCritical, 0, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				k := &cooling{poll: time.Second, heat: func() native.Thermal {
					if c.cools > 0 && time.Since(start) >= c.cools {
						return native.ThermalNominal
					}
					return c.heat
				}}
				k.done(c.worked)
				require.NoError(t, k.rest(t.Context()))
				require.Equal(t, c.want, time.Since(start))
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		k := &cooling{poll: 500 * time.Millisecond, heat: func() native.Thermal { return native.ThermalCritical }}
		k.done(time.Hour)
		require.ErrorIs(t, k.rest(ctx), context.DeadlineExceeded)
		require.Equal(t, 2*time.Second, time.Since(start))
	})
}
