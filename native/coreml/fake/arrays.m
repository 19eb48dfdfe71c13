//go:build fakecoreml && linux

// Arrays and pixel buffers.
#import "internal.h"
#include <math.h>

size_t fake_size(MLMultiArrayDataType t) { return (size_t)(t & 0xff) / 8; }

NSArray *fake_shape(const int64_t *v, NSInteger n) {
	NSMutableArray *s = [NSMutableArray array];
	for (NSInteger i = 0; i < n; i++) [s addObject:[NSNumber numberWithLongLong:v[i]]];
	return s;
}

static BOOL known(MLMultiArrayDataType t) {
	return t == MLMultiArrayDataTypeDouble || t == MLMultiArrayDataTypeFloat32 || t == MLMultiArrayDataTypeFloat16 || t == MLMultiArrayDataTypeInt32;
}

// MLMultiArray: a is the shape, b the strides, c the deallocator, n the type, p memory of its own, q where the elements lie, w how many bytes.
@implementation MLMultiArray
- (instancetype)initWithShape:(NSArray *)shape dataType:(MLMultiArrayDataType)t error:(NSError **)e {
	self = [super init];
	NSMutableArray *strides = [NSMutableArray array];
	int64_t count = 1, padded = fake_get(FAKE_PADDED);
	for (NSInteger i = (NSInteger)[shape count] - 1; i >= 0; i--) {
		[strides insertObject:[NSNumber numberWithLongLong:count] atIndex:0];
		count *= [[shape objectAtIndex:i] longLongValue];
		if (padded && i == (NSInteger)[shape count] - 1) count += 32 - count % 16; // Core ML pads rows to 64 bytes; here always some
	}
	if (!known(t) || count < 1) {
		[self release];
		return fake_fail(e, 1, @"no array of that type or shape");
	}
	a = [shape copy];
	b = [strides copy];
	n = t;
	w = (double)((size_t)count * fake_size(t));
	p = q = malloc((size_t)w);
	memset(q, 0xff, (size_t)w); // NaN, or -1
	return self;
}
- (instancetype)initWithDataPointer:(void *)data
                              shape:(NSArray *)shape
                           dataType:(MLMultiArrayDataType)t
                            strides:(NSArray *)strides
                        deallocator:(void (^)(void *))free
                              error:(NSError **)e {
	self = [super init];
	int64_t last = 0;
	BOOL good = data && known(t) && [shape count] == [strides count] && (uintptr_t)data % fake_size(t) == 0;
	for (NSUInteger i = 0; good && i < [shape count]; i++) {
		int64_t size = [[shape objectAtIndex:i] longLongValue], stride = [[strides objectAtIndex:i] longLongValue];
		if (size < 1 || stride < 1) good = NO;
		last += (size - 1) * stride;
	}
	if (!good) {
		[self release];
		return fake_fail(e, 1, @"the array's memory, shape, type and strides do not agree");
	}
	a = [shape copy];
	b = [strides copy];
	n = t;
	c = free ? (id)Block_copy(free) : nil;
	q = data;
	w = (double)((size_t)(last + 1) * fake_size(t));
	return self;
}
- (void)dealloc {
	if (c) {
		((void (^)(void *))c)(q);
		Block_release(c);
		c = nil;
	}
	[super dealloc];
}
- (MLMultiArrayDataType)dataType {
	return n;
}
- (NSArray *)shape {
	return a;
}
- (NSArray *)strides {
	return b;
}
- (NSInteger)count {
	NSInteger k = 1;
	for (NSNumber *s in (NSArray *)a) k *= [s longLongValue];
	return k;
}
- (void)getBytesWithHandler:(void(NS_NOESCAPE ^)(const void *, NSInteger))h {
	h(q, (NSInteger)w - fake_get(FAKE_SHORT));
}
- (void)getMutableBytesWithHandler:(void(NS_NOESCAPE ^)(void *, NSInteger, NSArray *))h {
	h(q, (NSInteger)w - fake_get(FAKE_SHORT), b);
}
@end

MLMultiArray *fake_array(NSArray *shape, MLMultiArrayDataType t) {
	return [[[MLMultiArray alloc] initWithShape:shape dataType:t error:NULL] autorelease];
}

void fake_touch(id value) {
	volatile char seen;
	if ([value isKindOfClass:[MLMultiArray class]]) {
		MLMultiArray *x = value;
		seen = ((char *)x->q)[0];
		seen = ((char *)x->q)[(size_t)x->w - 1];
	}
	(void)seen;
}

// Halves by libm, unlike the bridge's, so that one checks the other.
static double half(uint16_t h) {
	int e = h >> 10 & 31;
	double f = h & 0x3ff, v = e == 31 ? (f ? NAN : INFINITY) : e ? ldexp(1024 + f, e - 25) : ldexp(f, -24);
	return h & 0x8000 ? -v : v;
}
static uint16_t to_half(double v) {
	uint16_t sign = signbit(v) ? 0x8000 : 0;
	v = fabs(v);
	if (isnan(v)) return 0x7e00;
	if (v >= 65520) return sign | 0x7c00;
	int e = v ? ilogb(v) : -14;
	if (e < -14) e = -14;
	long m = lrint(ldexp(v, 10 - e)); // ties to even
	return (uint16_t)(sign + m + (e + 14) * 1024); // a carry runs into the exponent, as it should
}

