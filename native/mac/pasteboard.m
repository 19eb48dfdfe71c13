//go:build darwin

// Pictures on the pasteboard.
#include "internal.h"
#include <stdlib.h>
#include <string.h>

// png is the pasteboard's picture as PNG; nil where there is none.
static NSData *png(NSPasteboard *board) {
	NSData *d = [board dataForType:NSPasteboardTypePNG];
	if (d) return d;
	d = [board dataForType:NSPasteboardTypeTIFF];
	return d ? [[NSBitmapImageRep imageRepWithData:d] representationUsingType:NSBitmapImageFileTypePNG properties:@{}] : nil;
}

char *gesso_mac_paste(void **data, size_t *size, char **path) {
	*data = NULL;
	*size = 0;
	*path = NULL;
	return gesso_mac_do(^NSString * {
		NSPasteboard *board = [NSPasteboard generalPasteboard];
		// A file that was copied in the Finder comes first: its icon lies beside it as a picture.
		NSArray *urls = [board readObjectsForClasses:@[ [NSURL class] ] options:@{NSPasteboardURLReadingFileURLsOnlyKey : @YES}];
		NSURL *file = [urls count] ? [urls objectAtIndex:0] : nil;
		if (file) {
			*path = gesso_mac_text(file.path);
			return nil;
		}
		NSData *d = png(board);
		if (!d || !d.length) return nil;
		*data = malloc(d.length);
		if (!*data) return @"there is no memory";
		memcpy(*data, d.bytes, d.length);
		*size = d.length;
		return nil;
	});
}

char *gesso_mac_copy(const void *data, size_t size) {
	return gesso_mac_do(^NSString * {
		NSPasteboard *board = [NSPasteboard generalPasteboard];
		[board clearContents];
		BOOL taken = [board setData:[NSData dataWithBytes:data length:size] forType:NSPasteboardTypePNG];
		return taken ? nil : @"the pasteboard does not take the picture";
	});
}
