"""Makes the pictures of the colour tests with littlecms: python colour.py, with Pillow and NumPy. Run it in this folder.

Each NAME.tif or .jpg or .png holds a profile; NAME-srgb.png is littlecms' conversion (perceptual) to sRGB.
"""
import io
import struct

import numpy as np
from PIL import Image, ImageCms

D50 = np.array([0.9642, 1.0, 0.8249])
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


def xyz(x, y):
    return np.array([x / y, 1, (1 - x - y) / y])


def matrix(primaries, white):
    m = np.stack([xyz(*p) for p in primaries], 1)
    m = m * np.linalg.solve(m, xyz(*white))
    a = BRADFORD @ xyz(*white)
    return np.linalg.inv(BRADFORD) @ np.diag(BRADFORD @ D50 / a) @ BRADFORD @ m


def fixed(v):
    return struct.pack(">i", round(float(v) * 65536))


def profile(space, pcs, kind, version, tags):
    tags = {"wtpt": b"XYZ \0\0\0\0" + b"".join(map(fixed, D50)), "cprt": b"text\0\0\0\0CC0\0", **tags}
    at, table, body = 132 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        table += name.encode() + struct.pack(">II", at + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    head = struct.pack(">I4sI4s4s4s12s4s", at + len(body), b"\0" * 4, version << 24, kind, space, pcs, b"\7\xe6\0\1\0\1" + b"\0" * 6, b"acsp")
    head += b"\0" * 28 + b"".join(map(fixed, D50))
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def rgb(primaries, white, curve):
    m = matrix(primaries, white)
    tags = {}
    for i, c in enumerate("rgb"):
        tags[c + "XYZ"] = b"XYZ \0\0\0\0" + b"".join(map(fixed, m[:, i]))
        tags[c + "TRC"] = curve
    return profile(b"RGB ", b"XYZ ", b"mntr", 2 if curve[:4] == b"curv" else 4, tags)


def gamma(g):
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(g * 256))


def para(kind, *v):
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + b"".join(map(fixed, v))


def cmyk():
    """A printer by Neugebauer's equations with 9 steps of each ink, Lab in 16 bits (lut16Type)."""
    n = 9
    inks = np.array([[0.12, 0.22, 0.55], [0.30, 0.16, 0.18], [0.70, 0.76, 0.07], [0.03, 0.03, 0.025]])
    grid = np.stack(np.meshgrid(*[np.linspace(0, 1, n) ** 0.8] * 4, indexing="ij"), -1).reshape(-1, 4)
    light = np.ones((len(grid), 3)) * 0.88
    for i in range(4):
        light = light * (1 - grid[:, i : i + 1] + grid[:, i : i + 1] * inks[i])
    t = light + 0.005
    f = np.where(t > 216 / 24389, np.cbrt(t), (24389 / 27 * t + 16) / 116)
    lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)
    clut = np.stack([lab[:, 0] / 100 * 65280, (lab[:, 1] + 128) * 256, (lab[:, 2] + 128) * 256], 1)
    clut = np.clip(np.round(clut), 0, 65535).astype(">u2").tobytes()
    line = struct.pack(">HH", 0, 65535)
    mft2 = b"mft2\0\0\0\0" + bytes([4, 3, n, 0]) + b"".join(map(fixed, np.eye(3).ravel())) + struct.pack(">HH", 2, 2) + line * 4 + clut + line * 3
    return profile(b"CMYK", b"Lab ", b"prtr", 2, {"A2B0": mft2})


def swatches(channels):
    """48x48 pixels: smooth ramps and a spread of colours."""
    random = np.random.default_rng(7)
    a = random.integers(0, 256, (48, 48, channels), dtype=np.uint8)
    y, x = np.mgrid[0:24, 0:48]
    for c in range(channels):
        a[:24, :, c] = [x * 255 // 47, y * 255 // 23, 255 - x * 255 // 47, (x + y) % 24 * 2][c]
    return a


D65 = (0.3127, 0.3290)
SRGB = para(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
target = ImageCms.createProfile("sRGB")
for name, mode, data in [
    ("displayp3", "RGB", rgb([(0.68, 0.32), (0.265, 0.69), (0.15, 0.06)], D65, SRGB)),
    ("adobergb", "RGB", rgb([(0.64, 0.33), (0.21, 0.71), (0.15, 0.06)], D65, gamma(563 / 256))),
    ("prophoto", "RGB", rgb([(0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)], (0.3457, 0.3585), para(3, 1.8, 1, 0, 1 / 16, 0.03125))),
    ("grey", "L", profile(b"GRAY", b"XYZ ", b"mntr", 2, {"kTRC": gamma(1.8)})),
    ("cmyk", "CMYK", cmyk()),
]:
    image = Image.fromarray(swatches(len(Image.new(mode, (1, 1)).getbands())).squeeze(), mode)
    source = ImageCms.ImageCmsProfile(io.BytesIO(data))
    ImageCms.profileToProfile(image, source, target, outputMode="RGB").save(f"{name}-srgb.png", optimize=True)
    image.save(f"{name}.tif", icc_profile=data, compression="tiff_lzw") if mode == "CMYK" else image.save(f"{name}.png", icc_profile=data)
    if mode == "CMYK":  # and as JPEG, with Adobe's inverted inks; the reference is of the decoded pixels
        image.save("cmyk-profile.jpg", icc_profile=data, quality=95)
        decoded = Image.open("cmyk-profile.jpg")
        ImageCms.profileToProfile(decoded, source, target, outputMode="RGB").save("cmyk-profile-srgb.png", optimize=True)
    if name == "prophoto":  # 16 bits, as cameras' converters write it; the reference is of the upper 8 bits
        import tifffile

        tifffile.imwrite("deep.tif", swatches(3).astype(np.uint16) * 257, photometric="rgb", iccprofile=data, compression="zlib")
