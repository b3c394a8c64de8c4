"""One full forward here and under PyTorch, on the same random weights, threads and machine, taking turns.

    cargo bench --bench forward -- make FOLDER
    python benches/forward_torch.py FOLDER PROGRAM [--threads 2] [--repeats 9] [--sizes 5M 60M 0.5B]

PROGRAM is the executable that `cargo bench --bench forward --no-run` names. Needs torch and safetensors. In its turn each
does forwards for 50 ms, and then the one that counts. Prints a table: medians in milliseconds, and how many times faster than
PyTorch in float32 each is.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

arguments = argparse.ArgumentParser()
arguments.add_argument("folder", type=Path)
arguments.add_argument("program")
arguments.add_argument("--threads", type=int, default=2)
arguments.add_argument("--repeats", type=int, default=9)
arguments.add_argument("--sizes", nargs="+", default=["5M", "60M", "0.5B"])
arguments.add_argument("--positions", nargs="+", type=int, default=[64, 128, 256, 512])
arguments.add_argument("--pause", type=float, default=0.05, help="seconds between two runs, until waiting threads sleep")
arguments = arguments.parse_args()
os.environ["OMP_NUM_THREADS"] = str(arguments.threads)

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

torch.set_num_threads(arguments.threads)

# Seconds of forwards before the one that counts.
WARM_UP = 0.05


class Llada:
    """The body of LLaDA in plain PyTorch operations, eager, in float32."""

    def __init__(self, folder):
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = load_file(folder / "model.safetensors")
        self.heads = self.config["n_heads"]
        self.width = self.config["d_model"] // self.heads
        self.tables = {}

    def turn(self, length):
        if length not in self.tables:
            steps = torch.arange(0, self.width, 2, dtype=torch.float32) / self.width
            frequencies = 1.0 / self.config["rope_theta"] ** steps
            angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies)
            angles = torch.cat((angles, angles), dim=-1)
            self.tables[length] = angles.cos(), angles.sin()
        return self.tables[length]

    def forward(self, ids):
        weight = lambda name: self.weights[f"model.transformer.{name}.weight"]
        eps, length = self.config["rms_norm_eps"], ids.shape[0]
        cos, sin = self.turn(length)
        norm = lambda x, name: F.rms_norm(x, x.shape[-1:], weight(name), eps)
        split = lambda x: x.view(length, self.heads, self.width).transpose(0, 1)

        def rotate(x):
            a, b = x.chunk(2, dim=-1)
            return x * cos + torch.cat((-b, a), dim=-1) * sin

        x = F.embedding(ids, weight("wte"))
        for layer in range(self.config["n_layers"]):
            part = lambda name: f"blocks.{layer}.{name}"
            y = norm(x, part("attn_norm"))
            q, k, v = (split(F.linear(y, weight(part(name)))) for name in ("q_proj", "k_proj", "v_proj"))
            y = F.scaled_dot_product_attention(rotate(q)[None], rotate(k)[None], v[None])[0]
            x = x + F.linear(y.transpose(0, 1).reshape(length, -1), weight(part("attn_out")))
            y = norm(x, part("ff_norm"))
            inner = F.silu(F.linear(y, weight(part("ff_proj")))) * F.linear(y, weight(part("up_proj")))
            x = x + F.linear(inner, weight(part("ff_out")))
        return F.linear(norm(x, "ln_f"), weight("ff_out"))

    def measure(self, positions):
        vocab = self.config["vocab_size"]
        ids = torch.tensor([(position * 7919 + 13) % vocab for position in range(positions)])
        with torch.inference_mode():
            # Decoding does one forward after the other: the first ones after a pause only wake threads and the core.
            begin = time.perf_counter()
            while time.perf_counter() - begin < WARM_UP:
                self.forward(ids)
            start = time.perf_counter()
            logits = self.forward(ids)
            return (time.perf_counter() - start) * 1e3, float(logits[-1, 0])


class Program:
    """The same by the program, in a process of its own that waits for its turn."""

    def __init__(self, path):
        environment = {**os.environ, "RAYON_NUM_THREADS": str(arguments.threads)}
        self.process = subprocess.Popen(
            [arguments.program, "serve", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.process.stdout.readline().strip() == "ready"

    def measure(self, positions):
        self.process.stdin.write(f"{positions}\n")
        self.process.stdin.flush()
        return tuple(float(number) for number in self.process.stdout.readline().split())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


print(f"torch {torch.__version__}, {arguments.threads} threads, medians of {arguments.repeats}", file=sys.stderr)
print("| weights | positions | PyTorch f32, ms | f32, ms | Q8_0, ms | Q4_K, ms | f32 | Q8_0 | Q4_K |")
print("|---|---|---|---|---|---|---|---|---|")
for size in arguments.sizes:
    runners = {
        "torch": Llada(arguments.folder / size),
        "f32": Program(arguments.folder / size),
        "Q8_0": Program(arguments.folder / f"{size}-Q8_0.gguf"),
        "Q4_K": Program(arguments.folder / f"{size}-Q4_K.gguf"),
    }
    for positions in arguments.positions:
        times = {name: [] for name in runners}
        logits = {}
        for repeat in range(arguments.repeats + 1):
            for name, runner in runners.items():
                milliseconds, logits[name] = runner.measure(positions)
                # The first run of each warms up.
                if repeat:
                    times[name].append(milliseconds)
                time.sleep(arguments.pause)
        assert abs(logits["torch"] - logits["f32"]) < 1e-3, f"different networks: {logits}"
        median = {name: statistics.median(values) for name, values in times.items()}
        ratios = [f"{median['torch'] / median[name]:.2f}x" for name in ("f32", "Q8_0", "Q4_K")]
        cells = [f"{median[name]:.1f}" for name in ("torch", "f32", "Q8_0", "Q4_K")]
        print("| " + " | ".join([size, str(positions), *cells, *ratios]) + " |", flush=True)
    for name, runner in runners.items():
        if name != "torch":
            runner.close()
