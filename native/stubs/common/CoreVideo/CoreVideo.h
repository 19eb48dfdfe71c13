// The functions of Core Video that the bridge calls, written by hand from its public documentation.
#ifndef GESSO_COREVIDEO_H
#define GESSO_COREVIDEO_H
#import <Foundation/Foundation.h>
#ifndef __APPLE__
#import "fake_object.h"
#endif
typedef struct __CVBuffer *CVPixelBufferRef;
typedef int32_t CVReturn;
typedef uint64_t CVOptionFlags;
enum { kCVReturnSuccess = 0 };
enum { kCVPixelBufferLock_ReadOnly = 1 };
enum {
	kCVPixelFormatType_32ARGB = 0x00000020,
	kCVPixelFormatType_32BGRA = 'BGRA',
	kCVPixelFormatType_OneComponent8 = 'L008',
	kCVPixelFormatType_OneComponent16Half = 'L00h'
};
extern const CFStringRef kCVPixelBufferIOSurfacePropertiesKey;
CVReturn CVPixelBufferCreate(CFAllocatorRef allocator, size_t width, size_t height, OSType format, CFDictionaryRef attributes, CVPixelBufferRef *out);
void CVPixelBufferRelease(CVPixelBufferRef b);
CVReturn CVPixelBufferLockBaseAddress(CVPixelBufferRef b, CVOptionFlags flags);
CVReturn CVPixelBufferUnlockBaseAddress(CVPixelBufferRef b, CVOptionFlags flags);
void *CVPixelBufferGetBaseAddress(CVPixelBufferRef b);
size_t CVPixelBufferGetBytesPerRow(CVPixelBufferRef b);
size_t CVPixelBufferGetWidth(CVPixelBufferRef b);
size_t CVPixelBufferGetHeight(CVPixelBufferRef b);
OSType CVPixelBufferGetPixelFormatType(CVPixelBufferRef b);
#endif
