// The flat C face of the bridge to Core ML: opaque handles, numbers and pointers, errors as values. bridge.m and its neighbours implement it, under
// ARC; Go calls it, and is called back through gessoDone, gessoRelease and gessoPressure.
//
// Memory: what a function hands out through a pointer came from gesso_alloc and goes back through gesso_free or the function named. Tensors'
// memory stays the caller's; Core ML may read it longer than a call lasts, and gessoRelease tells when it no longer does.
//
// Threads: any thread may call any function; what is said of a model holds for the calls on that model.
#ifndef GESSO_BRIDGE_H
#define GESSO_BRIDGE_H
#include <stddef.h>
#include <stdint.h>

enum { GESSO_RANK = 16 }; // the greatest number of dimensions

// Element types, in the order of engine.DType.
enum { GESSO_FLOAT32, GESSO_FLOAT16, GESSO_INT32, GESSO_UINT8, GESSO_FLOAT64 };

// Compute units, in the order of engine.Units.
enum { GESSO_UNITS_ALL, GESSO_UNITS_NEURAL_ENGINE, GESSO_UNITS_GPU, GESSO_UNITS_CPU };

// Processors, in the order of engine.Device.
enum { GESSO_UNKNOWN, GESSO_CPU, GESSO_GPU, GESSO_NEURAL_ENGINE };

// An error: message is NULL if there is none.
typedef struct {
	char *message;
	char *domain; // an NSError's domain, or an NSException's name
	int64_t code;
	int32_t exception; // 1: message and domain are an exception's
} gesso_error;

// A tensor: dense, row-major. A picture is (H,W,4) or (H,W).
typedef struct {
	const char *name;
	int32_t dtype;
	int32_t rank;
	int64_t shape[GESSO_RANK];
	void *data;
	uint64_t hold; // given to gessoRelease once nothing reads or writes data any more; exactly one call's worth, on failure too
} gesso_tensor;

// How a model is to be loaded.
typedef struct {
	int32_t units;
	int32_t reshapes; // engine.Reshapes
	int32_t fast;     // prefer fast predictions to a fast load
	const char *function; // NULL: the default
} gesso_config;

enum { GESSO_INPUT, GESSO_OUTPUT, GESSO_STATE };
enum { GESSO_ARRAY, GESSO_PICTURE, GESSO_OTHER };

// An input, an output or a state.
typedef struct {
	char *name;
	int32_t role, kind;
	int32_t dtype;
	int32_t optional;
	uint32_t format; // of a picture: a kCVPixelFormatType
	int32_t rank;    // 0 also where nothing is known of the shape
	int64_t shape[GESSO_RANK];
	int32_t shapes; // how many enumerated ones follow; 0: none
	int64_t *enumerated; // shapes x rank
	int32_t ranged;
	int64_t low[GESSO_RANK], high[GESSO_RANK]; // high -1: no bound
} gesso_feature;

// An operation of the compute plan. Strings are never NULL.
typedef struct {
	char *function, *type, *output;
	int32_t preferred;
	uint32_t supported; // a bit for each processor: 1 << GESSO_CPU ...
	double cost;        // -1: unknown
} gesso_operation;

typedef struct {
	gesso_operation *operations;
	int64_t count, room;
} gesso_plan;

// Memory, counted: gesso_allocations is how much of it is out. gesso_alloc gives zeros, and NULL when there is none.
void *gesso_alloc(size_t count, size_t size);
char *gesso_copy(const char *s);
void gesso_free(void *p);
int64_t gesso_allocations(void);
void gesso_error_clear(gesso_error *e);

// gesso_compile compiles a .mlpackage or .mlmodel into a temporary .mlmodelc, whose path is the result of call (char *, gesso_free).
void gesso_compile(const char *path, uint64_t call);

// gesso_load loads a .mlmodelc. NULL: e is set. gesso_unload frees it when no call on it is under way.
void *gesso_load(const char *path, const gesso_config *c, gesso_error *e);
void gesso_unload(void *model);

// gesso_describe lists the inputs, outputs and states, each by name; gesso_features_free frees the list. -1: e is set.
int gesso_describe(void *model, gesso_feature **features, int64_t *count, gesso_error *e);
void gesso_features_free(gesso_feature *features, int64_t count);

// gesso_predict runs the model once and fills out; then call is done, without a result. in and out and their names stay until then. From macOS 14
// on it returns at once and calls run side by side; before, it returns with the prediction. state may be NULL.
void gesso_predict(void *model, void *state, const gesso_tensor *in, int32_t nin, gesso_tensor *out, int32_t nout, uint64_t call);

// gesso_predict_batch runs the model on count inputs, whose tensors are in[i * nin + j] and out[i * nout + j]. 0, or -1 and e is set.
int gesso_predict_batch(void *model, int32_t count, const gesso_tensor *in, int32_t nin, gesso_tensor *out, int32_t nout, gesso_error *e);

// States, from macOS 15. gesso_state_copy copies between t and the memory of t's name: into the state if write is not 0. 0, or -1 and e is set.
void *gesso_state_new(void *model, gesso_error *e);
int gesso_state_copy(void *state, const gesso_tensor *t, int write, gesso_error *e);
void gesso_state_free(void *state);

// gesso_plan_load reads the compute plan of a .mlmodelc: the result of call (gesso_plan *, gesso_plan_free). Before macOS 14.4, and where the
// model is of a kind that has no plan, it has no operations.
void gesso_plan_load(const char *path, const gesso_config *c, uint64_t call);
void gesso_plan_free(gesso_plan *p);

// The system. gesso_version is such as "Version 14.5 (Build 23F79)" (gesso_free); gesso_devices has a bit for each processor that Core ML knows, as
// in gesso_operation, 0 before macOS 14; gesso_thermal is NSProcessInfoThermalState, 0..3.
char *gesso_version(void);
uint32_t gesso_devices(int32_t *cores);
int32_t gesso_thermal(void);
// gesso_watch_pressure has gessoPressure called whenever memory runs short, until gesso_unwatch_pressure is given what it returned.
void *gesso_watch_pressure(void);
void gesso_unwatch_pressure(void *watch);

// Implemented in Go. They may be called on any thread. gessoDone ends call, with a result or an error whose memory stays the bridge's.
void gessoDone(uint64_t call, void *result, gesso_error *e);
void gessoRelease(uint64_t hold);
void gessoPressure(int32_t critical);
#endif
