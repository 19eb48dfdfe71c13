// The part of Core Graphics that native/mac calls, written by hand from its public documentation.
#ifndef GESSO_COREGRAPHICS_H
#define GESSO_COREGRAPHICS_H
#include <stddef.h>
#include <stdint.h>
#import <Foundation/Foundation.h>
typedef double CGFloat;
typedef struct { CGFloat x, y; } CGPoint;
typedef struct { CGFloat width, height; } CGSize;
typedef struct { CGPoint origin; CGSize size; } CGRect;
typedef struct CGImage *CGImageRef;
typedef struct CGContext *CGContextRef;
typedef struct CGColorSpace *CGColorSpaceRef;
enum { kCGImageAlphaPremultipliedLast = 1, kCGBitmapByteOrder32Big = 4 << 12 };
typedef int32_t CGBlendMode;
enum { kCGBlendModeCopy = 17 };
extern const CFStringRef kCGColorSpaceSRGB;
CGColorSpaceRef CGColorSpaceCreateWithName(CFStringRef name);
void CGColorSpaceRelease(CGColorSpaceRef s);
CGContextRef CGBitmapContextCreate(void *data, size_t w, size_t h, size_t bits, size_t stride, CGColorSpaceRef s, uint32_t info);
void CGContextSetBlendMode(CGContextRef c, CGBlendMode m);
void CGContextDrawImage(CGContextRef c, CGRect r, CGImageRef i);
void CGContextRelease(CGContextRef c);
size_t CGImageGetWidth(CGImageRef i);
size_t CGImageGetHeight(CGImageRef i);
void CGImageRelease(CGImageRef i);
#endif
