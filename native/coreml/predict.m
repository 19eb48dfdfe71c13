//go:build darwin || fakecoreml

// Predictions: one, several side by side, a batch, with memory between them.
//
// Without -fobjc-arc-exceptions, which Go does not let a package ask for, an exception that Core ML throws leaks what the functions it passes
// through held. So everything that Core ML is known to throw for is checked before, in Go, and what is left is caught here.
#include "internal.h"

// provider makes the inputs; every hold of in is taken over. nil: e is set.
static MLDictionaryFeatureProvider *provider(MLModel *m, const gesso_tensor *in, int32_t nin, gesso_error *e) {
	NSDictionary *descriptions = m.modelDescription.inputDescriptionsByName;
	NSMutableDictionary *values = [NSMutableDictionary dictionary];
	for (int32_t i = 0; i < nin; i++) {
		NSString *name = gesso_string(in[i].name);
		MLFeatureDescription *d = descriptions[name];
		if (e->message || !d) {
			if (!d) gesso_say(e, [NSString stringWithFormat:@"the model has no input %@", name]);
			gessoRelease(in[i].hold);
			continue;
		}
		MLFeatureValue *v = gesso_give(&in[i], d, e);
		if (v) values[name] = v;
	}
	if (e->message) return nil;
	NSError *x = nil;
	MLDictionaryFeatureProvider *p = [[MLDictionaryFeatureProvider alloc] initWithDictionary:values error:&x];
	if (!p) gesso_say_error(e, x);
	return p;
}

// backings wraps the outputs that Core ML may write in place; every hold of out is taken over.
static NSDictionary *backings(MLModel *m, const gesso_tensor *out, int32_t nout) {
	NSDictionary *descriptions = m.modelDescription.outputDescriptionsByName;
	NSMutableDictionary *arrays = [NSMutableDictionary dictionary];
	for (int32_t i = 0; i < nout; i++) {
		NSString *name = gesso_string(out[i].name);
		MLMultiArray *a = gesso_backing(&out[i], descriptions[name]);
		if (a) arrays[name] = a;
	}
	return arrays;
}

// take copies what lies elsewhere into the outputs.
static void take(id<MLFeatureProvider> r, NSDictionary *arrays, const gesso_tensor *out, int32_t nout, gesso_error *e) {
	for (int32_t i = 0; i < nout; i++) {
		NSString *name = gesso_string(out[i].name);
		if (gesso_take(&out[i], [r featureValueForName:name], arrays[name], e)) return;
	}
}

// finish ends a call with Core ML's answer.
static void finish(id<MLFeatureProvider> r, NSError *x, NSDictionary *arrays, const gesso_tensor *out, int32_t nout, uint64_t call) {
	@autoreleasepool {
		gesso_error e = {0};
		@try {
			if (r) take(r, arrays, out, nout, &e);
			else gesso_say_error(&e, x);
		} @catch (NSException *exception) {
			gesso_say_exception(&e, exception);
		}
		gessoDone(call, NULL, &e);
		gesso_error_clear(&e);
	}
}

// start returns 0 when Core ML has the call, whose end it then tells. -1: e is set.
static int start(MLModel *m, void *state, const gesso_tensor *in, int32_t nin, gesso_tensor *out, int32_t nout, uint64_t call, gesso_error *e) {
	MLDictionaryFeatureProvider *p = provider(m, in, nin, e);
	if (!p) {
		for (int32_t i = 0; i < nout; i++) gessoRelease(out[i].hold);
		return -1;
	}
	NSDictionary *arrays = backings(m, out, nout);
	MLPredictionOptions *o = [[MLPredictionOptions alloc] init];
	o.outputBackings = arrays;
	if (state) {
		if (ON_MACOS(15.0)) {
			[m predictionFromFeatures:p usingState:(__bridge MLState *)state options:o completionHandler:^(id<MLFeatureProvider> r, NSError *x) {
				finish(r, x, arrays, out, nout, call);
			}];
			return 0;
		}
		return gesso_say(e, @"a model's state needs macOS 15");
	}
	if (ON_MACOS(14.0)) {
		[m predictionFromFeatures:p options:o completionHandler:^(id<MLFeatureProvider> r, NSError *x) {
			finish(r, x, arrays, out, nout, call);
		}];
		return 0;
	}
	NSError *x = nil;
	id<MLFeatureProvider> r = [m predictionFromFeatures:p options:o error:&x];
	finish(r, x, arrays, out, nout, call);
	return 0;
}

