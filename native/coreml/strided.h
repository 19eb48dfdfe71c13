// Copies between arrays of different strides and element types, in plain C.
#ifndef GESSO_STRIDED_H
#define GESSO_STRIDED_H
#include <stdint.h>
#include <string.h>
#include "bridge.h"

static inline float gesso_half_to_float(uint16_t h) {
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = (h >> 10) & 31, mantissa = h & 0x3ff, bits;
	if (exponent == 31) {
		bits = sign | 0x7f800000 | mantissa << 13;
	} else if (exponent) {
		bits = sign | (exponent + 112) << 23 | mantissa << 13;
	} else { // a subnormal half is mantissa / 2^24
		float f = (float)mantissa / 16777216.0f;
		return sign ? -f : f;
	}
	float f;
	memcpy(&f, &bits, sizeof f);
	return f;
}

// Rounds to nearest, ties to even; what is too large becomes infinite.
static inline uint16_t gesso_float_to_half(float f) {
	uint32_t bits;
	memcpy(&bits, &f, sizeof bits);
	uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
	uint32_t rest = bits & 0x7fffffff;
	if (rest > 0x7f800000) return sign | 0x7e00;
	if (rest >= 0x477ff000) return sign | 0x7c00;
	if (rest >= 0x38800000) { // normal
		uint32_t r = rest - 0x38000000;
		return (uint16_t)(sign | (r + 0xfff + (r >> 13 & 1)) >> 13);
	}
	if (rest < 0x33000000) return sign;
	uint32_t shift = 126 - (rest >> 23), mantissa = (rest & 0x7fffff) | 0x800000;
	uint32_t half = mantissa >> shift, left = mantissa & ((1u << shift) - 1), middle = 1u << (shift - 1);
	return (uint16_t)(sign | (half + (left > middle || (left == middle && (half & 1)))));
}

static inline double gesso_read(const char *p, int32_t dtype) {
	switch (dtype) {
	case GESSO_FLOAT32: { float v; memcpy(&v, p, sizeof v); return v; }
	case GESSO_FLOAT16: { uint16_t v; memcpy(&v, p, sizeof v); return gesso_half_to_float(v); }
	case GESSO_INT32: { int32_t v; memcpy(&v, p, sizeof v); return v; }
	case GESSO_FLOAT64: { double v; memcpy(&v, p, sizeof v); return v; }
	default: return *(const uint8_t *)p;
	}
}

static inline int32_t gesso_whole(double v, double low, double high) {
	return (int32_t)(v >= high ? high : v > low ? v : v == v ? low : 0); // NaN becomes 0
}

static inline void gesso_write(char *p, int32_t dtype, double v) {
	switch (dtype) {
	case GESSO_FLOAT32: { float x = (float)v; memcpy(p, &x, sizeof x); return; }
	case GESSO_FLOAT16: { uint16_t x = gesso_float_to_half((float)v); memcpy(p, &x, sizeof x); return; }
	case GESSO_INT32: { int32_t x = gesso_whole(v, INT32_MIN, INT32_MAX); memcpy(p, &x, sizeof x); return; }
	case GESSO_FLOAT64: memcpy(p, &v, sizeof v); return;
	default: *(uint8_t *)p = (uint8_t)gesso_whole(v, 0, 255);
	}
}

static inline int64_t gesso_width(int32_t dtype) {
	return dtype == GESSO_FLOAT64 ? 8 : dtype == GESSO_FLOAT16 ? 2 : dtype == GESSO_UINT8 ? 1 : 4;
}

// One side of a copy: strides count elements.
typedef struct {
	char *data;
	int32_t dtype;
	int64_t strides[GESSO_RANK];
} gesso_side;

// Copies the array of that shape, dimension by dimension from axis on.
static inline void gesso_move(gesso_side to, gesso_side from, const int64_t *shape, int32_t rank, int32_t axis) {
	int64_t a = gesso_width(to.dtype), b = gesso_width(from.dtype);
	if (axis == rank) { // a scalar
		if (to.dtype == from.dtype) memmove(to.data, from.data, (size_t)a);
		else gesso_write(to.data, to.dtype, gesso_read(from.data, from.dtype));
		return;
	}
	int64_t n = shape[axis], up = to.strides[axis] * a, down = from.strides[axis] * b;
	if (axis == rank - 1) {
		if (to.dtype == from.dtype && up == a && down == b) {
			memmove(to.data, from.data, (size_t)(n * a));
			return;
		}
		for (int64_t i = 0; i < n; i++) gesso_write(to.data + i * up, to.dtype, gesso_read(from.data + i * down, from.dtype));
		return;
	}
	for (int64_t i = 0; i < n; i++) {
		gesso_move(to, from, shape, rank, axis + 1);
		to.data += up;
		from.data += down;
	}
}

static inline void gesso_dense(int64_t *strides, const int64_t *shape, int32_t rank) {
	int64_t n = 1;
	for (int32_t i = rank - 1; i >= 0; i--) {
		strides[i] = n;
		n *= shape[i];
	}
}
#endif
