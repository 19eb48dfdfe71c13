"""Makes ten pairs of pictures and scores.json, the reference values of SSIM, MS-SSIM and PSNR: python make.py

Needs scikit-image 0.25 or later, Pillow, PyTorch and pytorch-msssim 1.0.0 (PyPI), which are the references. The pictures are crops of scikit-image's
sample photos: astronaut (NASA, public domain), coffee (Rachel Michetti, CC0) and chelsea (Stefan van der Walt, CC0). Their sides are odd and
even, as MS-SSIM halves them.
"""

import io
import json
import pathlib

import numpy as np
import torch
from PIL import Image
from pytorch_msssim import ms_ssim
from skimage import color, data, filters, metrics, util

here = pathlib.Path(__file__).parent
random = np.random.default_rng(11)
photos = {"astronaut": data.astronaut(), "coffee": data.coffee(), "chelsea": data.chelsea()}
crops = {"astronaut": (20, 150, 171, 162), "coffee": (80, 190, 164, 181), "chelsea": (50, 120, 161, 168)}


def crop(name, dy=0, dx=0):
    top, left, height, width = crops[name]
    return photos[name][top + dy : top + dy + height, left + dx : left + dx + width, :3].astype(np.uint8)


def clip(p):
    return np.clip(p + 0.5, 0, 255).astype(np.uint8)


def noise(p, deviation):
    return clip(p + random.normal(0, deviation, p.shape))


def blur(p, sigma):
    return clip(255 * filters.gaussian(p, sigma, channel_axis=2))


def jpeg(p, quality):
    b = io.BytesIO()
    Image.fromarray(p).save(b, "JPEG", quality=quality)
    return np.asarray(Image.open(b))


def salt(p):
    return clip(255 * util.random_noise(p, "s&p", amount=0.05, rng=5))


pairs = {
    "blur": ("astronaut", blur(crop("astronaut"), 1.0)),
    "blur-strong": ("coffee", blur(crop("coffee"), 3.5)),
    "noise": ("chelsea", noise(crop("chelsea"), 12)),
    "noise-strong": ("coffee", noise(crop("coffee"), 45)),
    "salt": ("astronaut", salt(crop("astronaut"))),
    "jpeg": ("astronaut", jpeg(crop("astronaut"), 60)),
    "jpeg-strong": ("chelsea", jpeg(crop("chelsea"), 8)),
    "shift": ("chelsea", crop("chelsea", 1, 0)),
    "shift-far": ("coffee", crop("coffee", 4, 7)),
    "hue": ("chelsea", crop("chelsea")[..., [2, 0, 1]]),
}


def scale(a, b):
    """pytorch-msssim of arrays (H,W) or (H,W,C) from 0 to 255."""
    x, y = (torch.from_numpy(np.atleast_3d(p).astype(np.float64).transpose(2, 0, 1)[None].copy()) for p in (a, b))
    return float(ms_ssim(x, y, data_range=255, size_average=True))


def ssim(a, b, **more):
    return float(metrics.structural_similarity(
        a, b, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255, **more,
    ))


for name in photos:
    Image.fromarray(crop(name)).save(here / f"{name}.png", optimize=True)
result = []
for name, (photo, b) in pairs.items():
    a = crop(photo)
    Image.fromarray(b).save(here / f"{name}.png", optimize=True)
    ga, gb = 255 * color.rgb2gray(a), 255 * color.rgb2gray(b)
    fa, fb = a.astype(np.float64), b.astype(np.float64)
    result.append({
        "photo": photo, "picture": name,
        "ssim": ssim(ga, gb), "ssim_rgb": ssim(fa, fb, channel_axis=2),
        "ms_ssim": scale(ga, gb), "ms_ssim_rgb": scale(a, b),
        "psnr": float(metrics.peak_signal_noise_ratio(a, b, data_range=255)),
    })
(here / "scores.json").write_text(json.dumps(result, indent="\t") + "\n")
