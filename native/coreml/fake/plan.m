//go:build fakecoreml && linux

// The compute plan.
#import "internal.h"

@implementation MLCPUComputeDevice
@end
@implementation MLGPUComputeDevice
@end
@implementation MLNeuralEngineComputeDevice
- (NSInteger)totalCoreCount {
	return 16;
}
@end
@implementation MLComputePlanCost
- (double)weight {
	return w;
}
@end
@implementation MLComputePlanDeviceUsage
- (NSArray *)supportedComputeDevices {
	return b;
}
- (id)preferredComputeDevice {
	return a;
}
@end
@implementation MLModelStructureProgramNamedValueType
- (NSString *)name {
	return a;
}
@end
// An operation, or a layer: a is the type, b the output, n the device, w the cost.
@implementation MLModelStructureProgramOperation
- (NSString *)operatorName {
	return a;
}
- (NSArray *)outputs {
	MLModelStructureProgramNamedValueType *v = [[MLModelStructureProgramNamedValueType new] autorelease];
	v->a = [b retain];
	return [NSArray arrayWithObject:v];
}
- (NSArray *)blocks {
	return [NSArray array];
}
@end
@implementation MLModelStructureNeuralNetworkLayer
- (NSString *)name {
	return b;
}
- (NSString *)type {
	return a;
}
- (NSArray *)outputNames {
	return [NSArray arrayWithObject:b];
}
@end
@implementation MLModelStructureNeuralNetwork
- (NSArray *)layers {
	return a;
}
@end
@implementation MLModelStructureProgramBlock
- (NSArray *)operations {
	return a;
}
@end
@implementation MLModelStructureProgramFunction
- (MLModelStructureProgramBlock *)block {
	return a;
}
@end
@implementation MLModelStructureProgram
- (NSDictionary *)functions {
	return a;
}
@end
@implementation MLModelStructure
- (MLModelStructureProgram *)program {
	return a;
}
- (MLModelStructureNeuralNetwork *)neuralNetwork {
	return b;
}
@end

static MLModelStructure *structure(fake_operation *list, int count) {
	NSMutableDictionary *functions = [NSMutableDictionary dictionary];
	BOOL layers = fake_get(FAKE_NO_PROGRAM);
	for (int i = 0; i < count; i++) {
		NSString *name = fake_take(list[i].function);
		NSMutableArray *operations = [functions objectForKey:name];
		if (!operations) [functions setObject:operations = [NSMutableArray array] forKey:name];
		FakeObject *op = layers ? (FakeObject *)[MLModelStructureNeuralNetworkLayer new] : (FakeObject *)[MLModelStructureProgramOperation new];
		op->a = [fake_take(list[i].type) retain];
		op->b = [fake_take(list[i].output) retain];
		op->n = list[i].device;
		op->w = list[i].cost;
		[operations addObject:op];
		[op release];
	}
	free(list);
	MLModelStructure *s = [[MLModelStructure new] autorelease];
	if (layers) {
		MLModelStructureNeuralNetwork *net = [MLModelStructureNeuralNetwork new];
		net->a = [[[functions allValues] lastObject] retain];
		s->b = net;
		return s;
	}
	for (NSString *name in [functions allKeys]) {
		MLModelStructureProgramBlock *block = [[MLModelStructureProgramBlock new] autorelease];
		block->a = [[functions objectForKey:name] retain];
		MLModelStructureProgramFunction *f = [[MLModelStructureProgramFunction new] autorelease];
		f->a = [block retain];
		[functions setObject:f forKey:name];
	}
	MLModelStructureProgram *p = [MLModelStructureProgram new];
	p->a = [functions copy];
	s->a = p;
	return s;
}

static MLComputePlanDeviceUsage *usage(FakeObject *op) {
	if (!op->n || fake_get(FAKE_NIL_USAGE)) return nil;
	MLComputePlanDeviceUsage *u = [[MLComputePlanDeviceUsage new] autorelease];
	id cpu = [[MLCPUComputeDevice new] autorelease];
	u->a = op->n == 3 ? [MLNeuralEngineComputeDevice new] : op->n == 2 ? [MLGPUComputeDevice new] : [cpu retain];
	u->b = [[NSArray alloc] initWithObjects:cpu, op->n > 1 ? u->a : nil, nil];
	return u;
}

@implementation MLComputePlan
+ (void)loadContentsOfURL:(NSURL *)u configuration:(MLModelConfiguration *)c completionHandler:(void (^)(MLComputePlan *, NSError *))h {
	fake_throw(FAKE_STAGE_PLAN);
	fake_async(^{
		NSError *e = nil;
		fake_operation *list = NULL;
		int count = 0;
		if (!fake_works(FAKE_STAGE_PLAN, &e)) {
			h(nil, e);
			return;
		}
		char *bad = fakePlan((char *)[[u path] UTF8String], (int)[c computeUnits], &list, &count);
		if (bad) {
			h(nil, fake_error(0, fake_take(bad)));
			return;
		}
		MLComputePlan *p = [[self new] autorelease];
		p->a = [structure(list, count) retain];
		h(p, nil);
	});
}
- (MLModelStructure *)modelStructure {
	return a;
}
- (MLComputePlanCost *)estimatedCostOfMLProgramOperation:(MLModelStructureProgramOperation *)op {
	if (!op->n || fake_get(FAKE_NIL_USAGE)) return nil;
	MLComputePlanCost *cost = [[MLComputePlanCost new] autorelease];
	cost->w = op->w;
	return cost;
}
- (MLComputePlanDeviceUsage *)computeDeviceUsageForMLProgramOperation:(MLModelStructureProgramOperation *)op {
	return usage(op);
}
- (MLComputePlanDeviceUsage *)computeDeviceUsageForNeuralNetworkLayer:(MLModelStructureNeuralNetworkLayer *)l {
	return usage((FakeObject *)l);
}
@end
