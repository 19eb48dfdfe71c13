//go:build darwin || fakecoreml

// Tensors as Core ML's arrays and pixel buffers, and back.
#include "internal.h"
#include "strided.h"

int32_t gesso_elements(MLMultiArrayDataType t) {
	switch (t) {
	case MLMultiArrayDataTypeFloat32: return GESSO_FLOAT32;
	case MLMultiArrayDataTypeFloat16: return GESSO_FLOAT16;
	case MLMultiArrayDataTypeInt32: return GESSO_INT32;
	case MLMultiArrayDataTypeDouble: return GESSO_FLOAT64;
	default: return -1;
	}
}

MLMultiArrayDataType gesso_array_type(int32_t dtype) {
	switch (dtype) {
	case GESSO_FLOAT16: return MLMultiArrayDataTypeFloat16;
	case GESSO_INT32: return MLMultiArrayDataTypeInt32;
	case GESSO_FLOAT64: return MLMultiArrayDataTypeDouble;
	default: return MLMultiArrayDataTypeFloat32;
	}
}

static NSArray *numbers(const int64_t *v, int32_t n) {
	NSMutableArray *a = [NSMutableArray array];
	for (int32_t i = 0; i < n; i++) [a addObject:[NSNumber numberWithLongLong:v[i]]];
	return a;
}

static MLMultiArray *wrap(const gesso_tensor *t, NSError **x) {
	int64_t strides[GESSO_RANK];
	gesso_dense(strides, t->shape, t->rank);
	uint64_t hold = t->hold;
	return [[MLMultiArray alloc] initWithDataPointer:t->data
	                                           shape:numbers(t->shape, t->rank)
	                                        dataType:gesso_array_type(t->dtype)
	                                         strides:numbers(strides, t->rank)
	                                     deallocator:^(void *bytes) { (void)bytes; gessoRelease(hold); }
	                                           error:x];
}

// side reads the strides of an array of that many bytes; -1 when its elements would lie outside of them.
static int side(gesso_side *s, const void *bytes, NSInteger size, int32_t dtype, NSArray *strides, const gesso_tensor *t) {
	int64_t last = 0, width = gesso_width(dtype);
	if ((int32_t)[strides count] != t->rank) return -1;
	s->data = (char *)bytes;
	s->dtype = dtype;
	for (int32_t i = 0; i < t->rank; i++) {
		s->strides[i] = [[strides objectAtIndex:(NSUInteger)i] longLongValue];
		if (s->strides[i] < 0 || (t->shape[i] > 1 && s->strides[i] > (size / width - last) / (t->shape[i] - 1))) return -1;
		last += s->strides[i] * (t->shape[i] - 1);
	}
	return last < size / width ? 0 : -1;
}

int gesso_copy_array(MLMultiArray *a, const gesso_tensor *t, int into_array, gesso_error *e) {
	int32_t dtype = gesso_elements([a dataType]);
	if (dtype < 0 || ![[a shape] isEqualToArray:numbers(t->shape, t->rank)]) {
		return gesso_say(e, [NSString stringWithFormat:@"%s has another shape or element type in the model than in the program", t->name]);
	}
	__block gesso_side array;
	__block int bad = 0;
	gesso_side tensor = {t->data, t->dtype, {0}};
	gesso_dense(tensor.strides, t->shape, t->rank);
	if (into_array) {
		[a getMutableBytesWithHandler:^(void *bytes, NSInteger size, NSArray *strides) {
			bad = side(&array, bytes, size, dtype, strides, t);
			if (!bad) gesso_move(array, tensor, t->shape, t->rank, 0);
		}];
	} else {
		NSArray *strides = [a strides];
		[a getBytesWithHandler:^(const void *bytes, NSInteger size) {
			bad = side(&array, bytes, size, dtype, strides, t);
			if (!bad) gesso_move(tensor, array, t->shape, t->rank, 0);
		}];
	}
	if (bad) return gesso_say(e, [NSString stringWithFormat:@"Core ML's memory of %s is smaller than its shape and strides", t->name]);
	return 0;
}

uint32_t gesso_pixel_size(uint32_t format) {
	switch (format) {
	case kCVPixelFormatType_32BGRA:
	case kCVPixelFormatType_32ARGB: return 4;
	case kCVPixelFormatType_OneComponent8: return 1;
	case kCVPixelFormatType_OneComponent16Half: return 2;
	default: return 0;
	}
}

