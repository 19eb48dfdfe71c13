//go:build darwin

// Decoding with Image I/O. Core Foundation's objects are released by hand: ARC does not know them.
#include "imageio.h"
#import <Foundation/Foundation.h>
#import <ImageIO/ImageIO.h>
#include <string.h>
#if !__has_feature(objc_arc)
#error compile with -fobjc-arc
#endif

// source reads data without a copy; NULL where the system does not know it.
static CGImageSourceRef source(const void *data, size_t size) {
	NSData *d = [[NSData alloc] initWithBytesNoCopy:(void *)data length:size freeWhenDone:NO];
	NSDictionary *options = @{(__bridge NSString *)kCGImageSourceShouldCache : @NO};
	CGImageSourceRef s = CGImageSourceCreateWithData((__bridge CFDataRef)d, (__bridge CFDictionaryRef)options);
	if (s && (!CGImageSourceGetType(s) || !CGImageSourceGetCount(s))) {
		CFRelease(s);
		s = NULL;
	}
	return s;
}

static int64_t number(NSDictionary *properties, CFStringRef key) { return [properties[(__bridge NSString *)key] longLongValue]; }

int gesso_image_stat(const void *data, size_t size, gesso_image_info *info) {
	memset(info, 0, sizeof *info);
	@autoreleasepool {
		@try {
			CGImageSourceRef s = source(data, size);
			if (!s) return GESSO_IMAGE_UNKNOWN;
			NSString *type = (__bridge NSString *)CGImageSourceGetType(s);
			strncpy(info->type, [type UTF8String], sizeof info->type - 1);
			NSDictionary *p = (__bridge_transfer NSDictionary *)CGImageSourceCopyPropertiesAtIndex(s, CGImageSourceGetPrimaryImageIndex(s), NULL);
			CFRelease(s);
			info->width = number(p, kCGImagePropertyPixelWidth);
			info->height = number(p, kCGImagePropertyPixelHeight);
			if (number(p, kCGImagePropertyOrientation) > 4) { // it lies on its side
				int64_t w = info->width;
				info->width = info->height;
				info->height = w;
			}
			return info->width > 0 && info->height > 0 ? GESSO_IMAGE_OK : GESSO_IMAGE_DAMAGED;
		} @catch (NSException *x) {
			return GESSO_IMAGE_DAMAGED;
		}
	}
}

// upright decodes the whole picture and turns it: a thumbnail as large as the picture, which is the only function that turns.
static CGImageRef upright(CGImageSourceRef s, const gesso_image_info *info) {
	NSDictionary *options = @{
		(__bridge NSString *)kCGImageSourceCreateThumbnailFromImageAlways : @YES,
		(__bridge NSString *)kCGImageSourceCreateThumbnailWithTransform : @YES,
		(__bridge NSString *)kCGImageSourceThumbnailMaxPixelSize : @(info->width > info->height ? info->width : info->height),
		(__bridge NSString *)kCGImageSourceShouldCacheImmediately : @YES,
	};
	return CGImageSourceCreateThumbnailAtIndex(s, CGImageSourceGetPrimaryImageIndex(s), (__bridge CFDictionaryRef)options);
}

int gesso_image_decode(const void *data, size_t size, const gesso_image_info *info, void *pixels) {
	@autoreleasepool {
		@try {
			CGImageSourceRef s = source(data, size);
			if (!s) return GESSO_IMAGE_UNKNOWN;
			CGImageRef image = upright(s, info);
			CFRelease(s);
			if (!image) return GESSO_IMAGE_DAMAGED;
			size_t w = (size_t)info->width, h = (size_t)info->height;
			CGColorSpaceRef srgb = CGColorSpaceCreateWithName(kCGColorSpaceSRGB);
			CGContextRef c = CGBitmapContextCreate(pixels, w, h, 8, 4 * w, srgb, (uint32_t)kCGImageAlphaPremultipliedLast | (uint32_t)kCGBitmapByteOrder32Big);
			CGColorSpaceRelease(srgb);
			if (c) {
				CGContextSetBlendMode(c, kCGBlendModeCopy);
				CGContextDrawImage(c, (CGRect){{0, 0}, {(CGFloat)w, (CGFloat)h}}, image); // which brings the colours to sRGB
				CGContextRelease(c);
			}
			CGImageRelease(image);
			return c ? GESSO_IMAGE_OK : GESSO_IMAGE_DAMAGED;
		} @catch (NSException *x) {
			return GESSO_IMAGE_DAMAGED;
		}
	}
}
