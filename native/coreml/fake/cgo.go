//go:build fakecoreml && linux

package fake

/*
#cgo CFLAGS: -include ${SRCDIR}/include/prelude.h -I${SRCDIR}/include -I${SRCDIR}/../../stubs/common -I/usr/include/GNUstep
#cgo CFLAGS: -DGNUSTEP -DGNUSTEP_BASE_LIBRARY=1 -DGNU_RUNTIME=1 -D_NATIVE_OBJC_EXCEPTIONS
#cgo CFLAGS: -fexceptions -fobjc-exceptions -fconstant-string-class=NSConstantString -fblocks -fobjc-runtime=gcc
#cgo CFLAGS: -Wall -Wno-incomplete-implementation -Wno-objc-property-implementation -Wno-protocol -Wno-multichar
#cgo LDFLAGS: -Wl,--wrap=__objc_exec_class -lgnustep-base -lobjc -lpthread -lm
*/
import "C"
