//go:build darwin

// The system's panels.
#include "internal.h"

// GessoFilter greys out what an open panel may not choose.
@interface GessoFilter : NSObject <NSOpenSavePanelDelegate>
@property(nonatomic, copy) NSArray *gessoExtensions;
@end

@implementation GessoFilter
- (BOOL)panel:(id)panel shouldEnableURL:(NSURL *)url {
	return url.hasDirectoryPath || [_gessoExtensions containsObject:[url.pathExtension lowercaseString]];
}
@end

static GessoFilter *filter(const gesso_mac_panel *p) {
	if (!p->count) return nil;
	NSMutableArray *all = [NSMutableArray array];
	for (int32_t i = 0; i < p->count; i++) [all addObject:[[NSString stringWithUTF8String:p->extensions[i]] lowercaseString]];
	GessoFilter *f = [[GessoFilter alloc] init];
	f.gessoExtensions = all;
	return f;
}

static NSSavePanel *make(const gesso_mac_panel *p) {
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
	return panel;
}

char *gesso_mac_choose(const gesso_mac_panel *p, uint64_t call) {
	return gesso_mac_do(^NSString * {
		NSSavePanel *panel = make(p);
		__block GessoFilter *delegate = filter(p); // the panel does not hold it: its answer does
		panel.delegate = delegate;
		int32_t save = p->save;
		void (^answer)(NSModalResponse) = ^(NSModalResponse r) {
			NSArray *urls = @[];
			if (r == NSModalResponseOK && save && panel.URL) urls = @[ panel.URL ];
			if (r == NSModalResponseOK && !save) urls = ((NSOpenPanel *)panel).URLs;
			delegate = nil;
			gesso_mac_paths(urls, ^(char **paths, int32_t n) { gessoMacChosen(call, paths, n); });
		};
		NSWindow *window = [NSApp keyWindow];
		if (window) [panel beginSheetModalForWindow:window completionHandler:answer];
		else [panel beginWithCompletionHandler:answer];
		return nil;
	});
}
