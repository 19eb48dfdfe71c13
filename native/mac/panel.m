//go:build darwin

// The system's panels.
#include "internal.h"
#import <UniformTypeIdentifiers/UniformTypeIdentifiers.h>

static NSArray *types(const gesso_mac_panel *p) {
	NSMutableArray *all = [NSMutableArray array];
	for (int32_t i = 0; i < p->count; i++) {
		UTType *t = [UTType typeWithFilenameExtension:[NSString stringWithUTF8String:p->extensions[i]]];
		if (t) [all addObject:t];
	}
	return all;
}

char *gesso_mac_choose(const gesso_mac_panel *p, uint64_t call) {
	return gesso_mac_do(^NSString * {
		NSSavePanel *panel;
		if (p->save) {
			panel = [NSSavePanel savePanel];
			panel.nameFieldStringValue = [NSString stringWithUTF8String:p->name];
		} else {
			NSOpenPanel *open = [NSOpenPanel openPanel];
			open.allowsMultipleSelection = p->many != 0;
			panel = open;
		}
		if (*p->title) panel.message = [NSString stringWithUTF8String:p->title];
		if (*p->folder) panel.directoryURL = gesso_mac_url(p->folder);
		NSArray *allowed = types(p);
		if ([allowed count]) panel.allowedContentTypes = allowed;
		int32_t save = p->save;
		void (^answer)(NSModalResponse) = ^(NSModalResponse r) {
			NSArray *urls = @[];
			if (r == NSModalResponseOK && save && panel.URL) urls = @[ panel.URL ];
			if (r == NSModalResponseOK && !save) urls = ((NSOpenPanel *)panel).URLs;
			gesso_mac_paths(urls, ^(char **paths, int32_t n) { gessoMacChosen(call, paths, n); });
		};
		NSWindow *window = [NSApp keyWindow];
		if (window) [panel beginSheetModalForWindow:window completionHandler:answer];
		else [panel beginWithCompletionHandler:answer];
		return nil;
	});
}
