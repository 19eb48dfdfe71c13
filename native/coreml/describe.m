//go:build darwin || fakecoreml

// What a model takes and gives.
#include "internal.h"

// dimensions reads a shape; -1 when it is longer than the bridge's arrays.
static int dimensions(NSArray *shape, int64_t *out, int32_t *rank) {
	if ([shape count] > GESSO_RANK) return -1;
	*rank = (int32_t)[shape count];
	for (int32_t i = 0; i < *rank; i++) out[i] = [[shape objectAtIndex:(NSUInteger)i] longLongValue];
	return 0;
}

// bounds reads a range of sizes. Whether its end is within is not documented: here it is, and Core ML has the last word.
static void bounds(NSRange r, int64_t *low, int64_t *high) {
	*low = r.location > INT32_MAX ? INT32_MAX : (int64_t)r.location;
	*high = r.length > INT32_MAX || r.location + r.length > INT32_MAX ? -1 : (int64_t)(r.location + r.length);
}

static int array(gesso_feature *f, MLMultiArrayConstraint *c) {
	f->kind = GESSO_ARRAY;
	f->dtype = gesso_elements(c.dataType);
	if (f->dtype < 0) f->kind = GESSO_OTHER;
	if (dimensions(c.shape, f->shape, &f->rank)) return -1;
	MLMultiArrayShapeConstraint *s = c.shapeConstraint;
	if (s.type == MLMultiArrayShapeConstraintTypeEnumerated) {
		NSArray *all = s.enumeratedShapes;
		f->enumerated = gesso_alloc([all count] * (size_t)f->rank, sizeof *f->enumerated);
		for (NSArray *one in all) {
			if ((int32_t)[one count] != f->rank) return -1;
			int32_t rank;
			dimensions(one, f->enumerated + f->shapes * f->rank, &rank);
			f->shapes++;
		}
	} else if (s.type == MLMultiArrayShapeConstraintTypeRange) {
		NSArray *ranges = s.sizeRangeForDimension;
		if ((int32_t)[ranges count] != f->rank) return -1;
		f->ranged = 1;
		for (int32_t i = 0; i < f->rank; i++) bounds([[ranges objectAtIndex:(NSUInteger)i] rangeValue], &f->low[i], &f->high[i]);
	}
	return 0;
}

static void size(int64_t *shape, int32_t rank, NSInteger width, NSInteger height) {
	shape[0] = height;
	shape[1] = width;
	if (rank == 3) shape[2] = 4;
}

static void picture(gesso_feature *f, MLImageConstraint *c) {
	f->kind = GESSO_PICTURE;
	f->format = c.pixelFormatType;
	uint32_t pixel = gesso_pixel_size(f->format);
	if (!pixel) f->kind = GESSO_OTHER;
	f->dtype = pixel == 2 ? GESSO_FLOAT16 : GESSO_UINT8;
	f->rank = pixel == 4 ? 3 : 2;
	size(f->shape, f->rank, c.pixelsWide, c.pixelsHigh);
	MLImageSizeConstraint *s = c.sizeConstraint;
	if (s.type == MLImageSizeConstraintTypeEnumerated) {
		NSArray *all = s.enumeratedImageSizes;
		f->enumerated = gesso_alloc([all count] * (size_t)f->rank, sizeof *f->enumerated);
		for (MLImageSize *one in all) size(f->enumerated + f->shapes++ * f->rank, f->rank, one.pixelsWide, one.pixelsHigh);
	} else if (s.type == MLImageSizeConstraintTypeRange) {
		f->ranged = 1;
		bounds(s.pixelsHighRange, &f->low[0], &f->high[0]);
		bounds(s.pixelsWideRange, &f->low[1], &f->high[1]);
		f->low[2] = f->high[2] = 4;
	}
}

static int state(gesso_feature *f, MLStateConstraint *c) API_AVAILABLE(macos(15.0)) {
	f->kind = GESSO_ARRAY;
	f->dtype = gesso_elements(c.dataType);
	if (f->dtype < 0) f->kind = GESSO_OTHER;
	return dimensions(c.bufferShape, f->shape, &f->rank);
}

// add describes one feature. -1: e is set.
static int add(gesso_feature *f, NSString *name, MLFeatureDescription *d, int32_t role, gesso_error *e) {
	int bad = 0;
	f->name = gesso_copy([name UTF8String]);
	f->role = role;
	f->kind = GESSO_OTHER;
	f->optional = d.optional;
	if (d.type == MLFeatureTypeMultiArray) {
		bad = array(f, d.multiArrayConstraint);
	} else if (d.type == MLFeatureTypeImage) {
		picture(f, d.imageConstraint);
	} else if (role == GESSO_STATE) {
		if (ON_MACOS(15.0)) bad = state(f, d.stateConstraint);
	}
	if (bad) gesso_say(e, [NSString stringWithFormat:@"%@ has more than %d dimensions, or shapes that disagree in their number", name, GESSO_RANK]);
	return bad;
}

static int describe(MLModelDescription *m, gesso_feature **features, int64_t *count, gesso_error *e) {
	NSDictionary *states = @{};
	if (ON_MACOS(15.0)) states = m.stateDescriptionsByName;
	NSArray *roles = @[ m.inputDescriptionsByName, m.outputDescriptionsByName, states ? states : @{} ];
	size_t n = 0;
	for (NSDictionary *d in roles) n += [d count];
	*features = gesso_alloc(n, sizeof **features);
	if (!*features) return gesso_say(e, @"there is no memory");
	for (int32_t role = GESSO_INPUT; role <= GESSO_STATE; role++) {
		NSDictionary *d = roles[(NSUInteger)role];
		for (NSString *name in [[d allKeys] sortedArrayUsingSelector:@selector(compare:)]) {
			if (add(&(*features)[(*count)++], name, d[name], role, e)) return -1;
		}
	}
	return 0;
}

int gesso_describe(void *model, gesso_feature **features, int64_t *count, gesso_error *e) {
	*features = NULL;
	*count = 0;
	int bad;
	@autoreleasepool {
		@try {
			bad = describe([(__bridge MLModel *)model modelDescription], features, count, e);
		} @catch (NSException *x) {
			bad = gesso_say_exception(e, x);
		}
	}
	if (bad) {
		gesso_features_free(*features, *count);
		*features = NULL;
		*count = 0;
	}
	return bad;
}

void gesso_features_free(gesso_feature *features, int64_t count) {
	for (int64_t i = 0; i < count; i++) {
		gesso_free(features[i].name);
		gesso_free(features[i].enumerated);
	}
	gesso_free(features);
}
