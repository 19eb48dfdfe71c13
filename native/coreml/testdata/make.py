"""Makes the packages of the bridge's tests with coremltools 9: python3 make.py. What they compute is in the tests."""

import shutil
import tempfile
from pathlib import Path

import coremltools as ct
import numpy as np
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types
from coremltools.proto import Model_pb2

HERE = Path(__file__).parent


def save(name, program, **kw):
    kw.setdefault("minimum_deployment_target", ct.target.iOS17)
    model = ct.convert(program, convert_to="mlprogram", compute_units=ct.ComputeUnit.CPU_ONLY, skip_model_load=True, **kw)
    out = HERE / f"{name}.mlpackage"
    shutil.rmtree(out, ignore_errors=True)
    model.save(str(out))


@mb.program(input_specs=[mb.TensorSpec((1, 4), dtype=types.fp16), mb.StateTensorSpec((1, 4), dtype=types.fp16)], opset_version=ct.target.iOS18)
def state(x, total):
    s = mb.add(x=mb.read_state(input=total), y=x)
    mb.coreml_update_state(state=total, value=s)
    return mb.mul(x=s, y=np.float16(2), name="y")


save("state", state, minimum_deployment_target=ct.target.iOS18)


@mb.program(input_specs=[mb.TensorSpec((2, 3), dtype=types.fp16)], opset_version=ct.target.iOS17)
def half(x):
    return mb.mul(x=x, y=np.float16(2), name="y")


save("half", half)


def negative(shape):
    @mb.program(input_specs=[mb.TensorSpec(shape, dtype=types.fp32)], opset_version=ct.target.iOS17)
    def program(x):
        return mb.sub(x=np.float32(255), y=x, name="y")

    return program


def picture(name, color, shape):
    save(
        name,
        negative(shape),
        inputs=[ct.ImageType(name="x", shape=shape, color_layout=color)],
        compute_precision=ct.precision.FLOAT32,
    )
    file = HERE / f"{name}.mlpackage/Data/com.apple.CoreML/model.mlmodel"
    spec = Model_pb2.Model.FromString(file.read_bytes())
    spec.description.output[0].type.imageType.CopyFrom(spec.description.input[0].type.imageType)  # convert leaves it an array
    file.write_bytes(spec.SerializeToString())


picture("picture", ct.colorlayout.RGB, (1, 3, 5, 6))
picture("gray", ct.colorlayout.GRAYSCALE, (1, 1, 5, 6))
picture("grayhalf", ct.colorlayout.GRAYSCALE_FLOAT16, (1, 1, 5, 6))

ranges = (1, 3, ct.RangeDim(4, 64, default=8), ct.RangeDim(4, 96, default=8))


@mb.program(
    input_specs=[mb.TensorSpec(tuple(getattr(d, "symbol", d) for d in ranges), dtype=types.fp32)], opset_version=ct.target.iOS17
)
def ranged(x):
    return mb.mul(x=x, y=np.float32(3), name="y")


save("ranged", ranged, inputs=[ct.TensorType(name="x", shape=ranges)], compute_precision=ct.precision.FLOAT32)

with tempfile.TemporaryDirectory() as work:
    descriptor = ct.utils.MultiFunctionDescriptor()
    for name, factor in (("twice", 2), ("thrice", 3)):

        @mb.program(input_specs=[mb.TensorSpec((1, 4), dtype=types.fp32)], opset_version=ct.target.iOS18)
        def scaled(x):
            return mb.mul(x=x, y=np.float32(factor), name="y")

        one = f"{work}/{name}.mlpackage"
        ct.convert(
            scaled,
            convert_to="mlprogram",
            minimum_deployment_target=ct.target.iOS18,
            compute_precision=ct.precision.FLOAT32,
            skip_model_load=True,
        ).save(one)
        descriptor.add_function(one, src_function_name="main", target_function_name=name)
    descriptor.default_function_name = "twice"
    out = HERE / "functions.mlpackage"
    shutil.rmtree(out, ignore_errors=True)
    ct.utils.save_multifunction(descriptor, str(out))
