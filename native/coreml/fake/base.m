//go:build fakecoreml && linux

// The fake's modes, its objects, and the parts of the system.
#import "internal.h"

static int modes[FAKE_MODES];
static int64_t objects;
static int flying, most;

void fake_set(int mode, int value) { __atomic_store_n(&modes[mode], value, __ATOMIC_SEQ_CST); }
int fake_get(int mode) { return __atomic_load_n(&modes[mode], __ATOMIC_SEQ_CST); }
double fake_macos(void) { return fake_get(FAKE_MACOS) / 100.0; }
int64_t fake_objects(void) { return __atomic_load_n(&objects, __ATOMIC_SEQ_CST); }

void fake_fly(int by) {
	int now = __atomic_fetch_add(&flying, by, __ATOMIC_SEQ_CST) + by, old = __atomic_load_n(&most, __ATOMIC_SEQ_CST);
	while (now > old && !__atomic_compare_exchange_n(&most, &old, now, 1, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
	}
}

int fake_flying(int greatest) { return greatest ? __atomic_exchange_n(&most, 0, __ATOMIC_SEQ_CST) : __atomic_load_n(&flying, __ATOMIC_SEQ_CST); }

@implementation FakeObject
+ (id)allocWithZone:(NSZone *)z {
	__atomic_fetch_add(&objects, 1, __ATOMIC_SEQ_CST);
	return [super allocWithZone:z];
}
- (void)dealloc {
	__atomic_fetch_sub(&objects, 1, __ATOMIC_SEQ_CST);
	[a release];
	[b release];
	[c release];
	[d release];
	free(p);
	[super dealloc];
}
@end

NSError *fake_error(NSInteger code, NSString *text) {
	return [NSError errorWithDomain:@"com.apple.CoreML" code:code userInfo:[NSDictionary dictionaryWithObject:text forKey:NSLocalizedDescriptionKey]];
}

id fake_fail(NSError **e, NSInteger code, NSString *text) {
	if (e) *e = fake_error(code, text);
	return nil;
}

void fake_throw(int stage) {
	if (fake_get(FAKE_EXCEPTION_AT) == stage) [NSException raise:@"FakeException" format:@"an exception was asked for"];
}

BOOL fake_works(int stage, NSError **e) {
	if (fake_get(FAKE_ERROR_AT) != stage) return YES;
	fake_fail(e, 7, @"an error was asked for");
	return NO;
}

NSString *fake_take(char *text) {
	NSString *s = [NSString stringWithUTF8String:text];
	free(text);
	return s;
}

@interface FakeTask : NSObject {
@public
	void (^work)(void);
}
@end
@implementation FakeTask
- (void)go {
	NSAutoreleasePool *pool = [NSAutoreleasePool new];
	work();
	Block_release(work);
	[pool release];
}
@end

void fake_async(void (^work)(void)) {
	FakeTask *t = [FakeTask new];
	t->work = Block_copy(work);
	[NSThread detachNewThreadSelector:@selector(go) toTarget:t withObject:nil];
	[t release];
}

@implementation NSProcessInfo (Fake)
- (NSInteger)thermalState {
	return fake_get(FAKE_THERMAL);
}
@end

// The one source that there is.
static FakeSource *watching;

@implementation FakeSource
@end
dispatch_source_t dispatch_source_create(int type, uintptr_t handle, unsigned long mask, dispatch_queue_t queue) {
	FakeSource *s = [FakeSource new];
	s->n = (NSInteger)mask;
	return s;
}
void dispatch_source_set_event_handler(dispatch_source_t s, void (^handler)(void)) { s->p = Block_copy(handler); }
unsigned long dispatch_source_get_data(dispatch_source_t s) { return (unsigned long)s->m; }
void dispatch_resume(dispatch_source_t s) {
	@synchronized([FakeSource class]) {
		watching = s;
	}
}
void dispatch_source_cancel(dispatch_source_t s) {
	@synchronized([FakeSource class]) {
		watching = nil;
	}
	Block_release(s->p);
	s->p = NULL;
}
void fake_pressure(int critical) {
	NSAutoreleasePool *pool = [NSAutoreleasePool new];
	FakeSource *s;
	@synchronized([FakeSource class]) {
		s = [watching retain];
	}
	if (s) {
		s->m = critical ? DISPATCH_MEMORYPRESSURE_CRITICAL : DISPATCH_MEMORYPRESSURE_WARN;
		if (s->p && (s->n & s->m)) ((void (^)(void))s->p)();
		[s release];
	}
	[pool release];
}
