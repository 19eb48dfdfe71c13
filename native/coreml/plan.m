//go:build darwin || fakecoreml

// Where Core ML plans to run each operation (MLComputePlan).
#include "internal.h"
#include <stdlib.h>
#include <string.h>

void gesso_plan_free(gesso_plan *p) {
	if (!p) return;
	for (int64_t i = 0; i < p->count; i++) {
		gesso_free(p->operations[i].function);
		gesso_free(p->operations[i].type);
		gesso_free(p->operations[i].output);
	}
	gesso_free(p->operations);
	gesso_free(p);
}

static char *word(NSString *s) {
	const char *u = [s UTF8String];
	return gesso_copy(u ? u : "");
}

// append returns the next operation of the plan, NULL when there is no memory.
static gesso_operation *append(gesso_plan *p) {
	if (p->count == p->room) {
		int64_t room = p->room ? 2 * p->room : 256;
		gesso_operation *more = gesso_alloc((size_t)room, sizeof *more);
		if (!more) return NULL;
		if (p->count) memcpy(more, p->operations, (size_t)p->count * sizeof *more);
		gesso_free(p->operations);
		p->operations = more;
		p->room = room;
	}
	return &p->operations[p->count++];
}

static int32_t processor(id d) API_AVAILABLE(macos(14.0)) {
	if ([d isKindOfClass:[MLNeuralEngineComputeDevice class]]) return GESSO_NEURAL_ENGINE;
	if ([d isKindOfClass:[MLGPUComputeDevice class]]) return GESSO_GPU;
	if ([d isKindOfClass:[MLCPUComputeDevice class]]) return GESSO_CPU;
	return GESSO_UNKNOWN;
}

// note adds an operation. u is nil for constants, and where Core ML says nothing; c where it estimates nothing.
static void note(gesso_plan *p, NSString *function, NSString *type, NSString *output, MLComputePlanDeviceUsage *u, MLComputePlanCost *c)
    API_AVAILABLE(macos(14.4)) {
	gesso_operation *o = append(p);
	if (!o) return;
	o->function = word(function);
	o->type = word(type);
	o->output = word(output);
	o->preferred = u ? processor(u.preferredComputeDevice) : GESSO_UNKNOWN;
	for (id d in u.supportedComputeDevices) o->supported |= 1u << processor(d);
	o->cost = c ? c.weight : -1;
}

static void block(gesso_plan *p, MLComputePlan *plan, NSString *function, MLModelStructureProgramBlock *b) API_AVAILABLE(macos(14.4)) {
	for (MLModelStructureProgramOperation *op in b.operations) {
		MLModelStructureProgramNamedValueType *output = [op.outputs count] ? [op.outputs objectAtIndex:0] : nil;
		note(p, function, op.operatorName, output.name, [plan computeDeviceUsageForMLProgramOperation:op], [plan estimatedCostOfMLProgramOperation:op]);
		for (MLModelStructureProgramBlock *inner in op.blocks) block(p, plan, function, inner);
	}
}

static void structure(gesso_plan *p, MLComputePlan *plan) API_AVAILABLE(macos(14.4)) {
	NSDictionary *functions = plan.modelStructure.program.functions;
	for (NSString *name in functions) {
		MLModelStructureProgramFunction *f = functions[name];
		block(p, plan, name, f.block);
	}
	for (MLModelStructureNeuralNetworkLayer *l in plan.modelStructure.neuralNetwork.layers) {
		NSString *output = [l.outputNames count] ? [l.outputNames objectAtIndex:0] : l.name;
		note(p, @"", l.type, output, [plan computeDeviceUsageForNeuralNetworkLayer:l], nil);
	}
}

// answer ends a call with a plan.
static void answer(MLComputePlan *plan, NSError *x, uint64_t call) API_AVAILABLE(macos(14.4)) {
	@autoreleasepool {
		gesso_error e = {0};
		gesso_plan *p = gesso_alloc(1, sizeof *p);
		@try {
			if (plan && p) structure(p, plan);
			else gesso_say_error(&e, x);
		} @catch (NSException *exception) {
			gesso_say_exception(&e, exception);
		}
		if (e.message) {
			gesso_plan_free(p);
			p = NULL;
		}
		gessoDone(call, p, &e);
		gesso_error_clear(&e);
	}
}

void gesso_plan_load(const char *path, const gesso_config *c, uint64_t call) {
	@autoreleasepool {
		gesso_error e = {0};
		@try {
			if (ON_MACOS(14.4)) {
				MLModelConfiguration *configuration = gesso_configuration(c, &e);
				if (configuration) {
					[MLComputePlan loadContentsOfURL:[NSURL fileURLWithPath:gesso_string(path)]
					                   configuration:configuration
					               completionHandler:^(MLComputePlan *plan, NSError *x) { answer(plan, x, call); }];
				}
			} else {
				gessoDone(call, gesso_alloc(1, sizeof(gesso_plan)), &e);
			}
		} @catch (NSException *x) {
			gesso_say_exception(&e, x);
		}
		if (e.message) gessoDone(call, NULL, &e);
		gesso_error_clear(&e);
	}
}
