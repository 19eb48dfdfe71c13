// What every object of the fake Core ML is, and the few system types that GNUstep lacks.
#ifndef FAKE_OBJECT_H
#define FAKE_OBJECT_H
#import <Foundation/Foundation.h>

typedef const struct __CFString *CFStringRef;
typedef const struct __CFDictionary *CFDictionaryRef;
typedef const struct __CFAllocator *CFAllocatorRef;
typedef uint32_t OSType;

// FakeObject counts its instances. The fields are for the subclasses to use as they like, since with GCC's runtime the fields of a class are part of
// its interface; objects in them are released, and p is freed, with the instance.
@interface FakeObject : NSObject {
@public
	id a, b, c, d;
	void *p, *q;
	NSInteger n, m;
	double w;
}
@end

@interface NSProcessInfo (Fake)
- (NSInteger)thermalState;
@end
#endif
