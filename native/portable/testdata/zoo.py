"""Makes zoo.tar.gz: a package for each operation of the portable engine's table, one or a few operations each, with values from NumPy and PyTorch.

The values follow the operations' definitions; no package is run here. Run it in this folder with Python 3.11, coremltools 9.0 and PyTorch 2.7.
"""

import math

import coremltools as ct
import numpy as np
import torch
import torch.nn.functional as F
from coremltools.converters.mil import Builder as mb

from pack import Archive, outputs, program, rand

T = torch.from_numpy
i16, i17, i18 = ct.target.iOS16, ct.target.iOS17, ct.target.iOS18
archive = Archive("zoo.tar.gz")
f32, i32 = np.float32, np.int32


def case(name, inputs, build, expected, target=ct.target.iOS15, tolerance=None, **more):
    """expected: arrays to an array or a list of arrays, or tensors of PyTorch."""
    with torch.no_grad():
        want = expected(*inputs.values())
    want = list(want) if isinstance(want, (tuple, list)) else [want]
    want = [w.numpy() if isinstance(w, torch.Tensor) else w for w in want]
    try:
        archive.add(name, program(inputs, build, target, **more), [(inputs, outputs(want))], tolerance)
    except Exception as e:
        raise RuntimeError(name) from e


def torched(f):
    return lambda *a: f(*(T(v) for v in a))


x4, y4 = rand(2, 3, 4, 5), rand(2, 3, 4, 5)
pos = rand(2, 3, 4, low=0.1, high=2)
x3 = rand(2, 3, 4)
near = np.array([[-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 7.0]], f32)
ints = np.array([[7, -7, 5, -5, 0, 9]], i32)
divs = np.array([[3, 3, -3, -3, 4, -2]], i32)


def unary():
    span = rand(2, 6, low=-0.95, high=0.95)
    for name, f in dict(
        acos=np.arccos, asin=np.arcsin, atan=np.arctan, atanh=np.arctanh, cosh=np.cosh, sinh=np.sinh, tan=np.tan, exp2=np.exp2, abs=np.abs, cos=np.cos,
        sin=np.sin, exp=np.exp, sign=np.sign, square=np.square, tanh=np.tanh, ceil=np.ceil, floor=np.floor, identity=lambda v: v,
    ).items():
        case(name, dict(x=span), lambda x: getattr(mb, name)(x=x), f)
    for name, f in dict(sqrt=np.sqrt, log=np.log, rsqrt=lambda v: 1 / np.sqrt(v), inverse=lambda v: 1 / (v + 1e-4)).items():
        case(name, dict(x=pos), lambda x: getattr(mb, name)(x=x), f)
    case("log_epsilon", dict(x=pos), lambda x: mb.log(x=x, epsilon=f32(0.5)), lambda v: np.log(v + 0.5))
    case("erf", dict(x=near), lambda x: mb.erf(x=x), torched(torch.erf))
    case("round", dict(x=near), lambda x: mb.round(x=x), np.round)
    case("threshold", dict(x=near), lambda x: mb.threshold(x=x, alpha=f32(0.5)), lambda v: np.maximum(v, 0.5))
    case("clip", dict(x=near), lambda x: mb.clip(x=x, alpha=f32(-0.5), beta=f32(1)), lambda v: np.clip(v, -0.5, 1))
    case("abs_int", dict(x=ints), lambda x: mb.abs(x=x), np.abs)
    case("sign_int", dict(x=ints), lambda x: mb.sign(x=x), np.sign)
    case("logical_not", dict(x=near), lambda x: mb.logical_not(x=mb.greater(x=x, y=f32(0))), lambda v: ~(v > 0))
    for to, f in dict(int32=lambda v: np.trunc(v).astype(i32), bool=lambda v: v != 0, fp16=lambda v: v).items():
        case(f"cast_{to}", dict(x=near), lambda x: mb.cast(x=mb.cast(x=x, dtype=to), dtype="fp32"), lambda v: f(v).astype(f32))
    for to in ("int16", "uint16", "int8", "uint8"):
        case(f"cast_{to}", dict(x=np.abs(near)), lambda x: mb.cast(x=mb.cast(x=x, dtype=to), dtype="int32"), lambda v: np.trunc(v).astype(i32), i17)
    case("cast_int_float", dict(x=ints), lambda x: mb.cast(x=x, dtype="fp32"), lambda v: v.astype(f32))


def activations():
    a, b = f32(0.3), f32(0.7)
    al, be = rand(3), rand(3)
    for name, build, f in (
        ("relu", lambda x: mb.relu(x=x), F.relu), ("relu6", lambda x: mb.relu6(x=x), F.relu6), ("sigmoid", lambda x: mb.sigmoid(x=x), torch.sigmoid),
        ("silu", lambda x: mb.silu(x=x), F.silu), ("softplus", lambda x: mb.softplus(x=x), F.softplus), ("softsign", lambda x: mb.softsign(x=x), F.softsign),
        ("elu", lambda x: mb.elu(x=x, alpha=a), lambda v: F.elu(v, 0.3)), ("leaky_relu", lambda x: mb.leaky_relu(x=x, alpha=a), lambda v: F.leaky_relu(v, 0.3)),
        ("gelu", lambda x: mb.gelu(x=x), F.gelu), ("gelu_tanh", lambda x: mb.gelu(x=x, mode="TANH_APPROXIMATION"), lambda v: F.gelu(v, approximate="tanh")),
        ("gelu_sigmoid", lambda x: mb.gelu(x=x, mode="SIGMOID_APPROXIMATION"), lambda v: v * torch.sigmoid(1.702 * v)),
        ("clamped_relu", lambda x: mb.clamped_relu(x=x, alpha=a, beta=b), lambda v: torch.clamp(F.leaky_relu(v, 0.3), max=0.7)),
        ("linear_activation", lambda x: mb.linear_activation(x=x, alpha=a, beta=b), lambda v: v * 0.3 + 0.7),
        ("scaled_tanh", lambda x: mb.scaled_tanh(x=x, alpha=a, beta=b), lambda v: 0.3 * torch.tanh(0.7 * v)),
        ("sigmoid_hard", lambda x: mb.sigmoid_hard(x=x, alpha=a, beta=b), lambda v: torch.clamp(0.3 * v + 0.7, 0, 1)),
        ("thresholded_relu", lambda x: mb.thresholded_relu(x=x, alpha=f32(0.5)), lambda v: torch.where(v >= 0.5, v, 0)),
        ("softmax", lambda x: mb.softmax(x=x), lambda v: v.softmax(-1)),
    ):
        case(name, dict(x=near), build, torched(f))
    case("softmax_axis", dict(x=x4), lambda x: mb.softmax(x=x, axis=1), torched(lambda v: v.softmax(1)))
    case("prelu", dict(x=x4), lambda x: mb.prelu(x=x, alpha=al), torched(lambda v: F.prelu(v, T(al))))
    case("prelu_line", dict(x=x3), lambda x: mb.prelu(x=x, alpha=np.full(3, a)), torched(lambda v: F.leaky_relu(v, 0.3)))
    col = lambda v: v[:, None, None]
    case("softplus_parametric", dict(x=x4), lambda x: mb.softplus_parametric(x=x, alpha=al, beta=be),
         torched(lambda v: T(col(al)) * torch.log1p(torch.exp(v * T(col(be))))))


