//go:build fakecoreml && linux

// Descriptions of inputs, outputs and states, and what they allow.
#import "internal.h"

// a is the shape; of a constraint on shapes also b the enumerated ones, c the ranges; n is the type.
@implementation MLMultiArrayShapeConstraint
- (MLMultiArrayShapeConstraintType)type {
	return n;
}
- (NSArray *)sizeRangeForDimension {
	return c;
}
- (NSArray *)enumeratedShapes {
	return b;
}
@end
@implementation MLMultiArrayConstraint
- (NSArray *)shape {
	return a;
}
- (MLMultiArrayDataType)dataType {
	return n;
}
- (MLMultiArrayShapeConstraint *)shapeConstraint {
	return b;
}
@end
@implementation MLStateConstraint
- (NSArray *)bufferShape {
	return a;
}
- (MLMultiArrayDataType)dataType {
	return n;
}
@end
@implementation MLImageSize
@end
@implementation MLImageSizeConstraint
- (MLImageSizeConstraintType)type {
	return MLImageSizeConstraintTypeUnspecified;
}
- (NSRange)pixelsWideRange {
	return NSMakeRange(0, 0);
}
- (NSRange)pixelsHighRange {
	return NSMakeRange(0, 0);
}
- (NSArray *)enumeratedImageSizes {
	return [NSArray array];
}
@end
// n x m pixels; w is the format, p is not NULL for BGR.
@implementation MLImageConstraint
- (NSInteger)pixelsWide {
	return n;
}
- (NSInteger)pixelsHigh {
	return m;
}
- (OSType)pixelFormatType {
	return (OSType)w;
}
- (MLImageSizeConstraint *)sizeConstraint {
	return a;
}
@end
// a is the name, b the constraint, n the type, m whether it is optional.
@implementation MLFeatureDescription
- (NSString *)name {
	return a;
}
- (MLFeatureType)type {
	return n;
}
- (BOOL)isOptional {
	return m != 0;
}
- (MLMultiArrayConstraint *)multiArrayConstraint {
	return n == MLFeatureTypeMultiArray ? b : nil;
}
- (MLImageConstraint *)imageConstraint {
	return n == MLFeatureTypeImage ? b : nil;
}
- (MLStateConstraint *)stateConstraint {
	return n == MLFeatureTypeState ? b : nil;
}
@end

static MLMultiArrayShapeConstraint *shapes(const fake_feature *f) {
	MLMultiArrayShapeConstraint *s = [MLMultiArrayShapeConstraint new];
	NSMutableArray *list = [NSMutableArray array];
	s->n = MLMultiArrayShapeConstraintTypeUnspecified;
	if (f->shapes) {
		s->n = MLMultiArrayShapeConstraintTypeEnumerated;
		for (int i = 0; i < f->shapes; i++) [list addObject:fake_shape(f->enumerated + i * f->rank, f->rank)];
	}
	s->b = [list copy];
	[list removeAllObjects];
	if (f->ranged) {
		s->n = MLMultiArrayShapeConstraintTypeRange;
		for (int i = 0; i < f->rank; i++) {
			NSUInteger length = f->high[i] < 0 ? NSIntegerMax : (NSUInteger)(f->high[i] - f->low[i]);
			[list addObject:[NSValue valueWithRange:NSMakeRange((NSUInteger)f->low[i], length)]];
		}
	}
	s->c = [list copy];
	return s;
}

MLFeatureDescription *fake_description(const fake_feature *f) {
	MLFeatureDescription *d = [[MLFeatureDescription new] autorelease];
	d->a = [[NSString alloc] initWithUTF8String:f->name];
	d->m = f->optional;
	if (f->kind == FAKE_IMAGE) {
		MLImageConstraint *c = [MLImageConstraint new];
		c->n = f->shape[1];
		c->m = f->shape[0];
		c->w = f->format;
		c->p = f->bgr ? malloc(1) : NULL;
		c->a = [MLImageSizeConstraint new];
		d->n = MLFeatureTypeImage;
		d->b = c;
	} else if (f->role == FAKE_STATE) {
		MLStateConstraint *c = [MLStateConstraint new];
		c->a = [fake_shape(f->shape, f->rank) retain];
		c->n = f->dtype;
		d->n = MLFeatureTypeState;
		d->b = c;
	} else {
		MLMultiArrayConstraint *c = [MLMultiArrayConstraint new];
		c->a = [fake_shape(f->shape, f->rank) retain];
		c->n = f->dtype;
		c->b = shapes(f);
		d->n = MLFeatureTypeMultiArray;
		d->b = c;
	}
	return d;
}

void fake_free_features(fake_feature *f, int n) {
	for (int i = 0; i < n; i++) {
		free(f[i].name);
		free(f[i].enumerated);
	}
	free(f);
}

static BOOL permitted(MLMultiArrayConstraint *c, NSArray *shape) {
	MLMultiArrayShapeConstraint *s = [c shapeConstraint];
	switch ([s type]) {
	case MLMultiArrayShapeConstraintTypeEnumerated: return [[s enumeratedShapes] containsObject:shape];
	case MLMultiArrayShapeConstraintTypeRange:
		if ([shape count] != [[s sizeRangeForDimension] count]) return NO;
		for (NSUInteger i = 0; i < [shape count]; i++) {
			NSRange r = [[[s sizeRangeForDimension] objectAtIndex:i] rangeValue];
			NSUInteger size = [[shape objectAtIndex:i] unsignedIntegerValue];
			if (size < r.location || size > r.location + r.length) return NO;
		}
		return YES;
	default: return ![[c shape] count] || [[c shape] isEqualToArray:shape]; // without a shape any will do
	}
}

NSString *fake_allows(MLFeatureDescription *d, MLFeatureValue *v) {
	NSString *name = [d name];
	if ([d type] == MLFeatureTypeImage) {
		MLImageConstraint *c = [d imageConstraint];
		FakePixels *x = (FakePixels *)[v imageBufferValue];
		if (!x) return [NSString stringWithFormat:@"feature %@ is to be an image", name];
		if ((NSInteger)x->width != [c pixelsWide] || (NSInteger)x->height != [c pixelsHigh]) return [NSString stringWithFormat:@"image %@ is of another size", name];
		if (x->format != [c pixelFormatType]) return [NSString stringWithFormat:@"image %@ is of another pixel format", name];
		if (x->locked) return [NSString stringWithFormat:@"image %@ is locked", name];
		return nil;
	}
	MLMultiArray *x = [v multiArrayValue];
	if (!x) return [NSString stringWithFormat:@"feature %@ is to be a multi-array", name];
	if ([x dataType] != [[d multiArrayConstraint] dataType]) return [NSString stringWithFormat:@"multi-array %@ is of another data type", name];
	if (!permitted([d multiArrayConstraint], [x shape])) return [NSString stringWithFormat:@"multi-array shape %@ of %@ is not allowed", [x shape], name];
	return nil;
}
