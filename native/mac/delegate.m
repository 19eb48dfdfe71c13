//go:build darwin

// Opening what the Finder and the Dock hand over. Fyne's window library, GLFW, sets an application delegate of its own, on which its window depends, and
// runs the application until it has been launched; a file that the program was started with is handed over during that time. So our delegate is put
// over GLFW's at the moment when that is set. Nothing here may make the application: GLFW would think that it runs already.
#include "internal.h"
#import <objc/runtime.h>

@interface GessoDelegate : NSObject <NSApplicationDelegate>
@property(nonatomic, strong) id gessoWrapped;
@end

@implementation GessoDelegate
- (void)application:(NSApplication *)application openURLs:(NSArray *)urls {
	gesso_mac_paths(urls, ^(char **paths, int32_t n) {
		if (n) gessoMacOpen(paths, n);
	});
}

- (BOOL)respondsToSelector:(SEL)selector {
	return [super respondsToSelector:selector] || [_gessoWrapped respondsToSelector:selector];
}

- (id)forwardingTargetForSelector:(SEL)selector {
	return [_gessoWrapped respondsToSelector:selector] ? _gessoWrapped : [super forwardingTargetForSelector:selector];
}
@end

static GessoDelegate *ours; // the application does not hold its delegate
static void (*set_theirs)(id, SEL, id);

static void set_delegate(id application, SEL selector, id delegate) {
	GessoDelegate *next = nil;
	if (delegate) {
		next = [[GessoDelegate alloc] init];
		next.gessoWrapped = delegate;
	}
	set_theirs(application, selector, next);
	ours = next;
}

void gesso_mac_listen(void) {
	@autoreleasepool {
		Method m = class_getInstanceMethod([NSApplication class], @selector(setDelegate:));
		if (!m || set_theirs) return;
		set_theirs = (void (*)(id, SEL, id))method_getImplementation(m);
		method_setImplementation(m, (IMP)set_delegate);
		if (NSApp && NSApp.delegate) NSApp.delegate = NSApp.delegate; // GLFW was quicker
	}
}
