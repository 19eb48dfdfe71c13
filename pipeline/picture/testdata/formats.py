"""Makes the small pictures of the format tests: python formats.py, with Pillow, NumPy, pillow-heif and tifffile. Run it in this folder."""
import io

import numpy as np
import pillow_heif
import tifffile
from PIL import Image

a = np.zeros((32, 48, 3), np.uint8)
a[:16, :24], a[:16, 24:], a[16:, :24], a[16:, 24:] = (220, 40, 40), (40, 200, 60), (40, 60, 220), (255, 255, 255)
image, black = Image.fromarray(a), Image.new("RGB", (48, 32))
image.quantize(8, dither=0).save("palette.png")
image.save("plain.bmp")
image.save("lzw.tif", compression="tiff_lzw")
image.save("packbits.tif", compression="packbits")
image.quantize(8, dither=0).save("palette.tif")
image.quantize(8, dither=0).save("still.gif")
image.quantize(8, dither=0).save("film.gif", save_all=True, append_images=[black], duration=100, loop=0)
image.save("film.webp", save_all=True, append_images=[black], duration=100, lossless=True)
image.save("web.avif", quality=95, subsampling="4:4:4")
pillow_heif.from_pillow(image.resize((192, 128), Image.NEAREST)).save("phone.heic", quality=95)
tifffile.imwrite("tiles-planar.tif", np.moveaxis(a, 2, 0), photometric="rgb", planarconfig="separate", tile=(16, 32), compression="zlib", metadata=None)
tifffile.imwrite("deep-planar.tif", np.moveaxis(a.astype(">u2") * 257, 2, 0), photometric="rgb", planarconfig="separate", byteorder=">", metadata=None)

# CMYK without Adobe's segment: inks as they are.
inks = Image.fromarray(np.concatenate([255 - a, np.zeros((32, 48, 1), np.uint8)], 2), "CMYK")
b = io.BytesIO()
Image.fromarray(np.asarray(inks)[..., :] ^ 255, "CMYK").save(b, "JPEG", quality=95)  # Pillow inverts
data = b.getvalue()
at = data.index(b"\xff\xee")
data = data[:at] + data[at + 2 + int.from_bytes(data[at + 2 : at + 4]) :]
open("inks.jpg", "wb").write(data)

# Interlaced and 16-bit PNG, which Pillow does not write.
import struct
import zlib


def png(name, depth, interlace, raw):
    chunk = lambda kind, d: struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d))
    head = struct.pack(">IIBBBBB", 48, 32, depth, 2, 0, 0, interlace)
    open(name, "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b""))


passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
png("interlaced.png", 8, 1, b"".join(b"\0" + row.tobytes() for x, y, dx, dy in passes for row in a[y::dy, x::dx]))
png("deep.png", 16, 0, b"".join(b"\0" + row.tobytes() for row in a.astype(">u2") * 257))
