"""LoRAs in every form for the tiny networks of diffusion.py, and what diffusers gives with them at a strength of 0.8."""

import torch
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import save_file

STRENGTH = 0.8
# Forms that are merged by hand, as their authors define them: diffusers 0.42 takes one alpha for all attention layers, and leaves out dora_scale.
BY_HAND = ("locon", "dora_kohya")
ATTENTION = ("attn1.to_q", "attn1.to_k", "attn2.to_v", "attn2.to_out.0", "ff.net.0.proj", "ff.net.2")
TEXT = ("self_attn.q_proj", "self_attn.v_proj", "self_attn.out_proj", "mlp.fc1", "mlp.fc2")


def layers(module, ends, convs=False):
    for name, m in module.named_modules():
        if isinstance(m, torch.nn.Linear) and name.endswith(ends) or convs and isinstance(m, torch.nn.Conv2d) and name.endswith(("conv1", "conv2", "conv_shortcut", "proj_in")):
            yield name, m


def factors(m, rank):
    w = m.weight
    down = torch.randn(rank, *w.shape[1:]) * 0.3
    up = torch.randn(w.shape[0], rank, *([1] * (w.dim() - 2))) * 0.1
    return down, up


def ldm(name, per=1):
    """A U-Net's layer by the names of CompVis, for networks of two blocks."""
    p = name.split(".")
    if p[0] == "mid_block":
        return "middle_block.1." + ".".join(p[3:])
    i = int(p[1]) * (per + 1) + int(p[3])
    return ("input_blocks.%d.1." % (i + 1) if p[0] == "down_blocks" else "output_blocks.%d.1." % i) + ".".join(p[4:])


def text_name(name):
    return name if name.startswith("text_model.") else "text_model." + name


def make(parts, form):
    torch.manual_seed(7)
    out = {}
    modules = {"unet": parts["unet"], "text_encoder": parts["text_encoder"]}
    if "text_encoder_2" in parts:
        modules["text_encoder_2"] = parts["text_encoder_2"]
    if form in ("locon", "dora_peft", "dora_kohya"):
        modules = {"unet": parts["unet"]}
    for part, module in modules.items():
        for i, (name, m) in enumerate(layers(module, ATTENTION if part == "unet" else TEXT, form == "locon")):
            rank = 2 + i % 3 if form in BY_HAND else 3
            down, up = factors(m, rank)
            long = name if part == "unet" else text_name(name)
            if form in ("peft", "dora_peft"):
                base = f"{part}.{long}"
                out[base + ".lora_A.weight"], out[base + ".lora_B.weight"] = down, up
                if form == "dora_peft":
                    out[base + ".lora_magnitude_vector"] = m.weight.flatten(1).norm(dim=1) * (1 + 0.1 * torch.randn(m.weight.shape[0]))
                continue
            te = "lora_te1" if "text_encoder_2" in parts else "lora_te"
            prefix = {"unet": "lora_unet", "text_encoder": te, "text_encoder_2": "lora_te2"}[part]
            if form == "kohya_ldm" and part == "unet":
                long = ldm(name)
            base = prefix + "_" + long.replace(".", "_")
            out[base + ".lora_down.weight"], out[base + ".lora_up.weight"] = down, up
            out[base + ".alpha"] = torch.tensor(float(rank) / (1 + i % 2) if form in BY_HAND else 1.5)
            if form == "dora_kohya":
                out[base + ".dora_scale"] = (m.weight.flatten(1).norm(dim=1) * (1 + 0.1 * torch.randn(m.weight.shape[0]))).reshape(-1, *([1] * (m.weight.dim() - 1)))
    return {k: v.half().float().contiguous() for k, v in out.items()}


def merge_text(parts, state):
    """Merges what is for the text encoders by hand: transformers 5 makes their weights anew when it loads a LoRA through diffusers."""
    for part, te in (("text_encoder", "lora_te1" if "text_encoder_2" in parts else "lora_te"), ("text_encoder_2", "lora_te2")):
        for name, m in parts[part].named_modules() if part in parts else ():
            long = text_name(name)
            for a, b, alpha in (
                (f"{part}.{long}.lora_A.weight", f"{part}.{long}.lora_B.weight", None),
                (f"{te}_{long.replace('.', '_')}.lora_down.weight", f"{te}_{long.replace('.', '_')}.lora_up.weight", f"{te}_{long.replace('.', '_')}.alpha"),
            ):
                if a in state:
                    scale = float(state[alpha]) / state[a].shape[0] if alpha else 1
                    with torch.no_grad():
                        m.weight += STRENGTH * scale * state[b] @ state[a]


def merge_unet(module, state):
    """kohya's definition: W + strength alpha / rank up down; of DoRA (LyCORIS) W + strength (m V / |V| - W), V = W + alpha / rank up down."""
    for name, m in module.named_modules():
        base = "lora_unet_" + name.replace(".", "_")
        if base + ".lora_down.weight" not in state:
            continue
        down, up = state[base + ".lora_down.weight"], state[base + ".lora_up.weight"]
        with torch.no_grad():
            w = m.weight
            change = float(state[base + ".alpha"]) / down.shape[0] * (up.flatten(1) @ down.flatten(1)).reshape(w.shape)
            if base + ".dora_scale" in state:
                v = w + change
                length = v.flatten(1).norm(dim=1).reshape(-1, *([1] * (w.dim() - 1)))
                change = state[base + ".dora_scale"] * v / length - w
            w += STRENGTH * change


def main(root):
    from diffusion import build, references

    for folder, version, form in (("sd1", 1, "peft"), ("sd1", 1, "kohya"), ("sd1", 1, "locon"), ("sd1", 1, "dora_peft"), ("sd1", 1, "dora_kohya"), ("sdxl", 3, "kohya_ldm"), ("sdxl", 3, "peft")):
        parts = build(root / folder, version)
        state = make(parts, form)
        save_file({k: v.half() for k, v in state.items()}, root / folder / f"{form}.safetensors")
        pipeline = StableDiffusionXLPipeline if version == 3 else StableDiffusionPipeline
        kw = {"unet_config": parts["unet"].config} if version == 3 else {}
        converted, alphas = pipeline.lora_state_dict(dict(state), **kw)[:2]
        merge_text(parts, state)
        if form in BY_HAND:
            merge_unet(parts["unet"], state)
        else:
            with torch.enable_grad():
                pipeline.load_lora_into_unet(converted, network_alphas=alphas, unet=parts["unet"], adapter_name="a")
            parts["unet"].set_adapters(["a"], [STRENGTH])
        references(root / folder, parts, "." + form)
        print(folder, form, len(state), "tensors")
