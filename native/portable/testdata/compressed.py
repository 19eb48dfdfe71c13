"""Makes compressed.tar.gz: packages with compressed weights, by the operations constexpr_* themselves and by coremltools.optimize.

The expected values are PyTorch's and NumPy's, with the weights that coremltools' own definitions of the operations decompress. Run it in this
folder with Python 3.11, coremltools 9.0 and PyTorch 2.7 (and scikit-learn for the palettes).
"""

import itertools

import coremltools as ct
import coremltools.optimize as cto
import numpy as np
import torch
import torch.nn.functional as F
from coremltools.converters.mil import Builder as mb
from coremltools.converters.mil.mil import types
from coremltools.converters.mil.mil.types.type_mapping import string_to_nptype as nptype

from pack import Archive, outputs, program, rand, rng

i16, i17, i18 = ct.target.iOS16, ct.target.iOS17, ct.target.iOS18
archive = Archive("compressed.tar.gz")
f32 = np.float32
T = torch.from_numpy


def packed(values, bits):
    """Numbers of that many bits, the least significant first."""
    flat = np.asarray(values, np.uint8).reshape(-1)
    return np.packbits(np.unpackbits(flat[:, None], axis=1, bitorder="little")[:, :bits].reshape(-1), bitorder="little")


def added(name, weight, value, target):
    """A package that adds a compressed constant to its input."""
    x = rand(*value.shape)
    archive.add(name, program(dict(x=x), lambda x: mb.add(x=x, y=weight()), target), [(dict(x=x), outputs(x + value.astype(f32)))])


