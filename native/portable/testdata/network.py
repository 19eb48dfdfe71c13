"""Makes network.tar.gz: .mlmodel files with neural networks of specifications 1 to 5, layer by layer and as whole networks for pictures.

The expected values are NumPy's and PyTorch's. Run it in this folder with Python 3.11, coremltools 9.0 and PyTorch 2.7.
"""

import numpy as np
import torch
import torch.nn.functional as F
from coremltools.models import datatypes, neural_network
from coremltools.models.neural_network import NeuralNetworkBuilder, quantization_utils
import coremltools as ct
from coremltools.proto import FeatureTypes_pb2 as ft

from pack import Archive, outputs, rand, rng

archive = Archive("network.tar.gz")
T = torch.from_numpy
f32 = np.float32


def builder(inputs, names=("y0",), exact=False, shapes=None):
    """inputs: arrays without the batch, as specifications 1 to 3 have them, or exact ones."""
    shapes = shapes or {}
    return NeuralNetworkBuilder(
        [(n, datatypes.Array(*a.shape)) for n, a in inputs.items()], [(n, datatypes.Array(*shapes[n]) if n in shapes else None) for n in names],
        disable_rank5_shape_mapping=exact)


def case(name, inputs, build, expected, exact=False, names=("y0",), tolerance=None, legacy_shape=True):
    with torch.no_grad():
        want = expected(*(T(a) for a in inputs.values()))
    want = list(want) if isinstance(want, (tuple, list)) else [want]
    want = {n: np.asarray(w) for n, w in zip(names, want)}
    b = builder(inputs, names, exact, {} if exact else {n: w.shape for n, w in want.items()})
    build(b)
    archive.add(name, b.spec, [(inputs, want)], tolerance)


def conv_weight(w):
    return w.transpose(2, 3, 1, 0)


def deconv_weight(w):
    return w.transpose(2, 3, 0, 1)


io = dict(input_name="x", output_name="y0")
none = dict(stride_height=1, stride_width=1, border_mode="valid", groups=1)


def batched(f):
    return lambda *v: f(*(a[None] for a in v))[0]


