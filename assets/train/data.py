"""Training pictures: photos and paintings, and the teacher's pairs."""
import glob
import os
import random

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

Image.MAX_IMAGE_PIXELS = None


def load(folders, short, least=500):
    """Every picture below the folders, once a name, its shorter side `short` pixels, as uint8 (H,W,3)."""
    files = {}
    for d in folders:
        for f in glob.glob(d + "/**/*", recursive=True):
            if f.lower().rsplit(".", 1)[-1] not in ("jpg", "jpeg", "png", "webp") or os.path.islink(f):
                continue
            parts = f.split("/")
            key = parts[-4] + parts[-2] if parts[-3] == "contents" else f
            if key not in files or os.path.getsize(f) > os.path.getsize(files[key]):
                files[key] = f
    out = []
    for f in sorted(files.values()):
        im = Image.open(f)
        if min(im.size) < least:
            continue
        im.draft("RGB", (short, short))
        im = im.convert("RGB")
        k = short / min(im.size)
        out.append(np.asarray(im.resize((round(im.width * k), round(im.height * k)), Image.LANCZOS if k < 1 else Image.BICUBIC)))
    return out


def crop(a, size, lo, hi):
    """A random square of lo..hi of the shorter side, mirrored half of the time, at size x size, uint8."""
    h, w = a.shape[:2]
    c = int(min(h, w) * random.uniform(lo, hi))
    x, y = random.randint(0, w - c), random.randint(0, h - c)
    im = Image.fromarray(a[y : y + c, x : x + c]).resize((size, size), Image.BICUBIC)
    return np.asarray(im.transpose(Image.FLIP_LEFT_RIGHT) if random.random() < 0.5 else im)


def recolour(a):
    """Channel permutations and negatives now and then: palettes that no painting of the set has."""
    r = random.random()
    return np.ascontiguousarray(a[..., np.random.permutation(3)]) if r < 0.25 else 255 - a if r < 0.3 else a


def tensor(a):
    """uint8 (N,H,W,3) -> float (N,3,H,W) in 0..1."""
    return torch.as_tensor(a).permute(0, 3, 1, 2).float().div(255)


def to(x, size):
    return x if x.shape[-1] == size and x.shape[-2] == size else F.interpolate(x, size=(size, size), mode="area")


def pairs(out, n, content, style, models, threads):
    """n triples of content (384 px), style (256 px) and what the teacher, Magenta's arbitrary style networks, makes of them."""
    import onnxruntime as ort

    o = ort.SessionOptions()
    o.intra_op_num_threads = threads
    predict, transform = (ort.InferenceSession(f"{models}/arbitrary_{k}.onnx", o) for k in ("predict", "transform"))
    photos, paintings = load(content, 512), load(style, 512, 190)
    print(len(photos), "photos", len(paintings), "paintings", flush=True)
    c, s, y = np.empty((n, 384, 384, 3), np.uint8), np.empty((n, 256, 256, 3), np.uint8), np.empty((n, 384, 384, 3), np.uint8)
    for i in range(n):
        c[i] = crop(random.choice(photos), 384, 0.6, 1)
        s[i] = recolour(crop(random.choice(paintings if random.random() < 0.75 else photos), 256, 0.4, 1))
        z = predict.run(None, {predict.get_inputs()[0].name: s[i : i + 1].astype(np.float32) / 255})[0]
        t = transform.run(None, {"content_image": c[i : i + 1].astype(np.float32) / 255, transform.get_inputs()[1].name: z})[0]
        y[i] = (t[0] * 255).round().clip(0, 255)
        if i % 200 == 0:
            print("pairs", i, flush=True)
    np.savez(out, c=c, s=s, y=y)