// copy_pixels copies between a buffer, whose rows may be longer than the picture, and t. -1: the buffer is not of t's size, or cannot be locked.
static int copy_pixels(CVPixelBufferRef b, const gesso_tensor *t, int into_buffer) {
	size_t pixel = gesso_pixel_size(CVPixelBufferGetPixelFormatType(b));
	size_t height = CVPixelBufferGetHeight(b), width = CVPixelBufferGetWidth(b);
	int64_t channels = t->rank == 3 ? t->shape[2] : 1;
	if (!pixel || t->rank < 2 || (size_t)t->shape[0] != height || (size_t)t->shape[1] != width || (size_t)(channels * gesso_width(t->dtype)) != pixel) {
		return -1;
	}
	CVOptionFlags flags = into_buffer ? 0 : kCVPixelBufferLock_ReadOnly;
	if (CVPixelBufferLockBaseAddress(b, flags) != kCVReturnSuccess) return -1;
	char *rows = CVPixelBufferGetBaseAddress(b);
	size_t stride = CVPixelBufferGetBytesPerRow(b), row = width * pixel;
	for (size_t y = 0; rows && y < height; y++) {
		char *mine = (char *)t->data + y * row, *theirs = rows + y * stride;
		memcpy(into_buffer ? theirs : mine, into_buffer ? mine : theirs, row);
	}
	CVPixelBufferUnlockBaseAddress(b, flags);
	return rows ? 0 : -1;
}

// picture copies t into a new pixel buffer that the Neural Engine and the GPU can share.
static MLFeatureValue *picture(const gesso_tensor *t, MLImageConstraint *c, gesso_error *e) {
	MLFeatureValue *v = nil;
	CVPixelBufferRef b = NULL;
	NSDictionary *attributes = @{(__bridge NSString *)kCVPixelBufferIOSurfacePropertiesKey : @{}};
	if (t->rank >= 2 && CVPixelBufferCreate(NULL, (size_t)t->shape[1], (size_t)t->shape[0], [c pixelFormatType],
	                        (__bridge CFDictionaryRef)attributes, &b) == kCVReturnSuccess) {
		if (!copy_pixels(b, t, 1)) v = [MLFeatureValue featureValueWithPixelBuffer:b];
		CVPixelBufferRelease(b);
	}
	if (!v) gesso_say(e, [NSString stringWithFormat:@"no pixel buffer can be made of %s", t->name]);
	return v;
}

static MLFeatureValue *give(const gesso_tensor *t, MLFeatureDescription *d, gesso_error *e, int *wrapped) {
	if ([d type] == MLFeatureTypeImage) return picture(t, [d imageConstraint], e);
	NSError *x = nil;
	MLMultiArray *a;
	MLMultiArrayDataType type = [[d multiArrayConstraint] dataType];
	if (type == gesso_array_type(t->dtype)) {
		a = wrap(t, &x);
		*wrapped = a != nil;
	} else {
		a = [[MLMultiArray alloc] initWithShape:numbers(t->shape, t->rank) dataType:type error:&x];
		if (a && gesso_copy_array(a, t, 1, e)) return nil;
	}
	if (!a) {
		gesso_say_error(e, x);
		return nil;
	}
	return [MLFeatureValue featureValueWithMultiArray:a];
}

MLFeatureValue *gesso_give(const gesso_tensor *t, MLFeatureDescription *d, gesso_error *e) {
	int wrapped = 0;
	MLFeatureValue *v = nil;
	@try {
		v = give(t, d, e, &wrapped);
	} @catch (NSException *x) {
		gesso_say_exception(e, x);
	}
	if (!wrapped) gessoRelease(t->hold);
	return v;
}

MLMultiArray *gesso_backing(const gesso_tensor *t, MLFeatureDescription *d) {
	MLMultiArray *a = nil;
	@try {
		if ([d type] == MLFeatureTypeMultiArray && [[d multiArrayConstraint] dataType] == gesso_array_type(t->dtype)) a = wrap(t, NULL);
	} @catch (NSException *x) {
		a = nil; // the copy path does without
	}
	if (!a) gessoRelease(t->hold);
	return a;
}

int gesso_take(const gesso_tensor *t, MLFeatureValue *v, MLMultiArray *backing, gesso_error *e) {
	MLMultiArray *a = [v multiArrayValue];
	if (a && a == backing) return 0;
	if (a) return gesso_copy_array(a, t, 0, e);
	CVPixelBufferRef b = [v imageBufferValue];
	if (!b) return gesso_say(e, [NSString stringWithFormat:@"the model gave no output %s", t->name]);
	if (copy_pixels(b, t, 0)) return gesso_say(e, [NSString stringWithFormat:@"the picture %s has another size or format than asked for", t->name]);
	return 0;
}
