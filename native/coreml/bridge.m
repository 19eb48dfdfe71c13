//go:build darwin || fakecoreml

// Memory, errors, and the life of a model.
#include "internal.h"
#include <stdlib.h>
#include <string.h>

static int64_t allocations;

void *gesso_alloc(size_t count, size_t size) {
	void *p = calloc(count ? count : 1, size ? size : 1);
	if (p) __atomic_fetch_add(&allocations, 1, __ATOMIC_SEQ_CST);
	return p;
}

char *gesso_copy(const char *s) {
	size_t n = strlen(s) + 1;
	char *p = gesso_alloc(n, 1);
	return p ? memcpy(p, s, n) : NULL;
}

void gesso_free(void *p) {
	if (p) __atomic_fetch_sub(&allocations, 1, __ATOMIC_SEQ_CST);
	free(p);
}

int64_t gesso_allocations(void) { return __atomic_load_n(&allocations, __ATOMIC_SEQ_CST); }

void gesso_error_clear(gesso_error *e) {
	gesso_free(e->message);
	gesso_free(e->domain);
	memset(e, 0, sizeof *e);
}

static char *text(NSString *s) {
	const char *u = [s UTF8String];
	return gesso_copy(u ? u : "");
}

int gesso_say(gesso_error *e, NSString *message) {
	gesso_error_clear(e);
	e->message = text(message);
	e->domain = gesso_copy("gesso");
	return -1;
}

int gesso_say_error(gesso_error *e, NSError *x) {
	if (!x) return gesso_say(e, @"Core ML gives no reason");
	gesso_error_clear(e);
	NSString *s = [x localizedDescription];
	NSError *below = [[x userInfo] objectForKey:NSUnderlyingErrorKey];
	if (below) s = [NSString stringWithFormat:@"%@: %@", s, [below localizedDescription]];
	e->message = text(s);
	e->domain = text([x domain]);
	e->code = [x code];
	return -1;
}

int gesso_say_exception(gesso_error *e, NSException *x) {
	gesso_error_clear(e);
	e->message = text([x reason]);
	e->domain = text([x name]);
	e->exception = 1;
	return -1;
}

NSString *gesso_string(const char *s) {
	NSString *r = [NSString stringWithUTF8String:s];
	return r ? r : @"";
}

// done ends a call that has no result.
static void done(uint64_t call, gesso_error *e) {
	gessoDone(call, NULL, e);
	gesso_error_clear(e);
}

void gesso_compile(const char *path, uint64_t call) {
	@autoreleasepool {
		gesso_error e = {0};
		@try {
			[MLModel compileModelAtURL:[NSURL fileURLWithPath:gesso_string(path)]
			         completionHandler:^(NSURL *compiled, NSError *x) {
				         gesso_error f = {0};
				         if (!compiled) {
					         gesso_say_error(&f, x);
					         done(call, &f);
					         return;
				         }
				         gessoDone(call, text([compiled path]), NULL);
			         }];
		} @catch (NSException *x) {
			gesso_say_exception(&e, x);
			done(call, &e);
		}
	}
}

MLModelConfiguration *gesso_configuration(const gesso_config *c, gesso_error *e) {
	MLModelConfiguration *m = [[MLModelConfiguration alloc] init];
	switch (c->units) {
	case GESSO_UNITS_NEURAL_ENGINE:
		m.computeUnits = MLComputeUnitsAll;
		if (ON_MACOS(13.0)) m.computeUnits = MLComputeUnitsCPUAndNeuralEngine;
		break;
	case GESSO_UNITS_GPU: m.computeUnits = MLComputeUnitsCPUAndGPU; break;
	case GESSO_UNITS_CPU: m.computeUnits = MLComputeUnitsCPUOnly; break;
	default: m.computeUnits = MLComputeUnitsAll;
	}
	if (ON_MACOS(14.4)) {
		if (c->reshapes || c->fast) {
			MLOptimizationHints *h = [[MLOptimizationHints alloc] init];
			if (c->reshapes) h.reshapeFrequency = c->reshapes == 1 ? MLReshapeFrequencyHintFrequent : MLReshapeFrequencyHintInfrequent;
			if (ON_MACOS(15.0)) {
				if (c->fast) h.specializationStrategy = MLSpecializationStrategyFastPrediction;
			}
			m.optimizationHints = h;
		}
	}
	if (c->function) {
		if (ON_MACOS(15.0)) {
			m.functionName = gesso_string(c->function);
		} else {
			gesso_say(e, [NSString stringWithFormat:@"choosing the function %s needs macOS 15", c->function]);
			return nil;
		}
	}
	return m;
}

void *gesso_load(const char *path, const gesso_config *c, gesso_error *e) {
	@autoreleasepool {
		@try {
			MLModelConfiguration *configuration = gesso_configuration(c, e);
			if (!configuration) return NULL;
			NSError *x = nil;
			MLModel *m = [MLModel modelWithContentsOfURL:[NSURL fileURLWithPath:gesso_string(path)] configuration:configuration error:&x];
			if (!m) {
				gesso_say_error(e, x);
				return NULL;
			}
			return (__bridge_retained void *)m;
		} @catch (NSException *x) {
			gesso_say_exception(e, x);
			return NULL;
		}
	}
}

void gesso_unload(void *model) {
	@autoreleasepool {
		(void)(__bridge_transfer MLModel *)model;
	}
}