def legacy():
    x, w, wg, b = rand(4, 7, 6), rand(6, 4, 3, 3), rand(6, 2, 3, 3), rand(6)
    case("conv", dict(x=x), lambda n: n.add_convolution("c", 4, 6, 3, 3, W=conv_weight(w), b=b, has_bias=True, **none, **io), batched(lambda v: F.conv2d(v, T(w), T(b))))
    case("conv_groups", dict(x=x), lambda n: n.add_convolution(
        "c", 2, 6, 3, 3, 2, 1, "same", 2, conv_weight(wg), None, False, dilation_factors=[1, 1], **io),
         batched(lambda v: F.conv2d(F.pad(v, (1, 1, 1, 1)), T(wg), stride=(2, 1), groups=2)))
    case("conv_padded", dict(x=x), lambda n: n.add_convolution(
        "c", 4, 6, 3, 3, 1, 1, "valid", 1, conv_weight(w), b, True, dilation_factors=[2, 1], padding_top=2, padding_bottom=1, padding_left=0, padding_right=3, **io),
         batched(lambda v: F.conv2d(F.pad(v, (0, 3, 2, 1)), T(w), T(b), dilation=(2, 1))))
    even = rand(4, 6, 7)
    case("conv_top_left", dict(x=even), lambda n: n.add_convolution(
        "c", 4, 6, 3, 3, 2, 2, "same", 1, conv_weight(w), None, False, same_padding_asymmetry_mode="TOP_LEFT_HEAVY", **io),
         batched(lambda v: F.conv2d(F.pad(v, (1, 1, 1, 0)), T(w), stride=2)))
    wt = rand(4, 3, 4, 4)
    case("deconv", dict(x=x), lambda n: n.add_convolution("c", 4, 3, 4, 4, 2, 2, "valid", 1, deconv_weight(wt), None, False, is_deconv=True, **io),
         batched(lambda v: F.conv_transpose2d(v, T(wt), stride=2)))
    case("deconv_same", dict(x=x), lambda n: n.add_convolution("c", 4, 3, 4, 4, 2, 2, "same", 1, deconv_weight(wt), b[:3], True, is_deconv=True, **io),
         batched(lambda v: F.conv_transpose2d(v, T(wt), T(b[:3]), stride=2, padding=1)))
    case("deconv_cropped", dict(x=x), lambda n: n.add_convolution(
        "c", 4, 3, 4, 4, 2, 2, "valid", 1, deconv_weight(wt), None, False, is_deconv=True, padding_top=1, padding_bottom=1, padding_left=1, padding_right=1, **io),
         batched(lambda v: F.conv_transpose2d(v, T(wt), stride=2, padding=1)))
    w3 = rand(4, 3, 3, 3)
    case("deconv_shape", dict(x=x), lambda n: n.add_convolution(
        "c", 4, 3, 3, 3, 2, 2, "valid", 1, deconv_weight(w3), None, False, is_deconv=True, output_shape=(14, 12), padding_top=1, padding_left=1, padding_bottom=1, padding_right=1, **io),
         batched(lambda v: F.conv_transpose2d(v, T(w3), stride=2, padding=1, output_padding=1)))
    wg2 = rand(4, 2, 3, 3)
    case("deconv_groups", dict(x=x), lambda n: n.add_convolution("c", 4, 4, 3, 3, 2, 2, "valid", 2, deconv_weight(wg2), None, False, is_deconv=True, **io),
         batched(lambda v: F.conv_transpose2d(v, T(wg2), stride=2, groups=2)))

    pool = lambda kind, border, **k: lambda n: n.add_pooling("p", 3, 3, 2, 2, kind, border, **k, **io)
    case("pool_max", dict(x=x), pool("MAX", "VALID"), batched(lambda v: F.max_pool2d(v, 3, 2)))
    case("pool_max_same", dict(x=x), pool("MAX", "SAME"), batched(lambda v: F.max_pool2d(F.pad(v, (0, 1, 1, 1), value=-9), 3, 2)))
    case("pool_average", dict(x=x), pool("AVERAGE", "VALID", exclude_pad_area=False, padding_top=1, padding_left=1, padding_bottom=1, padding_right=1), batched(lambda v: F.avg_pool2d(v, 3, 2, 1)))
    case("pool_inner", dict(x=x), pool("AVERAGE", "VALID", exclude_pad_area=True, padding_top=1, padding_left=1, padding_bottom=1, padding_right=1),
         batched(lambda v: F.avg_pool2d(v, 3, 2, 1, count_include_pad=False)))
    case("pool_l2", dict(x=x), pool("L2", "VALID"), batched(lambda v: F.avg_pool2d(v * v, 3, 2).mul(9).sqrt()))
    case("pool_last", dict(x=x), pool("MAX", "INCLUDE_LAST_PIXEL", padding_top=0, padding_left=0), batched(lambda v: F.max_pool2d(v, 3, 2, ceil_mode=True)))
    case("pool_last_padded", dict(x=x), pool("MAX", "INCLUDE_LAST_PIXEL", padding_top=1, padding_left=1, padding_bottom=1, padding_right=1), batched(lambda v: F.max_pool2d(v, 3, 2, 1, ceil_mode=True)))
    for kind, f in dict(MAX=lambda v: v.amax((2, 3), keepdim=True), AVERAGE=lambda v: v.mean((2, 3), keepdim=True)).items():
        case(f"pool_global_{kind.lower()}", dict(x=x), lambda n: n.add_pooling("p", 1, 1, 1, 1, kind, "VALID", is_global=True, **io), batched(f))

    al, be = rand(4), rand(4)
    col = lambda v: T(v)[:, None, None]
    act = lambda kind, p=None: lambda n: n.add_activation("a", kind, "x", "y0", p)
    for name, build, f in (
        ("relu", act("RELU"), F.relu), ("leaky", act("LEAKYRELU", [0.3]), lambda v: F.leaky_relu(v, 0.3)), ("tanh", act("TANH"), torch.tanh),
        ("scaled_tanh", act("SCALED_TANH", [0.3, 0.7]), lambda v: 0.3 * torch.tanh(0.7 * v)), ("sigmoid", act("SIGMOID"), torch.sigmoid),
        ("sigmoid_hard", act("SIGMOID_HARD", [0.3, 0.7]), lambda v: torch.clamp(0.3 * v + 0.7, 0, 1)), ("elu", act("ELU", 0.4), lambda v: F.elu(v, 0.4)),
        ("softsign", act("SOFTSIGN"), F.softsign), ("softplus", act("SOFTPLUS"), F.softplus), ("linear", act("LINEAR", [2.0, -0.5]), lambda v: 2 * v - 0.5),
        ("thresholded", act("THRESHOLDEDRELU", 0.4), lambda v: torch.where(v >= 0.4, v, 0)), ("prelu", act("PRELU", al), lambda v: torch.where(v > 0, v, v * col(al))),
        ("softplus_channels", act("PARAMETRICSOFTPLUS", [al, be]), lambda v: col(al) * torch.log1p(torch.exp(col(be) * v))),
    ):
        case(f"activation_{name}", dict(x=x), build, f)
    pos = rand(4, 7, 6, low=0.1, high=2)
    for mode, f in dict(
        sqrt=lambda v: v.sqrt(), rsqrt=lambda v: (v + 0.01).rsqrt(), inverse=lambda v: 1 / (v + 0.01), power=lambda v: v**1.5, exp=lambda v: v.exp(), log=lambda v: v.log(),
        abs=lambda v: v.abs(), threshold=lambda v: v.clamp(min=1.5),
    ).items():
        case(f"unary_{mode}", dict(x=pos), lambda n: n.add_unary("u", "x", "y0", mode, 1.5, 0.5, 2.0, 0.01), lambda v: f(2 * v + 0.5))

    g, mean, var = rand(4), rand(4), rand(4, low=0.5, high=2)
    norm = lambda **k: lambda n: n.add_batchnorm("n", 4, g, b[:4], epsilon=1e-3, **k, **io)
    case("batchnorm", dict(x=x), norm(mean=mean, variance=var), batched(lambda v: F.batch_norm(v, T(mean), T(var), T(g), T(b[:4]), eps=1e-3)))
    case("instance_norm", dict(x=x), norm(compute_mean_var=True, instance_normalization=True), batched(lambda v: F.instance_norm(v, weight=T(g), bias=T(b[:4]), eps=1e-3)))
    for across in (False, True):
        def mvn(v):
            d = (0, 1, 2) if across else (1, 2)
            return (v - v.mean(d, keepdim=True)) / (v.var(d, keepdim=True, unbiased=False) + 1e-4).sqrt()
        case(f"mvn_{across}", dict(x=x), lambda n: n.add_mvn("m", "x", "y0", across, True, 1e-4), mvn)
    case("l2_normalize", dict(x=x), lambda n: n.add_l2_normalize("l", "x", "y0", 1e-3), lambda v: v / ((v * v).sum() + 1e-3).sqrt())
    case("lrn", dict(x=rand(8, 3, 3)), lambda n: n.add_lrn("l", "x", "y0", 0.5, 0.6, 5, 1.5), batched(lambda v: F.local_response_norm(v, 5, 0.5, 0.6, 1.5)))
    case("softmax", dict(x=x), lambda n: n.add_softmax("s", "x", "y0"), lambda v: v.softmax(0))

    for kind in ("constant", "reflection", "replication"):
        mode = dict(constant="constant", reflection="reflect", replication="replicate")[kind]
        more = (0.5,) if kind == "constant" else ()
        case(f"padding_{kind}", dict(x=x), lambda n: n.add_padding("p", 1, 2, 3, 0, value=0.5, padding_type=kind, **io) if more else n.add_padding("p", 1, 2, 3, 0, padding_type=kind, **io),
             batched(lambda v: F.pad(v, (1, 2, 3, 0), mode, *more)))
    case("crop", dict(x=x), lambda n: n.add_crop("c", 1, 2, 0, 3, 0, ["x"], "y0"), lambda v: v[:, 0:4, 1:4])
    case("crop_like", dict(x=x, r=rand(4, 3, 2)), lambda n: n.add_crop("c", 0, 0, 0, 0, [1, 2], ["x", "r"], "y0"), lambda v, r: v[:, 1:4, 2:4])
    case("upsample", dict(x=x), lambda n: n.add_upsample("u", 2, 3, "x", "y0", "NN"), batched(lambda v: v.repeat_interleave(2, 2).repeat_interleave(3, 3)))
    def asymmetric(v):
        import sys
        sys.path.insert(0, ".")
        i, j = np.minimum(np.arange(14) / 2, 6), np.minimum(np.arange(18) / 3, 5)
        at = lambda a, c: v.numpy()[:, a[:, None], c[None]]
        i0, j0 = i.astype(int), j.astype(int)
        i1, j1 = np.minimum(i0 + 1, 6), np.minimum(j0 + 1, 5)
        fi, fj = (i - i0)[:, None], (j - j0)[None]
        return ((at(i0, j0) * (1 - fj) + at(i0, j1) * fj) * (1 - fi) + (at(i1, j0) * (1 - fj) + at(i1, j1) * fj) * fi).astype(f32)
    case("upsample_bilinear", dict(x=x), lambda n: n.add_upsample("u", 2, 3, "x", "y0", "BILINEAR"), asymmetric)
    for mode, align in (("ALIGN_CORNERS_TRUE", True), ("ALIGN_CORNERS_FALSE", False)):
        case(f"upsample_{mode.lower()}", dict(x=x), lambda n: n.add_upsample("u", 2, 3, "x", "y0", "BILINEAR", mode),
             batched(lambda v: F.interpolate(v, scale_factor=(2, 3), mode="bilinear", align_corners=align)))

    x2 = rand(4, 7, 6)
    for mode, f in dict(ADD=torch.add, MULTIPLY=torch.mul, AVE=lambda a, c: (a + c) / 2, MAX=torch.maximum, MIN=torch.minimum, CONCAT=lambda a, c: torch.cat([a, c])).items():
        case(f"join_{mode.lower()}", dict(x=x, z=x2), lambda n: n.add_elementwise("e", ["x", "z"], "y0", mode), f)
    case("add_broadcast", dict(x=x, z=rand(4, 1, 1)), lambda n: n.add_elementwise("e", ["x", "z"], "y0", "ADD"), torch.add)
    case("add_scalar", dict(x=x), lambda n: n.add_elementwise("e", ["x"], "y0", "ADD", alpha=0.7), lambda v: v + 0.7)
    case("multiply_scalar", dict(x=x), lambda n: n.add_elementwise("e", ["x"], "y0", "MULTIPLY", alpha=0.7), lambda v: v * 0.7)
    case("dot", dict(x=rand(5), z=rand(5)), lambda n: n.add_elementwise("e", ["x", "z"], "y0", "DOT"), lambda a, c: (a * c).sum()[None])
    case("cosine", dict(x=rand(5), z=rand(5)), lambda n: n.add_elementwise("e", ["x", "z"], "y0", "COS"), lambda a, c: F.cosine_similarity(a, c, 0)[None])
    whole = rand(4, 7, 6)
    case("scale", dict(x=x), lambda n: n.add_scale("s", g, whole, True, shape_scale=[4], shape_bias=[4, 7, 6], **io), lambda v: v * col(g) + T(whole))
    case("bias", dict(x=x), lambda n: n.add_bias("s", g, shape_bias=[4], **io), lambda v: v + col(g))
    for axis, d in dict(CHW=(0, 1, 2), HW=(1, 2), C=(0,), H=(1,), W=(2,)).items():
        for mode, f in dict(sum=lambda v: v.sum(d, keepdim=True), avg=lambda v: v.mean(d, keepdim=True), max=lambda v: v.amax(d, keepdim=True), L2=lambda v: (v * v).sum(d, keepdim=True).sqrt()).items():
            case(f"reduce_{mode}_{axis}", dict(x=x), lambda n: n.add_reduce("r", "x", "y0", axis, mode), f)
    case("reduce_prod", dict(x=x), lambda n: n.add_reduce("r", "x", "y0", "C", "prod"), lambda v: v.prod(0, keepdim=True))
    case("reduce_logsum", dict(x=pos), lambda n: n.add_reduce("r", "x", "y0", "C", "logsum", 1e-3), lambda v: (v + 1e-3).log().sum(0, keepdim=True))
    case("reduce_argmax", dict(x=x), lambda n: n.add_reduce("r", "x", "y0", "C", "argmax"), lambda v: v.argmax(0, keepdim=True).float())
    def constant(n):
        n.add_load_constant("k", "k", whole, [4, 7, 6])
        n.add_elementwise("e", ["x", "k"], "y0", "MULTIPLY")
    case("load_constant", dict(x=x), constant, lambda v: v * T(whole))
    case("reshape", dict(x=x), lambda n: n.add_reshape("r", "x", "y0", (6, 4, 7), 0), lambda v: v.reshape(6, 4, 7))
    case("reshape_last", dict(x=x), lambda n: n.add_reshape("r", "x", "y0", (6, 4, 7), 1), lambda v: v.permute(1, 2, 0).reshape(4, 7, 6).permute(2, 0, 1))
    case("flatten", dict(x=x), lambda n: n.add_flatten("f", 0, "x", "y0"), lambda v: v.reshape(-1))
    case("flatten_last", dict(x=x), lambda n: n.add_flatten("f", 1, "x", "y0"), lambda v: v.permute(1, 2, 0).reshape(-1))
    case("permute", dict(x=x), lambda n: n.add_permute("p", (0, 3, 1, 2), "x", "y0"), lambda v: v.permute(2, 0, 1))
    case("split", dict(x=x), lambda n: n.add_split("s", "x", ["y0", "y1"]), lambda v: list(v.chunk(2)), names=("y0", "y1"))
    case("slice", dict(x=x), lambda n: n.add_slice("s", "x", "y0", "height", 1, -1, 2), lambda v: v[:, 1:-1:2])
    deep = rand(8, 2, 4)
    case("depth_to_space", dict(x=deep), lambda n: n.add_reorganize_data("r", "x", "y0", "DEPTH_TO_SPACE", 2),
         lambda v: v.reshape(2, 2, 2, 2, 4).permute(2, 3, 0, 4, 1).reshape(2, 4, 8))
    case("space_to_depth", dict(x=deep), lambda n: n.add_reorganize_data("r", "x", "y0", "SPACE_TO_DEPTH", 2),
         lambda v: v.reshape(8, 1, 2, 2, 2).permute(2, 4, 0, 1, 3).reshape(32, 1, 2))
    case("inner_product", dict(x=rand(5)), lambda n: n.add_inner_product("i", wl, b, 5, 6, True, "x", "y0"), lambda v: F.linear(v, T(wl), T(b)))
    case("inner_product_deep", dict(x=rand(4, 3, 2)), lambda n: n.add_inner_product("i", wd, None, 24, 6, False, "x", "y0"), lambda v: F.linear(v.reshape(-1), T(wd))[:, None, None])
    case("embedding", dict(x=np.array([3], f32)), lambda n: n.add_embedding("e", we, None, 7, 5, False, "x", "y0"), lambda v: T(we[:, 3]))


