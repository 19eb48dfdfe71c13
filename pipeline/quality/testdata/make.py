"""Makes the pairs of pictures and ssim.json, the reference values of the tests of SSIM: python make.py

Needs scikit-image 0.25 or later, which is the reference. The pictures are crops of its sample photos: astronaut (NASA, public
domain), coffee (Rachel Michetti, CC0) and chelsea (Stefan van der Walt, CC0).
"""

import json
import pathlib

import numpy as np
import skimage
from skimage import color, data, filters, io, metrics

here = pathlib.Path(__file__).parent
random = np.random.default_rng(7)


def crop(picture, top, left, height, width):
    return picture[top : top + height, left : left + width, :3].astype(np.uint8)


def noise(p):
    return np.clip(p + random.normal(0, 18, p.shape), 0, 255).astype(np.uint8)


def blur(p):
    return np.clip(255 * filters.gaussian(p, 1.8, channel_axis=2) + 0.5, 0, 255).astype(np.uint8)


def brighten(p):
    return np.clip(p * 1.25 + 20, 0, 255).astype(np.uint8)


def paint(p):
    """Flat patches of few tones, with the hue turned as a style does."""
    flat = np.stack([filters.median(p[..., c], np.ones((7, 7))) for c in range(3)], axis=2)
    return (flat // 43 * 51)[..., [2, 0, 1]].astype(np.uint8)


def similarity(a, b):
    return metrics.structural_similarity(
        color.rgb2gray(a), color.rgb2gray(b),
        gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1.0, full=True,
    )


astronaut, coffee, chelsea = data.astronaut(), data.coffee(), data.chelsea()
face = crop(astronaut, 30, 160, 144, 128)
cup = crop(coffee, 90, 200, 120, 160)
cat = crop(chelsea, 60, 130, 128, 160)
pairs = {
    "noise": (face, noise(face)),
    "blur": (cup, blur(cup)),
    "shift": (cat, crop(chelsea, 62, 133, 128, 160)),
    "brightness": (crop(astronaut, 380, 40, 96, 112), brighten(crop(astronaut, 380, 40, 96, 112))),
    "painted": (crop(coffee, 150, 60, 131, 157), paint(crop(coffee, 150, 60, 131, 157))),
}

result = {"scikit-image": skimage.__version__, "pairs": []}
for name, (a, b) in pairs.items():
    io.imsave(here / f"{name}-a.png", a, check_contrast=False)
    io.imsave(here / f"{name}-b.png", b, check_contrast=False)
    mean, full = similarity(a, b)
    h, w = full.shape
    points = [(0, 0), (w - 1, 0), (0, h - 1), (w - 1, h - 1), (3, h // 2), (w // 2, 2), (w // 2, h // 2), (w // 3, h // 4)]
    result["pairs"].append({
        "name": name,
        "ssim": float(mean),
        "map": [{"x": x, "y": y, "ssim": float(full[y, x])} for x, y in points],
    })
(here / "ssim.json").write_text(json.dumps(result, indent="\t") + "\n")
