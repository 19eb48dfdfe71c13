// What the fake's Objective-C files share. They manage memory by hand.
#ifndef FAKE_INTERNAL_H
#define FAKE_INTERNAL_H
#import <CoreML/CoreML.h>
#import <dispatch/dispatch.h>
#include <Block.h>
#include <stdlib.h>
#include <string.h>
#include "fake.h"

NSError *fake_error(NSInteger code, NSString *text);
id fake_fail(NSError **e, NSInteger code, NSString *text); // returns nil
void fake_throw(int stage);                                // when a mode says so
BOOL fake_works(int stage, NSError **e);                   // sets e and returns NO when a mode says so
NSString *fake_take(char *text);                           // frees text
void fake_async(void (^work)(void));                       // on a thread of its own
void fake_fly(int by);

// FakePixels is what a CVPixelBufferRef points to; p are the pixels.
@interface FakePixels : FakeObject {
@public
	size_t width, height, row; // row in bytes
	OSType format;
	NSInteger locked;
}
@end
FakePixels *fake_pixels(size_t width, size_t height, OSType format); // nil for a format that it does not know

size_t fake_size(MLMultiArrayDataType t);
MLMultiArray *fake_array(NSArray *shape, MLMultiArrayDataType t); // autoreleased, in the fake's own memory
void fake_read_array(MLMultiArray *a, fake_tensor *into);         // dense, as float32 or int32; into->data is malloc'ed
void fake_write_array(MLMultiArray *a, const fake_tensor *from);  // of a's shape
void fake_touch(id value);                                       // reads the memory of an array
NSArray *fake_shape(const int64_t *v, NSInteger n);

// Descriptions, from Go's; they take what they need out of f.
MLFeatureDescription *fake_description(const fake_feature *f);
// fake_allows says why a value is not allowed, or nil.
NSString *fake_allows(MLFeatureDescription *d, MLFeatureValue *v);
void fake_free_features(fake_feature *f, int n);
#endif