wl, wd, we = rand(6, 5), rand(6, 24), rand(5, 7)


def exact():
    x, z = rand(2, 3, 4), rand(3, 1)
    e = lambda name, inputs, build, f, **k: case("exact_" + name, inputs, build, f, exact=True, **k)
    for name, f in dict(add=torch.add, subtract=torch.sub, multiply=torch.mul, divide=torch.div, max=torch.maximum, min=torch.minimum, mod=torch.remainder, floor_div=lambda a, b: (a / b).floor()).items():
        e(name, dict(x=x, z=z), lambda n: getattr(n, f"add_{name}_broadcastable")("b", ["x", "z"], "y0"), f)
    e("pow", dict(x=np.abs(x), z=z), lambda n: n.add_pow_broadcastable("b", ["x", "z"], "y0"), torch.pow)
    for name, f in dict(ceil=torch.ceil, floor=torch.floor, sign=torch.sign, round=torch.round, sin=torch.sin, cos=torch.cos, tan=torch.tan, asin=torch.asin, acos=torch.acos,
                        atan=torch.atan, sinh=torch.sinh, cosh=torch.cosh, tanh=torch.tanh, asinh=torch.asinh, atanh=torch.atanh, erf=torch.erf, exp2=torch.exp2).items():
        e(name, dict(x=x), lambda n: getattr(n, f"add_{name}")("u", "x", "y0"), f)
    e("acosh", dict(x=np.abs(x) + 1), lambda n: n.add_acosh("u", "x", "y0"), torch.acosh)
    for mode, f in dict(EXACT=F.gelu, TANH_APPROXIMATION=lambda v: F.gelu(v, approximate="tanh"), SIGMOID_APPROXIMATION=lambda v: v * torch.sigmoid(1.702 * v)).items():
        e(f"gelu_{mode}", dict(x=x), lambda n: n.add_gelu("g", "x", "y0", mode), f)
    e("clip", dict(x=x), lambda n: n.add_clip("c", "x", "y0", -0.5, 0.25), lambda v: v.clamp(-0.5, 0.25))
    e("clamped_relu", dict(x=x), lambda n: n.add_clamped_relu("c", "x", "y0", 0.3, 0.5), lambda v: F.leaky_relu(v, 0.3).clamp(max=0.5))
    e("softmax", dict(x=x), lambda n: n.add_softmax_nd("s", "x", "y0", 1), lambda v: v.softmax(1))
    e("equal", dict(x=np.round(x)), lambda n: n.add_equal("q", ["x"], "y0", 1.0), lambda v: (v == 1).float())
    e("not_equal", dict(x=np.round(x)), lambda n: n.add_not_equal("q", ["x"], "y0", 1.0), lambda v: (v != 1).float())
    e("less", dict(x=x, z=z), lambda n: n.add_less_than("q", ["x", "z"], "y0"), lambda a, b: (a < b).float())
    e("less_equal", dict(x=x, z=z), lambda n: n.add_less_than("q", ["x", "z"], "y0", use_less_than_equal=True), lambda a, b: (a <= b).float())
    e("greater", dict(x=x, z=z), lambda n: n.add_greater_than("q", ["x", "z"], "y0"), lambda a, b: (a > b).float())
    bits = (x > 0).astype(f32)
    for name, f in dict(AND=torch.logical_and, OR=torch.logical_or, XOR=torch.logical_xor).items():
        e(f"logical_{name}", dict(x=bits, z=(z > 0).astype(f32)), lambda n: n.add_logical("l", ["x", "z"], "y0", name), lambda a, b: f(a > 0, b > 0).float())
    e("logical_not", dict(x=bits), lambda n: n.add_logical("l", ["x"], "y0", "NOT"), lambda a: 1 - a)
    e("where", dict(c=bits, x=x, z=z), lambda n: n.add_where_broadcastable("w", ["c", "x", "z"], "y0"), lambda c, a, b: torch.where(c > 0, a, b))
    e("transpose", dict(x=x), lambda n: n.add_transpose("t", (2, 0, 1), "x", "y0"), lambda v: v.permute(2, 0, 1))
    e("concat", dict(x=x, w=rand(2, 5, 4)), lambda n: n.add_concat_nd("c", ["x", "w"], "y0", 1), lambda a, b: torch.cat([a, b], 1))
    e("split", dict(x=x), lambda n: n.add_split_nd("s", "x", ["y0", "y1"], -1, split_sizes=[1, 3]), lambda v: list(v.split([1, 3], -1)), names=("y0", "y1"))
    e("stack", dict(x=x, w=x + 1), lambda n: n.add_stack("s", ["x", "w"], "y0", 1), lambda a, b: torch.stack([a, b], 1))
    e("tile", dict(x=x), lambda n: n.add_tile("t", "x", "y0", [1, 2, 3]), lambda v: v.tile(1, 2, 3))
    e("expand_dims", dict(x=x), lambda n: n.add_expand_dims("e", "x", "y0", [0, -1]), lambda v: v[None, ..., None])
    e("squeeze", dict(x=x[:1]), lambda n: n.add_squeeze("e", "x", "y0", [0]), lambda v: v[0])
    e("flatten", dict(x=x), lambda n: n.add_flatten_to_2d("f", "x", "y0", 2), lambda v: v.reshape(6, 4))
    e("reshape", dict(x=x), lambda n: n.add_reshape_static("r", "x", "y0", (4, -1)), lambda v: v.reshape(4, 6))
    e("rank_reshape", dict(x=x), lambda n: n.add_rank_preserving_reshape("r", "x", "y0", (0, 4, -1)), lambda v: v.reshape(2, 4, 3))
    e("reshape_like", dict(x=x, w=rand(6, 4)), lambda n: n.add_reshape_like("r", ["x", "w"], "y0"), lambda v, w: v.reshape(6, 4))
    def dynamic(n):
        n.add_get_shape("g", "w", "s")
        n.add_reshape_dynamic("r", ["x", "s"], "y0")
    e("reshape_dynamic", dict(x=x, w=rand(6, 4)), dynamic, lambda v, w: v.reshape(6, 4))
    e("broadcast", dict(z=z), lambda n: n.add_broadcast_to_static("b", "z", "y0", (2, 3, 4)), lambda v: v.broadcast_to(2, 3, 4))
    e("fill_like", dict(x=x), lambda n: n.add_fill_like("f", "x", "y0", 1.5), lambda v: torch.full_like(v, 1.5))
    e("pad", dict(x=x), lambda n: n.add_constant_pad("p", ["x"], "y0", 0.5, pad_to_given_output_size_mode=False, pad_amounts=[0, 1, 2, 0, 1, 1]), lambda v: F.pad(v, (1, 1, 2, 0, 0, 1), value=0.5))
    e("pad_to_size", dict(x=x), lambda n: n.add_constant_pad("p", ["x"], "y0", 0.5, pad_to_given_output_size_mode=True, pad_amounts=[0, 5, 6, 0, 0, 4]), lambda v: F.pad(v, (0, 0, 3, 0, 0, 3), value=0.5))
    e("slice", dict(x=x), lambda n: n.add_slice_static("s", "x", "y0", [0, 1, 0], [2, 3, -1], [1, 1, 2], [True, False, False], [True, False, True]), lambda v: v[:, 1:3, ::2])
    e("slice_pick", dict(x=x), lambda n: n.add_slice_static("s", "x", "y0", [0, 1, 0], [2, 3, 4], [1, 1, 1], [False] * 3, [False] * 3, squeeze_masks=[False, True, False]), lambda v: v[:, 1])
    e("reverse", dict(x=x), lambda n: n.add_reverse("r", "x", "y0", [True, False, True]), lambda v: v.flip(0, 2))
    e("gather", dict(x=x, i=np.array([2, 0], f32)), lambda n: n.add_gather("g", ["x", "i"], "y0", 1), lambda v, i: v[:, i.long()])
    e("gather_along", dict(x=x, i=rng.integers(0, 3, (2, 2, 4)).astype(f32)), lambda n: n.add_gather_along_axis("g", ["x", "i"], "y0", 1), lambda v, i: v.gather(1, i.long()))
    e("topk", dict(x=x), lambda n: n.add_topk("t", ["x"], ["y0", "y1"], 2, -1), lambda v: [v.topk(2)[0], v.topk(2)[1].float()], names=("y0", "y1"))
    e("argmax", dict(x=x), lambda n: n.add_argmax("a", "x", "y0", 1, False), lambda v: v.argmax(1).float())
    e("argmin", dict(x=x), lambda n: n.add_argmin("a", "x", "y0", -1, True), lambda v: v.argmin(-1, keepdim=True).float())
    e("cumsum", dict(x=x), lambda n: n.add_cumsum("c", ["x"], "y0", 1), lambda v: v.cumsum(1))
    e("one_hot", dict(i=np.array([2, 0], f32)), lambda n: n.add_one_hot("o", ["i"], "y0", 4, -1, 2.0, -1.0), lambda i: F.one_hot(i.long(), 4) * 3.0 - 1)
    for mode, f in dict(l1=lambda v: v.abs().sum(1), l2=lambda v: (v * v).sum(1).sqrt(), max=lambda v: v.amax(1), min=lambda v: v.amin(1), sum=lambda v: v.sum(1), prod=lambda v: v.prod(1),
                        mean=lambda v: v.mean(1), sumsquare=lambda v: (v * v).sum(1), logsumexp=lambda v: v.logsumexp(1)).items():
        e(f"reduce_{mode}", dict(x=x), lambda n: getattr(n, f"add_reduce_{mode}")("r", "x", "y0", axes=[1], keepdims=False), f)
    a, m = rand(2, 3, 4), rand(2, 4, 5)
    e("matmul", dict(x=a, z=m), lambda n: n.add_batched_mat_mul("m", ["x", "z"], "y0"), torch.matmul)
    wm = rand(4, 5)
    e("matmul_weight", dict(x=a), lambda n: n.add_batched_mat_mul("m", ["x"], "y0", weight_matrix_rows=4, weight_matrix_columns=5, W=wm, bias=wm[0]), lambda v: v @ T(wm) + T(wm[0]))
    e("embedding", dict(i=np.array([[2], [0]], f32)), lambda n: n.add_embedding_nd("e", "i", "y0", 7, 5, we), lambda i: T(we.T[[2, 0]]))
    gam, bet = rand(3, 4), rand(3, 4)
    e("layer_norm", dict(x=x), lambda n: n.add_layer_normalization("l", "x", "y0", [3, 4], gam, bet, 1e-3), lambda v: F.layer_norm(v, (3, 4), T(gam), T(bet), 1e-3))
    def constant(n):
        n.add_load_constant_nd("k", "k", z, [3, 1])
        n.add_add_broadcastable("a", ["x", "k"], "y0")
    e("load_constant", dict(x=x), constant, lambda v: v + T(z))
    w, pic = rand(6, 4, 3, 3), rand(2, 4, 5, 6)
    e("conv", dict(x=pic), lambda n: n.add_convolution("c", 4, 6, 3, 3, W=conv_weight(w), b=None, has_bias=False, **none, **io), lambda v: F.conv2d(v, T(w)))
    e("resize_bilinear", dict(x=pic), lambda n: n.add_resize_bilinear("r", "x", "y0", 7, 4, "ALIGN_ENDPOINTS_MODE"), lambda v: F.interpolate(v, (7, 4), mode="bilinear", align_corners=True))
    e("inner_product", dict(x=rand(3, 5)), lambda n: n.add_inner_product("i", wl, wl[:, 0], 5, 6, True, "x", "y0"), lambda v: F.linear(v, T(wl), T(wl[:, 0].copy())))


