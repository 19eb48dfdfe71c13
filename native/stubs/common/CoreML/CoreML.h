// The interfaces of Core ML that the bridge calls, written by hand from its public documentation: names, types, versions, and no more. One file
// for the compiler for macOS, which checks the bridge against the versions, and for the fake Core ML, which implements it under GNUstep.
#ifndef GESSO_COREML_H
#define GESSO_COREML_H
#import <Foundation/Foundation.h>
#import <CoreVideo/CoreVideo.h>
#ifdef __APPLE__
#define ML_AVAIL(v) API_AVAILABLE(macos(v))
#define ML_ROOT NSObject
#else
#import "fake_object.h"
#define ML_AVAIL(v)
#define ML_ROOT FakeObject
#endif
@class MLState, MLFeatureValue;

typedef NS_ENUM(NSInteger, MLComputeUnits) {
	MLComputeUnitsCPUOnly = 0,
	MLComputeUnitsCPUAndGPU = 1,
	MLComputeUnitsAll = 2,
	MLComputeUnitsCPUAndNeuralEngine ML_AVAIL(13.0) = 3
};
typedef NS_ENUM(NSInteger, MLMultiArrayDataType) {
	MLMultiArrayDataTypeDouble = 0x10000 | 64,
	MLMultiArrayDataTypeFloat32 = 0x10000 | 32,
	MLMultiArrayDataTypeFloat16 ML_AVAIL(12.0) = 0x10000 | 16,
	MLMultiArrayDataTypeInt32 = 0x20000 | 32
};
typedef NS_ENUM(NSInteger, MLFeatureType) {
	MLFeatureTypeInvalid = 0,
	MLFeatureTypeImage = 4,
	MLFeatureTypeMultiArray = 5,
	MLFeatureTypeState ML_AVAIL(15.0) = 8
};
typedef NS_ENUM(NSInteger, MLReshapeFrequencyHint) { MLReshapeFrequencyHintFrequent = 0, MLReshapeFrequencyHintInfrequent = 1 };
typedef NS_ENUM(NSInteger, MLSpecializationStrategy) { MLSpecializationStrategyDefault = 0, MLSpecializationStrategyFastPrediction = 1 };
typedef NS_ENUM(NSInteger, MLMultiArrayShapeConstraintType) {
	MLMultiArrayShapeConstraintTypeUnspecified = 1,
	MLMultiArrayShapeConstraintTypeEnumerated = 2,
	MLMultiArrayShapeConstraintTypeRange = 3
};
typedef NS_ENUM(NSInteger, MLImageSizeConstraintType) {
	MLImageSizeConstraintTypeUnspecified = 0,
	MLImageSizeConstraintTypeEnumerated = 2,
	MLImageSizeConstraintTypeRange = 3
};

ML_AVAIL(10.13) @interface MLMultiArray : ML_ROOT
@property (readonly, nonatomic) MLMultiArrayDataType dataType;
@property (readonly, nonatomic) NSArray *shape;
@property (readonly, nonatomic) NSArray *strides;
@property (readonly, nonatomic) NSInteger count;
- (instancetype)initWithShape:(NSArray *)shape dataType:(MLMultiArrayDataType)t error:(NSError **)e;
- (instancetype)initWithDataPointer:(void *)p
                              shape:(NSArray *)shape
                           dataType:(MLMultiArrayDataType)t
                            strides:(NSArray *)s
                        deallocator:(void (^)(void *bytes))d
                              error:(NSError **)e;
- (void)getBytesWithHandler:(void (NS_NOESCAPE ^)(const void *bytes, NSInteger size))h ML_AVAIL(12.3);
- (void)getMutableBytesWithHandler:(void (NS_NOESCAPE ^)(void *bytes, NSInteger size, NSArray *strides))h ML_AVAIL(12.3);
@end

ML_AVAIL(10.13) @interface MLFeatureValue : ML_ROOT
+ (instancetype)featureValueWithMultiArray:(MLMultiArray *)v;
+ (instancetype)featureValueWithPixelBuffer:(CVPixelBufferRef)v;
@property (readonly, nonatomic) MLMultiArray *multiArrayValue;
@property (readonly, nonatomic) CVPixelBufferRef imageBufferValue;
@end
ML_AVAIL(10.13) @protocol MLFeatureProvider <NSObject>
@property (readonly, nonatomic) NSSet *featureNames;
- (MLFeatureValue *)featureValueForName:(NSString *)n;
@end
ML_AVAIL(10.13) @interface MLDictionaryFeatureProvider : ML_ROOT <MLFeatureProvider>
- (instancetype)initWithDictionary:(NSDictionary *)d error:(NSError **)e;
@end
ML_AVAIL(10.14) @protocol MLBatchProvider <NSObject>
@property (readonly, nonatomic) NSInteger count;
- (id<MLFeatureProvider>)featuresAtIndex:(NSInteger)i;
@end
ML_AVAIL(10.14) @interface MLArrayBatchProvider : ML_ROOT <MLBatchProvider>
- (instancetype)initWithFeatureProviderArray:(NSArray *)a;
@end
ML_AVAIL(10.13) @interface MLPredictionOptions : ML_ROOT
@property (copy, nonatomic) NSDictionary *outputBackings ML_AVAIL(11.0);
@end

