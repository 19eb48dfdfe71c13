//go:build darwin

// Dragging out a picture as a promise: the file is written when it has been dropped.
#include "internal.h"
#include <stdlib.h>

@interface GessoPromise : NSObject <NSFilePromiseProviderDelegate, NSDraggingSource>
@property(nonatomic) uint64_t gessoCall;
@property(nonatomic, copy) NSString *gessoName;
@end

// dragged is the promise of the drag under way: the session does not hold its source.
static GessoPromise *dragged;

@implementation GessoPromise
- (void)dealloc {
	gessoMacForget(_gessoCall);
}

- (NSString *)filePromiseProvider:(NSFilePromiseProvider *)provider fileNameForType:(NSString *)type {
	return _gessoName;
}

- (void)filePromiseProvider:(NSFilePromiseProvider *)provider
          writePromiseToURL:(NSURL *)url
          completionHandler:(void (^)(NSError *))done {
	char *path = gesso_mac_text(url.path), *wrong = gessoMacWrite(_gessoCall, path);
	NSError *e = nil;
	if (wrong) {
		NSString *text = [NSString stringWithUTF8String:wrong];
		e = [NSError errorWithDomain:@"app.gesso.Gesso" code:1 userInfo:@{NSLocalizedDescriptionKey : text ? text : @""}];
	}
	free(path);
	free(wrong);
	done(e);
}

// The picture is encoded on a thread of its own, so that the window goes on.
- (NSOperationQueue *)operationQueueForFilePromiseProvider:(NSFilePromiseProvider *)provider {
	return [[NSOperationQueue alloc] init];
}

- (NSDragOperation)draggingSession:(NSDraggingSession *)session sourceOperationMaskForDraggingContext:(NSDraggingContext)context {
	return NSDragOperationCopy;
}

- (void)draggingSession:(NSDraggingSession *)session endedAtPoint:(NSPoint)at operation:(NSDragOperation)operation {
	dragged = nil;
}
@end

char *gesso_mac_drag(const char *name, const void *icon, size_t size, uint64_t call) {
	__block GessoPromise *promise = [[GessoPromise alloc] init]; // from here on the call is forgotten with it
	promise.gessoCall = call;
	char *wrong = gesso_mac_do(^NSString * {
		NSString *file = [NSString stringWithUTF8String:name];
		NSView *view = [NSApp keyWindow].contentView;
		NSEvent *event = [NSApp currentEvent];
		if (!view || !event) return @"no mouse event is being handled";
		promise.gessoName = file;
		NSString *type = [[file.pathExtension lowercaseString] isEqualToString:@"png"] ? @"public.png" : @"public.jpeg";
		NSFilePromiseProvider *provider = [[NSFilePromiseProvider alloc] initWithFileType:type delegate:promise];
		provider.userInfo = promise; // its delegate is weak, and may be asked after the drag has ended
		NSDraggingItem *item = [[NSDraggingItem alloc] initWithPasteboardWriter:provider];
		NSPoint at = [view convertPoint:event.locationInWindow fromView:nil];
		NSImage *image = [[NSImage alloc] initWithData:[NSData dataWithBytes:icon length:size]];
		NSSize s = image ? image.size : (NSSize){0, 0};
		NSRect frame = {{at.x - s.width / 2, at.y - s.height / 2}, s};
		[item setDraggingFrame:frame contents:image];
		dragged = promise;
		[view beginDraggingSessionWithItems:@[ item ] event:event source:promise];
		return nil;
	});
	if (wrong) dragged = nil;
	promise = nil;
	return wrong;
}