static double element(const void *q, MLMultiArrayDataType t, size_t at) {
	switch (t) {
	case MLMultiArrayDataTypeDouble: return ((const double *)q)[at];
	case MLMultiArrayDataTypeFloat32: return ((const float *)q)[at];
	case MLMultiArrayDataTypeInt32: return ((const int32_t *)q)[at];
	default: return half(((const uint16_t *)q)[at]);
	}
}
static void put(void *q, MLMultiArrayDataType t, size_t at, double v) {
	switch (t) {
	case MLMultiArrayDataTypeDouble: ((double *)q)[at] = v; return;
	case MLMultiArrayDataTypeFloat32: ((float *)q)[at] = (float)v; return;
	case MLMultiArrayDataTypeInt32: ((int32_t *)q)[at] = (int32_t)v; return;
	default: ((uint16_t *)q)[at] = to_half(v);
	}
}

// place is where the element of that dense index lies.
static size_t place(const int64_t *shape, const int64_t *strides, int rank, size_t index) {
	size_t at = 0;
	for (int i = rank; i-- > 0;) {
		at += index % (size_t)shape[i] * (size_t)strides[i];
		index /= (size_t)shape[i];
	}
	return at;
}

static void layout(MLMultiArray *x, int64_t *shape, int64_t *strides) {
	for (NSUInteger i = 0; i < [[x shape] count]; i++) {
		shape[i] = [[[x shape] objectAtIndex:i] longLongValue];
		strides[i] = [[[x strides] objectAtIndex:i] longLongValue];
	}
}

void fake_read_array(MLMultiArray *x, fake_tensor *t) {
	int64_t strides[FAKE_RANK];
	size_t count = (size_t)[x count];
	t->rank = (int)[[x shape] count];
	layout(x, t->shape, strides);
	t->dtype = x->n == MLMultiArrayDataTypeInt32 ? 2 : 0;
	t->data = malloc(count * 4);
	for (size_t i = 0; i < count; i++) {
		double v = element(x->q, x->n, place(t->shape, strides, t->rank, i));
		if (t->dtype == 2) ((int32_t *)t->data)[i] = (int32_t)v;
		else ((float *)t->data)[i] = (float)v;
	}
}

void fake_write_array(MLMultiArray *x, const fake_tensor *t) {
	int64_t shape[FAKE_RANK], strides[FAKE_RANK];
	layout(x, shape, strides);
	for (size_t i = 0, count = (size_t)[x count]; i < count; i++) {
		double v = t->dtype == 2 ? ((int32_t *)t->data)[i] : ((float *)t->data)[i];
		put(x->q, x->n, place(shape, strides, t->rank, i), v);
	}
}

const CFStringRef kCVPixelBufferIOSurfacePropertiesKey = (CFStringRef) @"IOSurfaceProperties";

@implementation FakePixels
@end

FakePixels *fake_pixels(size_t width, size_t height, OSType format) {
	size_t size = format == kCVPixelFormatType_32BGRA || format == kCVPixelFormatType_32ARGB ? 4
	    : format == kCVPixelFormatType_OneComponent16Half                                    ? 2
	    : format == kCVPixelFormatType_OneComponent8                                         ? 1
	                                                                                         : 0;
	if (!size || !width || !height) return nil;
	FakePixels *x = [[FakePixels new] autorelease];
	x->width = width;
	x->height = height;
	x->format = format;
	x->row = (width * size / 64 + 1) * 64; // always longer than the pixels, as the GPU likes it
	x->p = malloc(x->row * height);
	memset(x->p, 0xa5, x->row * height);
	return x;
}

CVReturn CVPixelBufferCreate(CFAllocatorRef allocator, size_t width, size_t height, OSType format, CFDictionaryRef attributes, CVPixelBufferRef *out) {
	if (!attributes) return -6661;
	FakePixels *x = fake_pixels(width, height, format);
	if (!x) return -6680; // kCVReturnInvalidPixelFormat
	*out = (CVPixelBufferRef)[x retain];
	return kCVReturnSuccess;
}
void CVPixelBufferRelease(CVPixelBufferRef x) { [(id)x release]; }
CVReturn CVPixelBufferLockBaseAddress(CVPixelBufferRef x, CVOptionFlags flags) {
	((FakePixels *)x)->locked++;
	return kCVReturnSuccess;
}
CVReturn CVPixelBufferUnlockBaseAddress(CVPixelBufferRef x, CVOptionFlags flags) {
	if (--((FakePixels *)x)->locked < 0) [NSException raise:@"FakeException" format:@"a pixel buffer is unlocked that was not locked"];
	return kCVReturnSuccess;
}
void *CVPixelBufferGetBaseAddress(CVPixelBufferRef x) { return ((FakePixels *)x)->locked > 0 ? ((FakePixels *)x)->p : NULL; }
size_t CVPixelBufferGetBytesPerRow(CVPixelBufferRef x) { return ((FakePixels *)x)->row; }
size_t CVPixelBufferGetWidth(CVPixelBufferRef x) { return ((FakePixels *)x)->width; }
size_t CVPixelBufferGetHeight(CVPixelBufferRef x) { return ((FakePixels *)x)->height; }
OSType CVPixelBufferGetPixelFormatType(CVPixelBufferRef x) { return ((FakePixels *)x)->format; }