def definitions():
    for bits in (1, 2, 4, 6, 8):
        index, lut = rng.integers(0, 2**bits, (3, 5, 7)), rand(2**bits)
        added(f"lut16_{bits}", lambda: mb.constexpr_lut_to_dense(indices=packed(index, bits), lut=lut, shape=np.uint32(index.shape)), lut[index], i16)
    lut, index = rand(8).astype(np.float16), rng.integers(0, 4, (40, 9))
    half = lut[:4]
    added("lut16_half", lambda: mb.cast(x=mb.constexpr_lut_to_dense(indices=packed(index, 2), lut=half, shape=np.uint32(index.shape)), dtype="fp32"), half[index], i16)
    q, s, z = rng.integers(-128, 128, (3, 4, 5)).astype(np.int8), rand(4, low=0.01, high=0.1), rng.integers(-9, 9, 4).astype(np.int8)
    added("affine", lambda: mb.constexpr_affine_dequantize(quantized_data=q, zero_point=np.int8(3), scale=f32(0.05), axis=0), (q - f32(3)) * f32(0.05), i16)
    added("affine_axis", lambda: mb.constexpr_affine_dequantize(quantized_data=q, zero_point=z, scale=s, axis=1), (q - z.astype(f32)[:, None]) * s[:, None], i16)
    added("affine_mixed", lambda: mb.constexpr_affine_dequantize(quantized_data=q.view(np.uint8), zero_point=np.uint8(7), scale=s, axis=-2),
          (q.view(np.uint8).astype(f32) - 7) * s[:, None], i16)
    mask = rng.random((6, 7, 5)) < 0.3
    dense = np.where(mask, rand(6, 7, 5), 0).astype(f32)
    added("sparse16", lambda: mb.constexpr_sparse_to_dense(nonzero_data=dense[mask], mask=packed(mask, 1), shape=np.uint32(mask.shape)), dense, i16)
    wide = rand(4, 3)
    added("cast16", lambda: mb.constexpr_cast(source_val=wide.astype(np.float16), output_dtype="fp32"), wide.astype(np.float16), i16)

    for name in ("int4", "uint4", "int8", "uint8"):
        low, high = {"int4": (-8, 8), "uint4": (0, 16), "int8": (-128, 128), "uint8": (0, 256)}[name]
        d = rng.integers(low, high, (4, 6, 9))
        data = d.astype(nptype(name))
        scale, offset = rand(2, 3, 1, low=0.01, high=0.1), rng.integers(low, high, (2, 3, 1))
        full = lambda v: v.repeat(2, 0).repeat(2, 1).repeat(9, 2)
        added(f"block_{name}", lambda: mb.constexpr_blockwise_shift_scale(data=data, scale=scale, offset=offset.astype(nptype(name))), full(scale) * (d - full(offset)), i18)
        last = rand(1, 1, 3, low=0.01, high=0.1)
        added(f"block_last_{name}", lambda: mb.constexpr_blockwise_shift_scale(data=data, scale=last), last.repeat(3, 2) * d, i18)
    for bits in (1, 2, 3, 4, 6, 8):
        kind = nptype(f"uint{bits}")
        index = rng.integers(0, 2**bits, (4, 6, 3))
        lut = rand(2, 3, 1, 2**bits, 1)
        value = np.zeros(index.shape, f32)
        for i, j, k in np.ndindex(index.shape):
            value[i, j, k] = lut[i // 2, j // 2, 0, index[i, j, k], 0]
        added(f"lut18_{bits}", lambda: mb.constexpr_lut_to_dense(indices=index.astype(kind), lut=lut), value, i18)
        vec = rand(2, 1, 1, 2**bits, 2)
        for axis in range(3):
            value = np.zeros([n * (2 if i == axis else 1) for i, n in enumerate(index.shape)], f32)
            for at in np.ndindex(value.shape):
                from_ = [p // 2 if i == axis else p for i, p in enumerate(at)]
                value[at] = vec[from_[0] // 2, 0, 0, index[tuple(from_)], at[axis] % 2]
            added(f"vector_{bits}_{axis}", lambda: mb.constexpr_lut_to_dense(indices=index.astype(kind), lut=vec, vector_axis=np.int32(axis)), value, i18)
    m1 = mask.astype(nptype("uint1"))
    added("sparse18", lambda: mb.constexpr_sparse_to_dense(nonzero_data=dense[mask], mask=m1), dense, i18)

    # A palette of int8 that is scaled, and sparse ones.
    index, lut, scale = rng.integers(0, 4, (4, 6)), rng.integers(-128, 128, (1, 1, 4, 1)), rand(4, 1, low=0.01, high=0.1)
    added("lut_scaled", lambda: mb.constexpr_blockwise_shift_scale(
        data=mb.constexpr_lut_to_dense(indices=index.astype(nptype("uint2")), lut=lut.astype(np.int8)), scale=scale), lut[0, 0, index, 0] * scale, i18)
    index, palette = rng.integers(0, 8, mask.shape), rand(1, 1, 1, 8, 1)
    def sparse_lut():
        m, v = mb.constexpr_lut_to_sparse(indices_mask=m1, indices_nonzero_data=index[mask].astype(nptype("uint3")), lut=palette)
        return mb.constexpr_sparse_to_dense(nonzero_data=v, mask=m)
    added("sparse_lut", sparse_lut, np.where(mask, palette[0, 0, 0, index, 0], 0), i18)
    vec = rand(1, 1, 1, 8, 2)
    def sparse_vector():
        m, v = mb.constexpr_lut_to_sparse(indices_mask=m1, indices_nonzero_data=index[mask].astype(nptype("uint3")), lut=vec, vector_axis=np.int32(1))
        return mb.constexpr_sparse_to_dense(nonzero_data=v, mask=m)
    picked = np.where(mask[..., None], vec[0, 0, 0, index], 0)  # (6,7,5,2)
    added("sparse_vector", sparse_vector, picked.transpose(0, 1, 3, 2).reshape(6, 14, 5), i18)
    whole, scale, offset = rng.integers(-128, 128, mask.shape), rand(6, 1, 1, low=0.01, high=0.1), rng.integers(-9, 9, (6, 1, 1))
    def sparse_block():
        m, v = mb.constexpr_sparse_blockwise_shift_scale(data_mask=m1, nonzero_data=whole[mask].astype(np.int8), scale=scale, offset=offset.astype(np.int8))
        return mb.constexpr_sparse_to_dense(nonzero_data=v, mask=m)
    added("sparse_block", sparse_block, np.where(mask, (whole - offset) * scale, 0), i18)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.conv, self.line = torch.nn.Conv2d(8, 16, 3, padding=1), torch.nn.Linear(16, 32)

    def forward(self, x):
        return self.line(torch.relu(self.conv(x)).mean((2, 3)))


def weights(model):
    """The decompressed weights of the convolution and the linear layer, by coremltools."""
    found = {}
    for op in cto.coreml.decompress_weights(model)._mil_program.functions["main"].operations:
        if op.op_type in ("conv", "linear"):
            found[op.op_type] = [T(np.asarray(op.inputs[k].val, f32)) for k in ("weight", "bias")]
    return found


def optimized():
    net, x = Net().eval(), rand(1, 8, 6, 6)
    def converted(target):
        return ct.convert(
            torch.jit.trace(net, T(x)), inputs=[ct.TensorType("x", shape=x.shape)], outputs=[ct.TensorType("y0")], minimum_deployment_target=target,
            compute_precision=ct.precision.FLOAT32, skip_model_load=True)
    old, new = converted(i16), converted(i18)
    C = cto.coreml
    cfg = lambda c: C.OptimizationConfig(global_config=c)
    quantize = lambda m, **k: C.linear_quantize_weights(m, cfg(C.OpLinearQuantizerConfig(weight_threshold=0, **k)))
    palettize = lambda m, **k: C.palettize_weights(m, cfg(C.OpPalettizerConfig(weight_threshold=0, **k)))
    prune = lambda m, **k: C.prune_weights(m, cfg(C.OpMagnitudePrunerConfig(weight_threshold=0, **k)))
    made = {
        "opt16_int8": quantize(old, mode="linear_symmetric"), "opt16_uint8": quantize(old, mode="linear", dtype="uint8"),
        "opt16_tensor": quantize(old, mode="linear_symmetric", granularity="per_tensor"),
        **{f"opt16_pal{n}": palettize(old, mode="kmeans", nbits=n) for n in (1, 2, 4, 6, 8)}, "opt16_uniform": palettize(old, mode="uniform", nbits=4),
        "opt16_sparse": prune(old, target_sparsity=0.6),
        "opt18_int8": quantize(new, mode="linear_symmetric"), "opt18_channel_uint8": quantize(new, mode="linear", dtype="uint8"),
        "opt18_int4": quantize(new, mode="linear_symmetric", dtype="int4", granularity="per_block", block_size=4),
        "opt18_uint4": quantize(new, mode="linear", dtype="uint4", granularity="per_block", block_size=8),
        **{f"opt18_pal{n}": palettize(new, mode="kmeans", nbits=n) for n in (1, 2, 3, 4, 6, 8)},
        "opt18_grouped": palettize(new, mode="kmeans", nbits=3, granularity="per_grouped_channel", group_size=4),
        "opt18_vector": palettize(new, mode="kmeans", nbits=4, cluster_dim=4),
        "opt18_scaled": palettize(new, mode="kmeans", nbits=4, enable_per_channel_scale=True),
        "opt18_sparse": prune(new, target_sparsity=0.5), "opt18_n_m": prune(new, n_m_ratio=(2, 4)),
    }
    joint = cfg(C.OpPalettizerConfig(mode="kmeans", nbits=4, weight_threshold=0))
    made["opt18_sparse_pal"] = C.palettize_weights(prune(new, target_sparsity=0.5), joint, joint_compression=True)
    made["opt18_sparse_int8"] = C.linear_quantize_weights(
        prune(new, target_sparsity=0.5), cfg(C.OpLinearQuantizerConfig(mode="linear_symmetric", weight_threshold=0)), joint_compression=True)
    made["opt18_pal_int8"] = C.linear_quantize_weights(
        palettize(new, mode="kmeans", nbits=4, granularity="per_grouped_channel", group_size=4),
        cfg(C.OpLinearQuantizerConfig(mode="linear_symmetric", granularity="per_tensor", weight_threshold=0)), joint_compression=True)
    for name, m in made.items():
        w = weights(m)
        with torch.no_grad():
            y = F.linear(torch.relu(F.conv2d(T(x), *w["conv"], padding=1)).mean((2, 3)), *w["linear"])
        archive.add(name, m, [(dict(x=x), outputs(y))])


if __name__ == "__main__":
    definitions()
    optimized()
    archive.close()
