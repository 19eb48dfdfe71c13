//go:build darwin

// The Finder, and sharing.
#include "internal.h"

char *gesso_mac_reveal(const char *path) {
	return gesso_mac_do(^NSString * {
		[[NSWorkspace sharedWorkspace] activateFileViewerSelectingURLs:@[ gesso_mac_url(path) ]];
		return nil;
	});
}

char *gesso_mac_share(const char *path) {
	return gesso_mac_do(^NSString * {
		NSView *view = [NSApp keyWindow].contentView;
		if (!view) return @"no window is in front";
		NSSharingServicePicker *picker = [[NSSharingServicePicker alloc] initWithItems:@[ gesso_mac_url(path) ]];
		NSRect all = view.bounds;
		NSRect middle = {{all.origin.x + all.size.width / 2, all.origin.y + all.size.height / 2}, {1, 1}};
		[picker showRelativeToRect:middle ofView:view preferredEdge:NSRectEdgeMinY];
		return nil;
	});
}
