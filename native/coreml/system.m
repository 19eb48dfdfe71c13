//go:build darwin || fakecoreml

// What the bridge asks of the system itself: version, processors, heat, memory.
#include "internal.h"
#import <dispatch/dispatch.h>

char *gesso_version(void) {
	@autoreleasepool {
		return gesso_copy([[[NSProcessInfo processInfo] operatingSystemVersionString] UTF8String]);
	}
}

uint32_t gesso_devices(int32_t *cores) {
	*cores = 0;
	@autoreleasepool {
		if (ON_MACOS(14.0)) {
			uint32_t bits = 0;
			for (id d in [MLModel availableComputeDevices]) {
				if ([d isKindOfClass:[MLNeuralEngineComputeDevice class]]) {
					bits |= 1u << GESSO_NEURAL_ENGINE;
					*cores = (int32_t)[(MLNeuralEngineComputeDevice *)d totalCoreCount];
				} else if ([d isKindOfClass:[MLGPUComputeDevice class]]) {
					bits |= 1u << GESSO_GPU;
				} else {
					bits |= 1u << GESSO_CPU;
				}
			}
			return bits;
		}
		return 0;
	}
}

int32_t gesso_thermal(void) {
	@autoreleasepool {
		return (int32_t)[[NSProcessInfo processInfo] thermalState];
	}
}

void *gesso_watch_pressure(void) {
	@autoreleasepool {
		dispatch_source_t source = dispatch_source_create(DISPATCH_SOURCE_TYPE_MEMORYPRESSURE, 0,
		    DISPATCH_MEMORYPRESSURE_WARN | DISPATCH_MEMORYPRESSURE_CRITICAL, dispatch_get_global_queue(QOS_CLASS_UTILITY, 0));
		if (!source) return NULL;
		dispatch_source_set_event_handler(source, ^{ // the handler holds its source until the source is cancelled
			gessoPressure((dispatch_source_get_data(source) & DISPATCH_MEMORYPRESSURE_CRITICAL) != 0);
		});
		dispatch_resume(source);
		return (__bridge_retained void *)source;
	}
}

void gesso_unwatch_pressure(void *watch) {
	@autoreleasepool {
		dispatch_source_t source = (__bridge_transfer dispatch_source_t)watch;
		dispatch_source_cancel(source);
		source = nil;
	}
}
