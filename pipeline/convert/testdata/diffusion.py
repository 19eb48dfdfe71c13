"""Makes tiny Stable Diffusions, LoRAs for them, and what diffusers gives for their parts. It needs diffusers, transformers, peft and safetensors.

    diffusion.py FOLDER

In the repository: testdata/diffusion.
"""

import json
import pathlib
import sys

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from make import pattern

torch.set_num_threads(1)
torch.set_grad_enabled(False)
LAYERS = 1


def text_config(width, projection, act, eos):
    return CLIPTextConfig(bos_token_id=0, eos_token_id=eos, hidden_size=width, intermediate_size=width + 5, layer_norm_eps=1e-5, num_attention_heads=4,
                          num_hidden_layers=3, pad_token_id=1, vocab_size=100, projection_dim=projection, hidden_act=act, max_position_embeddings=77)


def unet(version):
    torch.manual_seed(version)
    if version == 3:  # XL
        return UNet2DConditionModel(block_out_channels=(8, 16), layers_per_block=LAYERS, sample_size=16, in_channels=4, out_channels=4,
                                    down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
                                    attention_head_dim=(1, 2), use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=8,
                                    transformer_layers_per_block=(1, 2), projection_class_embeddings_input_dim=64, cross_attention_dim=32, norm_num_groups=4)
    return UNet2DConditionModel(block_out_channels=(8, 16), layers_per_block=LAYERS, sample_size=16, in_channels=4, out_channels=4,
                                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
                                cross_attention_dim=16, norm_num_groups=4, attention_head_dim=2 if version == 1 else (1, 2), use_linear_projection=version == 2)


def write(path, t):
    np.ascontiguousarray(t.detach().float().numpy(), "<f4").tofile(path)


def build(root, version):
    root.mkdir(parents=True, exist_ok=True)
    index = {"_class_name": "StableDiffusionPipeline"}
    parts = {"unet": unet(version)}
    if version == 2:  # the other parts differ in nothing
        return finish(root, index, parts)
    torch.manual_seed(10)
    parts["vae"] = AutoencoderKL(block_out_channels=[4, 8], in_channels=3, out_channels=3, down_block_types=["DownEncoderBlock2D"] * 2,
                                 up_block_types=["UpDecoderBlock2D"] * 2, latent_channels=4, layers_per_block=1, norm_num_groups=2)
    parts["text_encoder"] = CLIPTextModel(text_config(16, 16, "quick_gelu", 2)).eval()
    if version == 3:
        parts["text_encoder_2"] = CLIPTextModelWithProjection(text_config(16, 16, "gelu", 99)).eval()
    return finish(root, index, parts)


def finish(root, index, parts):
    for n, m in parts.items():
        index[n] = ["diffusers" if n in ("unet", "vae") else "transformers", type(m).__name__]
        for p in m.parameters():  # nothing is 0 or 1, as much is after being made
            p += 0.05 * torch.randn_like(p)
            p.copy_(p.half())  # the files are of float16, to be small; what is compared is float32
        m.eval().half().save_pretrained(root / n)
        m.float()
    DDIMScheduler().save_pretrained(root / "scheduler")
    (root / "tokenizer").mkdir(exist_ok=True)
    (root / "tokenizer/vocab.json").write_text("{}")
    (root / "tokenizer/merges.txt").write_text("#version: 0.2\n")
    index["scheduler"], index["tokenizer"] = ["diffusers", "DDIMScheduler"], ["transformers", "CLIPTokenizer"]
    (root / "model_index.json").write_text(json.dumps(index))
    return parts


def ids():
    x = torch.zeros(1, 77, dtype=torch.long)
    x[0, :9] = torch.tensor([98, 5, 17, 30, 42, 7, 99, 1, 1])
    return x


def run_unet(m, xl):
    sample, text, t = pattern((2, 4, 16, 16)), pattern((2, m.config.cross_attention_dim, 1, 77)), torch.tensor([521.0, 521.0])
    extra = None
    if xl:
        extra = {"time_ids": pattern((2, 6), 100), "text_embeds": pattern((2, 16))}
    return m(sample, t, text[:, :, 0].transpose(1, 2), added_cond_kwargs=extra).sample


def references(root, parts, tag=""):
    out = root / "reference"
    out.mkdir(exist_ok=True)
    xl = "text_encoder_2" in parts
    write(out / f"Unet{tag}.noise_pred.f32", run_unet(parts["unet"], xl))
    for n, name in (("text_encoder", "TextEncoder"), ("text_encoder_2", "TextEncoder2")):
        if n in parts:
            y = parts[n](ids(), output_hidden_states=True)
            if xl:
                write(out / f"{name}{tag}.hidden_embeds.f32", y.hidden_states[-2])
            else:
                write(out / f"{name}{tag}.last_hidden_state.f32", y.last_hidden_state)
            write(out / f"{name}{tag}.pooled_outputs.f32", y.text_embeds if hasattr(y, "text_embeds") else y.pooler_output)
    if not tag and "vae" in parts:
        v = parts["vae"]
        write(out / "VAEDecoder.image.f32", v.decode(pattern((1, 4, 16, 16))).sample)
        write(out / "VAEEncoder.latent.f32", v.encode(pattern((1, 3, 32, 32))).latent_dist.parameters)


def main():
    root = pathlib.Path(sys.argv[1])
    for version, name in ((1, "sd1"), (2, "sd2"), (3, "sdxl")):
        parts = build(root / name, version)
        references(root / name, parts)
    import loras
    loras.main(root)


if __name__ == "__main__":
    main()
