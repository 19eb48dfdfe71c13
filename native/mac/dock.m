//go:build darwin

// The program's tile in the Dock: a badge, and a bar over the icon.
#include "internal.h"

static NSProgressIndicator *bar; // nil while none is shown

static void show_bar(NSDockTile *tile, double fraction) {
	if (fraction < 0) {
		bar = nil;
		tile.contentView = nil; // the icon alone
		return;
	}
	if (!bar) {
		NSRect all = {{0, 0}, tile.size}, low = {{all.size.width / 16, 0}, {all.size.width * 7 / 8, all.size.height / 6}};
		NSImageView *icon = [[NSImageView alloc] initWithFrame:all];
		icon.image = NSApp.applicationIconImage;
		bar = [[NSProgressIndicator alloc] initWithFrame:low];
		bar.indeterminate = NO;
		bar.minValue = 0;
		bar.maxValue = 1;
		[icon addSubview:bar];
		tile.contentView = icon;
	}
	bar.doubleValue = fraction;
}

char *gesso_mac_dock(const char *badge, double fraction) {
	return gesso_mac_do(^NSString * {
		NSDockTile *tile = NSApp.dockTile;
		tile.badgeLabel = *badge ? [NSString stringWithUTF8String:badge] : nil;
		show_bar(tile, fraction);
		[tile display];
		return nil;
	});
}
