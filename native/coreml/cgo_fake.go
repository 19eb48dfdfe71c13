//go:build fakecoreml && linux

package coreml

// These flags need clang and the permissions that .ci/bridge sets: Go lets a package ask for few flags. GCC's runtime does not know ARC; clang takes
// it with GNUstep's old runtime and the old way to send messages, and package fake has the functions that it then calls.

/*
#cgo CFLAGS: -include ${SRCDIR}/fake/include/prelude.h -I${SRCDIR}/fake/include -I${SRCDIR}/../stubs/common -I/usr/include/GNUstep
#cgo CFLAGS: -DGNUSTEP -DGNUSTEP_BASE_LIBRARY=1 -DGNU_RUNTIME=1 -D_NATIVE_OBJC_EXCEPTIONS
#cgo CFLAGS: -Wall -Wextra -Wno-unused-parameter -Wno-unused-command-line-argument -Werror
#cgo CFLAGS: -fexceptions -fobjc-exceptions -fconstant-string-class=NSConstantString -fblocks
#cgo CFLAGS: -fobjc-runtime=gnustep-1.6 -Xclang -fobjc-dispatch-method=legacy -fobjc-arc -fobjc-arc-exceptions
*/
import "C"

import _ "github.com/gesso-app/gesso/native/coreml/fake" // what the bridge is linked with
