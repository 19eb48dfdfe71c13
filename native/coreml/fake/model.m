//go:build fakecoreml && linux

// Models: compiling, loading, predicting.
#import "internal.h"

@implementation MLFeatureValue
+ (instancetype)featureValueWithMultiArray:(MLMultiArray *)v {
	MLFeatureValue *f = [[self new] autorelease];
	f->a = [v retain];
	return f;
}
+ (instancetype)featureValueWithPixelBuffer:(CVPixelBufferRef)v {
	MLFeatureValue *f = [[self new] autorelease];
	f->b = [(id)v retain];
	return f;
}
- (MLMultiArray *)multiArrayValue {
	return a;
}
- (CVPixelBufferRef)imageBufferValue {
	return (CVPixelBufferRef)b;
}
@end
@implementation MLDictionaryFeatureProvider
- (instancetype)initWithDictionary:(NSDictionary *)values error:(NSError **)e {
	self = [super init];
	a = [values copy];
	return self;
}
- (NSSet *)featureNames {
	return [NSSet setWithArray:[a allKeys]];
}
- (MLFeatureValue *)featureValueForName:(NSString *)name {
	return [a objectForKey:name];
}
@end
@implementation MLArrayBatchProvider
- (instancetype)initWithFeatureProviderArray:(NSArray *)list {
	self = [super init];
	a = [list copy];
	return self;
}
- (NSInteger)count {
	return (NSInteger)[a count];
}
- (id<MLFeatureProvider>)featuresAtIndex:(NSInteger)i {
	return [a objectAtIndex:(NSUInteger)i];
}
@end
@implementation MLPredictionOptions
- (NSDictionary *)outputBackings {
	return a;
}
- (void)setOutputBackings:(NSDictionary *)v {
	id old = a;
	a = [v copy];
	[old release];
}
@end
@implementation MLOptimizationHints
- (MLReshapeFrequencyHint)reshapeFrequency {
	return n;
}
- (void)setReshapeFrequency:(MLReshapeFrequencyHint)v {
	n = v;
}
- (MLSpecializationStrategy)specializationStrategy {
	return m;
}
- (void)setSpecializationStrategy:(MLSpecializationStrategy)v {
	if (fake_macos() < 15) [NSException raise:NSInvalidArgumentException format:@"unrecognized selector setSpecializationStrategy:"];
	m = v;
}
- (id)copyWithZone:(NSZone *)z {
	MLOptimizationHints *h = [MLOptimizationHints new];
	h->n = n;
	h->m = m;
	return h;
}
@end
// n are the units, a the function, b the hints.
@implementation MLModelConfiguration
- (MLComputeUnits)computeUnits {
	return n;
}
- (void)setComputeUnits:(MLComputeUnits)v {
	n = v;
}
- (NSString *)functionName {
	return a;
}
- (void)setFunctionName:(NSString *)v {
	if (fake_macos() < 15) [NSException raise:NSInvalidArgumentException format:@"unrecognized selector setFunctionName:"];
	id old = a;
	a = [v copy];
	[old release];
}
- (MLOptimizationHints *)optimizationHints {
	return b;
}
- (void)setOptimizationHints:(MLOptimizationHints *)v {
	if (fake_macos() < 14.4) [NSException raise:NSInvalidArgumentException format:@"unrecognized selector setOptimizationHints:"];
	id old = b;
	b = [v copy];
	[old release];
}
@end
// a, b and c are the descriptions by name.
@implementation MLModelDescription
- (NSDictionary *)inputDescriptionsByName {
	return a;
}
- (NSDictionary *)outputDescriptionsByName {
	return b;
}
- (NSDictionary *)stateDescriptionsByName {
	return c;
}
@end

// a are the arrays by name, n the predictions under way.
@implementation MLState
- (void)getMultiArrayForStateNamed:(NSString *)name handler:(void(NS_NOESCAPE ^)(MLMultiArray *))h {
	if (n) [NSException raise:@"FakeException" format:@"a state is read while it is in use"];
	MLMultiArray *x = [a objectForKey:name];
	if (x) h(x);
}
@end

