package portable

import (
	"os"
	"path/filepath"
	"runtime"
)

// cpuTopology are the lists of logical processors that share a core, one file a processor (Linux: Documentation/admin-guide/cputopology.rst).
const cpuTopology = "/sys/devices/system/cpu/cpu[0-9]*/topology/thread_siblings_list"

// threads is how many threads compute at once: as many as there are physical cores, as two threads of one core gain nothing in dense
// arithmetic, and never more than Go may use processors, which holds the limits of containers. Where cores cannot be told from logical
// processors it is the latter's number.
func threads() int {
	n := runtime.GOMAXPROCS(0)
	if c := cores(cpuTopology); c > 0 {
		n = min(n, c)
	}
	return n
}

// cores counts the distinct contents of the files of a pattern.
func cores(pattern string) int {
	files, err := filepath.Glob(pattern)
	if err != nil {
		return 0
	}
	seen := map[string]bool{}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			seen[string(b)] = true
		}
	}
	return len(seen)
}
