"""Writes what the program embeds: the three packages, the built-in styles' codes, and reference outputs for the engines' tests.

  export.py --work DIR --paintings DIR --out assets/networks [--reference pipeline/style/testdata]
"""
import argparse
import base64
import colorsys
import json
import os
import shutil

import coremltools as ct
import numpy as np
import torch
import torch.nn as nn
from PIL import Image

from catalogue import PAINTINGS
from data import tensor
from networks import CODE, TOTAL, Net

SIDE = 256
MARGIN = 40  # mirrored pixels around a picture: from there on what zero padding does to the result cannot be seen
TILES = (208, 336, 464, 592, 720, 848, 1104)  # heights and widths of a tile: a picture's size and MARGIN on each side


class StyleOut(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.s = net.style

    def forward(self, x):
        return self.s.look(x)


class StatisticsOut(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.n = net

    def forward(self, thumb, code):
        return self.n.statistics(thumb, code)


class TransformOut(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.n = net

    def forward(self, x, scale, shift):
        return self.n.transform(x, scale, shift)


def package(module, inputs, outputs, path, note, half=lambda op: True):
    """inputs: (name, shape or shapes). The operations for which half holds compute in float16; inputs and outputs are float32."""
    first = [s[0] if isinstance(s, list) else s for _, s in inputs]
    traced = torch.jit.trace(module.eval(), [torch.rand(s) for s in first], check_trace=False)
    types = [ct.TensorType(n, ct.EnumeratedShapes(s, default=s[0]) if isinstance(s, list) else s) for n, s in inputs]
    m = ct.convert(
        traced, inputs=types, outputs=[ct.TensorType(o) for o in outputs], convert_to="mlprogram",
        minimum_deployment_target=ct.target.macOS13, compute_precision=ct.transform.FP16ComputePrecision(op_selector=half), skip_model_load=True,
    )
    m.short_description, m.author, m.license, m.version = note, "Gesso", "Apache-2.0", "1"
    shutil.rmtree(path, ignore_errors=True)
    m.save(path)


def read(path, long):
    im = Image.open(path).convert("RGB")
    k = long / max(im.size)
    return im.resize((round(im.width * k), round(im.height * k)), Image.LANCZOS) if k < 1 else im


def squares(im):
    """The squares that the program reads of a style picture: shorter side 256 px, evenly along the longer one."""
    w, h = im.size
    w, h = max(SIDE, w * SIDE // min(w, h)), max(SIDE, h * SIDE // min(im.size))
    a = np.asarray(im.resize((w, h), Image.LANCZOS))
    n = min((max(w, h) + SIDE - 1) // SIDE, 8)
    at = [i * (max(w, h) - SIDE) // max(n - 1, 1) for i in range(n)]
    return np.stack([a[p : p + SIDE, :SIDE] if h > w else a[:SIDE, p : p + SIDE] for p in at])


def pack(t):
    return base64.b64encode(np.asarray(t, "<f4").tobytes()).decode()


HUES = ((15, "red"), (40, "orange"), (52, "ochre"), (68, "yellow"), (165, "green"), (195, "turquoise"), (255, "blue"), (290, "violet"), (335, "pink"), (360, "red"))


def palette(im):
    """Words for the painting's main colours, those that cover most first."""
    q = im.resize((96, 96), Image.BOX).quantize(8, kmeans=4)
    colours = q.getpalette()
    words = []
    for _, i in sorted(q.getcolors(), reverse=True):
        r, g, b = (v / 255 for v in colours[3 * i : 3 * i + 3])
        h, s, v = colorsys.rgb_to_hsv(r, g, b)
        hue = next(w for end, w in HUES if 360 * h <= end)
        if s < 0.16:
            hue = "black" if v < 0.25 else "white" if v > 0.8 else "grey"
        elif hue in ("orange", "ochre", "red") and v < 0.6 and s < 0.75:
            hue = "brown"
        word = "black" if v < 0.18 else hue if hue in ("black", "white", "grey", "brown") else ("dark " if v < 0.45 else "pale " if s < 0.3 else "") + hue
        if word not in words:
            words.append(word)
    return words[:4]


def styles(net, paintings, path):
    out, style = [], StyleOut(net)
    for p in PAINTINGS:
        with torch.no_grad():
            code, stats, _ = style(tensor(squares(read(f"{paintings}/{p['file']}", 2048))))
        colours = palette(read(f"{paintings}/{p['file']}", 2048))
        out.append({k: v for k, v in p.items() if k != "file"} | {"palette": colours, "code": pack(code.mean(0)), "moments": pack(stats.mean(0))})
    json.dump(out, open(path, "w"), indent=1, ensure_ascii=False)


def pattern(c, h, w):
    """A picture by formula, in 0..1, that the tests make again."""
    k, y, x = np.meshgrid(np.arange(c), np.arange(h), np.arange(w), indexing="ij")
    return (0.5 + 0.5 * np.sin(0.05 * x * (k + 1) + 0.031 * y + 0.002 * x * y / (k + 1))).astype("f4")


def reference(net, dir):
    """Float32 outputs of PyTorch for pattern pictures, little-endian float32: what every engine must give within 2e-2."""
    os.makedirs(dir, exist_ok=True)
    with torch.no_grad():
        square = torch.tensor(pattern(3, SIDE, SIDE))[None]
        code, stats, map_ = StyleOut(net)(square)
        scale, shift = net.statistics(square, code)
        out = net.transform(torch.tensor(pattern(3, 208, 336))[None], scale, shift)[..., ::4, ::4]
    for n, t in dict(code=code, moments=stats, map=map_[..., ::4, ::4], scale=scale, shift=shift, stylized=out).items():
        np.ascontiguousarray(t.numpy(), "<f4").tofile(f"{dir}/{n}.f32")


def main():
    q = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    q.add_argument("--work", required=True), q.add_argument("--paintings", required=True)
    q.add_argument("--out", required=True), q.add_argument("--reference")
    a = q.parse_args()
    net = Net()
    net.load_state_dict(torch.load(a.work + "/net.pt", weights_only=True)["net"])
    net.eval()
    for p in net.parameters():  # what is written is float16; the reference is this network too
        p.data = p.data.half().float()
    os.makedirs(a.out, exist_ok=True)
    image = (1, 3, SIDE, SIDE)
    modulation = (1, TOTAL, 1, 1)
    package(StyleOut(net), [("image", image)], ["style_code", "moments", "structure"], a.out + "/style.mlpackage",
            "Style code of a picture (0..1, RGB), with the moments and a map that the scores compare",
            lambda op: op.op_type in ("conv", "leaky_relu", "linear"))  # the statistics' small differences need float32
    package(StatisticsOut(net), [("thumbnail", image), ("code", (1, CODE))], ["scale", "shift"], a.out + "/statistics.mlpackage",
            "Scale and shift of every normalised channel, from a thumbnail of the photo and a style code")
    tiles = [(1, 3, h, w) for h in TILES for w in TILES]
    package(TransformOut(net), [("image", tiles), ("scale_in", modulation), ("shift_in", modulation)], ["stylized"],
            a.out + "/transform.mlpackage", "A tile of the photo to a stylized tile (0..1, RGB, not clipped)")
    styles(net, a.paintings, a.out + "/styles.json")
    if a.reference:
        reference(net, a.reference)


if __name__ == "__main__":
    main()
