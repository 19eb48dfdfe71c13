"""Makes ports.tar.gz: packages whose inputs and outputs have ranged and enumerated shapes, are pictures, integers or float16, may be left out, or
belong to one of several functions; from PyTorch through coremltools' converter. Also parts of Stable Diffusion's kind, with attention.

The expected values are PyTorch's. Run it in this folder with Python 3.11, coremltools 9.0 and PyTorch 2.7.
"""

import math
import pathlib
import shutil
import tempfile

import coremltools as ct
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

from pack import Archive, outputs, program, rand, rng

from coremltools.converters.mil.frontend.torch import ops as frontend

# NumPy 2.4 makes no number of an array of one element, which coremltools 9.0 expects.
class Whole(int):
    def __new__(cls, v):
        return int.__new__(cls, np.asarray(v).item())


cast = frontend._cast
frontend._cast = lambda context, node, dtype, name: cast(context, node, Whole if dtype is int else dtype, name)

archive = Archive("ports.tar.gz")
T = torch.from_numpy
torch.manual_seed(2)


class Style(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.n, self.b = nn.Conv2d(3, 8, 3, 2), nn.InstanceNorm2d(8, affine=True), nn.Conv2d(8, 8, 3, padding=1)
        self.u, self.c = nn.ConvTranspose2d(8, 8, 3, 2, 1, 1), nn.Conv2d(8, 3, 3, padding=1)

    def forward(self, x):
        h = F.relu(self.n(self.a(F.pad(x, (1, 1, 1, 1), "reflect"))))
        h = F.relu(h + self.b(h))
        return self.c(F.interpolate(h, scale_factor=2, mode="nearest"))


class Up(nn.Module):
    """Upsampling by sizes, as diffusion decoders do, and attention over pixels."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v, self.n = nn.Linear(8, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.GroupNorm(4, 8)
        self.i, self.o = nn.Conv2d(4, 8, 1), nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, x):
        h = self.n(self.i(x))
        b, c, y, z = h.shape
        t = h.view(b, c, y * z).transpose(1, 2)
        q, k, v = (f(t).view(b, y * z, 2, 4).transpose(1, 2) for f in (self.q, self.k, self.v))
        t = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, y * z, c)
        h = h + t.transpose(1, 2).view(b, c, y, z)
        return self.o(F.silu(F.interpolate(h, scale_factor=2.0, mode="bilinear")))


def converted(net, x, inputs, target=ct.target.iOS16, half=False, outs=None, **more):
    return ct.convert(
        torch.jit.trace(net.eval(), x), inputs=inputs, outputs=outs or [ct.TensorType("y0")], minimum_deployment_target=target, skip_model_load=True,
        compute_precision=ct.precision.FLOAT16 if half else ct.precision.FLOAT32, **more)


def runs(net, *inputs):
    with torch.no_grad():
        return [(dict(x=x), outputs(net(T(x)))) for x in inputs]


def shapes():
    net, x = Style().eval(), rand(1, 3, 16, 20)
    sizes = [rand(1, 3, h, w) for h, w in ((16, 20), (12, 12), (24, 16))]
    ranged = lambda n: ct.Shape((1, n, ct.RangeDim(8, 64, default=16), ct.RangeDim(8, 64, default=20)))
    for half in (False, True):
        tag, tol = ("half", 2e-2) if half else ("full", 1e-3)
        archive.add(f"style_{tag}", converted(net, T(x), [ct.TensorType("x", x.shape)], half=half), runs(net, x), tol)
        archive.add(f"range_{tag}", converted(net, T(x), [ct.TensorType("x", ranged(3))], half=half), runs(net, *sizes), tol)
        enumerated = ct.EnumeratedShapes([s.shape for s in sizes], default=sizes[0].shape)
        archive.add(f"enumerated_{tag}", converted(net, T(x), [ct.TensorType("x", enumerated)], half=half), runs(net, *sizes), tol)
    up, z = Up().eval(), rand(1, 4, 6, 8)
    more = [rand(1, 4, h, w) for h, w in ((6, 8), (9, 7))]
    for name, target in dict(ios15=ct.target.iOS15, ios16=ct.target.iOS16, ios17=ct.target.iOS17, ios18=ct.target.iOS18).items():
        archive.add(f"up_{name}", converted(up, T(z), [ct.TensorType("x", z.shape)], target), runs(up, z), 1e-3)
        box = ct.Shape((1, 4, ct.RangeDim(4, 32, default=6), ct.RangeDim(4, 32, default=8)))
        archive.add(f"up_range_{name}", converted(up, T(z), [ct.TensorType("x", box)], target), runs(up, *more), 1e-3)
    up.eval()
    archive.add("up_half18", converted(up, T(z), [ct.TensorType("x", z.shape, dtype=np.float16)], ct.target.iOS18, True, [ct.TensorType("y0", dtype=np.float16)]), runs(up, z), 2e-2)
    class Transposed(Style):
        def forward(self, x):
            return self.c(F.relu(self.u(self.a(x))))
    t = Transposed().eval()
    archive.add("transposed", converted(t, T(x), [ct.TensorType("x", x.shape)]), runs(t, x), 1e-3)
    archive.add("transposed_range", converted(t, T(x), [ct.TensorType("x", ranged(3))]), runs(t, *sizes), 1e-3)


def pictures():
    net = Style().eval()
    pixels = rng.integers(0, 256, (16, 20, 3), dtype=np.uint8)
    alpha = np.full((16, 20, 1), 255, np.uint8)
    bgra = lambda p: np.concatenate([p[..., ::-1], alpha], 2)
    class Scaled(nn.Module):
        def __init__(self, n):
            super().__init__()
            self.n = n
        def forward(self, v):
            return torch.sigmoid(self.n(v)) * 300 - 20
    for layout, color in (("RGB", ct.colorlayout.RGB), ("BGR", ct.colorlayout.BGR)):
        s = Scaled(net)
        m = converted(s, T(rand(1, 3, 16, 20)), [ct.ImageType("x", (1, 3, 16, 20), scale=1 / 127.5, bias=[-1, -0.9, -0.8], color_layout=color)], half=True,
                      outs=[ct.ImageType("y0", color_layout=color)])
        v = pixels if layout == "RGB" else pixels[..., ::-1]
        v = v.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 + np.array([-1, -0.9, -0.8], np.float32)[:, None, None]
        with torch.no_grad():
            y = s(T(v)).numpy().round().clip(0, 255).astype(np.uint8)[0].transpose(1, 2, 0)
        archive.add(f"picture_{layout}", m, [(dict(x=bgra(pixels)), dict(y0=bgra(y if layout == "RGB" else y[..., ::-1])))])
    blur = nn.Conv2d(1, 1, 3, padding=1).eval()
    gray = pixels[..., 0]
    with torch.no_grad():
        y = blur(T(gray.astype(np.float32))[None, None])
    m = converted(blur, torch.zeros(1, 1, 16, 20), [ct.ImageType("x", (1, 1, 16, 20), color_layout=ct.colorlayout.GRAYSCALE)], half=True,
                  outs=[ct.ImageType("y0", color_layout=ct.colorlayout.GRAYSCALE)])
    archive.add("picture_gray", m, [(dict(x=gray), dict(y0=y[0, 0].numpy().round().clip(0, 255).astype(np.uint8)))])
    m = converted(blur, torch.zeros(1, 1, 16, 20), [ct.ImageType("x", (1, 1, 16, 20), color_layout=ct.colorlayout.GRAYSCALE_FLOAT16)], half=True,
                  outs=[ct.ImageType("y0", color_layout=ct.colorlayout.GRAYSCALE_FLOAT16)])
    g16 = rand(16, 20).astype(np.float16)
    with torch.no_grad():
        y = blur(T(g16.astype(np.float32))[None, None])
    archive.add("picture_gray_half", m, [(dict(x=g16), dict(y0=y[0, 0].numpy().astype(np.float16)))], 2e-2)
    sizes = ct.EnumeratedShapes([(1, 3, 16, 20), (1, 3, 12, 8)], default=(1, 3, 16, 20))
    m = converted(net, T(rand(1, 3, 16, 20)), [ct.ImageType("x", sizes, scale=1 / 255)])
    small = rng.integers(0, 256, (12, 8, 3), dtype=np.uint8)
    both = []
    for p in (pixels, small):
        with torch.no_grad():
            y = net(T(p.astype(np.float32).transpose(2, 0, 1)[None] / 255))
        both.append((dict(x=np.concatenate([p[..., ::-1], np.full((*p.shape[:2], 1), 255, np.uint8)], 2)), outputs(y)))
    archive.add("picture_enumerated", m, both, 1e-3)
    m = converted(net, T(rand(1, 3, 16, 20)), [ct.ImageType("x", ct.Shape((1, 3, ct.RangeDim(8, 64, default=16), ct.RangeDim(8, 64, default=20))), scale=1 / 255)])
    archive.add("picture_range", m, both, 1e-3)


def kinds():
    x, i = rand(2, 4), np.array([3, 0, 2], np.int32)
    archive.add("integers", program(dict(x=x, i=i), lambda x, i: (mb.gather(x=x, indices=i, axis=1), mb.add(x=i, y=np.int32(1)))), [(dict(x=x, i=i), outputs((x[:, i], i + 1)))])
    archive.add("scalar", program(dict(x=x), lambda x: mb.reduce_sum(x=x, keep_dims=False)), [(dict(x=x), outputs(x.sum()))])
    archive.add("truth", program(dict(x=x), lambda x: mb.greater(x=x, y=np.float32(0))), [(dict(x=x), outputs(x > 0))])
    def f(x):
        return x * 2
    class Two(nn.Module):
        def forward(self, x, w):
            return x * 2 + w
    m = ct.convert(torch.jit.trace(Two(), (T(x), T(x))), inputs=[ct.TensorType("x", x.shape), ct.TensorType("w", x.shape, default_value=np.full(x.shape, 0.5, np.float32))],
                   outputs=[ct.TensorType("y0")], minimum_deployment_target=ct.target.iOS16, compute_precision=ct.precision.FLOAT32, skip_model_load=True)
    archive.add("optional", m, [(dict(x=x), outputs(x * 2 + 0.5)), (dict(x=x, w=x), outputs(x * 3))])


def functions():
    temp = pathlib.Path(tempfile.mkdtemp())
    x = rand(1, 4)
    for name, k in (("twice", 2.0), ("thrice", 3.0)):
        class Times(nn.Module):
            def forward(self, v):
                return v * k
        m = converted(Times(), T(x), [ct.TensorType("x", x.shape)], ct.target.iOS18)
        m.save(str(temp / f"{name}.mlpackage"))
    d = ct.utils.MultiFunctionDescriptor()
    for name in ("twice", "thrice"):
        d.add_function(str(temp / f"{name}.mlpackage"), src_function_name="main", target_function_name=name)
    d.default_function_name = "twice"
    ct.utils.save_multifunction(d, str(temp / "both.mlpackage"))
    archive.add("functions", temp / "both.mlpackage", [(dict(x=x), outputs(x * 2))])
    class Keeps(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("memory", torch.zeros(1, 4))
        def forward(self, v):
            self.memory.add_(v)
            return self.memory * 1
    m = ct.convert(torch.jit.trace(Keeps().eval(), T(x)), inputs=[ct.TensorType("x", x.shape)], outputs=[ct.TensorType("y0")],
                   states=[ct.StateType(ct.TensorType(shape=(1, 4), dtype=np.float16), name="memory")], minimum_deployment_target=ct.target.iOS18, skip_model_load=True)
    m.save(str(temp / "state.mlpackage"))
    archive.add("state", temp / "state.mlpackage", [])
    shutil.rmtree(temp)


def classifiers():
    x = rand(1, 6)
    net = nn.Sequential(nn.Linear(6, 4), nn.Softmax(-1)).eval()
    names = ["ant", "bee", "cat", "dog"]
    with torch.no_grad():
        y = net(T(x)).numpy()
    m = ct.convert(torch.jit.trace(net, T(x)), inputs=[ct.TensorType("x", x.shape)], classifier_config=ct.ClassifierConfig(names),
                   minimum_deployment_target=ct.target.iOS16, compute_precision=ct.precision.FLOAT32, skip_model_load=True)
    odds = next(o.name for o in m.get_spec().description.output if o.type.WhichOneof("Type") == "dictionaryType")
    archive.add("classifier", m, [(dict(x=x), {odds: y})], 1e-3)
    from coremltools.models import datatypes
    from coremltools.models.neural_network import NeuralNetworkBuilder
    w, b = net[0].weight.detach().numpy(), net[0].bias.detach().numpy()
    n = NeuralNetworkBuilder([("x", datatypes.Array(6))], [("odds", datatypes.Array(4))], mode="classifier")
    n.add_inner_product("i", w, b, 6, 4, True, "x", "h")
    n.add_softmax("s", "h", "odds")
    n.set_class_labels(names, predicted_feature_name="label", prediction_blob="odds")
    archive.add("network_classifier", n.spec, [(dict(x=x[0]), dict(odds=y[0]))], 1e-3)
    def step(i, o, k):
        n = NeuralNetworkBuilder([(i, datatypes.Array(6))], [(o, datatypes.Array(6))])
        n.add_activation("a", "LINEAR", i, o, [k, 1.0])
        return n.spec
    p = ct.models.pipeline.Pipeline([("x", datatypes.Array(6))], [("y0", datatypes.Array(6))])
    p.add_model(step("x", "h", 2.0))
    p.add_model(step("h", "y0", 3.0))
    archive.add("pipeline", p.spec, [(dict(x=x[0]), outputs((x[0] * 2 + 1) * 3 + 1))])


if __name__ == "__main__":
    for f in (shapes, pictures, kinds, functions, classifiers):
        f()
    archive.close()
