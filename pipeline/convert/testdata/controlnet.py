"""Makes a tiny ControlNet for testdata/diffusion/sd1, and what diffusers gives for it and for the U-Net that takes its outputs.

    controlnet.py FOLDER

In the repository: testdata/diffusion/controlnet. The U-Net is read from testdata/diffusion/sd1 beside this file.
"""

import pathlib
import sys

import torch
from diffusers import ControlNetModel, UNet2DConditionModel

from diffusion import write
from make import pattern

torch.set_num_threads(1)
torch.set_grad_enabled(False)


def main():
    root = pathlib.Path(sys.argv[1])
    torch.manual_seed(20)
    net = ControlNetModel(block_out_channels=(8, 16), layers_per_block=1, in_channels=4, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
                          cross_attention_dim=16, norm_num_groups=4, attention_head_dim=2, conditioning_embedding_out_channels=(4, 8))
    for p in net.parameters():  # the convolutions at its ends begin as zeros
        p += 0.05 * torch.randn_like(p)
        p.copy_(p.half())
    net.eval().half().save_pretrained(root)
    net.float()
    unet = UNet2DConditionModel.from_pretrained(pathlib.Path(__file__).parent / "diffusion/sd1/unet", torch_dtype=torch.float32).eval()
    sample, text, t = pattern((2, 4, 16, 16)), pattern((2, 16, 1, 77))[:, :, 0].transpose(1, 2), torch.tensor([521.0, 521.0])
    down, mid = net(sample, t, text, controlnet_cond=pattern((2, 3, 32, 32)), return_dict=False)
    out = root / "reference"
    out.mkdir(exist_ok=True)
    for i, v in enumerate([*down, mid]):
        write(out / f"additional_residual_{i}.f32", v)
    noise = unet(sample, t, text, down_block_additional_residuals=down, mid_block_additional_residual=mid).sample
    write(out / "noise_pred.f32", noise)


main()
