// As much of libdispatch as the bridge uses: a source of memory warnings.
#ifndef FAKE_DISPATCH_H
#define FAKE_DISPATCH_H
#import "fake_object.h"

@interface FakeSource : FakeObject
@end
typedef FakeSource *dispatch_source_t;
typedef void *dispatch_queue_t;

enum { DISPATCH_SOURCE_TYPE_MEMORYPRESSURE = 1 };
enum { DISPATCH_MEMORYPRESSURE_WARN = 2, DISPATCH_MEMORYPRESSURE_CRITICAL = 4 };
enum { QOS_CLASS_UTILITY = 0x11 };

static inline dispatch_queue_t dispatch_get_global_queue(long quality, unsigned long flags) { return NULL; }
dispatch_source_t dispatch_source_create(int type, uintptr_t handle, unsigned long mask, dispatch_queue_t queue) NS_RETURNS_RETAINED;
void dispatch_source_set_event_handler(dispatch_source_t s, void (^handler)(void));
unsigned long dispatch_source_get_data(dispatch_source_t s);
void dispatch_resume(dispatch_source_t s);
void dispatch_source_cancel(dispatch_source_t s);
#endif
