// The flat C face of Image I/O. It may be called on any thread.
#ifndef GESSO_IMAGEIO_BRIDGE_H
#define GESSO_IMAGEIO_BRIDGE_H
#include <stddef.h>
#include <stdint.h>

enum { GESSO_IMAGE_OK, GESSO_IMAGE_UNKNOWN, GESSO_IMAGE_DAMAGED };

typedef struct {
	char type[128];
	int64_t width, height; // upright
} gesso_image_info;

// gesso_image_stat reads the header of a picture. data stays the caller's and must stay until it returns.
int gesso_image_stat(const void *data, size_t size, gesso_image_info *info);

// gesso_image_decode draws the picture, upright, as sRGB with premultiplied alpha, RGBA, into pixels: info's width x height x 4 bytes.
int gesso_image_decode(const void *data, size_t size, const gesso_image_info *info, void *pixels);
#endif
