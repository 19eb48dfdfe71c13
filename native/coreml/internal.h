// What the bridge's Objective-C files share.
#ifndef GESSO_INTERNAL_H
#define GESSO_INTERNAL_H
#import <CoreML/CoreML.h>
#import <Foundation/Foundation.h>
#include "bridge.h"
#if !__has_feature(objc_arc)
#error compile with -fobjc-arc
#endif

// ON_MACOS(14.4) stands for @available(macOS 14.4, *): the fake system says which version it plays, so that older branches run in tests.
#ifdef __APPLE__
#define ON_MACOS(v) @available(macOS v, *)
#else
double fake_macos(void);
#define ON_MACOS(v) (fake_macos() >= (v))
#define API_AVAILABLE(...)
#endif

// Each sets e, which may hold nothing yet, and returns -1.
int gesso_say(gesso_error *e, NSString *message);
int gesso_say_error(gesso_error *e, NSError *x);
int gesso_say_exception(gesso_error *e, NSException *x);

NSString *gesso_string(const char *s);
MLModelConfiguration *gesso_configuration(const gesso_config *c, gesso_error *e);

// gesso_elements is the element type of Core ML's number, -1 for one that the bridge does not know; gesso_array_type the other way round.
int32_t gesso_elements(MLMultiArrayDataType t);
MLMultiArrayDataType gesso_array_type(int32_t dtype);
size_t gesso_size(int32_t dtype);

// gesso_give makes the value of an input. t's hold is released when Core ML is done with the memory, or before gesso_give returns. nil: e is set.
MLFeatureValue *gesso_give(const gesso_tensor *t, MLFeatureDescription *d, gesso_error *e);

// gesso_backing wraps an output's memory for Core ML to write into, or returns nil where it must be copied. It takes over t's hold as gesso_give.
MLMultiArray *gesso_backing(const gesso_tensor *t, MLFeatureDescription *d);

// gesso_take copies an output into t, unless its array is the backing, whose memory is t's. -1: e is set.
int gesso_take(const gesso_tensor *t, MLFeatureValue *v, MLMultiArray *backing, gesso_error *e);

// gesso_copy_array copies between an array, whatever its strides, and t. -1: e is set.
int gesso_copy_array(MLMultiArray *a, const gesso_tensor *t, int into_array, gesso_error *e);

uint32_t gesso_pixel_size(uint32_t format); // bytes; 0 for a format that the bridge does not know
#endif