def compressed():
    x, w, b, wt = rand(8, 5, 5), rand(16, 8, 3, 3), rand(16), rand(16, 8, 3, 3)
    n = builder(dict(x=x), shapes=dict(y0=(8, 5, 5)))
    n.add_convolution("c", 8, 16, 3, 3, 1, 1, "same", 1, conv_weight(w), b, True, input_name="x", output_name="h")
    n.add_convolution("d", 16, 8, 3, 3, 1, 1, "valid", 1, deconv_weight(wt), None, False, is_deconv=True, input_name="h", output_name="y0", padding_top=1, padding_left=1, padding_bottom=1, padding_right=1)
    model = ct.models.MLModel(n.spec, skip_model_load=True)
    for bits, mode in [(16, "linear"), (8, "linear"), (8, "linear_symmetric"), (4, "linear"), (3, "linear"), (1, "linear"), (4, "linear_lut"), (6, "linear_lut"), (2, "linear_lut")]:
        small = quantization_utils.quantize_weights(model, bits, mode)
        small = small if hasattr(small, "WhichOneof") else small.get_spec()
        plain = ct.proto.Model_pb2.Model()
        plain.CopyFrom(small)
        layers = plain.neuralNetwork.layers
        if bits < 16:
            quantization_utils._dequantize_nn_spec(plain.neuralNetwork)
            got = [np.array(l.convolution.weights.floatValue, f32) for l in layers]
            bias = np.array(layers[0].convolution.bias.floatValue, f32)
        else:
            got = [np.frombuffer(l.convolution.weights.float16Value, np.float16).astype(f32) for l in layers]
            bias = np.frombuffer(layers[0].convolution.bias.float16Value, np.float16).astype(f32)
        with torch.no_grad():
            y = F.conv_transpose2d(F.conv2d(T(x)[None], T(got[0].reshape(w.shape)), T(bias), padding=1), T(got[1].reshape(wt.shape)), padding=1)[0].numpy()
        archive.add(f"weights_{mode}_{bits}", small, [(dict(x=x), dict(y0=y))])


