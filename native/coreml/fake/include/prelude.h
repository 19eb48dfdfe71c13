// Included before every file, C ones too: what Apple's headers have and GNUstep's have not.
#ifndef NS_NOESCAPE
#define NS_NOESCAPE __attribute__((noescape))
#endif
