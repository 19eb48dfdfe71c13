// The part of AppKit that native/mac calls, written by hand from its public documentation, for compiling where Apple's headers are not.
#ifndef GESSO_APPKIT_H
#define GESSO_APPKIT_H
#import <Foundation/Foundation.h>
#import <CoreGraphics/CoreGraphics.h>
@class NSDockTile, NSDraggingSession, NSImage, NSWindow;
typedef CGRect NSRect;
typedef CGPoint NSPoint;
typedef CGSize NSSize;
typedef NSUInteger NSRectEdge;
enum { NSRectEdgeMinY = 1 };

@protocol NSApplicationDelegate <NSObject>
@optional
- (void)application:(id)application openURLs:(NSArray *)urls API_AVAILABLE(macos(10.13));
@end
@interface NSEvent : NSObject
@property(readonly) NSPoint locationInWindow;
@end
@interface NSApplication : NSObject
@property(weak) id<NSApplicationDelegate> delegate;
@property(readonly) NSWindow *keyWindow;
@property(readonly) NSEvent *currentEvent;
@property(readonly) NSDockTile *dockTile;
@property(strong) NSImage *applicationIconImage;
@end
extern NSApplication *NSApp;

@protocol NSDraggingSource;
@interface NSView : NSObject
@property NSRect bounds;
- (instancetype)initWithFrame:(NSRect)frame;
- (void)addSubview:(NSView *)v;
- (NSPoint)convertPoint:(NSPoint)p fromView:(NSView *)v;
- (NSDraggingSession *)beginDraggingSessionWithItems:(NSArray *)items event:(NSEvent *)event source:(id<NSDraggingSource>)source;
@end
@interface NSWindow : NSObject
@property(strong) NSView *contentView;
@end

typedef NSInteger NSModalResponse;
enum { NSModalResponseOK = 1 };
@protocol NSOpenSavePanelDelegate <NSObject>
@optional
- (BOOL)panel:(id)panel shouldEnableURL:(NSURL *)url;
@end
@interface NSSavePanel : NSObject
+ (NSSavePanel *)savePanel;
@property(copy) NSString *message, *nameFieldStringValue;
@property(copy) NSURL *directoryURL;
@property(weak) id<NSOpenSavePanelDelegate> delegate;
@property(readonly) NSURL *URL;
- (void)beginSheetModalForWindow:(NSWindow *)w completionHandler:(void (^)(NSModalResponse))handler;
- (void)beginWithCompletionHandler:(void (^)(NSModalResponse))handler;
@end
@interface NSOpenPanel : NSSavePanel
+ (NSOpenPanel *)openPanel;
@property BOOL allowsMultipleSelection;
@property(readonly) NSArray *URLs;
@end

extern NSString *const NSPasteboardTypePNG, *const NSPasteboardTypeTIFF, *const NSPasteboardURLReadingFileURLsOnlyKey;
@interface NSPasteboard : NSObject
@property(class, readonly) NSPasteboard *generalPasteboard;
- (NSInteger)clearContents;
- (NSData *)dataForType:(NSString *)type;
- (BOOL)setData:(NSData *)data forType:(NSString *)type;
- (NSArray *)readObjectsForClasses:(NSArray *)classes options:(NSDictionary *)options;
@end
typedef NSUInteger NSBitmapImageFileType;
enum { NSBitmapImageFileTypePNG = 4 };
@interface NSBitmapImageRep : NSObject
+ (instancetype)imageRepWithData:(NSData *)data;
- (NSData *)representationUsingType:(NSBitmapImageFileType)type properties:(NSDictionary *)properties;
@end
@interface NSImage : NSObject
- (instancetype)initWithData:(NSData *)data;
@property NSSize size;
@end
@interface NSImageView : NSView
@property(strong) NSImage *image;
@end
@interface NSProgressIndicator : NSView
@property(getter=isIndeterminate) BOOL indeterminate;
@property double minValue, maxValue, doubleValue;
@end
@interface NSDockTile : NSObject
@property(readonly) NSSize size;
@property(strong) NSView *contentView;
@property(copy) NSString *badgeLabel;
- (void)display;
@end
@interface NSWorkspace : NSObject
@property(class, readonly) NSWorkspace *sharedWorkspace;
- (void)activateFileViewerSelectingURLs:(NSArray *)urls;
@end
@interface NSSharingServicePicker : NSObject
- (instancetype)initWithItems:(NSArray *)items;
- (void)showRelativeToRect:(NSRect)r ofView:(NSView *)v preferredEdge:(NSRectEdge)e;
@end

typedef NSUInteger NSDragOperation;
enum { NSDragOperationCopy = 1 };
typedef NSInteger NSDraggingContext;
@protocol NSDraggingSource <NSObject>
- (NSDragOperation)draggingSession:(NSDraggingSession *)s sourceOperationMaskForDraggingContext:(NSDraggingContext)c;
@optional
- (void)draggingSession:(NSDraggingSession *)s endedAtPoint:(NSPoint)p operation:(NSDragOperation)o;
@end
@protocol NSPasteboardWriting <NSObject>
@end
@interface NSDraggingItem : NSObject
- (instancetype)initWithPasteboardWriter:(id<NSPasteboardWriting>)w;
- (void)setDraggingFrame:(NSRect)frame contents:(id)contents;
@end
@class NSFilePromiseProvider;
@protocol NSFilePromiseProviderDelegate <NSObject>
- (NSString *)filePromiseProvider:(NSFilePromiseProvider *)p fileNameForType:(NSString *)type;
- (void)filePromiseProvider:(NSFilePromiseProvider *)p writePromiseToURL:(NSURL *)url completionHandler:(void (^)(NSError *))done;
@optional
- (NSOperationQueue *)operationQueueForFilePromiseProvider:(NSFilePromiseProvider *)p;
@end
API_AVAILABLE(macos(10.12))
@interface NSFilePromiseProvider : NSObject <NSPasteboardWriting>
- (instancetype)initWithFileType:(NSString *)type delegate:(id<NSFilePromiseProviderDelegate>)delegate;
@property(strong) id userInfo;
@end
#endif