def style():
    """A network for pictures as they were in 2017: reflected borders, instance normalisation, transposed convolutions, a picture as its output."""
    torch.manual_seed(3)
    w1, w2, w3, w4 = (torch.randn(*s).mul(0.1).numpy() for s in ((8, 3, 3, 3), (8, 8, 3, 3), (8, 8, 3, 3), (3, 8, 3, 3)))
    g, b = rand(8, low=0.5, high=1.5), rand(8)
    for order in ("RGB", "BGR"):
        n = NeuralNetworkBuilder([("image", datatypes.Array(3, 16, 12))], [("stylized", datatypes.Array(3, 16, 12))])
        n.add_padding("pad", 1, 1, 1, 1, input_name="image", output_name="p", padding_type="reflection")
        n.add_convolution("c1", 3, 8, 3, 3, 2, 2, "valid", 1, conv_weight(w1), b, True, input_name="p", output_name="h1")
        n.add_batchnorm("n1", 8, g, b, compute_mean_var=True, instance_normalization=True, input_name="h1", output_name="n1")
        n.add_activation("r1", "RELU", "n1", "r1")
        n.add_convolution("c2", 8, 8, 3, 3, 1, 1, "same", 1, conv_weight(w2), None, False, input_name="r1", output_name="h2")
        n.add_elementwise("sum", ["h2", "r1"], "s", "ADD")
        n.add_convolution("d", 8, 8, 3, 3, 2, 2, "same", 1, deconv_weight(w3), None, False, is_deconv=True, input_name="s", output_name="u")
        n.add_convolution("c4", 8, 3, 3, 3, 1, 1, "same", 1, conv_weight(w4), None, False, input_name="u", output_name="t")
        n.add_activation("tanh", "SCALED_TANH", "t", "q", [127.5, 1.0])
        n.add_activation("shift", "LINEAR", "q", "stylized", [1.0, 127.5])
        n.set_pre_processing_parameters(image_input_names=["image"], is_bgr=order == "BGR", red_bias=-1.0, green_bias=-0.9, blue_bias=-0.8, image_scale=1 / 127.5)
        out = n.spec.description.output[0].type
        out.imageType.width, out.imageType.height = 12, 16
        out.imageType.colorSpace = ft.ImageFeatureType.ColorSpace.Value(order)
        pixels = rng.integers(0, 256, (16, 12, 3), dtype=np.uint8)  # R, G, B
        v = pixels.astype(f32) / 127.5 + np.array([-1.0, -0.9, -0.8], f32)
        if order == "BGR":
            v = v[..., ::-1].copy()
        with torch.no_grad():
            h = T(v.transpose(2, 0, 1)[None].copy())
            r = F.relu(F.instance_norm(F.conv2d(F.pad(h, (1, 1, 1, 1), "reflect"), T(w1), T(b), stride=2), weight=T(g), bias=T(b), eps=1e-5))
            s = F.conv2d(r, T(w2), padding=1) + r
            u = F.conv_transpose2d(s, T(w3), stride=2)[..., :16, :12]
            y = torch.tanh(F.conv2d(u, T(w4), padding=1)) * 127.5 + 127.5
        y = y[0].numpy().round().clip(0, 255).astype(np.uint8).transpose(1, 2, 0)
        if order == "BGR":
            y = y[..., ::-1]
        alpha = np.full((16, 12, 1), 255, np.uint8)
        bgra = lambda p: np.concatenate([p[..., ::-1], alpha], 2)
        archive.add(f"style_{order}", n.spec, [(dict(image=bgra(pixels)), dict(stylized=bgra(y)))])


if __name__ == "__main__":
    legacy()
    exact()
    compressed()
    style()
    archive.close()
