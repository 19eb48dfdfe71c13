// What the Objective-C files share.
#ifndef GESSO_MAC_INTERNAL_H
#define GESSO_MAC_INTERNAL_H
#import <AppKit/AppKit.h>
#include "mac.h"
#if !__has_feature(objc_arc)
#error compile with -fobjc-arc
#endif

// gesso_mac_do runs f on the main thread, which the caller must be on, and returns what f, an exception or the wrong thread says.
char *gesso_mac_do(NSString * (^f)(void));
char *gesso_mac_text(NSString *s); // a copy
NSURL *gesso_mac_url(const char *path);
// gesso_mac_paths gives the paths of the files among urls to f.
void gesso_mac_paths(NSArray *urls, void (^f)(char **paths, int32_t count));
#endif
