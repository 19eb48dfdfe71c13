"""The three networks of Gesso: style (a picture -> a code), statistics (thumbnail + code -> scales and shifts), transform (a tile -> a tile).

Transform and statistics share the weights of one body. The body normalises 13 feature maps; `statistics` measures their mean and deviation on
a thumbnail (thumbnail instance normalization, Chen et al., AAAI 2022) and folds them with what the code asks for into one scale and one shift
per channel, so that `transform` takes no statistics itself and tiles fit seamlessly.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F

CODE = 128  # length of a style code
HALF, QUARTER, EIGHTH = 24, 48, 128  # channels at 1/2, 1/4 and 1/8 of the picture's size
DEEP, FINE = 2, 2  # residual blocks at 1/8, for shapes, and at 1/4 on the way back, for strokes
SITES = [EIGHTH] * (1 + 2 * DEEP) + [QUARTER] * (2 + 2 * FINE) + [HALF] * 2  # channels of the normalised maps, in order of use
TOTAL = sum(SITES)
EPS = 1e-3


LIMIT = 5  # of a standardised statistic: a picture like no painting must not give a code beyond all bounds
LEAK = 0.1  # slope of the style network's leaky ReLU below 0


def conv(i, o, k, stride=1):
    c = nn.Conv2d(i, o, k, stride, (k - stride + 1) // 2 if stride > 1 else k // 2)
    nn.init.kaiming_normal_(c.weight, nonlinearity="relu")
    nn.init.zeros_(c.bias)
    return c


def double(x):
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)  # nearest neighbours leave a weave of 8 px


def moments(x, eps=EPS, least=0.0):
    """Mean and standard deviation over height and width, each (N,C). An eighth of the deviation is squared, so that the squares stay inside of
    float16; least keeps what will be a divisor above the smallest number that a float16 unit does not take for 0."""
    m = x.mean((2, 3), keepdim=True)
    d = (x - m) / 8
    return m.flatten(1), 8 * ((d * d).mean((2, 3)) + eps / 64).clamp(min=least).sqrt()


class Body(nn.Module):
    """x (N,3,H,W) in 0..1, H and W multiples of 8 -> (N,3,H,W), not clipped. Zero padding: callers give a margin and cut it off."""

    def __init__(self):
        super().__init__()
        self.stem = conv(3, HALF, 6, 2)
        self.down1 = conv(HALF, QUARTER, 3, 2)
        self.down2 = conv(QUARTER, EIGHTH, 3, 2)
        self.deep = nn.ModuleList(conv(EIGHTH, EIGHTH, 3) for _ in range(2 * DEEP))
        self.fine = nn.ModuleList(conv(QUARTER, QUARTER, 3) for _ in range(2 * FINE))
        self.low2, self.skip2, self.up2 = conv(EIGHTH, QUARTER, 1), conv(QUARTER, QUARTER, 1), conv(QUARTER, QUARTER, 3)
        self.low1, self.skip1, self.up1 = conv(QUARTER, HALF, 1), conv(HALF, HALF, 1), conv(HALF, HALF, 3)
        self.head = conv(HALF, 12, 3)
        with torch.no_grad():  # ICNR (Aitken et al. 2017): the four phases of a pixel start equal
            self.head.weight.copy_(0.2 * self.head.weight[::4].repeat_interleave(4, 0))
            self.head.bias.fill_(0.5)

    def features(self, x, mod):
        """The map before the head. mod(i, map) is called for each site in order."""
        sites = iter(range(len(SITES)))
        m = lambda t: mod(next(sites), t)
        a = F.relu(self.stem(x))
        b = F.relu(self.down1(a))
        t = F.relu(m(self.down2(b)))
        for k in range(0, 2 * DEEP, 2):
            t = t + m(self.deep[k + 1](F.relu(m(self.deep[k](t)))))
        u = F.relu(m(self.up2(double(self.low2(t)))) + m(self.skip2(b)))
        for k in range(0, 2 * FINE, 2):
            u = u + m(self.fine[k + 1](F.relu(m(self.fine[k](u)))))
        return F.relu(m(self.up1(double(self.low1(u)))) + m(self.skip1(a)))

    def forward(self, x, mod):
        y = F.pixel_shuffle(self.head(self.features(x, mod)), 2)
        return F.avg_pool2d(F.pad(y, (0, 1, 0, 1)), 2, 1)  # each 2x2 mean holds all four phases once, so they leave no grid (Sugawara et al. 2018)


class Style(nn.Module):
    """x (N,3,256,256) in 0..1 -> code (N,CODE), from the channel statistics at six scales."""

    def __init__(self):
        super().__init__()
        c = [3, 24, 48, 96, 128, 128]
        self.convs = nn.ModuleList([conv(3, 24, 6, 2)] + [conv(i, o, 3, 2) for i, o in zip(c[1:], c[2:])])
        self.mlp = nn.Sequential(nn.Linear(2 * sum(c), 512), nn.ReLU(), nn.Linear(512, CODE))
        for layer in self.mlp[::2]:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        # Mean and variance of every statistic over the styles: without them deep layers, whose statistics are small, are never heard.
        self.register_buffer("centre", torch.zeros(2 * sum(c)))
        self.register_buffer("variance", torch.ones(2 * sum(c)))

    def settle(self, stats, rate):
        """Moves centre and variance towards the batch's."""
        with torch.no_grad():
            self.centre.lerp_(stats.mean(0), rate)
            self.variance.lerp_(((stats - self.centre) ** 2).mean(0), rate)

    def forward(self, x):
        return self.look(x)[0]

    def look(self, x):
        """The code, the moments of the six layers (N,854), and the third convolution's map (N,96,32,32)."""
        stats, maps = list(moments(x, 1e-4)), []
        for c in self.convs:
            x = F.leaky_relu(c(x), LEAK)
            maps.append(x)
            stats += moments(x, 1e-4)
        stats = torch.cat(stats, 1)
        if self.training:
            self.settle(stats, 0.01)
        z = (stats - self.centre) / (self.variance + 1e-8).sqrt()
        return self.mlp(z.clamp(-LIMIT, LIMIT)), stats, maps[2]


class Net(nn.Module):
    """The whole network as it is trained."""

    def __init__(self):
        super().__init__()
        self.style, self.body = Style(), Body()
        self.affine = nn.Linear(CODE, 2 * TOTAL)
        with torch.no_grad():
            self.affine.weight.normal_(0, 0.02)
            self.affine.bias.zero_()
            self.affine.bias[:TOTAL] = 1  # gain 1

    def statistics(self, thumb, code):
        """thumb (N,3,h,w), code (N,CODE) -> scale and shift, each (N,TOTAL,1,1)."""
        gain, bias = self.affine(code).split(TOTAL, 1)
        scales, shifts, at = [], [], 0

        def mod(i, t):
            nonlocal at
            mean, dev = moments(t, least=2**-14)
            g, b = gain[:, at : at + SITES[i]], bias[:, at : at + SITES[i]]
            at += SITES[i]
            s = g / dev
            scales.append(s), shifts.append(b - mean * s)
            return t * s[..., None, None] + shifts[-1][..., None, None]

        self.body.features(thumb, mod)
        return torch.cat(scales, 1)[..., None, None], torch.cat(shifts, 1)[..., None, None]

    def transform(self, x, scale, shift):
        scales, shifts = scale.split(SITES, 1), shift.split(SITES, 1)
        return self.body(x, lambda i, t: t * scales[i] + shifts[i])

    def forward(self, x, thumb, code):
        return self.transform(x, *self.statistics(thumb, code))
