"""Makes the small files that the readers are tested with, by PyTorch and safetensors; run it in this folder."""

import collections
import json

import torch
from safetensors.torch import save_file

torch.manual_seed(0)
base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4)
tensors = collections.OrderedDict(
    plain=base,
    turned=base.permute(2, 0, 1),
    part=base[1:, :, 1:3],
    last=base.flatten()[20:],
    half=torch.tensor([1.5, -2.0], dtype=torch.float16),
    brain=torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    double=torch.tensor([0.25], dtype=torch.float64),
    long=torch.tensor([-3, 1 << 40]),
    byte=torch.tensor([0, 255], dtype=torch.uint8),
    truth=torch.tensor([True, False]),
    scalar=torch.tensor(7.0),
    none=torch.zeros(0, 3),
)
torch.save(tensors, "plain.pth")
torch.save(tensors, "legacy.pth", _use_new_zipfile_serialization=False)
torch.save({"epoch": 3, "loss": 0.5, "state_dict": {"module." + k: torch.nn.Parameter(v) if v.is_floating_point() else v for k, v in tensors.items()},
            "optimizer": {"state": {0: {"exp_avg": base}}}}, "training.ckpt")
save_file({k: v.contiguous().clone() for k, v in tensors.items()}, "plain.safetensors", metadata={"made": "by hand"})
names = list(tensors)
shards = {"a.safetensors": names[:5], "b.safetensors": names[5:]}
for file, keys in shards.items():
    save_file({k: tensors[k].contiguous().clone() for k in keys}, file)
json.dump({"metadata": {}, "weight_map": {k: f for f, keys in shards.items() for k in keys}}, open("model.safetensors.index.json", "w"))


class Module(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = torch.nn.Linear(2, 3)
        self.register_buffer("plain", base)

    def forward(self, x):
        return self.inner(x) + self.plain.sum()


torch.jit.script(Module()).save("script.pt")