def binary():
    row = rand(3, 1)
    for name, f in dict(add=np.add, sub=np.subtract, mul=np.multiply, maximum=np.maximum, minimum=np.minimum).items():
        case(name, dict(x=x3, y=row), lambda x, y: getattr(mb, name)(x=x, y=y), f)
        case(name + "_int", dict(x=ints, y=divs), lambda x, y: getattr(mb, name)(x=x, y=y), f)
    case("real_div", dict(x=x3, y=pos), lambda x, y: mb.real_div(x=x, y=y), np.divide)
    case("pow", dict(x=pos, y=x3), lambda x, y: mb.pow(x=x, y=y), np.power)
    for name, f in dict(floor_div=np.floor_divide, mod=np.mod).items():
        case(name, dict(x=near, y=np.array([[0.7, 0.7, -0.7, 1, -0.3, 0.3, 1.5, -2]], f32)), lambda x, y: getattr(mb, name)(x=x, y=y), f)
        case(name + "_int", dict(x=ints, y=divs), lambda x, y: getattr(mb, name)(x=x, y=y), f)
    for name, f in dict(equal=np.equal, not_equal=np.not_equal, greater=np.greater, greater_equal=np.greater_equal, less=np.less, less_equal=np.less_equal).items():
        case(name, dict(x=near, y=near[:, ::-1].copy()), lambda x, y: getattr(mb, name)(x=x, y=y), f)
        case(name + "_int", dict(x=ints, y=np.abs(ints)), lambda x, y: getattr(mb, name)(x=x, y=y), f)
    for name, f in dict(logical_and=np.logical_and, logical_or=np.logical_or, logical_xor=np.logical_xor).items():
        case(name, dict(x=near), lambda x: getattr(mb, name)(x=mb.greater(x=x, y=f32(-0.7)), y=mb.less(x=x, y=f32(0.7))), lambda v: f(v > -0.7, v < 0.7))
    case("select", dict(x=near, y=-near), lambda x, y: mb.select(cond=mb.greater(x=x, y=y), a=x, b=y), lambda u, v: np.where(u > v, u, v))
    case("select_int", dict(x=ints, y=divs), lambda x, y: mb.select(cond=mb.greater(x=x, y=y), a=x, b=y), lambda u, v: np.where(u > v, u, v))


def reductions():
    for name, f in dict(
        reduce_mean=np.mean, reduce_sum=np.sum, reduce_max=np.max, reduce_min=np.min, reduce_prod=np.prod, reduce_sum_square=lambda v, a, keepdims: np.sum(v * v, a, keepdims=keepdims),
        reduce_l1_norm=lambda v, a, keepdims: np.sum(np.abs(v), a, keepdims=keepdims), reduce_l2_norm=lambda v, a, keepdims: np.sqrt(np.sum(v * v, a, keepdims=keepdims)),
        reduce_log_sum_exp=lambda v, a, keepdims: np.log(np.sum(np.exp(v), a, keepdims=keepdims)),
    ).items():
        case(name, dict(x=x4), lambda x: (getattr(mb, name)(x=x, axes=[1, -1], keep_dims=True), getattr(mb, name)(x=x, axes=[2], keep_dims=False)),
             lambda v: (f(v, (1, 3), keepdims=True), f(v, 2, keepdims=False)))
    case("reduce_log_sum", dict(x=pos), lambda x: mb.reduce_log_sum(x=x, axes=[1], keep_dims=False), lambda v: np.log(np.sum(v, 1)))
    case("reduce_whole", dict(x=x4), lambda x: mb.reduce_sum(x=x, keep_dims=True), lambda v: v.sum(keepdims=True))
    for name, f in dict(reduce_sum=np.sum, reduce_max=np.max, reduce_min=np.min, reduce_prod=np.prod).items():
        case(name + "_int", dict(x=ints[:, :4].reshape(2, 2)), lambda x: getattr(mb, name)(x=x, axes=[1], keep_dims=False), lambda v: f(v, 1))
    for name, f in dict(reduce_argmax=np.argmax, reduce_argmin=np.argmin).items():
        case(name, dict(x=x4), lambda x: (getattr(mb, name)(x=x, axis=1, keep_dims=True), getattr(mb, name)(x=x, axis=-1, keep_dims=False)),
             lambda v: (np.expand_dims(f(v, 1), 1), f(v, -1)))
        case(name + "_int", dict(x=ints), lambda x: getattr(mb, name)(x=x, axis=-1, keep_dims=False), lambda v: f(v, -1))
    case("cumsum", dict(x=x4), lambda x: (mb.cumsum(x=x, axis=1), mb.cumsum(x=x, axis=-1, exclusive=True), mb.cumsum(x=x, axis=2, reverse=True)),
         lambda v: (v.cumsum(1), v.cumsum(-1) - v, np.flip(np.flip(v, 2).cumsum(2), 2)))
    case("cumsum_int", dict(x=ints), lambda x: mb.cumsum(x=x, axis=1), lambda v: v.cumsum(1))
    for asc in (False, True):
        case(f"topk_{asc}", dict(x=x4), lambda x: mb.topk(x=x, k=2, axis=1, ascending=asc),
             lambda v: list(T(v).topk(2, 1, largest=not asc)))
        case(f"argsort_{asc}", dict(x=x4), lambda x: mb.argsort(x=x, axis=-1, ascending=asc), lambda v: T(v).argsort(-1, descending=not asc))
    case("topk_int", dict(x=ints), lambda x: mb.topk(x=x, k=3, axis=-1), lambda v: [np.sort(v)[:, ::-1][:, :3], np.argsort(-v)[:, :3]])
    case("topk_values", dict(x=x4), lambda x: mb.topk(x=x, k=3, axis=-1, return_indices=False), lambda v: T(v).topk(3).values, i16)


