"""Makes tiny Stable Diffusions as folders of diffusers, and what diffusers makes with them: make.py TOKENIZER FOLDER [small]

TOKENIZER is clip/testdata/small; small makes what is in the repository: sd1 alone, in float16, with fewer cases. The folder gets sd1, sd2 and sdxl, photo.png, and cases.json with a .npy file of latents for each case."""
import json, pathlib, sys
import numpy as np, torch, diffusers
from diffusers import AutoencoderKL, UNet2DConditionModel
from PIL import Image
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

torch.set_num_threads(1); torch.set_grad_enabled(False)
small = "small" in sys.argv
tok, out = sys.argv[1], pathlib.Path(sys.argv[2]); out.mkdir(exist_ok=True)
NAMES = {"pndm": "PNDM", "ddim": "DDIM", "dpmpp-2m": "DPMSolverMultistep", "dpmpp-2m-karras": "DPMSolverMultistep", "euler": "EulerDiscrete",
         "euler-karras": "EulerDiscrete", "euler-ancestral": "EulerAncestralDiscrete", "lcm": "LCM", "unipc": "UniPCMultistep"}
SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1)


def text(width, act):
    return CLIPTextConfig(bos_token_id=2012, eos_token_id=2013, pad_token_id=1, hidden_size=width, intermediate_size=37, num_attention_heads=4,
                          num_hidden_layers=3, vocab_size=2014, projection_dim=16, hidden_act=act, max_position_embeddings=77)


def build(kind):
    torch.manual_seed({"sd1": 1, "sd2": 2, "sdxl": 3}[kind])
    xl = kind == "sdxl"
    more = dict(attention_head_dim=2 if kind == "sd1" else (1, 2), use_linear_projection=kind != "sd1", cross_attention_dim=32 if xl else 16)
    if xl:
        more |= dict(addition_embed_type="text_time", addition_time_embed_dim=8, transformer_layers_per_block=(1, 2), projection_class_embeddings_input_dim=64)
    u = UNet2DConditionModel(block_out_channels=(8, 16), layers_per_block=1, sample_size=16, norm_num_groups=4,
                             down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), **more)
    v = AutoencoderKL(block_out_channels=[4, 8], down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
                      latent_channels=4, layers_per_block=1, norm_num_groups=2, sample_size=32)
    t = CLIPTextModel(text(16, "quick_gelu")).eval()
    k = CLIPTokenizer(tok + "/vocab.json", tok + "/merges.txt", pad_token="!" if kind == "sd2" else "<|endoftext|>", model_max_length=77)
    s = diffusers.PNDMScheduler(**SD, prediction_type="v_prediction" if kind == "sd2" else "epsilon")
    if xl:
        k2 = CLIPTokenizer(tok + "/vocab.json", tok + "/merges.txt", pad_token="!", model_max_length=77)
        p = diffusers.StableDiffusionXLPipeline(vae=v, text_encoder=t, text_encoder_2=CLIPTextModelWithProjection(text(16, "gelu")).eval(), tokenizer=k,
                                                tokenizer_2=k2, unet=u, scheduler=s, add_watermarker=False)
    else:
        p = diffusers.StableDiffusionPipeline(vae=v, text_encoder=t, tokenizer=k, unet=u, scheduler=s, safety_checker=None, feature_extractor=None,
                                              requires_safety_checker=False)
    if small:
        for m in (u, v, t):
            for w in m.parameters():
                w.copy_(w.half())  # the files are of float16, to be small; what is compared is float32
            m.half()
    p.save_pretrained(out / kind)
    for m in (u, v, t):
        m.float()
    for d in ("tokenizer", "tokenizer_2"):  # as transformers 4 writes them
        if (out / kind / d).is_dir():
            for f in ("vocab.json", "merges.txt"):
                (out / kind / d / f).write_bytes(pathlib.Path(tok, f).read_bytes())
    return p


r = np.random.RandomState(0)
Image.fromarray(np.clip(np.kron(r.rand(4, 4, 3), np.ones((8, 8, 1))) * 255 + r.randn(32, 32, 3) * 9, 0, 255).astype(np.uint8)).save(out / "photo.png")
photo, cases = Image.open(out / "photo.png").convert("RGB"), []


def case(p, kind, name, steps, guidance, negative, strength, seed, lora=None):
    cfg = json.loads((out / kind / "scheduler/scheduler_config.json").read_text())
    p.scheduler = getattr(diffusers, NAMES[name] + "Scheduler").from_config(cfg, **({"use_karras_sigmas": True} if name.endswith("karras") else {}))
    a = dict(prompt="a painting of the sea, it's 5 o'clock", negative_prompt=negative, num_inference_steps=steps, guidance_scale=guidance,
             generator=torch.Generator().manual_seed(seed), output_type="latent")
    if strength:
        x = (diffusers.StableDiffusionXLImg2ImgPipeline if kind == "sdxl" else diffusers.StableDiffusionImg2ImgPipeline)(**{
            **p.components, **({} if kind == "sdxl" else {"requires_safety_checker": False}), **({"add_watermarker": False} if kind == "sdxl" else {})})
        x.scheduler = getattr(diffusers, NAMES[name] + "Scheduler").from_config(cfg, **({"use_karras_sigmas": True} if name.endswith("karras") else {}))
        x.set_progress_bar_config(disable=True)
        y = x(image=photo, strength=strength, **a).images
    else:
        y = p(**a).images
    n = f"{len(cases):03d}.npy"
    np.save(out / n, y.numpy().astype("<f4"))
    cases.append(dict(model=kind, scheduler=name, steps=steps, guidance=guidance, negative=negative, strength=strength, seed=seed, file=n, prompt=a["prompt"], lora=lora))


for kind in ("sd1",) if small else ("sd1", "sd2", "sdxl"):
    p = build(kind); p.set_progress_bar_config(disable=True)
    for i, name in enumerate(NAMES):
        for steps, guidance, negative, strength in ((10, 7.5, "blurry, bad", 0), (20, 1.0, None, 0), (20, 7.5, None, 0.6), (10, 7.5, None, 0), (10, 1.0, None, 1.0))[:: 2 if small else 1][:2 if small else 5]:
            case(p, kind, name, steps, guidance, negative, strength, 40 + i)
    if kind == "sd1":
        p.scheduler = diffusers.DDIMScheduler.from_config(json.loads((out / kind / "scheduler/scheduler_config.json").read_text()))
        p(prompt="a cat", num_inference_steps=5, generator=torch.Generator().manual_seed(1)).images[0].save(out / "cat.png")
(out / "cases.json").write_text(json.dumps(cases))
