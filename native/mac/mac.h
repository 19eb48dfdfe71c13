// The flat C face of what package mac takes from AppKit. Functions run on the main thread and return NULL, or what went wrong as a text that is to be
// freed with free.
#ifndef GESSO_MAC_H
#define GESSO_MAC_H
#include <stddef.h>
#include <stdint.h>

typedef struct {
	const char *title, *folder, *name; // empty: none
	const char *const *extensions;
	int32_t count; // of extensions; 0: any
	int32_t many;
	int32_t save; // 0: an open panel
} gesso_mac_panel;

// gesso_mac_choose shows a panel, which ends with gessoMacChosen. It returns at once.
char *gesso_mac_choose(const gesso_mac_panel *p, uint64_t call);

// gesso_mac_paste sets data (freed with free) to a PNG, or path (the same) to a file's; neither where there is no picture.
char *gesso_mac_paste(void **data, size_t *size, char **path);
char *gesso_mac_copy(const void *data, size_t size);

char *gesso_mac_reveal(const char *path);
char *gesso_mac_share(const char *path);

// gesso_mac_dock shows badge, empty for none, on the program's tile in the Dock, and a bar that is full at 1; none below 0.
char *gesso_mac_dock(const char *badge, double fraction);

// gesso_mac_drag begins to drag a JPEG or PNG file of that name out of the key window, at the mouse event being handled; icon, a picture file in
// memory, is what hangs on the pointer. gessoMacWrite writes the file when it has
// been dropped, on another thread; gessoMacForget tells when nobody can ask for it any more.
char *gesso_mac_drag(const char *name, const void *icon, size_t size, uint64_t call);

// gesso_mac_listen has gessoMacOpen called with files that are to be opened. It may be called before there is an application, once, on any thread.
void gesso_mac_listen(void);

// Implemented in Go. What they are given is the caller's.
void gessoMacChosen(uint64_t call, char **paths, int32_t count);
char *gessoMacWrite(uint64_t call, char *path); // NULL, or what went wrong
void gessoMacForget(uint64_t call);
void gessoMacOpen(char **paths, int32_t count);
#endif
