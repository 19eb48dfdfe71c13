"""Makes small Stable Diffusions in one file each, with the names of CompVis, and diffusers' outputs: single.py FOLDER

They are as small as can be told from their tensors: groups of 32 channels, 8 heads (1) or heads of 64 channels (2, XL), as the large ones have.
That the names are right is checked with diffusers' own reader.
"""

import pathlib
import re
import sys

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from diffusion import ids, references

torch.set_num_threads(1)
PER = 1
RESNET = [("norm1.", "in_layers.0."), ("conv1.", "in_layers.2."), ("time_emb_proj.", "emb_layers.1."), ("norm2.", "out_layers.0."), ("conv2.", "out_layers.3."), ("conv_shortcut.", "skip_connection.")]
FIXED = [("time_embedding.linear_1.", "time_embed.0."), ("time_embedding.linear_2.", "time_embed.2."), ("add_embedding.linear_1.", "label_emb.0.0."), ("add_embedding.linear_2.", "label_emb.0.2."),
         ("conv_in.", "input_blocks.0.0."), ("conv_norm_out.", "out.0."), ("conv_out.", "out.2."), ("mid_block.resnets.0.", "middle_block.0."), ("mid_block.attentions.0.", "middle_block.1."), ("mid_block.resnets.1.", "middle_block.2.")]


def resnet(n):
    for a, b in RESNET:
        if n.startswith(a):
            return b + n[len(a):]
    return n


def unet_name(n, attention_up):
    for a, b in FIXED:
        if n.startswith(a):
            return b + resnet(n[len(a):])
    side, block, kind, layer, rest = re.match(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.*)", n).groups()
    i = int(block) * (PER + 1) + int(layer)
    if side == "down":
        return {"resnets": f"input_blocks.{i + 1}.0.{resnet(rest)}", "attentions": f"input_blocks.{i + 1}.1.{rest}",
                "downsamplers": f"input_blocks.{(int(block) + 1) * (PER + 1)}.0.op.{rest[5:]}"}[kind]
    return {"resnets": f"output_blocks.{i}.0.{resnet(rest)}", "attentions": f"output_blocks.{i}.1.{rest}",
            "upsamplers": f"output_blocks.{int(block) * (PER + 1) + PER}.{2 if block in attention_up else 1}.conv.{rest[5:]}"}[kind]


def vae_name(n, ups):
    n = n.replace("mid_block.resnets.0.", "mid.block_1.").replace("mid_block.resnets.1.", "mid.block_2.").replace("mid_block.attentions.0.group_norm", "mid.attn_1.norm")
    n = n.replace("mid_block.attentions.0.to_out.0", "mid.attn_1.proj_out").replace("mid_block.attentions.0.to_", "mid.attn_1.")
    n = n.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut").replace(".downsamplers.0.", ".downsample.").replace(".upsamplers.0.", ".upsample.")
    n = re.sub(r"decoder\.up_blocks\.(\d+)", lambda m: f"decoder.up.{ups - 1 - int(m[1])}", n).replace("encoder.down_blocks.", "encoder.down.").replace(".resnets.", ".block.")
    return n


def text(width, act, layers, projection=None):
    c = CLIPTextConfig(bos_token_id=0, eos_token_id=2, hidden_size=width, intermediate_size=4 * width, num_attention_heads=width // 64, num_hidden_layers=layers, vocab_size=100,
                       projection_dim=projection or width, hidden_act=act, max_position_embeddings=77)
    return (CLIPTextModelWithProjection if projection else CLIPTextModel)(c).eval()


def open_clip(m):
    """A text encoder's tensors by open_clip's names, with one layer more, which Stable Diffusion 2 leaves out."""
    out, s = {}, {k.removeprefix("text_model."): v for k, v in m.state_dict().items()}
    n = m.config.num_hidden_layers
    for a, b in (("embeddings.token_embedding.weight", "token_embedding.weight"), ("embeddings.position_embedding.weight", "positional_embedding"),
                 ("final_layer_norm.weight", "ln_final.weight"), ("final_layer_norm.bias", "ln_final.bias")):
        out[b] = s[a]
    extra = 0 if "text_projection.weight" in s else 1
    for i in range(n + extra):
        p, q = f"encoder.layers.{min(i, n - 1)}.", f"transformer.resblocks.{i}."
        for k in ("weight", "bias"):
            out[f"{q}attn.in_proj_{k}"] = torch.cat([s[f"{p}self_attn.{x}_proj.{k}"] for x in "qkv"])
            for a, b in (("layer_norm1", "ln_1"), ("layer_norm2", "ln_2"), ("mlp.fc1", "mlp.c_fc"), ("mlp.fc2", "mlp.c_proj"), ("self_attn.out_proj", "attn.out_proj")):
                out[f"{q}{b}.{k}"] = s[f"{p}{a}.{k}"]
    if not extra:
        out["text_projection"] = s["text_projection.weight"].T
    return out


def main():
    root = pathlib.Path(sys.argv[1])
    for name, cross in (("one", 768), ("two", 1024), ("xl", 2048)):
        torch.manual_seed(cross)
        xl = name == "xl"
        kw = dict(addition_embed_type="text_time", addition_time_embed_dim=8, projection_class_embeddings_input_dim=64) if xl else {}
        unet = UNet2DConditionModel(block_out_channels=(64, 128), layers_per_block=PER, sample_size=16, down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), cross_attention_dim=cross,
                                    up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), attention_head_dim=8 if name == "one" else (1, 2), use_linear_projection=name != "one", **kw).eval()
        vae = AutoencoderKL(block_out_channels=[32, 64], down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2, latent_channels=4, layers_per_block=1).eval()
        parts = {"unet": unet, "vae": vae, "text_encoder": text(768 if xl or name == "one" else 1024, "gelu" if name == "two" else "quick_gelu", 2)}
        if xl:
            parts["text_encoder_2"] = text(1280, "gelu", 2, 16)
        state = {"model.diffusion_model." + unet_name(k, "0"): v for k, v in unet.state_dict().items()}
        back = convert_ldm_unet_checkpoint(dict(state), {**unet.config, "layers_per_block": PER, "class_embed_type": None, "addition_embed_type": unet.config.addition_embed_type})
        assert set(back) == set(unet.state_dict()), set(back) ^ set(unet.state_dict())
        state |= {"first_stage_model." + vae_name(k, 2): v for k, v in vae.state_dict().items()}
        back = convert_ldm_vae_checkpoint({k: v for k, v in state.items()}, vae.config)
        assert set(back) == set(vae.state_dict()), set(back) ^ set(vae.state_dict())
        te = {"text_model." + k.removeprefix("text_model."): v for k, v in parts["text_encoder"].state_dict().items()}
        if name == "one":
            state |= {"cond_stage_model.transformer." + k: v for k, v in te.items()}
        elif name == "two":
            state |= {"cond_stage_model.model." + k: v for k, v in open_clip(parts["text_encoder"]).items()}
        else:
            state |= {"conditioner.embedders.0.transformer." + k: v for k, v in te.items()}
            state |= {"conditioner.embedders.1.model." + k: v for k, v in open_clip(parts["text_encoder_2"]).items()}
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        save_file({k: v.contiguous().clone() for k, v in state.items()}, folder / "model.safetensors")
        torch.save({"state_dict": state, "global_step": 3}, folder / "model.ckpt")
        with torch.no_grad():
            references(folder, parts)
    print(ids().shape)


if __name__ == "__main__":
    main()
