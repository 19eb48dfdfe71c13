"""The transform network of fast neural style transfer, as PyTorch's examples and most of its descendants have it.

Johnson et al., "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV 2016, with instance
normalization (Ulyanov et al., 2016) and upsampling in place of transposed convolutions. Written from the papers for
timing: its weights are random.
"""

import torch
from torch import nn


def conv(channels_in, channels_out, kernel, stride=1):
    """A convolution behind reflection padding that keeps the size but for the stride."""
    return nn.Sequential(nn.ReflectionPad2d(kernel // 2), nn.Conv2d(channels_in, channels_out, kernel, stride))


def normalized(layer, channels):
    """layer, then instance normalization and ReLU."""
    return nn.Sequential(layer, nn.InstanceNorm2d(channels, affine=True), nn.ReLU())


class Residual(nn.Module):
    """Two 3x3 convolutions beside an identity."""

    def __init__(self, channels):
        super().__init__()
        self.body = nn.Sequential(
            normalized(conv(channels, channels, 3), channels),
            conv(channels, channels, 3),
            nn.InstanceNorm2d(channels, affine=True),
        )

    def forward(self, x):
        return x + self.body(x)


def transformer_net():
    """(N, 3, H, W) in 0..255 to the same shape, H and W multiples of 4."""
    torch.manual_seed(0)
    return nn.Sequential(
        normalized(conv(3, 32, 9), 32),
        normalized(conv(32, 64, 3, 2), 64),
        normalized(conv(64, 128, 3, 2), 128),
        *[Residual(128) for _ in range(5)],
        nn.Upsample(scale_factor=2, mode="nearest"),
        normalized(conv(128, 64, 3), 64),
        nn.Upsample(scale_factor=2, mode="nearest"),
        normalized(conv(64, 32, 3), 32),
        conv(32, 3, 9),
    ).eval()