void gesso_predict(void *model, void *state, const gesso_tensor *in, int32_t nin, gesso_tensor *out, int32_t nout, uint64_t call) {
	@autoreleasepool {
		gesso_error e = {0};
		@try {
			start((__bridge MLModel *)model, state, in, nin, out, nout, call, &e);
		} @catch (NSException *x) {
			gesso_say_exception(&e, x);
		}
		if (e.message) gessoDone(call, NULL, &e);
		gesso_error_clear(&e);
	}
}

static int batch(MLModel *m, int32_t count, const gesso_tensor *in, int32_t nin, gesso_tensor *out, int32_t nout, gesso_error *e) {
	NSMutableArray *all = [NSMutableArray array];
	for (int32_t i = 0; i < count; i++) {
		if (e->message) {
			for (int32_t j = 0; j < nin; j++) gessoRelease(in[i * nin + j].hold);
			continue;
		}
		MLDictionaryFeatureProvider *p = provider(m, in + (size_t)i * (size_t)nin, nin, e);
		if (p) [all addObject:p];
	}
	for (int32_t i = 0; i < count * nout; i++) gessoRelease(out[i].hold); // Core ML ignores backings in a batch: the outputs are copied in here
	if (e->message) return -1;
	NSError *x = nil;
	id<MLBatchProvider> r = [m predictionsFromBatch:[[MLArrayBatchProvider alloc] initWithFeatureProviderArray:all]
	                                        options:[[MLPredictionOptions alloc] init]
	                                          error:&x];
	if (!r) return gesso_say_error(e, x);
	if ([r count] != count) return gesso_say(e, @"Core ML gave another number of predictions than was asked for");
	for (int32_t i = 0; i < count && !e->message; i++) take([r featuresAtIndex:i], nil, out + (size_t)i * (size_t)nout, nout, e);
	return e->message ? -1 : 0;
}

int gesso_predict_batch(void *model, int32_t count, const gesso_tensor *in, int32_t nin, gesso_tensor *out, int32_t nout, gesso_error *e) {
	@autoreleasepool {
		@try {
			return batch((__bridge MLModel *)model, count, in, nin, out, nout, e);
		} @catch (NSException *x) {
			return gesso_say_exception(e, x);
		}
	}
}

void *gesso_state_new(void *model, gesso_error *e) {
	@autoreleasepool {
		@try {
			if (ON_MACOS(15.0)) {
				MLState *s = [(__bridge MLModel *)model newState];
				if (!s) gesso_say(e, @"Core ML makes no state for this model");
				return (__bridge_retained void *)s;
			}
			gesso_say(e, @"a model's state needs macOS 15");
		} @catch (NSException *x) {
			gesso_say_exception(e, x);
		}
		return NULL;
	}
}

int gesso_state_copy(void *state, const gesso_tensor *t, int write, gesso_error *e) {
	@autoreleasepool {
		@try {
			if (ON_MACOS(15.0)) {
				__block int called = 0;
				[(__bridge MLState *)state getMultiArrayForStateNamed:gesso_string(t->name) handler:^(MLMultiArray *buffer) {
					called = 1;
					gesso_copy_array(buffer, t, write, e);
				}];
				if (!called) gesso_say(e, [NSString stringWithFormat:@"the model has no state %s", t->name]);
				return e->message ? -1 : 0;
			}
			return gesso_say(e, @"a model's state needs macOS 15");
		} @catch (NSException *x) {
			return gesso_say_exception(e, x);
		}
	}
}

void gesso_state_free(void *state) {
	@autoreleasepool {
		(void)(__bridge_transfer id)state;
	}
}
