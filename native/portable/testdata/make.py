"""Makes the packages of the portable engine's tests, with inputs and expected outputs as little-endian .f32 and .i32 files.

The expected values come from NumPy and PyTorch by the definitions of the operations, not from running the packages. Run it in this folder with
Python 3.11, coremltools 9.0 and PyTorch 2.7; it replaces what it wrote before.
"""

import pathlib
import shutil

import coremltools as ct
import numpy as np
import torch
import torch.nn.functional as F
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types

HERE = pathlib.Path(__file__).parent
rng = np.random.default_rng(7)


def rand(*shape, low=-1.0, high=1.0):
    return rng.uniform(low, high, shape).astype(np.float32)


def model(name, inputs, build, expected, half=False, enumerated=None, target=ct.target.iOS17):
    """inputs: arrays by name. build: variables to a dict of named output variables. expected: arrays to a dict of arrays."""
    for old in HERE.glob(name + ".*"):
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    specs = [
        mb.TensorSpec(shape=a.shape, dtype=types.int32 if a.dtype == np.int32 else types.fp32) for a in inputs.values()
    ]
    if enumerated:
        sym = ct.converters.mil.mil.get_new_symbol
        specs = [mb.TensorSpec(shape=(*next(iter(inputs.values())).shape[:2], sym(), sym()))]
    # mb.program names the inputs by the function's arguments.
    scope = {"build": build}
    exec(f"def program({', '.join(inputs)}):\n    return list(build({', '.join(inputs)}).values())", scope)
    program = mb.program(input_specs=specs, opset_version=target)(scope["program"])
    m = ct.convert(
        program, convert_to="mlprogram", minimum_deployment_target=target, skip_model_load=True,
        compute_precision=ct.precision.FLOAT16 if half else ct.precision.FLOAT32,
        pass_pipeline=ct.PassPipeline.DEFAULT if half else ct.PassPipeline.EMPTY,  # the operations as written
        **({"inputs": [ct.TensorType(n, ct.EnumeratedShapes(enumerated, default=enumerated[0])) for n in inputs]} if enumerated else {}),
    )
    m.save(str(HERE / f"{name}.mlpackage"))
    runs = [inputs] if not enumerated else [{n: rand(*s) for n in inputs} for s in enumerated]
    for i, arrays in enumerate(runs):
        tag = f".{i}" if enumerated else ""
        for n, a in {**arrays, **expected(*arrays.values())}.items():
            a = np.ascontiguousarray(a)
            kind = "i32" if np.issubdtype(a.dtype, np.integer) else "f32"
            a.astype("<i4" if kind == "i32" else "<f4").tofile(HERE / f"{name}{tag}.{n}.{kind}")


T = torch.from_numpy


def elementwise():
    half = np.array([[0.5, 1.5, -0.5, -2.5, 2.4, -0.2]], np.float32)

    def build(x, y, h):
        pos = mb.add(x=mb.abs(x=x), y=np.float32(0.1))
        return dict(
            add=mb.add(x=x, y=y, name="add"), sub=mb.sub(x=x, y=y, name="sub"), mul=mb.mul(x=x, y=y, name="mul"),
            div=mb.real_div(x=x, y=pos, name="div"), maximum=mb.maximum(x=x, y=y, name="maximum"),
            minimum=mb.minimum(x=x, y=y, name="minimum"), pow=mb.pow(x=pos, y=y, name="pow"),
            exp=mb.exp(x=x, name="exp"), log=mb.log(x=pos, name="log"), sqrt=mb.sqrt(x=pos, name="sqrt"),
            rsqrt=mb.rsqrt(x=pos, epsilon=np.float32(0.01), name="rsqrt"), inverse=mb.inverse(x=pos, name="inverse"),
            square=mb.square(x=x, name="square"), erf=mb.erf(x=x, name="erf"), sin=mb.sin(x=x, name="sin"),
            cos=mb.cos(x=x, name="cos"), floor=mb.floor(x=h, name="floor"), ceil=mb.ceil(x=h, name="ceil"),
            round=mb.round(x=h, name="round"), sign=mb.sign(x=x, name="sign"), clip=mb.clip(x=x, alpha=-0.5, beta=0.25, name="clip"),
            relu=mb.relu(x=x, name="relu"), leaky=mb.leaky_relu(x=x, alpha=0.2, name="leaky"),
            sigmoid=mb.sigmoid(x=x, name="sigmoid"), tanh=mb.tanh(x=x, name="tanh"), silu=mb.silu(x=x, name="silu"),
            softplus=mb.softplus(x=x, name="softplus"),
            select=mb.select(cond=mb.logical_or(x=mb.greater(x=x, y=y), y=mb.less(x=x, y=np.float32(-0.5))), a=x, b=y, name="select"),
            truth=mb.cast(x=mb.logical_not(x=mb.greater_equal(x=x, y=np.float32(0))), dtype="fp32", name="truth"),
        )

    def expected(x, y, h):
        pos, sig = np.abs(x) + np.float32(0.1), 1 / (1 + np.exp(-x))
        return dict(
            add=x + y, sub=x - y, mul=x * y, div=x / pos, maximum=np.maximum(x, y), minimum=np.minimum(x, y), pow=pos**y, exp=np.exp(x),
            log=np.log(pos), sqrt=np.sqrt(pos), rsqrt=1 / np.sqrt(pos + 0.01), inverse=1 / (pos + 1e-4), square=x * x, erf=torch.erf(T(x)).numpy(),
            sin=np.sin(x), cos=np.cos(x), floor=np.floor(h), ceil=np.ceil(h), round=np.round(h), sign=np.sign(x), clip=np.clip(x, -0.5, 0.25),
            relu=np.maximum(x, 0), leaky=np.where(x < 0, x * 0.2, x), sigmoid=sig, tanh=np.tanh(x), silu=x * sig, softplus=np.log1p(np.exp(x)),
            select=np.where((x > y) | (x < -0.5), x, y), truth=(~(x >= 0)).astype(np.float32),
        )

    model("elementwise", dict(x=rand(2, 3, 4), y=rand(3, 1), h=half), build, expected)