def layers():
    x, w, wg, b, wt, wtg = rand(1, 4, 7, 6), rand(6, 4, 3, 3), rand(6, 2, 3, 3), rand(6), rand(4, 3, 3, 3), rand(4, 2, 3, 3)
    vol, wv, wvt = rand(1, 2, 4, 5, 4), rand(3, 2, 2, 3, 2), rand(2, 3, 2, 2, 2)
    line, wl, wlt = rand(2, 3, 8), rand(4, 3, 3), rand(3, 2, 4)
    t = torched
    case("conv", dict(x=x), lambda x: mb.conv(x=x, weight=w, bias=b), t(lambda v: F.conv2d(v, T(w), T(b))))
    case("conv_groups", dict(x=x), lambda x: mb.conv(x=x, weight=wg, groups=2, dilations=[1, 2], pad_type="custom", pad=[1, 1, 2, 2]),
         t(lambda v: F.conv2d(v, T(wg), groups=2, dilation=(1, 2), padding=(1, 2))))
    case("conv_same", dict(x=x), lambda x: mb.conv(x=x, weight=w, strides=[2, 1], pad_type="same"), t(lambda v: F.conv2d(F.pad(v, (1, 1, 1, 1)), T(w), stride=(2, 1))))
    case("conv_3d", dict(x=vol), lambda x: mb.conv(x=x, weight=wv, strides=[1, 2, 1], pad_type="custom", pad=[0, 1, 1, 1, 0, 0]),
         t(lambda v: F.conv3d(F.pad(v, (0, 0, 1, 1, 0, 1)), T(wv), stride=(1, 2, 1))))
    case("conv_1d", dict(x=line), lambda x: mb.conv(x=x, weight=wl, dilations=[2]), t(lambda v: F.conv1d(v, T(wl), dilation=2)))
    case("conv_computed", dict(x=x, w=w), lambda x, w: mb.conv(x=x, weight=w), t(F.conv2d), i16)
    case("conv_transpose", dict(x=x), lambda x: mb.conv_transpose(x=x, weight=wt, strides=[2, 2], pad_type="custom", pad=[1, 1, 1, 1], bias=b[:3]),
         t(lambda v: F.conv_transpose2d(v, T(wt), T(b[:3]), stride=2, padding=1)))
    case("conv_transpose_groups", dict(x=x), lambda x: mb.conv_transpose(x=x, weight=wtg, strides=[2, 1], groups=2, dilations=[1, 2]),
         t(lambda v: F.conv_transpose2d(v, T(wtg), stride=(2, 1), groups=2, dilation=(1, 2))))
    case("conv_transpose_shape", dict(x=x), lambda x: mb.conv_transpose(x=x, weight=wt, strides=[2, 2], pad_type="custom", pad=[1, 1, 1, 1], output_shape=[1, 3, 14, 12]),
         t(lambda v: F.conv_transpose2d(v, T(wt), stride=2, padding=1, output_padding=1)))
    case("conv_transpose_1d", dict(x=line), lambda x: mb.conv_transpose(x=x, weight=wlt, strides=[2]), t(lambda v: F.conv_transpose1d(v, T(wlt), stride=2)))
    case("conv_transpose_3d", dict(x=vol), lambda x: mb.conv_transpose(x=x, weight=wvt, strides=[2, 2, 2]), t(lambda v: F.conv_transpose3d(v, T(wvt), stride=2)))
    case("max_pool", dict(x=x), lambda x: mb.max_pool(x=x, kernel_sizes=[3, 2], strides=[2, 2], pad_type="custom", pad=[1, 1, 0, 0]),
         t(lambda v: F.max_pool2d(v, (3, 2), 2, (1, 0))))
    case("max_pool_ceil", dict(x=x), lambda x: mb.max_pool(x=x, kernel_sizes=[2, 2], strides=[2, 2], pad_type="custom", pad=[0, 0, 0, 0], ceil_mode=True),
         t(lambda v: F.max_pool2d(v, 2, ceil_mode=True)))
    case("max_pool_1d", dict(x=line), lambda x: mb.max_pool(x=x, kernel_sizes=[3], strides=[1], pad_type="same"), t(lambda v: F.max_pool1d(v, 3, 1, 1)))
    case("max_pool_3d", dict(x=vol), lambda x: mb.max_pool(x=x, kernel_sizes=[2, 2, 2], strides=[1, 1, 1], pad_type="valid"), t(lambda v: F.max_pool3d(v, 2, 1)))
    case("avg_pool", dict(x=x), lambda x: mb.avg_pool(x=x, kernel_sizes=[3, 3], strides=[2, 2], pad_type="custom", pad=[1, 1, 1, 1]), t(lambda v: F.avg_pool2d(v, 3, 2, 1)))
    case("avg_pool_inner", dict(x=x), lambda x: mb.avg_pool(x=x, kernel_sizes=[3, 3], strides=[1, 1], pad_type="same", exclude_padding_from_average=True),
         t(lambda v: F.avg_pool2d(v, 3, 1, 1, count_include_pad=False)))
    case("avg_pool_ceil", dict(x=x), lambda x: mb.avg_pool(
        x=x, kernel_sizes=[3, 3], strides=[2, 2], pad_type="custom", pad=[0, 0, 0, 0], ceil_mode=True, exclude_padding_from_average=True),
         t(lambda v: F.avg_pool2d(v, 3, 2, ceil_mode=True, count_include_pad=False)))
    case("l2_pool", dict(x=x), lambda x: mb.l2_pool(x=x, kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid"), t(lambda v: F.avg_pool2d(v * v, 2).mul(4).sqrt()))
    for mode, name in dict(constant="constant", reflect="reflect", replicate="replicate").items():
        more = {"constant_val": f32(0.5)} if mode == "constant" else {}
        case(f"pad_{mode}", dict(x=x), lambda x: mb.pad(x=x, pad=[1, 2, 3, 0], mode=mode, **more), t(lambda v: F.pad(v, (3, 0, 1, 2), name, *more.values())))
    case("pad_all", dict(x=x3), lambda x: mb.pad(x=x, pad=[1, 0, 0, 2, 1, 1]), lambda v: np.pad(v, ((1, 0), (0, 2), (1, 1))))


def norms():
    g, b, mean, var, g2, b2 = rand(3), rand(3), rand(3), rand(3, low=0.5, high=2), rand(4, 5), rand(4, 5)
    t = torched
    case("instance_norm", dict(x=x4), lambda x: mb.instance_norm(x=x, gamma=g, beta=b, epsilon=f32(1e-3)), t(lambda v: F.instance_norm(v, weight=T(g), bias=T(b), eps=1e-3)))
    case("instance_norm_bare", dict(x=x3), lambda x: mb.instance_norm(x=x), t(F.instance_norm))
    case("batch_norm", dict(x=x4), lambda x: mb.batch_norm(x=x, mean=mean, variance=var, gamma=g, beta=b, epsilon=f32(1e-3)),
         t(lambda v: F.batch_norm(v, T(mean), T(var), T(g), T(b), eps=1e-3)))
    case("batch_norm_line", dict(x=x3), lambda x: mb.batch_norm(x=x, mean=mean, variance=var), t(lambda v: F.batch_norm(v, T(mean), T(var))))
    case("layer_norm", dict(x=x4), lambda x: mb.layer_norm(x=x, axes=[-2, -1], gamma=g2, beta=b2), t(lambda v: F.layer_norm(v, (4, 5), T(g2), T(b2))))
    case("layer_norm_last", dict(x=x4), lambda x: mb.layer_norm(x=x, axes=[3], epsilon=f32(1e-3)), t(lambda v: F.layer_norm(v, (5,), eps=1e-3)))
    case("layer_norm_gamma", dict(x=x4), lambda x: mb.layer_norm(x=x, axes=[-1], gamma=g2[0]), t(lambda v: F.layer_norm(v, (5,), T(g2[0]))))
    case("layer_norm_channels", dict(x=x4), lambda x: mb.layer_norm(x=x, axes=[1], gamma=g, beta=b),
         t(lambda v: F.layer_norm(v.permute(0, 2, 3, 1), (3,), T(g), T(b)).permute(0, 3, 1, 2)))
    case("l2_norm", dict(x=x4), lambda x: mb.l2_norm(x=x, epsilon=f32(1e-3)), lambda v: v / np.sqrt((v * v).sum((1, 2, 3), keepdims=True) + 1e-3))
    case("local_response_norm", dict(x=rand(1, 8, 3, 3)), lambda x: mb.local_response_norm(x=x, size=5, alpha=f32(0.5), beta=f32(0.6), k=f32(1.5)),
         t(lambda v: F.local_response_norm(v, 5, 0.5, 0.6, 1.5)))


def products():
    a, b, w, c = rand(2, 3, 4), rand(2, 4, 5), rand(5, 4), rand(5)
    q, k, v = rand(1, 2, 6, 8), rand(1, 2, 5, 8), rand(1, 2, 5, 3)
    t = torched
    case("matmul", dict(x=a, y=b), lambda x, y: mb.matmul(x=x, y=y), np.matmul)
    case("matmul_turned", dict(x=a, y=b), lambda x, y: mb.matmul(x=y, y=x, transpose_x=True, transpose_y=True), lambda x, y: y.swapaxes(1, 2) @ x.swapaxes(1, 2))
    case("matmul_batch", dict(x=rand(2, 1, 3, 4), y=rand(3, 4, 2)), lambda x, y: mb.matmul(x=x, y=y), np.matmul)
    case("matmul_weight", dict(x=a), lambda x: mb.matmul(x=x, y=w, transpose_y=True), lambda x: x @ w.T)
    for name, x in dict(linear=rand(3, 4), linear_rows=a, linear_vector=rand(4), linear_deep=rand(2, 3, 2, 4)).items():
        case(name, dict(x=x), lambda x: (mb.linear(x=x, weight=w, bias=c), mb.linear(x=x, weight=w)), lambda x: (x @ w.T + c, x @ w.T))
    for i, (eq, shapes) in enumerate({
        "nchw,nwhu->nchu": ((1, 2, 3, 4), (1, 4, 3, 5)), "bkhq,bqhc->bkhc": ((2, 5, 2, 3), (2, 3, 1, 4)), "chw,whu->chu": ((2, 3, 4), (4, 3, 5)),
    }.items()):
        case(f"einsum_{i}", dict(x=rand(*shapes[0]), y=rand(*shapes[1])), lambda x, y: mb.einsum(values=(x, y), equation=eq), lambda x, y: np.einsum(eq, x, y))
    mask, keep = rand(6, 5), np.tril(np.ones((6, 5), bool), 1)
    qkv = dict(q=q, k=k, v=v)
    attend = lambda m=None: lambda q, k, v: F.scaled_dot_product_attention(T(q), T(k), T(v), None if m is None else T(m))
    case("attention", qkv, lambda q, k, v: mb.scaled_dot_product_attention(query=q, key=k, value=v), attend(), i18)
    case("attention_mask", qkv, lambda q, k, v: mb.scaled_dot_product_attention(query=q, key=k, value=v, attn_mask=mask), attend(mask), i18)
    case("attention_bool", qkv, lambda q, k, v: mb.scaled_dot_product_attention(query=q, key=k, value=v, attn_mask=keep), attend(keep), i18)
    case("attention_rank3", dict(q=q[0], k=k[0], v=v[0]), lambda q, k, v: mb.scaled_dot_product_attention(query=q, key=k, value=v), attend(), i18)


def shapes():
    x, y = rand(2, 4, 6), rand(2, 4, 6)
    idx = lambda *v: np.array(v, i32)
    case("reshape", dict(x=x), lambda x: (mb.reshape(x=x, shape=[0, -1, 3]), mb.reshape(x=x, shape=[8, 6])), lambda v: (v.reshape(2, 8, 3), v.reshape(8, 6)))
    case("reshape_like", dict(x=x, y=rand(4, 2, 6)), lambda x, y: mb.reshape_like(x=x, ref_tensors=(y, y), begins=(0, 1), ends=(1, 0), end_masks=(False, True)),
         lambda v, w: v.reshape(4, 2, 6), i16)
    case("flatten2d", dict(x=x4), lambda x: (mb.flatten2d(x=x), mb.flatten2d(x=x, axis=-1)), lambda v: (v.reshape(2, -1), v.reshape(-1, 5)))
    case("shape", dict(x=x4), lambda x: mb.shape(x=x), lambda v: np.array(v.shape, i32))
    case("transpose", dict(x=x4), lambda x: mb.transpose(x=x, perm=[0, -2, 3, 1]), lambda v: v.transpose(0, 2, 3, 1))
    case("expand_dims", dict(x=x), lambda x: mb.expand_dims(x=x, axes=[0, -1]), lambda v: v[None, ..., None])
    case("squeeze", dict(x=x[None, :, :1]), lambda x: (mb.squeeze(x=x), mb.squeeze(x=x, axes=[-2])), lambda v: (v.squeeze(), v.squeeze(-2)))
    case("concat", dict(x=x, y=y), lambda x, y: mb.concat(values=(x, y), axis=-2), lambda v, w: np.concatenate([v, w], -2))
    case("concat_interleave", dict(x=x, y=y), lambda x, y: mb.concat(values=(x, y), axis=1, interleave=True), lambda v, w: np.stack([v, w], 2).reshape(2, 8, 6))
    case("stack", dict(x=x, y=y), lambda x, y: (mb.stack(values=(x, y), axis=1), mb.stack(values=(x, y), axis=-1)), lambda v, w: (np.stack([v, w], 1), np.stack([v, w], -1)))
    case("split", dict(x=x), lambda x: mb.split(x=x, split_sizes=[1, 3, 2], axis=2), lambda v: np.split(v, [1, 4], 2))
    case("split_even", dict(x=x), lambda x: mb.split(x=x, num_splits=2, axis=-2), lambda v: np.split(v, 2, 1))
    case("tile", dict(x=x), lambda x: mb.tile(x=x, reps=[1, 2, 2]), lambda v: np.tile(v, (1, 2, 2)))
    case("reverse", dict(x=x), lambda x: (mb.reverse(x=x, axes=[1, -1]), mb.reverse(x=x)), lambda v: (v[:, ::-1, ::-1], v[::-1, ::-1, ::-1]))
    case("reverse_sequence", dict(x=x), lambda x: mb.reverse_sequence(x=x, lengths=idx(2, 3), seq_axis=1, batch_axis=0),
         lambda v: np.stack([np.concatenate([r[:n][::-1], r[n:]]) for r, n in zip(v, (2, 3))]))
    case("reverse_sequence_last", dict(x=x), lambda x: mb.reverse_sequence(x=x, lengths=idx(2, 3, 1, 6), seq_axis=2, batch_axis=1),
         lambda v: np.stack([np.concatenate([v[:, i, :n][:, ::-1], v[:, i, n:]], 1) for i, n in enumerate((2, 3, 1, 6))], 1))
    cut = dict(begin=[0, 1, 5], end=[2, -1, 9], begin_mask=[True, False, True], end_mask=[False, False, True], stride=[1, 1, 2])
    case("slice_by_index", dict(x=x), lambda x: mb.slice_by_index(x=x, **cut), lambda v: v[:2, 1:-1, ::2])
    case("slice_by_index_back", dict(x=x), lambda x: mb.slice_by_index(x=x, begin=[0, 3, -1], end=[2, 0, 0], stride=[1, -1, -2], end_mask=[True, False, True]),
         lambda v: v[0:, 3:0:-1, ::-2])
    case("slice_by_index_pick", dict(x=x), lambda x: mb.slice_by_index(x=x, begin=[1, -1, 0], end=[0, 0, 0], end_mask=[False, False, True], squeeze_mask=[True, True, False]),
         lambda v: v[1, -1])
    case("slice_by_index_computed", dict(x=x, b=idx(0, 1, 2), e=idx(2, 3, 5)), lambda x, b, e: mb.slice_by_index(x=x, begin=b, end=e), lambda v, b, e: v[0:2, 1:3, 2:5])
    case("slice_by_index_masked", dict(x=x, b=idx(0, -2, 2), e=idx(0, -1, 5)), lambda x, b, e: mb.slice_by_index(
        x=x, begin=b, end=e, begin_mask=[True, False, False], end_mask=[True, False, True], squeeze_mask=[False, True, False]), lambda v, b, e: v[:, -2, 2:])
    case("slice_by_size", dict(x=x), lambda x: mb.slice_by_size(x=x, begin=[0, 1, 2], size=[2, 2, -1]), lambda v: v[:, 1:3, 2:])
    case("slice_by_size_computed", dict(x=x, b=idx(0, 1, 2)), lambda x, b: mb.slice_by_size(x=x, begin=b, size=[2, 2, 3]), lambda v, b: v[:, 1:3, 2:5])
    u = rand(2, 2, 3)
    def updated(v):
        v = v.copy()
        v[:, 1:3, 0:6:2] = u
        return v
    case("slice_update", dict(x=x), lambda x: mb.slice_update(x=x, update=u, begin=[0, 1, 0], end=[2, 3, 6], stride=[1, 1, 2]), updated, i18)
    def updated_row(v):
        v = v.copy()
        v[:, -1, :2] = u[:, 0, :2]
        return v
    case("slice_update_squeezed", dict(x=x), lambda x: mb.slice_update(
        x=x, update=u[:, 0, :2], begin=[0, -1, 0], end=[0, 0, 2], begin_mask=[True, False, True], end_mask=[True, False, False], squeeze_mask=[False, True, False]), updated_row, i18)
    case("sliding_windows", dict(x=rand(2, 7, 3)), lambda x: mb.sliding_windows(x=x, axis=1, size=3, stride=2), lambda v: np.stack([v[:, i : i + 3] for i in (0, 2, 4)], 1))
    case("crop", dict(x=x4), lambda x: mb.crop(x=x, crop_height=[1, 1], crop_width=[2, 1]), lambda v: v[:, :, 1:-1, 2:-1])
    case("band_part", dict(x=rand(2, 4, 5)), lambda x: (mb.band_part(x=x, lower=1, upper=2), mb.band_part(x=x, lower=-1, upper=0)), lambda v: (np.triu(np.tril(v, 2), -1), np.tril(v)))
    case("fill", dict(x=x), lambda x: mb.add(x=mb.fill(shape=[2, 1, 6], value=f32(1.5)), y=x), lambda v: v + 1.5)
    case("fill_computed", dict(x=x), lambda x: mb.fill(shape=mb.shape(x=x), value=i32(3)), lambda v: np.full(v.shape, 3))
    case("fill_like", dict(x=x), lambda x: mb.fill_like(ref_tensor=x, value=f32(2)), lambda v: np.full(v.shape, f32(2)), i16)
    case("range_1d", dict(x=rand(5)), lambda x: mb.add(x=x, y=mb.range_1d(start=f32(1), end=f32(3.5), step=f32(0.5))), lambda v: v + np.arange(1, 3.5, 0.5, f32))
    case("range_1d_computed", dict(x=rand(5)), lambda x: mb.range_1d(start=i32(0), end=mb.squeeze(x=mb.shape(x=x)), step=i32(2)), lambda v: np.arange(0, 5, 2))
    case("one_hot", dict(i=idx(2, 0, 1)), lambda i: (mb.one_hot(indices=i, one_hot_vector_size=4, on_value=f32(2), off_value=f32(-1)), mb.one_hot(indices=i, one_hot_vector_size=3, axis=0)),
         lambda i: (np.eye(4, dtype=f32)[i] * 3 - 1, np.eye(3, dtype=i32)[i].T))
    case("non_zero", dict(x=np.array([[0, 2, 0], [-1, 0, 3]], f32)), lambda x: mb.non_zero(x=x), lambda v: np.argwhere(v))
    case("depth_to_space", dict(x=rand(1, 8, 2, 3)), lambda x: mb.depth_to_space(x=x, block_size=2),
         lambda v: v.reshape(1, 2, 2, 2, 2, 3).transpose(0, 3, 4, 1, 5, 2).reshape(1, 2, 4, 6))
    case("space_to_depth", dict(x=rand(1, 2, 4, 6)), lambda x: mb.space_to_depth(x=x, block_size=2), lambda v: v.reshape(1, 2, 2, 2, 3, 2).transpose(0, 3, 5, 1, 2, 4).reshape(1, 8, 2, 3))
    case("pixel_shuffle", dict(x=rand(1, 8, 2, 3)), lambda x: mb.pixel_shuffle(x=x, upscale_factor=2), torched(lambda v: F.pixel_shuffle(v, 2)))
    case("pixel_unshuffle", dict(x=rand(1, 2, 4, 6)), lambda x: mb.pixel_unshuffle(x=x, downscale_factor=np.uint32(2)), torched(lambda v: F.pixel_unshuffle(v, 2)), i16)

    def to_batch(v):
        v = np.pad(v, ((0, 0), (0, 0), (0, 0), (1, 1)))
        return v.reshape(2, 2, 2, 2, 3, 2).transpose(3, 5, 0, 1, 2, 4).reshape(8, 2, 2, 3)

    case("space_to_batch", dict(x=rand(2, 2, 4, 4)), lambda x: mb.space_to_batch(x=x, block_shape=[2, 2], paddings=[[0, 0], [1, 1]]), to_batch)
    case("batch_to_space", dict(x=rand(8, 2, 2, 3)), lambda x: mb.batch_to_space(x=x, block_shape=[2, 2], crops=[[0, 0], [1, 1]]),
         lambda v: v.reshape(2, 2, 2, 2, 2, 3).transpose(2, 3, 4, 0, 5, 1).reshape(2, 2, 4, 6)[..., 1:-1])


def gathers():
    x = rand(3, 4, 5)
    idx = lambda *v: np.array(v, i32)
    case("gather", dict(x=x, i=idx(2, 0, -1)), lambda x, i: mb.gather(x=x, indices=i, axis=1), lambda v, i: v[:, i])
    case("gather_grid", dict(x=x, i=idx([0, 1], [2, 2])), lambda x, i: mb.gather(x=x, indices=i, axis=-1), lambda v, i: v[..., i])
    case("gather_scalar", dict(x=x), lambda x: mb.gather(x=x, indices=i32(1)), lambda v: v[1])
    case("gather_batch", dict(x=x, i=idx([0, 3], [1, 1], [2, 0])), lambda x, i: mb.gather(x=x, indices=i, axis=1, batch_dims=1), lambda v, i: np.stack([v[b, i[b]] for b in range(3)]), i16)
    case("gather_batch_last", dict(x=x, i=idx([0, 3], [1, 1], [2, 0])), lambda x, i: mb.gather(x=x, indices=i, axis=2, batch_dims=1),
         lambda v, i: np.stack([v[b][:, i[b]] for b in range(3)]), i16)
    case("gather_bounds", dict(x=x, i=idx(2, 0)), lambda x, i: mb.gather(x=x, indices=mb.cast(x=i, dtype="uint16"), axis=1), lambda v, i: v[:, i], i17)
    along = np.argsort(rand(3, 2, 5), 1).astype(i32)
    case("gather_along_axis", dict(x=x, i=along), lambda x, i: mb.gather_along_axis(x=x, indices=i, axis=1), lambda v, i: np.take_along_axis(v, i, 1))
    case("gather_nd", dict(x=x, i=idx([0, 1], [2, 3])), lambda x, i: mb.gather_nd(x=x, indices=i), lambda v, i: v[i[:, 0], i[:, 1]])
    case("gather_nd_batch", dict(x=x, i=idx([[1, 2]], [[0, 0]], [[3, 4]])), lambda x, i: mb.gather_nd(x=x, indices=i, batch_dims=1),
         lambda v, i: np.stack([v[b, i[b, :, 0], i[b, :, 1]] for b in range(3)]), i16)
    rows, at = rand(3, 2, 5, low=0.5), idx(2, 0)
    ops = dict(update=lambda a, b: b, add=np.add, sub=np.subtract, mul=np.multiply, div=np.divide, max=np.maximum, min=np.minimum)
    for mode, f in ops.items():
        def scattered(v, i, u):
            v = v.copy()
            v[:, i] = f(v[:, i], u)
            return v
        case(f"scatter_{mode}", dict(x=x, i=at, u=rows), lambda x, i, u: mb.scatter(data=x, indices=i, updates=u, axis=1, mode=mode), scattered)
        def along_axis(v, i, u):
            v = v.copy()
            np.put_along_axis(v, i, f(np.take_along_axis(v, i, 1), u), 1)
            return v
        case(f"scatter_along_axis_{mode}", dict(x=x, i=along, u=rows), lambda x, i, u: mb.scatter_along_axis(data=x, indices=i, updates=u, axis=1, mode=mode), along_axis)
        def nd(v, i, u):
            v = v.copy()
            v[i[:, 0], i[:, 1]] = f(v[i[:, 0], i[:, 1]], u)
            return v
        case(f"scatter_nd_{mode}", dict(x=x, i=idx([0, 1], [2, 3]), u=rows[:2, 0]), lambda x, i, u: mb.scatter_nd(data=x, indices=i, updates=u, mode=mode), nd)
    case("scatter_int", dict(x=idx([1, 2, 3]), i=idx(0, 2), u=idx([7, 8])), lambda x, i, u: mb.scatter(data=x, indices=i, updates=u, axis=1, mode="add"), lambda v, i, u: np.array([[8, 2, 11]]))


def sampled(v, py, px):
    """v (C,H,W) at rows py and columns px, bilinear, coordinates held to the picture."""
    h, w = v.shape[-2:]
    py, px = np.clip(py, 0, h - 1), np.clip(px, 0, w - 1)
    y0, x0 = np.floor(py).astype(int), np.floor(px).astype(int)
    y1, x1 = np.minimum(y0 + 1, h - 1), np.minimum(x0 + 1, w - 1)
    fy, fx = (py - y0)[:, None], (px - x0)[None]
    at = lambda a, b: v[..., a[:, None], b[None]]
    return ((at(y0, x0) * (1 - fx) + at(y0, x1) * fx) * (1 - fy) + (at(y1, x0) * (1 - fx) + at(y1, x1) * fx) * fy).astype(f32)


def grid(n_in, n_out, mode):
    """The sampled coordinates, as the notes of resize_bilinear define them."""
    i = np.arange(n_out)
    if mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS"):
        if n_out == 1:
            return np.array([(n_in - 1) / 2 if mode == "ALIGN_CORNERS" else 0.0])
        return i * (n_in - 1) / (n_out - 1)
    if mode == "DEFAULT":
        return i * n_in / n_out
    if mode == "OFFSET_CORNERS":
        return (i + 0.5) * max(1, n_in - 1) / n_out
    return (i + 0.5) * n_in / n_out - 0.5


def resampling():
    x = rand(1, 2, 4, 5)
    t = torched
    case("upsample_nearest_neighbor", dict(x=x), lambda x: mb.upsample_nearest_neighbor(x=x, scale_factor_height=2, scale_factor_width=3), lambda v: v.repeat(2, 2).repeat(3, 3))
    case("upsample_nearest_fraction", dict(x=x), lambda x: mb.upsample_nearest_neighbor(x=x, scale_factor_height=f32(1.5), scale_factor_width=f32(2)),
         t(lambda v: F.interpolate(v, scale_factor=(1.5, 2.0))))
    for align in (True, False):
        case(f"upsample_bilinear_{align}", dict(x=x), lambda x: mb.upsample_bilinear(x=x, scale_factor_height=2, scale_factor_width=3, align_corners=align),
             t(lambda v: F.interpolate(v, scale_factor=(2, 3), mode="bilinear", align_corners=align)))
        case(f"upsample_bilinear_fraction_{align}", dict(x=x), lambda x: mb.upsample_bilinear(x=x, scale_factor_height=f32(1.6), scale_factor_width=f32(1.3), align_corners=align),
             t(lambda v: F.interpolate(v, scale_factor=(1.6, 1.3), mode="bilinear", align_corners=align, recompute_scale_factor=True)))
    case("resize_nearest_neighbor", dict(x=x), lambda x: mb.resize_nearest_neighbor(x=x, target_size_height=7, target_size_width=3), t(lambda v: F.interpolate(v, (7, 3))))
    for mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS", "UNALIGN_CORNERS"):
        f = lambda h, w: lambda v: sampled(v, grid(4, h, mode), grid(5, w, mode))
        case(f"resize_bilinear_{mode}", dict(x=x), lambda x: (
            mb.resize_bilinear(x=x, target_size_height=7, target_size_width=3, sampling_mode=mode), mb.resize_bilinear(x=x, target_size_height=1, target_size_width=8, sampling_mode=mode)),
             lambda v: (f(7, 3)(v), f(1, 8)(v)))
        case(f"resize_{mode}", dict(x=x), lambda x: mb.resize(x=x, shape=[6, 9], resized_dims=np.uint32(2), interpolation_mode="LINEAR", sampling_mode=mode), f(6, 9), i17)
    case("resize_nearest", dict(x=x), lambda x: mb.resize(x=x, shape=[1, 8, 0], resized_dims=np.uint32(2), interpolation_mode="NEAREST_NEIGHBOR"), t(lambda v: F.interpolate(v, (8, 5))), i17)
    case("resize_computed", dict(x=x, s=np.array([6, 7], i32)), lambda x, s: mb.resize(x=x, shape=s, resized_dims=np.uint32(2), sampling_mode="UNALIGN_CORNERS"),
         lambda v, s: sampled(v, grid(4, 6, "UNALIGN_CORNERS"), grid(5, 7, "UNALIGN_CORNERS")), i17)

    boxes = np.array([[0.5, 0.2, 2.5, 3.9], [1, 1, 2, 3]], f32)
    def crops(v, h, w, mode, scale=1.0):
        def one(b):
            s, e = b[:2] * scale, b[2:] * scale
            axis = lambda a, z, n: np.clip(a + grid(z - a + 1, n, mode), a, z)  # of a crop, as of a whole picture
            return sampled(v, axis(s[0], e[0], h), axis(s[1], e[1], w))
        return np.stack([one(b) for b in boxes])
    for mode in ("STRICT_ALIGN_CORNERS", "ALIGN_CORNERS", "DEFAULT", "OFFSET_CORNERS", "UNALIGN_CORNERS"):
        case(f"crop_resize_{mode}", dict(x=x), lambda x: mb.crop_resize(x=x, roi=boxes.reshape(2, 1, 4, 1, 1), target_height=3, target_width=4, sampling_mode=mode),
             lambda v: crops(v, 3, 4, mode))
    many = rand(3, 2, 4, 5)
    case("crop_resize_boxes", dict(x=many, b=boxes[:, [1, 0, 3, 2]]), lambda x, b: mb.crop_resize(
        x=x, boxes=b, box_indices=np.array([2, 0], i32), target_height=2, target_width=2, box_coordinate_mode="CORNERS_WIDTH_FIRST", sampling_mode="ALIGN_CORNERS"),
         lambda v, b: np.stack([crops(v[2], 2, 2, "ALIGN_CORNERS")[0], crops(v[0], 2, 2, "ALIGN_CORNERS")[1]]), i17)
    centres = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1) / np.array([3, 4, 3, 4], f32)
    case("crop_resize_centres", dict(x=x), lambda x: mb.crop_resize(
        x=x, boxes=centres.astype(f32), box_indices=np.array([0, 0], i32), target_height=2, target_width=3, box_coordinate_mode="CENTER_SIZE_HEIGHT_FIRST",
        normalized_coordinates=True, sampling_mode="ALIGN_CORNERS"), lambda v: crops(v[0], 2, 3, "ALIGN_CORNERS"), i17)
    case("crop_resize_outside", dict(x=x), lambda x: mb.crop_resize(
        x=x, boxes=np.array([[-1, 0, 5, 4]], f32), box_indices=np.array([0], i32), target_height=7, target_width=5, pad_value=f32(9), sampling_mode="STRICT_ALIGN_CORNERS"),
         lambda v: np.concatenate([np.full((1, 2, 1, 5), 9, f32), v, np.full((1, 2, 2, 5), 9, f32)], 2), i17)
    g = rand(1, 3, 4, 2, low=-1.2, high=1.2)
    for name, pad in dict(constant="zeros", border="border", reflection="reflection").items():
        for mode in ("bilinear", "nearest"):
            align = pad != "zeros"
            case(f"resample_{name}_{mode}", dict(x=x, g=g), lambda x, g: mb.resample(
                x=x, coordinates=g, sampling_mode=mode, padding_mode=name, padding_value=f32(0), coordinates_mode="normalized_minus_one_to_one", align_corners=align),
                 t(lambda v, w: F.grid_sample(v, w, mode, pad, align)))
    case("resample_symmetric", dict(x=x, g=g), lambda x, g: mb.resample(
        x=x, coordinates=g, sampling_mode="bilinear", padding_mode="symmetric", padding_value=f32(0), coordinates_mode="normalized_minus_one_to_one", align_corners=False),
         t(lambda v, w: F.grid_sample(v, w, "bilinear", "reflection", False)))
    case("resample_pixels", dict(x=x, g=rand(1, 2, 2, 2, low=0, high=3)), lambda x, g: mb.resample(
        x=x, coordinates=g, sampling_mode="bilinear", padding_mode="border", padding_value=f32(0), coordinates_mode="unnormalized", align_corners=True),
         t(lambda v, w: F.grid_sample(v, w / torch.tensor([2.0, 1.5]) - 1, "bilinear", "border", True)))
    m = np.array([[0.8, 0.1, 0.1, -0.2, 0.9, 0.0]], f32)
    case("affine", dict(x=x), lambda x: mb.affine(
        x=x, transform_matrix=m, output_height=4, output_width=5, sampling_mode="bilinear", padding_mode="constant", padding_value=f32(0),
        coordinates_mode="normalized_minus_one_to_one", align_corners=True), t(lambda v: F.grid_sample(v, F.affine_grid(T(m).view(1, 2, 3), (1, 2, 4, 5), True), align_corners=True)), i16)


def quantized():
    q = np.array([[1, 2, 3], [-4, 5, -128]], np.int8)
    s, z = np.array([0.5, 0.25], f32), np.array([1, -2], np.int8)
    case("quantize", dict(x=rand(2, 3, low=-40, high=40)), lambda x: mb.cast(x=mb.quantize(input=x, zero_point=z, scale=s, output_dtype="int8", axis=0), dtype="int32"),
         lambda v: np.clip(np.round(v / s[:, None]) + z[:, None], -128, 127).astype(i32), i17)
    case("dequantize", dict(x=rand(2, 3, low=-40, high=40)), lambda x: mb.dequantize(input=mb.quantize(input=x, scale=f32(0.5), output_dtype="uint8"), scale=f32(0.5)),
         lambda v: np.clip(np.round(v / 0.5), 0, 255) * 0.5, i17)
    case("dequantize_const", dict(x=rand(2, 3)), lambda x: mb.add(x=x, y=mb.dequantize(input=q, zero_point=z, scale=s, axis=0)),
         lambda v: v + (q.astype(f32) - z[:, None]) * s[:, None], i17)


def control():
    x = rand(2, 3)
    for want in (True, False):
        case(f"cond_{want}", dict(x=x), lambda x: mb.cond(pred=np.bool_(want), _true_fn=lambda: mb.add(x=x, y=f32(1)), _false_fn=lambda: mb.mul(x=x, y=f32(2))),
             lambda v: v + 1 if want else v * 2)
        p = np.array([1 if want else -1], f32)
        case(f"cond_computed_{want}", dict(x=x, p=p), lambda x, p: mb.cond(
            pred=mb.squeeze(x=mb.greater(x=p, y=f32(0))), _true_fn=lambda: mb.add(x=x, y=f32(1)), _false_fn=lambda: mb.mul(x=x, y=f32(2))), lambda v, p: v + 1 if want else v * 2)
    def loop(x):
        return mb.while_loop(_cond=lambda a, i: mb.less(x=i, y=i32(3)), _body=lambda a, i: (mb.mul(x=a, y=f32(2)), mb.add(x=i, y=i32(1))), loop_vars=(x, i32(0)))
    case("while_loop", dict(x=x), loop, lambda v: (v * 8, i32(3)))


if __name__ == "__main__":
    for f in (unary, activations, binary, reductions, layers, norms, products, shapes, gathers, resampling, quantized, control):
        f()
    archive.close()
