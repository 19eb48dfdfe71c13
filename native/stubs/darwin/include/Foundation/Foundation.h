// The part of Foundation that the bridge calls, written by hand from its public documentation, for compiling where Apple's headers are not.
#ifndef GESSO_FOUNDATION_H
#define GESSO_FOUNDATION_H
#include <objc/NSObject.h>
#include <objc/objc.h>
#include <os/availability.h>
#include <stddef.h>
#include <stdint.h>
#define NS_ENUM(type, name) enum name : type name; enum name : type
#define NS_NOESCAPE __attribute__((noescape))
#define NSIntegerMax LONG_MAX

typedef const struct __CFString *CFStringRef;
typedef const struct __CFDictionary *CFDictionaryRef;
typedef const struct __CFAllocator *CFAllocatorRef;
typedef const struct __CFData *CFDataRef;
typedef const void *CFTypeRef;
void CFRelease(CFTypeRef o);
typedef uint32_t OSType;
typedef struct _NSRange { NSUInteger location, length; } NSRange;
typedef struct {
	unsigned long state;
	id __unsafe_unretained *itemsPtr;
	unsigned long *mutationsPtr;
	unsigned long extra[5];
} NSFastEnumerationState;

@class NSArray, NSDictionary;
@protocol NSCopying
- (id)copyWithZone:(void *)z;
@end
@protocol NSFastEnumeration
- (NSUInteger)countByEnumeratingWithState:(NSFastEnumerationState *)s objects:(id __unsafe_unretained *)b count:(NSUInteger)n;
@end
@interface NSString : NSObject <NSCopying>
+ (instancetype)stringWithUTF8String:(const char *)s;
+ (instancetype)stringWithFormat:(NSString *)f, ... __attribute__((format(__NSString__, 1, 2)));
- (NSInteger)compare:(NSString *)s;
@property (readonly) const char *UTF8String;
@property (readonly) NSString *pathExtension, *lowercaseString;
- (BOOL)isEqualToString:(NSString *)s;
@end
@interface NSValue : NSObject
@property (readonly) NSRange rangeValue;
@end
@interface NSNumber : NSValue <NSCopying>
+ (NSNumber *)numberWithLongLong:(long long)v;
+ (NSNumber *)numberWithUnsignedLong:(unsigned long)v;
+ (NSNumber *)numberWithBool:(BOOL)v;
@property (readonly) long long longLongValue;
@end
@interface NSArray : NSObject <NSFastEnumeration>
+ (instancetype)arrayWithObjects:(const id[])o count:(NSUInteger)n;
- (id)objectAtIndex:(NSUInteger)i;
- (id)objectAtIndexedSubscript:(NSUInteger)i;
- (BOOL)isEqualToArray:(NSArray *)a;
- (BOOL)containsObject:(id)o;
- (NSArray *)sortedArrayUsingSelector:(SEL)s;
@property (readonly) NSUInteger count;
@end
@interface NSMutableArray : NSArray
+ (instancetype)array;
- (void)addObject:(id)o;
@end
@interface NSDictionary : NSObject <NSFastEnumeration>
+ (instancetype)dictionaryWithObjects:(const id[])o forKeys:(const id<NSCopying>[])k count:(NSUInteger)n;
- (id)objectForKey:(id)k;
- (id)objectForKeyedSubscript:(id)k;
@property (readonly) NSUInteger count;
@property (readonly) NSArray *allKeys;
@end
@interface NSMutableDictionary : NSDictionary
+ (instancetype)dictionary;
- (void)setObject:(id)o forKeyedSubscript:(id<NSCopying>)k;
@end
@interface NSSet : NSObject <NSFastEnumeration>
@end
@interface NSURL : NSObject
+ (NSURL *)fileURLWithPath:(NSString *)p;
@property (readonly) NSString *path;
@property (readonly) NSString *pathExtension;
@property (readonly, getter=isFileURL) BOOL fileURL;
@property (readonly) BOOL hasDirectoryPath;
@end
@interface NSData : NSObject
+ (instancetype)dataWithBytes:(const void *)b length:(NSUInteger)n;
- (instancetype)initWithBytesNoCopy:(void *)b length:(NSUInteger)n freeWhenDone:(BOOL)f;
@property (readonly) const void *bytes;
@property (readonly) NSUInteger length;
@end
@interface NSThread : NSObject
@property (class, readonly) BOOL isMainThread;
@end
@interface NSOperationQueue : NSObject
@end
extern NSString *const NSUnderlyingErrorKey, *const NSLocalizedDescriptionKey;
@interface NSError : NSObject
+ (instancetype)errorWithDomain:(NSString *)d code:(NSInteger)c userInfo:(NSDictionary *)i;
@property (readonly) NSString *domain, *localizedDescription;
@property (readonly) NSInteger code;
@property (readonly) NSDictionary *userInfo;
@end
@interface NSException : NSObject
@property (readonly) NSString *name, *reason;
@end
@interface NSProcessInfo : NSObject
@property (class, readonly) NSProcessInfo *processInfo;
@property (readonly) NSString *operatingSystemVersionString;
@property (readonly) NSInteger thermalState;
@end
#endif