def reductions():
    def build(x):
        return dict(
            mean=mb.reduce_mean(x=x, axes=[2, 3], keep_dims=True, name="mean"), sum=mb.reduce_sum(x=x, axes=[-1], name="sum"),
            max=mb.reduce_max(x=x, axes=[1], keep_dims=False, name="max"), min=mb.reduce_min(x=x, axes=[0, 2], name="min"),
            prod=mb.reduce_prod(x=x, axes=[3], name="prod"), squares=mb.reduce_sum_square(x=x, axes=[1, 2], name="squares"),
            l2=mb.reduce_l2_norm(x=x, axes=[1], keep_dims=True, name="l2"), l1=mb.reduce_l1_norm(x=x, axes=[-2, -1], name="l1"),
            whole=mb.reduce_mean(x=x, keep_dims=True, name="whole"),
        )

    def expected(x):
        return dict(
            mean=x.mean((2, 3), keepdims=True), sum=x.sum(-1), max=x.max(1), min=x.min((0, 2)), prod=x.prod(3), squares=(x * x).sum((1, 2)),
            l2=np.sqrt((x * x).sum(1, keepdims=True)), l1=np.abs(x).sum((-2, -1)), whole=x.mean(keepdims=True),
        )

    model("reductions", dict(x=rand(2, 3, 4, 5)), build, expected)