// a is the description, n Go's model.
@implementation MLModel
+ (void)compileModelAtURL:(NSURL *)u completionHandler:(void (^)(NSURL *, NSError *))h {
	fake_throw(FAKE_STAGE_COMPILE);
	fake_async(^{
		NSError *e = nil;
		if (!fake_works(FAKE_STAGE_COMPILE, &e)) {
			h(nil, e);
			return;
		}
		char *compiled = NULL, *bad = fakeCompile((char *)[[u path] UTF8String], (char *)[NSTemporaryDirectory() UTF8String], &compiled);
		if (bad) {
			h(nil, fake_error(0, fake_take(bad)));
			return;
		}
		h([NSURL fileURLWithPath:fake_take(compiled)], nil);
	});
}
+ (instancetype)modelWithContentsOfURL:(NSURL *)u configuration:(MLModelConfiguration *)c error:(NSError **)e {
	BOOL folder = NO;
	fake_throw(FAKE_STAGE_LOAD);
	if (!fake_works(FAKE_STAGE_LOAD, e)) return nil;
	if (![[NSFileManager defaultManager] fileExistsAtPath:[u path] isDirectory:&folder] || !folder) {
		return fake_fail(e, 0, [NSString stringWithFormat:@"The model does not exist at %@", [u path]]);
	}
	if (![[u path] hasSuffix:@".mlmodelc"]) return fake_fail(e, 3, @"Compile the model with Xcode or MLModel.compileModel(at:).");
	uintptr_t id = 0;
	fake_feature *f = NULL;
	int count = 0;
	char *bad = fakeOpen((char *)[[u path] UTF8String], (char *)[[c functionName] UTF8String], &id, &f, &count);
	if (bad) return fake_fail(e, 0, fake_take(bad));
	NSMutableDictionary *lists[3] = {[NSMutableDictionary dictionary], [NSMutableDictionary dictionary], [NSMutableDictionary dictionary]};
	for (int i = 0; i < count; i++) {
		MLFeatureDescription *d = fake_description(&f[i]);
		[lists[f[i].role] setObject:d forKey:[d name]];
	}
	fake_free_features(f, count);
	MLModelDescription *d = [MLModelDescription new];
	d->a = [lists[0] copy];
	d->b = [lists[1] copy];
	d->c = [lists[2] copy];
	MLModel *m = [[self new] autorelease];
	m->a = d;
	m->n = (NSInteger)id;
	return m;
}
- (void)dealloc {
	if (n) fakeClose((uintptr_t)n);
	[super dealloc];
}
- (MLModelDescription *)modelDescription {
	return a;
}
- (MLState *)newState {
	fake_throw(FAKE_STAGE_STATE);
	if (!fake_works(FAKE_STAGE_STATE, NULL)) return nil;
	MLState *s = [MLState new];
	NSMutableDictionary *arrays = [NSMutableDictionary dictionary];
	NSDictionary *all = [a stateDescriptionsByName];
	for (NSString *name in all) {
		MLStateConstraint *k = [[all objectForKey:name] stateConstraint];
		MLMultiArray *x = fake_array([k bufferShape], [k dataType]);
		memset(x->q, 0, (size_t)x->w);
		[arrays setObject:x forKey:name];
	}
	s->a = [arrays copy];
	return s;
}

// An image as the network sees it: (1,channels,H,W).
static void read_image(FakePixels *x, BOOL bgr, fake_tensor *t) {
	size_t channels = x->format == kCVPixelFormatType_32BGRA ? 3 : 1, area = x->width * x->height;
	float *out = t->data = malloc(channels * area * sizeof *out);
	t->rank = 4;
	t->shape[0] = 1;
	t->shape[1] = (int64_t)channels;
	t->shape[2] = (int64_t)x->height;
	t->shape[3] = (int64_t)x->width;
	MLMultiArray *h = nil;
	for (size_t y = 0; y < x->height; y++) {
		uint8_t *row = (uint8_t *)x->p + y * x->row;
		if (x->format == kCVPixelFormatType_OneComponent16Half) {
			int64_t shape[1] = {(int64_t)x->width}, strides[1] = {1};
			h = [[MLMultiArray alloc] initWithDataPointer:row shape:fake_shape(shape, 1) dataType:MLMultiArrayDataTypeFloat16
			                                      strides:fake_shape(strides, 1) deallocator:nil error:NULL];
			fake_tensor line = {0};
			fake_read_array(h, &line);
			memcpy(out + y * x->width, line.data, x->width * sizeof *out);
			free(line.data);
			[h release];
			continue;
		}
		for (size_t i = 0; i < x->width * channels; i++) {
			size_t channel = i % channels, column = i / channels;
			out[channel * area + y * x->width + column] = channels == 1 ? row[column] : row[4 * column + (bgr ? channel : 2 - channel)];
		}
	}
}

