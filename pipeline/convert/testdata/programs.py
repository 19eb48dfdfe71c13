"""Exports many small modules with torch.export, whole and in core ATen, with inputs and outputs, for aten's tests: programs.py FOLDER"""

import json
import pathlib
import sys
import warnings

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

warnings.simplefilter("ignore")
torch.manual_seed(0)
torch.set_num_threads(1)


class Call(nn.Module):
    def __init__(self, f, *modules):
        super().__init__()
        self.f, self.m = f, nn.ModuleList(modules)

    def forward(self, *x):
        return self.f(*self.m, *x)


def r(*shape):
    return torch.randn(shape)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x):
        b, n, c = x.shape
        q, k, v = self.qkv(x).reshape(b, n, 3, 4, c // 4).permute(2, 0, 3, 1, 4).unbind(0)
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, n, c))


X = (1, 4, 8, 10)
CASES = {
    "conv_groups": (nn.Conv2d(4, 8, 3, 2, 1, groups=2), r(*X)),
    "conv_same": (nn.Conv2d(4, 8, 3, padding="same", dilation=2), r(*X)),
    "conv1d": (nn.Conv1d(4, 8, 3), r(2, 4, 9)),
    "conv_transpose": (nn.ConvTranspose2d(4, 8, 3, 2, 1, output_padding=1), r(*X)),
    "conv_transpose_groups": (nn.ConvTranspose2d(4, 8, 4, 2, 1, groups=2, bias=False), r(*X)),
    "conv_transpose_more": (nn.ConvTranspose2d(4, 6, 2, 2, 0, output_padding=1), r(*X)),
    "conv_bn_relu": (nn.Sequential(nn.Conv2d(4, 8, 3), nn.BatchNorm2d(8), nn.ReLU6()), r(*X)),
    "batch_norm_1d": (nn.BatchNorm1d(5), r(3, 5)),
    "group_norm": (nn.GroupNorm(2, 4), r(*X)),
    "layer_norm": (nn.LayerNorm(10), r(*X)),
    "layer_norm_2": (nn.LayerNorm((8, 10)), r(*X)),
    "instance_norm": (nn.InstanceNorm2d(4), r(*X)),
    "instance_norm_stats": (nn.InstanceNorm2d(4, affine=True, track_running_stats=True), r(*X)),
    "rms_norm": (nn.RMSNorm(10), r(*X)),
    "mha": (Attention(), r(2, 7, 16)),
    "transformer": (nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, activation="gelu"), r(2, 7, 16)),
    "gelu_tanh": (nn.GELU(approximate="tanh"), r(*X)),
    "max_pool": (nn.MaxPool2d(3, 2, 1), r(*X)),
    "max_pool_ceil": (nn.MaxPool2d(2, 2, ceil_mode=True), r(1, 4, 7, 9)),
    "avg_pool": (nn.AvgPool2d(3, 2, 1), r(*X)),
    "avg_pool_no_pad": (nn.AvgPool2d(3, 2, 1, count_include_pad=False), r(*X)),
    "adaptive": (nn.AdaptiveAvgPool2d(1), r(*X)),
    "adaptive_2": (nn.AdaptiveAvgPool2d((4, 5)), r(*X)),
    "up_nearest": (nn.Upsample(scale_factor=2), r(*X)),
    "up_nearest_size": (nn.Upsample(size=(12, 25)), r(*X)),
    "up_nearest_odd": (nn.Upsample(scale_factor=1.5), r(*X)),
    "up_exact": (nn.Upsample(size=(12, 25), mode="nearest-exact"), r(*X)),
    "up_bilinear": (nn.Upsample(scale_factor=2, mode="bilinear"), r(*X)),
    "up_bilinear_corners": (nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), r(*X)),
    "up_bilinear_size": (nn.Upsample(size=(13, 7), mode="bilinear"), r(*X)),
    "up_bicubic": (nn.Upsample(scale_factor=2, mode="bicubic"), r(*X)),
    "as_another": (Call(lambda x, y: y.expand_as(x) + x.flatten(2).view_as(x)), r(2, 4, 3, 5), r(1, 4, 1, 5)),
    "pad_reflect": (nn.ReflectionPad2d((1, 2, 3, 4)), r(*X)),
    "pad_replicate": (nn.ReplicationPad2d(2), r(*X)),
    "pad_zero": (nn.ZeroPad2d((1, 0, 2, -1)), r(*X)),
    "pad_1d": (nn.ReflectionPad1d(3), r(2, 3, 8)),
    "pixel_shuffle": (nn.PixelShuffle(2), r(*X)),
    "pixel_unshuffle": (nn.PixelUnshuffle(2), r(*X)),
    "prelu": (nn.PReLU(4), r(*X)),
    "activations": (Call(lambda x: F.silu(x) + F.mish(x) + F.elu(x) + F.selu(x) + F.hardswish(x) + F.hardsigmoid(x) + F.softplus(x) + F.leaky_relu(x, 0.2) + F.softsign(x)), r(*X)),
    "glu": (nn.GLU(1), r(*X)),
    "softmax": (Call(lambda x: torch.softmax(x, 1) + F.log_softmax(x, -1)), r(*X)),
    "gram": (Call(lambda x: torch.bmm(x.flatten(2), x.flatten(2).transpose(1, 2)) / x[0].numel()), r(*X)),
    "adain": (Call(lambda x, y: (x - x.mean((2, 3), keepdim=True)) / (x.std((2, 3), keepdim=True) + 1e-5) * y.var((2, 3), keepdim=True).sqrt() + y.mean((2, 3), keepdim=True)), r(*X), r(1, 4, 5, 5)),
    "einsum": (Call(lambda x, y: torch.einsum("bchw,bcd->bdhw", x, y)), r(*X), r(1, 4, 3)),
    "slices": (Call(lambda x: torch.cat([x[:, 1:3, ::2], x[:, -2:, 1::2].flip(3)], 1)), r(*X)),
    "index": (Call(lambda x: x[:, [2, 0, 1]]), r(*X)),
    "index_2": (Call(lambda x: x[:, :, [1, 2], [3, 4]]), r(*X)),
    "split": (Call(lambda x: [torch.split(x, [1, 3], 1)[1], x.chunk(2, 1)[0]]), r(*X)),
    "stack": (Call(lambda x: torch.stack([x, x * 2], 2).squeeze(0).unsqueeze(-1)), r(*X)),
    "expand": (Call(lambda x: x.mean(1, keepdim=True).expand(-1, 4, -1, -1) + x.repeat(1, 1, 1, 1)), r(*X)),
    "roll": (Call(lambda x: torch.roll(x, (1, -2), (2, 3))), r(*X)),
    "compare": (Call(lambda x: torch.where(x > 0, x, -x * 0.5).masked_fill(x > 1, 1.0).clamp(-0.2, 0.8)), r(*X)),
    "arith": (Call(lambda x: (x * 2 - 1) / 3 + (1 - x) ** 2 + torch.rsqrt(x.abs() + 1) + torch.exp(-x) + torch.sqrt(x.abs()) + torch.reciprocal(x.abs() + 1)), r(*X)),
    "arith_2": (Call(lambda x: torch.maximum(x, x.roll(1, 3)) + torch.remainder(x, 0.7) + torch.floor(x) + x.pow(3) + torch.atan(x) + x.sign() + torch.log(x.abs() + 0.1)), r(*X)),
    "reduce": (Call(lambda x: x.amax((2, 3)) + x.sum((2, 3)) + x.amin((2, 3)) + x.norm(dim=(2, 3)) + x.mean((2, 3))), r(*X)),
    "max_dim": (Call(lambda x: x.max(1)[0] + x.min(1)[0]), r(*X)),
    "cumsum": (Call(lambda x: torch.cumsum(x, 2)), r(*X)),
    "triangle": (Call(lambda x: torch.tril(x) + torch.triu(x, 1) * 2), r(*X)),
    "embedding": (Call(lambda e, i: e(i), nn.Embedding(20, 6)), torch.tensor([[3, 7, 19, 0]])),
    "matmul": (Call(lambda x, y: x @ y.transpose(-1, -2)), r(2, 3, 5, 6), r(2, 3, 4, 6)),
    "linear_4d": (nn.Linear(10, 7), r(*X)),
    "linear_vector": (nn.Linear(10, 7), r(10)),
    "unet": (nn.Sequential(nn.Conv2d(4, 8, 3, 1, 1), nn.GroupNorm(4, 8), nn.SiLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.Dropout(), nn.Upsample(scale_factor=2), nn.Conv2d(8, 4, 3, 1, 1), nn.Tanh()), r(*X)),
    "views": (Call(lambda x: x.view(1, 2, 2, 8, 10).permute(0, 2, 1, 3, 4).reshape(1, 4, 80).transpose(1, 2).contiguous().flatten(1)), r(*X)),
    "meshgrid": (Call(lambda x: x + torch.meshgrid(torch.arange(8.0), torch.arange(10.0), indexing="ij")[0]), r(*X)),
    "grid": (Call(lambda x: x * torch.linspace(0, 1, 10) + torch.ones_like(x) * torch.zeros(1, 4, 1, 1) + torch.full((10,), 0.5)), r(*X)),
    "lstm_free": (Call(lambda x: torch.addmm(torch.ones(3), x, torch.ones(4, 3), beta=0.5, alpha=2)), r(2, 4)),
}


def main():
    root = pathlib.Path(sys.argv[1])
    root.mkdir(parents=True, exist_ok=True)
    index = {}
    for name, (module, *inputs) in CASES.items():
        module.eval()
        with torch.no_grad():
            for p in module.parameters():
                p += 0.1 * torch.randn_like(p)
            for n, b in module.named_buffers():
                if "running" in n:
                    b += 0.3 * torch.rand_like(b)
            out = module(*inputs)
        out = out if isinstance(out, (list, tuple)) else [out]
        for core in (False, True):
            p = torch.export.export(module, tuple(inputs))
            key = name + (".core" if core else "")
            torch.export.save(p.run_decompositions() if core else p, root / f"{key}.pt2")
            index[key] = {"inputs": [list(x.shape) for x in inputs], "outputs": [list(y.shape) for y in out]}
            for k, t in [(f"in{i}", x) for i, x in enumerate(inputs)] + [(f"out{i}", y) for i, y in enumerate(out)]:
                np.ascontiguousarray(t.float().numpy(), "<f4").tofile(root / f"{key}.{k}.f32")
    (root / "index.json").write_text(json.dumps(index))
    print(len(index), "programs")


if __name__ == "__main__":
    main()
