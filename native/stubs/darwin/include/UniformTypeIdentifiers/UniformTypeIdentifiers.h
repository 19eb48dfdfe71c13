// The part of UniformTypeIdentifiers that native/mac calls, written by hand from its public documentation.
#ifndef GESSO_UTI_H
#define GESSO_UTI_H
#import <Foundation/Foundation.h>
API_AVAILABLE(macos(11.0))
@interface UTType : NSObject
+ (UTType *)typeWithFilenameExtension:(NSString *)e;
@property(readonly) NSString *identifier;
@end
#endif
