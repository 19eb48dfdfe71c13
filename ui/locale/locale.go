// Package locale gives Fyne a locale that it can read: started under C or POSIX, as services and containers are, Fyne would print complaints
// about it before main. It imports nothing outside of the standard library, so that it is initialised before Fyne; import it for its effect.
package locale

import (
	"os"
	"strings"
)

func init() {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		v := os.Getenv(name)
		if base, _, _ := strings.Cut(v, "."); base == "C" || base == "POSIX" {
			_ = os.Setenv(name, "en_US.UTF-8") // a name without = and NUL cannot fail
		}
	}
}
