"""Runs diffusers' schedulers over a made-up network: make.py FOLDER writes cases.json and latents.f32."""
import json, sys, pathlib
import numpy as np, torch, diffusers

torch.set_num_threads(1)
NAMES = {"pndm": "PNDM", "ddim": "DDIM", "dpmpp-2m": "DPMSolverMultistep", "dpmpp-2m-karras": "DPMSolverMultistep", "euler": "EulerDiscrete",
         "euler-karras": "EulerDiscrete", "euler-ancestral": "EulerAncestralDiscrete", "lcm": "LCM", "unipc": "UniPCMultistep"}
SD = dict(_class_name="PNDMScheduler", beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000, set_alpha_to_one=False,
          skip_prk_steps=True, steps_offset=1, clip_sample=False, timestep_spacing="leading")
CONFIGS = {"sd": SD, "v": {**SD, "prediction_type": "v_prediction", "timestep_spacing": "trailing", "rescale_betas_zero_snr": True},
           "v_leading": {**SD, "prediction_type": "v_prediction"},
           "linspace": {**SD, "timestep_spacing": "linspace", "final_sigmas_type": "sigma_min", "steps_offset": 0, "solver_order": 3},
           "ddim": json.loads(diffusers.DDIMScheduler().to_json_string()), "bare": {"_class_name": "DDIMScheduler"}}


def model(x, t):
    return 0.3 * torch.sin(x + t / 300) + 0.2 * x + 0.05


out = pathlib.Path(sys.argv[1])
(out / "configs.json").write_text(json.dumps(CONFIGS, indent=1))
cases, data = [], []
noise0 = torch.randn((1, 4, 3, 4), generator=torch.Generator().manual_seed(3))
image = torch.randn((1, 4, 3, 4), generator=torch.Generator().manual_seed(4))
for cname, config in CONFIGS.items():
    for name, cls in NAMES.items():
        if cname == "linspace" and name == "dpmpp-2m-karras":  # the last sigma twice: diffusers gives NaN
            continue
        for steps in (10, 20):
            for strength in (None, 0.6):
                extra = {"use_karras_sigmas": True} if name.endswith("karras") else {}
                s = getattr(diffusers, cls + "Scheduler").from_config(config, **extra)
                g = torch.Generator().manual_seed(5)
                s.set_timesteps(steps)
                times = s.timesteps
                if strength is None:
                    x = noise0 * s.init_noise_sigma
                else:
                    first = max(steps - min(int(steps * strength), steps), 0)
                    times = times[first * s.order:]
                    if hasattr(s, "set_begin_index"):
                        s.set_begin_index(first * s.order)
                    x = s.add_noise(image, noise0, times[:1])
                takes = {"generator": g} if name in ("euler", "euler-karras", "euler-ancestral", "lcm") else {}
                for t in times:
                    x = s.step(model(s.scale_model_input(x, t), t), t, x, **takes).prev_sample
                assert torch.isfinite(x).all(), (cname, name)
                cases.append(dict(config=cname, name=name, steps=steps, strength=strength or 0, times=[round(float(t), 4) for t in times]))
                data.append(x.numpy().astype("<f4").ravel())
(out / "cases.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]\n")
np.concatenate(data).tofile(out / "latents.f32")
