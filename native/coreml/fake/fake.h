// Between the fake's Objective-C and its Go. What Go hands out through a pointer came from malloc and is the caller's.
#ifndef FAKE_H
#define FAKE_H
#include <stdint.h>

enum { FAKE_RANK = 16 };

// Modes; see Modes in fake.go.
enum {
	FAKE_IGNORE_BACKINGS,
	FAKE_PADDED,
	FAKE_ERROR_AT,     // a stage
	FAKE_EXCEPTION_AT, // a stage
	FAKE_LATE_MS,
	FAKE_SLOW_MS,
	FAKE_NIL_USAGE,
	FAKE_NO_PROGRAM,
	FAKE_MACOS, // times 100
	FAKE_THERMAL,
	FAKE_SHORT,
	FAKE_MODES
};
enum { FAKE_STAGE_NONE, FAKE_STAGE_COMPILE, FAKE_STAGE_LOAD, FAKE_STAGE_PREDICT, FAKE_STAGE_PLAN, FAKE_STAGE_STATE };

void fake_set(int mode, int value);
int fake_get(int mode);
double fake_macos(void);
int64_t fake_objects(void);
void fake_pressure(int critical); // plays a memory warning
int fake_flying(int most);        // predictions under way; with most, the greatest number so far, which it resets

enum { FAKE_INPUT, FAKE_OUTPUT, FAKE_STATE };
enum { FAKE_ARRAY, FAKE_IMAGE };

typedef struct {
	char *name;
	int role, kind, optional;
	int dtype; // an MLMultiArrayDataType
	uint32_t format;
	int bgr; // the order in which a picture's channels reach the network
	int rank;
	int64_t shape[FAKE_RANK]; // of a picture: height, width
	int shapes;
	int64_t *enumerated;
	int ranged;
	int64_t low[FAKE_RANK], high[FAKE_RANK]; // high -1: no bound
} fake_feature;

// dtype is 0 for float32, 2 for int32; the array is dense.
typedef struct {
	char *name;
	int dtype, rank;
	int64_t shape[FAKE_RANK];
	void *data;
} fake_tensor;

typedef struct {
	char *function, *type, *output;
	int device; // 0: none, 1: CPU, 2: GPU, 3: Neural Engine
	double cost;
} fake_operation;

// Implemented in Go. Each returns an error's text, or NULL.
char *fakeCompile(char *source, char *folder, char **compiled);
char *fakeOpen(char *compiled, char *function, uintptr_t *model, fake_feature **features, int *count);
void fakeClose(uintptr_t model);
char *fakeRun(uintptr_t model, fake_tensor *in, int nin, fake_tensor **out, int *nout);
char *fakePlan(char *compiled, int units, fake_operation **operations, int *count);
#endif
