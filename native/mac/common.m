//go:build darwin

#include "internal.h"
#include <stdlib.h>
#include <string.h>

char *gesso_mac_text(NSString *s) {
	const char *u = [s UTF8String];
	return strdup(u ? u : "");
}

char *gesso_mac_do(NSString * (^f)(void)) {
	@autoreleasepool {
		if (![NSThread isMainThread]) return strdup("called beside the main thread");
		@try {
			NSString *wrong = f();
			return wrong ? gesso_mac_text(wrong) : NULL;
		} @catch (NSException *x) {
			return gesso_mac_text([NSString stringWithFormat:@"%@ (exception %@)", x.reason, x.name]);
		}
	}
}

NSURL *gesso_mac_url(const char *path) { return [NSURL fileURLWithPath:[NSString stringWithUTF8String:path]]; }

void gesso_mac_paths(NSArray *urls, void (^f)(char **paths, int32_t count)) {
	char **paths = calloc([urls count] + 1, sizeof *paths);
	int32_t n = 0;
	if (!paths) return;
	for (NSURL *url in urls) {
		if (url.isFileURL) paths[n++] = gesso_mac_text(url.path);
	}
	f(paths, n);
	for (int32_t i = 0; i < n; i++) free(paths[i]);
	free(paths);
}