def convolutions():
    w, wg, b = rand(4, 3, 3, 3), rand(6, 1, 3, 3), rand(4)
    wt, wt1, wl = rand(3, 2, 3, 3), rand(3, 2, 4, 4), rand(2, 3, 3)

    def build(x, s):
        return dict(
            plain=mb.conv(x=x, weight=w, bias=b, name="plain"),
            custom=mb.conv(x=x, weight=w, strides=[2, 1], pad_type="custom", pad=[1, 0, 2, 1], name="custom"),
            same=mb.conv(x=x, weight=w, strides=[2, 2], pad_type="same", name="same"),
            same_lower=mb.conv(x=x, weight=w, strides=[2, 2], pad_type="same_lower", name="same_lower"),
            dilated=mb.conv(x=x, weight=w, dilations=[2, 1], name="dilated"),
            groups=mb.conv(x=x, weight=wg, groups=3, name="groups"),
            line=mb.conv(x=s, weight=wl, name="line"),
            up=mb.conv_transpose(x=x, weight=wt, strides=[2, 2], name="up"),
            up_pad=mb.conv_transpose(x=x, weight=wt1, strides=[2, 2], pad_type="custom", pad=[1, 1, 1, 1], bias=rand0, name="up_pad"),
            up_shape=mb.conv_transpose(
                x=x, weight=wt, strides=[2, 2], pad_type="custom", pad=[1, 1, 1, 1], output_shape=[1, 2, 14, 12], name="up_shape"),
            up_more=mb.conv_transpose(
                x=x, weight=wt, strides=[3, 3], pad_type="custom", pad=[0, 0, 0, 0], output_shape=[1, 2, 23, 20], name="up_more"),
            max=mb.max_pool(x=x, kernel_sizes=[2, 2], strides=[2, 2], pad_type="valid", name="max"),
            max_ones=mb.max_pool(x=x, kernel_sizes=[3, 2], pad_type="valid", name="max_ones"),
            max_ceil=mb.max_pool(
                x=x, kernel_sizes=[2, 2], strides=[2, 2], pad_type="custom", pad=[0, 0, 0, 0], ceil_mode=True, name="max_ceil"),
            avg=mb.avg_pool(x=x, kernel_sizes=[3, 3], strides=[2, 2], pad_type="custom", pad=[1, 1, 1, 1], name="avg"),
            avg_in=mb.avg_pool(
                x=x, kernel_sizes=[3, 3], strides=[2, 2], pad_type="custom", pad=[1, 1, 1, 1], exclude_padding_from_average=True, name="avg_in"),
            pad_zero=mb.pad(x=x, pad=[1, 2, 0, 3], mode="constant", constant_val=0.5, name="pad_zero"),
            pad_reflect=mb.pad(x=x, pad=[1, 2, 2, 1], mode="reflect", name="pad_reflect"),
            pad_edge=mb.pad(x=x, pad=[1, 2, 2, 1], mode="replicate", name="pad_edge"),
        )

    rand0 = rand(2)

    def expected(x, s):
        t, W, WT = T(x), T(w), T(wt)
        same = F.pad(t, (0, 1, 1, 1))  # 7x6 to 4x3 by 3, stride 2: 2 rows and 1 column more
        lower = F.pad(t, (1, 0, 1, 1))
        out = dict(
            plain=F.conv2d(t, W, T(b)), custom=F.conv2d(F.pad(t, (2, 1, 1, 0)), W, stride=(2, 1)), same=F.conv2d(same, W, stride=2),
            same_lower=F.conv2d(lower, W, stride=2), dilated=F.conv2d(t, W, dilation=(2, 1)), groups=F.conv2d(t, T(wg), groups=3),
            line=F.conv1d(T(s), T(wl)), up=F.conv_transpose2d(t, WT, stride=2),
            up_pad=F.conv_transpose2d(t, T(wt1), T(rand0), stride=2, padding=1),
            up_shape=F.conv_transpose2d(t, WT, stride=2, padding=1, output_padding=1),
            up_more=F.conv_transpose2d(t, WT, stride=3, output_padding=2),
            max=F.max_pool2d(t, 2), max_ones=F.max_pool2d(t, (3, 2), stride=1), max_ceil=F.max_pool2d(t, 2, ceil_mode=True),
            avg=F.avg_pool2d(t, 3, 2, 1), avg_in=F.avg_pool2d(t, 3, 2, 1, count_include_pad=False),
            pad_zero=F.pad(t, (0, 3, 1, 2), value=0.5), pad_reflect=F.pad(t, (2, 1, 1, 2), "reflect"), pad_edge=F.pad(t, (2, 1, 1, 2), "replicate"),
        )
        return {k: v.numpy() for k, v in out.items()}

    model("convolutions", dict(x=rand(1, 3, 7, 6), s=rand(1, 3, 6)), build, expected)


def norms():
    g, b, mean, var = rand(3), rand(3), rand(3), rand(3, low=0.5, high=2)
    g2, b2 = rand(4, 5), rand(4, 5)

    def build(x):
        return dict(
            instance=mb.instance_norm(x=x, gamma=g, beta=b, epsilon=1e-3, name="instance"), bare=mb.instance_norm(x=x, name="bare"),
            batch=mb.batch_norm(x=x, mean=mean, variance=var, gamma=g, beta=b, epsilon=1e-3, name="batch"),
            batch_bare=mb.batch_norm(x=x, mean=mean, variance=var, name="batch_bare"),
            channel=mb.layer_norm(x=x, axes=[1], gamma=g, beta=b, epsilon=1e-3, name="channel"),
            trailing=mb.layer_norm(x=x, axes=[-2, -1], gamma=g2, beta=b2, name="trailing"),
            last=mb.layer_norm(x=x, axes=[-1], name="last"),
        )

    def expected(x):
        t = T(x)
        mid = t.permute(0, 2, 3, 1)
        out = dict(
            instance=F.instance_norm(t, weight=T(g), bias=T(b), eps=1e-3), bare=F.instance_norm(t),
            batch=F.batch_norm(t, T(mean), T(var), T(g), T(b), eps=1e-3), batch_bare=F.batch_norm(t, T(mean), T(var)),
            channel=F.layer_norm(mid, (3,), T(g), T(b), eps=1e-3).permute(0, 3, 1, 2), trailing=F.layer_norm(t, (4, 5), T(g2), T(b2)),
            last=F.layer_norm(t, (5,)),
        )
        return {k: v.numpy() for k, v in out.items()}

    model("norms", dict(x=rand(2, 3, 4, 5)), build, expected)


