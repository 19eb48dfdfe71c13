// The part of Image I/O that native/mac/imageio calls, written by hand from its public documentation.
#ifndef GESSO_IMAGEIO_H
#define GESSO_IMAGEIO_H
#import <CoreGraphics/CoreGraphics.h>
typedef struct CGImageSource *CGImageSourceRef;
extern const CFStringRef kCGImagePropertyPixelWidth, kCGImagePropertyPixelHeight, kCGImagePropertyOrientation;
extern const CFStringRef kCGImageSourceCreateThumbnailFromImageAlways, kCGImageSourceCreateThumbnailWithTransform,
    kCGImageSourceThumbnailMaxPixelSize, kCGImageSourceShouldCacheImmediately, kCGImageSourceShouldCache;
CGImageSourceRef CGImageSourceCreateWithData(CFDataRef data, CFDictionaryRef options);
CFStringRef CGImageSourceGetType(CGImageSourceRef s);
size_t CGImageSourceGetCount(CGImageSourceRef s);
size_t CGImageSourceGetPrimaryImageIndex(CGImageSourceRef s);
CFDictionaryRef CGImageSourceCopyPropertiesAtIndex(CGImageSourceRef s, size_t i, CFDictionaryRef options);
CGImageRef CGImageSourceCreateThumbnailAtIndex(CGImageSourceRef s, size_t i, CFDictionaryRef options);
#endif