static void write_image(FakePixels *x, BOOL bgr, const fake_tensor *t) {
	size_t channels = (size_t)t->shape[1], area = x->width * x->height;
	const float *in = t->data;
	for (size_t y = 0; y < x->height; y++) {
		uint8_t *row = (uint8_t *)x->p + y * x->row;
		if (x->format == kCVPixelFormatType_OneComponent16Half) {
			int64_t shape[1] = {(int64_t)x->width}, strides[1] = {1};
			MLMultiArray *h = [[MLMultiArray alloc] initWithDataPointer:row shape:fake_shape(shape, 1) dataType:MLMultiArrayDataTypeFloat16
			                                                    strides:fake_shape(strides, 1) deallocator:nil error:NULL];
			fake_tensor line = {.rank = 1, .shape = {shape[0]}, .data = (void *)(in + y * x->width)};
			fake_write_array(h, &line);
			[h release];
			continue;
		}
		for (size_t i = 0; i < x->width * channels; i++) {
			size_t channel = i % channels, column = i / channels;
			float v = in[channel * area + y * x->width + column];
			uint8_t value = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5f);
			if (channels == 1) row[column] = value;
			else row[4 * column + (bgr ? channel : 2 - channel)] = value, row[4 * column + 3] = 255;
		}
	}
}

// gather reads the inputs and the state for the portable engine.
static char *gather(MLModelDescription *d, id<MLFeatureProvider> in, MLState *s, fake_tensor *t, int *count) {
	NSDictionary *inputs = [d inputDescriptionsByName];
	for (NSString *name in inputs) {
		MLFeatureDescription *f = [inputs objectForKey:name];
		MLFeatureValue *v = [in featureValueForName:name];
		if (!v && [f isOptional]) continue;
		NSString *bad = v ? fake_allows(f, v) : [NSString stringWithFormat:@"Feature %@ is required but not specified.", name];
		if (bad) return strdup([bad UTF8String]);
		fake_tensor *one = &t[(*count)++];
		one->name = strdup([name UTF8String]);
		if ([v multiArrayValue]) fake_read_array([v multiArrayValue], one);
		else read_image((FakePixels *)[v imageBufferValue], [f imageConstraint]->p != NULL, one);
	}
	for (NSString *name in [d stateDescriptionsByName]) {
		if (!s) return strdup("the model needs a state");
		fake_tensor *one = &t[(*count)++];
		one->name = strdup([name UTF8String]);
		fake_read_array([s->a objectForKey:name], one);
	}
	return NULL;
}

static void drop(fake_tensor *t, int count) {
	for (int i = 0; i < count; i++) {
		free(t[i].name);
		free(t[i].data);
	}
	free(t);
}

// scatter writes the results into the state and the outputs, in the backings if they may be used.
static id scatter(MLModelDescription *d, MLState *s, fake_tensor *t, int count, NSDictionary *backings, NSError **e) {
	NSMutableDictionary *values = [NSMutableDictionary dictionary];
	if (fake_get(FAKE_IGNORE_BACKINGS)) backings = nil;
	for (int i = 0; i < count; i++) {
		NSString *name = [NSString stringWithUTF8String:t[i].name];
		MLFeatureDescription *f = [[d outputDescriptionsByName] objectForKey:name];
		if (!f) {
			NSString *state = [[name componentsSeparatedByString:@"__next"] objectAtIndex:0];
			fake_write_array([s->a objectForKey:state], &t[i]);
			continue;
		}
		if ([f type] == MLFeatureTypeImage) {
			MLImageConstraint *c = [f imageConstraint];
			FakePixels *x = fake_pixels((size_t)[c pixelsWide], (size_t)[c pixelsHigh], [c pixelFormatType]);
			write_image(x, c->p != NULL, &t[i]);
			[values setObject:[MLFeatureValue featureValueWithPixelBuffer:(CVPixelBufferRef)x] forKey:name];
			continue;
		}
		NSArray *shape = fake_shape(t[i].shape, t[i].rank);
		MLMultiArray *x = [backings objectForKey:name];
		if (x && ![[x shape] isEqualToArray:shape]) {
			return fake_fail(e, 1, [NSString stringWithFormat:@"the output backing of %@ has the shape %@, and the output %@", name, [x shape], shape]);
		}
		if (!x) x = fake_array(shape, [[f multiArrayConstraint] dataType]);
		fake_write_array(x, &t[i]);
		[values setObject:[MLFeatureValue featureValueWithMultiArray:x] forKey:name];
	}
	return [[[MLDictionaryFeatureProvider alloc] initWithDictionary:values error:NULL] autorelease];
}

// allowed checks the backings. Core ML ignores those of names that it does not know.
static NSString *allowed(MLModelDescription *d, NSDictionary *backings) {
	for (NSString *name in backings) {
		MLFeatureDescription *f = [[d outputDescriptionsByName] objectForKey:name];
		MLFeatureValue *v = [MLFeatureValue featureValueWithMultiArray:[backings objectForKey:name]];
		NSString *bad = f ? fake_allows(f, v) : nil;
		if (bad) return [NSString stringWithFormat:@"output backing: %@", bad];
	}
	return nil;
}