def shapes():
    def build(x, y):
        a, b, c = mb.split(x=x, split_sizes=[1, 2, 3], axis=2)
        d, e = mb.split(x=x, num_splits=2, axis=-1)
        return dict(
            reshape=mb.reshape(x=x, shape=[0, -1, 4], name="reshape"), transpose=mb.transpose(x=x, perm=[-1, 0, 1], name="transpose"),
            concat=mb.concat(values=[x, y], axis=-2, name="concat"), stack=mb.stack(values=[y, y], axis=1, name="stack"),
            stack_last=mb.stack(values=[y, y], axis=-1, name="stack_last"),
            part0=mb.identity(x=a, name="part0"), part2=mb.identity(x=c, name="part2"), half1=mb.identity(x=e, name="half1"),
            cut=mb.slice_by_index(x=x, begin=[0, 1, 5], end=[2, -1, 9], begin_mask=[True, False, True], end_mask=[False, False, True],
                                  stride=[1, 1, 2], name="cut"),
            back=mb.slice_by_index(x=x, begin=[0, 2, -1], end=[2, 0, 0], stride=[1, -1, -1], end_mask=[True, False, True], name="back"),
            pick=mb.slice_by_index(x=x, begin=[1, -1, 0], end=[0, 0, 0], end_mask=[False, False, True], squeeze_mask=[True, True, False], name="pick"),
            sized=mb.slice_by_size(x=x, begin=[0, 1, 2], size=[2, 1, -1], name="sized"),
            tile=mb.tile(x=y, reps=[1, 2, 3], name="tile"), gather=mb.gather(x=x, indices=np.array([2, 0, -1], np.int32), axis=1, name="gather"),
            one=mb.gather(x=x, indices=np.int32(1), axis=0, name="one"), grid=mb.gather(x=x, indices=np.array([[0, 1], [2, 2]], np.int32), axis=-1, name="grid"),
            wide=mb.expand_dims(x=y, axes=[1, -1], name="wide"), narrow=mb.squeeze(x=y, axes=[1], name="narrow"),
            fixed=mb.mul(x=np.float32([[1, 2], [3, 4]]), y=np.float32(2), name="fixed"),
        )

    def expected(x, y):
        return dict(
            reshape=x.reshape(2, -1, 4), transpose=x.transpose(2, 0, 1), concat=np.concatenate([x, y], -2), stack=np.stack([y, y], 1),
            stack_last=np.stack([y, y], -1), part0=x[:, :, :1], part2=x[:, :, 3:], half1=x[:, :, 3:], cut=x[:2, 1:-1, ::2],
            back=x[0:, 2:0:-1, ::-1], pick=x[1, -1, :], sized=x[0:2, 1:2, 2:], tile=np.tile(y, (1, 2, 3)), gather=x[:, [2, 0, -1]], one=x[1],
            grid=x[:, :, [[0, 1], [2, 2]]], wide=y[:, None, :, :, None], narrow=y[:, 0], fixed=np.float32([[2, 4], [6, 8]]),
        )

    model("shapes", dict(x=rand(2, 4, 6), y=rand(2, 1, 6)), build, expected)


def products():
    w, b = rand(5, 4), rand(5)

    def build(x, y, r):
        return dict(
            linear2=mb.linear(x=r, weight=w, bias=b, name="linear2"), linear3=mb.linear(x=x, weight=w, bias=b, name="linear3"),
            linear_bare=mb.linear(x=x, weight=w, name="linear_bare"), plain=mb.matmul(x=x, y=mb.transpose(x=y, perm=[0, 2, 1]), name="plain"),
            right=mb.matmul(x=x, y=y, transpose_y=True, name="right"), left=mb.matmul(x=x, y=y, transpose_x=True, name="left"),
            both=mb.matmul(x=x, y=r, transpose_x=True, transpose_y=True, name="both"),
            softmax=mb.softmax(x=x, name="softmax"), softmax1=mb.softmax(x=x, axis=1, name="softmax1"),
        )

    def expected(x, y, r):
        def soft(v, axis):
            e = np.exp(v - v.max(axis, keepdims=True))
            return e / e.sum(axis, keepdims=True)

        t = x.transpose(0, 2, 1)
        return dict(
            linear2=r @ w.T + b, linear3=x @ w.T + b, linear_bare=x @ w.T, plain=x @ y.transpose(0, 2, 1), right=x @ y.transpose(0, 2, 1),
            left=t @ y, both=t @ r.T, softmax=soft(x, -1), softmax1=soft(x, 1),
        )

    model("products", dict(x=rand(2, 4, 4), y=rand(2, 4, 4), r=rand(3, 4)), build, expected)