ML_AVAIL(14.4) @interface MLOptimizationHints : ML_ROOT
@property (assign, nonatomic) MLReshapeFrequencyHint reshapeFrequency;
@property (assign, nonatomic) MLSpecializationStrategy specializationStrategy ML_AVAIL(15.0);
@end
ML_AVAIL(10.14) @interface MLModelConfiguration : ML_ROOT
@property (assign, nonatomic) MLComputeUnits computeUnits;
@property (copy, nonatomic) MLOptimizationHints *optimizationHints ML_AVAIL(14.4);
@property (copy, nonatomic) NSString *functionName ML_AVAIL(15.0);
@end

ML_AVAIL(10.14) @interface MLMultiArrayShapeConstraint : ML_ROOT
@property (readonly, nonatomic) MLMultiArrayShapeConstraintType type;
@property (readonly, nonatomic) NSArray *sizeRangeForDimension; // NSValue of NSRange
@property (readonly, nonatomic) NSArray *enumeratedShapes;
@end
ML_AVAIL(10.13) @interface MLMultiArrayConstraint : ML_ROOT
@property (readonly, nonatomic) NSArray *shape;
@property (readonly, nonatomic) MLMultiArrayDataType dataType;
@property (readonly, nonatomic) MLMultiArrayShapeConstraint *shapeConstraint ML_AVAIL(10.14);
@end
ML_AVAIL(10.14) @interface MLImageSize : ML_ROOT
@property (readonly, nonatomic) NSInteger pixelsWide;
@property (readonly, nonatomic) NSInteger pixelsHigh;
@end
ML_AVAIL(10.14) @interface MLImageSizeConstraint : ML_ROOT
@property (readonly, nonatomic) MLImageSizeConstraintType type;
@property (readonly, nonatomic) NSRange pixelsWideRange;
@property (readonly, nonatomic) NSRange pixelsHighRange;
@property (readonly, nonatomic) NSArray *enumeratedImageSizes;
@end
ML_AVAIL(10.13) @interface MLImageConstraint : ML_ROOT
@property (readonly, nonatomic) NSInteger pixelsHigh;
@property (readonly, nonatomic) NSInteger pixelsWide;
@property (readonly, nonatomic) OSType pixelFormatType;
@property (readonly, nonatomic) MLImageSizeConstraint *sizeConstraint ML_AVAIL(10.14);
@end
ML_AVAIL(15.0) @interface MLStateConstraint : ML_ROOT
@property (readonly, nonatomic) NSArray *bufferShape;
@property (readonly, nonatomic) MLMultiArrayDataType dataType;
@end
ML_AVAIL(10.13) @interface MLFeatureDescription : ML_ROOT
@property (readonly, nonatomic) NSString *name;
@property (readonly, nonatomic) MLFeatureType type;
@property (readonly, nonatomic, getter=isOptional) BOOL optional;
@property (readonly, nonatomic) MLMultiArrayConstraint *multiArrayConstraint;
@property (readonly, nonatomic) MLImageConstraint *imageConstraint;
@property (readonly, nonatomic) MLStateConstraint *stateConstraint ML_AVAIL(15.0);
@end
ML_AVAIL(10.13) @interface MLModelDescription : ML_ROOT
@property (readonly, nonatomic) NSDictionary *inputDescriptionsByName;
@property (readonly, nonatomic) NSDictionary *outputDescriptionsByName;
@property (readonly, nonatomic) NSDictionary *stateDescriptionsByName ML_AVAIL(15.0);
@end

ML_AVAIL(10.13) @interface MLModel : ML_ROOT
@property (readonly, nonatomic) MLModelDescription *modelDescription;
+ (instancetype)modelWithContentsOfURL:(NSURL *)u configuration:(MLModelConfiguration *)c error:(NSError **)e ML_AVAIL(10.14);
+ (void)compileModelAtURL:(NSURL *)u completionHandler:(void (^)(NSURL *compiled, NSError *e))h ML_AVAIL(13.0);
- (id<MLFeatureProvider>)predictionFromFeatures:(id<MLFeatureProvider>)i options:(MLPredictionOptions *)o error:(NSError **)e;
- (void)predictionFromFeatures:(id<MLFeatureProvider>)i
                       options:(MLPredictionOptions *)o
             completionHandler:(void (^)(id<MLFeatureProvider> out, NSError *e))h ML_AVAIL(14.0);
