"""Pictures to look at while training: photos x paintings as the program will make them (thumbnail statistics, margin), on one sheet.

  sheet.py --work DIR --photos FILE... --paintings FILE... [--size 512] [--strength 1] -o sheet.jpg
"""
import argparse

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

from data import tensor
from export import MARGIN, SIDE, read, squares
from networks import Net


def stylize(net, photo, code, strength=1.0):
    """photo: PIL; code (1,CODE) -> uint8 (H,W,3)."""
    x = tensor(np.asarray(photo)[None])
    h, w = x.shape[-2:]
    thumb = F.interpolate(x, size=(SIDE, SIDE), mode="area")
    own = net.style(thumb)
    scale, shift = net.statistics(thumb, own + strength * (code - own))
    right, below = (-w - 2 * MARGIN) % 8 + MARGIN, (-h - 2 * MARGIN) % 8 + MARGIN
    y = net.transform(F.pad(x, (MARGIN, right, MARGIN, below), mode="reflect"), scale, shift)[..., MARGIN : MARGIN + h, MARGIN : MARGIN + w]
    return (y[0].permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()


def main():
    q = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    q.add_argument("--work", required=True), q.add_argument("--photos", nargs="+", required=True), q.add_argument("--paintings", nargs="+", required=True)
    q.add_argument("--size", type=int, default=512), q.add_argument("--strength", type=float, default=1), q.add_argument("-o", default="sheet.jpg")
    a = q.parse_args()
    net = Net()
    net.load_state_dict(torch.load(a.work + "/net.pt", weights_only=True)["net"])
    net.eval()
    with torch.no_grad():
        photos = [read(p, a.size) for p in a.photos]
        codes = [net.style(tensor(squares(read(p, 2048)))).mean(0, keepdim=True) for p in a.paintings]
        rows = [np.concatenate([np.asarray(p)] + [stylize(net, p, c, a.strength) for c in codes], 1) for p in photos]
    width = max(r.shape[1] for r in rows)
    Image.fromarray(np.concatenate([np.pad(r, ((0, 0), (0, width - r.shape[1]), (0, 0))) for r in rows])).save(a.o, quality=90)


if __name__ == "__main__":
    main()