def resampling():
    def build(x):
        return dict(
            nearest=mb.upsample_nearest_neighbor(x=x, scale_factor_height=2, scale_factor_width=3, name="nearest"),
            corners=mb.upsample_bilinear(x=x, scale_factor_height=2, scale_factor_width=2, align_corners=True, name="corners"),
            centers=mb.upsample_bilinear(x=x, scale_factor_height=2, scale_factor_width=3, align_corners=False, name="centers"),
            shuffle=mb.pixel_shuffle(x=x, upscale_factor=2, name="shuffle"), unshuffle=mb.pixel_unshuffle(x=x, downscale_factor=np.uint32(2), name="unshuffle"),
            depth=mb.depth_to_space(x=x, block_size=2, name="depth"), space=mb.space_to_depth(x=x, block_size=2, name="space"),
        )

    def expected(x):
        t = T(x)
        n, c, h, w = x.shape
        depth = x.reshape(n, 2, 2, c // 4, h, w).transpose(0, 3, 4, 1, 5, 2).reshape(n, c // 4, h * 2, w * 2)
        space = x.reshape(n, c, h // 2, 2, w // 2, 2).transpose(0, 3, 5, 1, 2, 4).reshape(n, c * 4, h // 2, w // 2)
        return dict(
            nearest=x.repeat(2, 2).repeat(3, 3), corners=F.interpolate(t, scale_factor=2, mode="bilinear", align_corners=True).numpy(),
            centers=F.interpolate(t, scale_factor=(2, 3), mode="bilinear", align_corners=False).numpy(), shuffle=F.pixel_shuffle(t, 2).numpy(),
            unshuffle=F.pixel_unshuffle(t, 2).numpy(), depth=depth, space=space,
        )

    model("resampling", dict(x=rand(1, 8, 4, 6)), build, expected)


def enumerated():
    w = rand(2, 3, 3, 3)
    model(
        "enumerated", dict(x=rand(1, 3, 8, 8)),
        lambda x: dict(y=mb.relu(x=mb.conv(x=x, weight=w, pad_type="same"), name="y"), m=mb.reduce_mean(x=x, axes=[2, 3], keep_dims=True, name="m")),
        lambda x: dict(y=F.relu(F.conv2d(T(x), T(w), padding=1)).numpy(), m=x.mean((2, 3), keepdims=True)),
        enumerated=[(1, 3, 8, 8), (1, 3, 4, 12)],
    )


def integers():
    table = rand(5, 3)
    model(
        "integers", dict(i=np.array([[4, 0], [2, -1]], np.int32), x=rand(2, 2)),
        lambda i, x: dict(rows=mb.gather(x=table, indices=i, axis=0, name="rows"), twice=mb.add(x=i, y=i, name="twice"),
                          sum=mb.add(x=mb.cast(x=i, dtype="fp32"), y=x, name="sum"), whole=mb.cast(x=mb.mul(x=x, y=np.float32(10)), dtype="int32", name="whole")),
        lambda i, x: dict(rows=table[i], twice=(i + i).astype(np.int32), sum=(i + x).astype(np.float32), whole=np.trunc(x * np.float32(10)).astype(np.int32)),
    )


def half():
    w, b, k = rand(24, 40), rand(24), rand(12, 8, 3, 3)

    def build(x, y):
        return dict(line=mb.linear(x=x, weight=w, bias=b, name="line"), conv=mb.conv(x=y, weight=k, pad_type="same", name="conv"))

    def expected(x, y):
        return dict(line=x @ w.T + b, conv=F.conv2d(T(y), T(k), padding=1).numpy())

    model("half", dict(x=rand(2, 40), y=rand(1, 8, 5, 5)), build, expected, half=True)


if __name__ == "__main__":
    for f in (elementwise, reductions, convolutions, norms, shapes, products, resampling, enumerated, integers, half):
        f()