// late keeps what a prediction used, reads it again, and lets go of it.
static void late(id<MLFeatureProvider> in, id out, NSDictionary *backings) {
	int ms = fake_get(FAKE_LATE_MS);
	if (!ms) return;
	NSArray *all = [NSArray arrayWithObjects:in, backings ? (id)backings : (id)@"", out ? out : @"", nil];
	fake_async(^{
		[NSThread sleepForTimeInterval:ms / 1000.0];
		for (id p in all) {
			if (![p respondsToSelector:@selector(featureNames)]) continue;
			for (NSString *name in [p featureNames]) fake_touch([[p featureValueForName:name] multiArrayValue]);
		}
		if ([backings count]) {
			for (id x in [backings allValues]) fake_touch(x);
		}
	});
}

static id predict(MLModel *m, id<MLFeatureProvider> in, MLState *s, NSDictionary *backings, NSError **e) {
	MLModelDescription *d = [m modelDescription];
	if (!fake_works(FAKE_STAGE_PREDICT, e)) return nil;
	NSString *bad = allowed(d, backings);
	if (bad) return fake_fail(e, 1, bad);
	int nin = 0, nout = 0;
	fake_tensor *inputs = calloc([[d inputDescriptionsByName] count] + [[d stateDescriptionsByName] count] + 1, sizeof *inputs), *outputs = NULL;
	char *text = gather(d, in, s, inputs, &nin);
	if (!text) text = fakeRun((uintptr_t)m->n, inputs, nin, &outputs, &nout);
	drop(inputs, nin);
	id r = text ? fake_fail(e, 1, fake_take(text)) : scatter(d, s, outputs, nout, backings, e);
	drop(outputs, nout);
	late(in, r, backings);
	return r;
}

// use counts a prediction, and one on a state, which may have one at a time.
static void use(MLState *s, int by) {
	fake_fly(by);
	@synchronized(s) {
		if (s && (s->n += by) > 1) [NSException raise:@"FakeException" format:@"two predictions use a state at once"];
	}
}

static void start(MLModel *m, id<MLFeatureProvider> in, MLState *s, MLPredictionOptions *o, void (^h)(id<MLFeatureProvider>, NSError *)) {
	fake_throw(FAKE_STAGE_PREDICT);
	use(s, 1);
	NSDictionary *backings = [o outputBackings];
	fake_async(^{
		NSError *e = nil;
		if (fake_get(FAKE_SLOW_MS)) [NSThread sleepForTimeInterval:fake_get(FAKE_SLOW_MS) / 1000.0];
		id r = predict(m, in, s, backings, &e);
		use(s, -1);
		h(r, e);
	});
}

- (id<MLFeatureProvider>)predictionFromFeatures:(id<MLFeatureProvider>)in options:(MLPredictionOptions *)o error:(NSError **)e {
	fake_throw(FAKE_STAGE_PREDICT);
	fake_fly(1);
	if (fake_get(FAKE_SLOW_MS)) [NSThread sleepForTimeInterval:fake_get(FAKE_SLOW_MS) / 1000.0];
	id r = predict(self, in, nil, [o outputBackings], e);
	fake_fly(-1);
	return r;
}
- (void)predictionFromFeatures:(id<MLFeatureProvider>)in
                       options:(MLPredictionOptions *)o
             completionHandler:(void (^)(id<MLFeatureProvider>, NSError *))h {
	if (fake_macos() < 14) [NSException raise:NSInvalidArgumentException format:@"unrecognized selector predictionFromFeatures:options:completionHandler:"];
	start(self, in, nil, o, h);
}
- (void)predictionFromFeatures:(id<MLFeatureProvider>)in
                    usingState:(MLState *)s
                       options:(MLPredictionOptions *)o
             completionHandler:(void (^)(id<MLFeatureProvider>, NSError *))h {
	start(self, in, s, o, h);
}
- (id<MLBatchProvider>)predictionsFromBatch:(id<MLBatchProvider>)batch options:(MLPredictionOptions *)o error:(NSError **)e {
	fake_throw(FAKE_STAGE_PREDICT);
	NSMutableArray *all = [NSMutableArray array];
	for (NSInteger i = 0; i < [batch count]; i++) {
		id r = predict(self, [batch featuresAtIndex:i], nil, nil, e); // backings are ignored
		if (!r) return nil;
		[all addObject:r];
	}
	return [[[MLArrayBatchProvider alloc] initWithFeatureProviderArray:all] autorelease];
}
+ (NSArray *)availableComputeDevices {
	return [NSArray arrayWithObjects:[[MLCPUComputeDevice new] autorelease], [[MLGPUComputeDevice new] autorelease],
	                                 [[MLNeuralEngineComputeDevice new] autorelease], nil];
}
@end
