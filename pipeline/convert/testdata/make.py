"""Makes the networks that conversion is tested with, and what PyTorch gives for them. Run it in this folder; it needs PyTorch, onnx and safetensors.

Inputs are by formula (pattern), outputs are little-endian float32.
"""

import json
import pathlib
import sys
import zipfile

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

torch.manual_seed(0)
torch.set_num_threads(1)


def pattern(shape, scale=1.0):
    """Numbers by formula that the tests make again."""
    n = int(np.prod(shape))
    i = np.arange(n, dtype=np.float64)
    return torch.tensor((scale * (0.5 + 0.5 * np.sin(0.37 * i + 0.0011 * i * (i % 17)))).astype("f4").reshape(shape))


def write(name, t):
    np.ascontiguousarray(t.detach().numpy(), "<f4").tofile(f"{name}.f32")


class ConvLayer(nn.Module):
    def __init__(self, i, o, k, s, up=None):
        super().__init__()
        self.up = up
        self.reflection_pad = nn.ReflectionPad2d(k // 2)
        self.conv2d = nn.Conv2d(i, o, k, s)

    def forward(self, x):
        if self.up:
            x = nn.functional.interpolate(x, mode="nearest", scale_factor=self.up)
        return self.conv2d(self.reflection_pad(x))


class Norms(nn.Module):
    """Instance normalisation with a scale and a shift for each style."""

    def __init__(self, styles, c):
        super().__init__()
        self.weight, self.bias = nn.Parameter(1 + 0.3 * torch.randn(styles, c)), nn.Parameter(0.3 * torch.randn(styles, c))

    def forward(self, x, mix):
        return nn.functional.instance_norm(x) * (mix @ self.weight)[:, :, None, None] + (mix @ self.bias)[:, :, None, None]


class Residual(nn.Module):
    def __init__(self, c, norm):
        super().__init__()
        self.conv1, self.in1 = ConvLayer(c, c, 3, 1), norm(c)
        self.conv2, self.in2 = ConvLayer(c, c, 3, 1), norm(c)

    def forward(self, x, *mix):
        return self.in2(self.conv2(torch.relu(self.in1(self.conv1(x), *mix))), *mix) + x


class TransformerNet(nn.Module):
    """As PyTorch's examples/fast_neural_style has it, with fewer channels."""

    def __init__(self, c=(4, 6, 8), norm=lambda c: nn.InstanceNorm2d(c, affine=True)):
        super().__init__()
        self.conv1, self.in1 = ConvLayer(3, c[0], 9, 1), norm(c[0])
        self.conv2, self.in2 = ConvLayer(c[0], c[1], 3, 2), norm(c[1])
        self.conv3, self.in3 = ConvLayer(c[1], c[2], 3, 2), norm(c[2])
        for i in range(1, 6):
            setattr(self, f"res{i}", Residual(c[2], norm))
        self.deconv1, self.in4 = ConvLayer(c[2], c[1], 3, 1, 2), norm(c[1])
        self.deconv2, self.in5 = ConvLayer(c[1], c[0], 3, 1, 2), norm(c[0])
        self.deconv3 = ConvLayer(c[0], 3, 9, 1)

    def forward(self, x, *mix):
        y = torch.relu(self.in1(self.conv1(x), *mix))
        y = torch.relu(self.in2(self.conv2(y), *mix))
        y = torch.relu(self.in3(self.conv3(y), *mix))
        for i in range(1, 6):
            y = getattr(self, f"res{i}")(y, *mix)
        y = torch.relu(self.in4(self.deconv1(y), *mix))
        y = torch.relu(self.in5(self.deconv2(y), *mix))
        return self.deconv3(y)




def export(program, path):
    """Saves an exported program without the notes on where in the source each operation came from, which are most of it."""
    torch.export.save(program, path)
    with zipfile.ZipFile(path) as z:
        records = {n: z.read(n) for n in z.namelist() if "example_inputs" not in n}
    with zipfile.ZipFile(path, "w") as z:
        for name, data in records.items():
            if name.endswith("exported_program.json"):
                graph = json.loads(data)
                for n in graph["graph_module"]["graph"]["nodes"]:
                    n["metadata"] = {}
                data = json.dumps(graph, separators=(",", ":"))
                z.writestr(name, data, zipfile.ZIP_DEFLATED)
            else:
                z.writestr(name, data)


SIDES = (32, 48)  # height, width


def transformer():
    net = TransformerNet().eval()
    for p in net.parameters():
        if p.dim() == 1:
            p.data += 0.1 * torch.randn_like(p)
    x = pattern((1, 3, *SIDES), 255)
    write("transformer", net(x))
    state = net.state_dict()
    torch.save(state, "transformer.pth")
    torch.save(state, "transformer_legacy.pth", _use_new_zipfile_serialization=False)
    save_file(state, "transformer.safetensors")
    torch.jit.trace(net, x).save("transformer.pt")
    torch.onnx.export(net, x, "transformer.onnx", opset_version=17, input_names=["image"], output_names=["stylized"],
                      dynamic_axes={"image": {2: "h", 3: "w"}, "stylized": {2: "h", 3: "w"}}, dynamo=False)
    export(torch.export.export(net, (x,)), "transformer.pt2")
    export(torch.export.export(net, (x,)).run_decompositions(), "transformer_core.pt2")
    old = dict(state)
    for n in list(state):
        if n.split(".")[-2].startswith("in") and n.endswith("weight"):
            old[n.replace("weight", "running_mean")] = torch.zeros_like(state[n])
            old[n.replace("weight", "running_var")] = torch.ones_like(state[n])
    torch.save({"epoch": 2, "state_dict": {"module." + k: v for k, v in old.items()}}, "transformer_old.pth")


def multistyle():
    net = TransformerNet(norm=lambda c: Norms(3, c)).eval()
    mix = torch.tensor([[0.2, 0.5, 0.3]])
    save_file(net.state_dict(), "multistyle.safetensors")
    write("multistyle", net(pattern((1, 3, *SIDES), 255), mix))


def adain():
    """The sequences of pytorch-AdaIN with an eighth of the channels, or less."""

    def conv(i, o):
        return [nn.ReflectionPad2d(1), nn.Conv2d(i, o, 3), nn.ReLU()]

    def up():
        return [nn.Upsample(scale_factor=2, mode="nearest")]

    a, b, c, d = 4, 6, 8, 10
    pool = [nn.MaxPool2d(2, 2, ceil_mode=True)]
    encoder = nn.Sequential(nn.Conv2d(3, 3, 1), *conv(3, a), *conv(a, a), *pool, *conv(a, b), *conv(b, b), *pool, *conv(b, c), *conv(c, c), *conv(c, c), *conv(c, c),
                            *pool, *conv(c, d), *conv(d, d), *conv(d, d), *conv(d, d), *pool, *conv(d, d), *conv(d, d), *conv(d, d), *conv(d, d))
    decoder = nn.Sequential(*conv(d, c), *up(), *conv(c, c), *conv(c, c), *conv(c, c), *conv(c, b), *up(), *conv(b, b), *conv(b, a), *up(), *conv(a, a), *conv(a, 3)[:2])
    torch.save(encoder.state_dict(), "vgg_normalised.pth")
    torch.save(decoder.state_dict(), "decoder.pth")
    x = pattern((1, 3, 40, 48))
    write("encoder", encoder[:31](x))
    write("decoder", decoder(pattern((1, d, 5, 6))))


def own():
    """Gesso's own network with few channels, as a checkpoint of its training holds it."""
    sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "assets/train"))
    import networks as n

    n.CODE, n.HALF, n.QUARTER, n.EIGHTH = 4, 4, 6, 8
    n.SITES = [8] * (1 + 2 * n.DEEP) + [6] * (2 + 2 * n.FINE) + [4] * 2
    n.TOTAL = sum(n.SITES)
    net = n.Net().eval()
    torch.save({"net": {k: v for k, v in net.state_dict().items() if not k.startswith("style.convs") and not k.startswith("style.mlp")}, "step": 7}, "own.pt")
    with torch.no_grad():
        write("own", net.transform(pattern((1, 3, *SIDES)), pattern((1, n.TOTAL, 1, 1)), pattern((1, n.TOTAL, 1, 1), 0.5)))
    print(n.TOTAL)


if __name__ == "__main__":
    own()
    transformer()
    multistyle()
    adain()
    print(sum(p.stat().st_size for p in pathlib.Path(".").iterdir()), "bytes")
