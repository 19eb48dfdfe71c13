//go:build fakecoreml

package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gesso-app/gesso/native/coreml/fake"
)

// inspect runs gesso model inspect on the style network, whose mean the fake keeps off the Neural Engine.
func inspect(t *testing.T, flags ...string) string {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	var stdout, stderr bytes.Buffer
	code := Main(t.Context(), append([]string{"model", "inspect", "../../assets/networks/style.mlpackage", "--plan"}, flags...), nil, &stdout, &stderr)
	require.Zero(t, code, stderr.String())
	return stdout.String()
}

// TestPlanOverBridge prints the plan of a fake Core ML.
func TestPlanOverBridge(t *testing.T) {
	t.Cleanup(func() { fake.Set(fake.Modes{}) })
	fake.Set(fake.Modes{})
	out := inspect(t)
	require.Regexp(t, `(?m)^Neural Engine +planned for \d+ % of the cost, \d+ % of the operations$`, out)
	require.Regexp(t, `(?m)^Input image +float16 \(1,3,256,256\)$`, out)
	_, table, ok := strings.Cut(out, "\n\n")
	require.True(t, ok)
	lines := strings.Split(strings.TrimSpace(table), "\n")
	require.Regexp(t, `^RUNS ON +COST +OPERATION`, lines[0])
	require.Regexp(t, `^CPU +\d+\.\d\d % +`, lines[1])
	require.Regexp(t, `^Neural Engine +`, lines[len(lines)-1])
	rest := strings.TrimLeft(strings.Join(lines[1:], "\n"), " ")
	last := strings.LastIndex(rest, "\nCPU ")
	require.Less(t, last, strings.Index(rest, "\nNeural Engine "), "what leaves the Neural Engine comes first")

	var r modelReport
	require.NoError(t, json.Unmarshal([]byte(inspect(t, "--json", "--compute-units", "cpuOnly")), &r))
	require.True(t, r.Plan.Known)
	require.Zero(t, r.Plan.Share)

	fake.Set(fake.Modes{MacOS: 14})
	require.Contains(t, inspect(t), "unknown: only Core ML makes a plan")
	fake.Set(fake.Modes{NilUsage: true})
	require.Contains(t, inspect(t), "unknown")
	fake.Set(fake.Modes{ErrorAt: fake.Plan})
	require.Contains(t, inspect(t), "unknown: model ")
	require.Zero(t, fake.Objects())
}