- (id<MLBatchProvider>)predictionsFromBatch:(id<MLBatchProvider>)b options:(MLPredictionOptions *)o error:(NSError **)e ML_AVAIL(10.14);
- (MLState *)newState ML_AVAIL(15.0);
- (void)predictionFromFeatures:(id<MLFeatureProvider>)i
                    usingState:(MLState *)s
                       options:(MLPredictionOptions *)o
             completionHandler:(void (^)(id<MLFeatureProvider> out, NSError *e))h ML_AVAIL(15.0);
+ (NSArray *)availableComputeDevices ML_AVAIL(14.0);
@end
ML_AVAIL(15.0) @interface MLState : ML_ROOT
- (void)getMultiArrayForStateNamed:(NSString *)n handler:(void (NS_NOESCAPE ^)(MLMultiArray *buffer))h;
@end

ML_AVAIL(14.0) @protocol MLComputeDeviceProtocol <NSObject>
@end
ML_AVAIL(14.0) @interface MLCPUComputeDevice : ML_ROOT <MLComputeDeviceProtocol>
@end
ML_AVAIL(14.0) @interface MLGPUComputeDevice : ML_ROOT <MLComputeDeviceProtocol>
@end
ML_AVAIL(14.0) @interface MLNeuralEngineComputeDevice : ML_ROOT <MLComputeDeviceProtocol>
@property (readonly, nonatomic) NSInteger totalCoreCount;
@end
ML_AVAIL(14.4) @interface MLComputePlanCost : ML_ROOT
@property (readonly, nonatomic) double weight;
@end
ML_AVAIL(14.4) @interface MLComputePlanDeviceUsage : ML_ROOT
@property (readonly, nonatomic) NSArray *supportedComputeDevices;
@property (readonly, nonatomic) id<MLComputeDeviceProtocol> preferredComputeDevice;
@end
ML_AVAIL(14.4) @interface MLModelStructureProgramNamedValueType : ML_ROOT
@property (readonly, nonatomic) NSString *name;
@end
ML_AVAIL(14.4) @interface MLModelStructureProgramOperation : ML_ROOT
@property (readonly, nonatomic) NSString *operatorName;
@property (readonly, nonatomic) NSArray *outputs;
@property (readonly, nonatomic) NSArray *blocks;
@end
ML_AVAIL(14.4) @interface MLModelStructureProgramBlock : ML_ROOT
@property (readonly, nonatomic) NSArray *operations;
@end
ML_AVAIL(14.4) @interface MLModelStructureProgramFunction : ML_ROOT
@property (readonly, nonatomic) MLModelStructureProgramBlock *block;
@end
ML_AVAIL(14.4) @interface MLModelStructureProgram : ML_ROOT
@property (readonly, nonatomic) NSDictionary *functions;
@end
ML_AVAIL(14.4) @interface MLModelStructureNeuralNetworkLayer : ML_ROOT
@property (readonly, nonatomic) NSString *name;
@property (readonly, nonatomic) NSString *type;
@property (readonly, nonatomic) NSArray *outputNames;
@end
ML_AVAIL(14.4) @interface MLModelStructureNeuralNetwork : ML_ROOT
@property (readonly, nonatomic) NSArray *layers;
@end
ML_AVAIL(14.4) @interface MLModelStructure : ML_ROOT
@property (readonly, nonatomic) MLModelStructureProgram *program;
@property (readonly, nonatomic) MLModelStructureNeuralNetwork *neuralNetwork;
@end
ML_AVAIL(14.4) @interface MLComputePlan : ML_ROOT
+ (void)loadContentsOfURL:(NSURL *)u configuration:(MLModelConfiguration *)c completionHandler:(void (^)(MLComputePlan *p, NSError *e))h;
@property (readonly, nonatomic) MLModelStructure *modelStructure;
- (MLComputePlanCost *)estimatedCostOfMLProgramOperation:(MLModelStructureProgramOperation *)op;
- (MLComputePlanDeviceUsage *)computeDeviceUsageForMLProgramOperation:(MLModelStructureProgramOperation *)op;
- (MLComputePlanDeviceUsage *)computeDeviceUsageForNeuralNetworkLayer:(MLModelStructureNeuralNetworkLayer *)l;
@end
#endif
