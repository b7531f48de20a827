#!/usr/bin/env python3
"""f32 latency of one request's forward pass: onecopy, OpenVINO and torch eager taking turns.

Each runs in a process of its own and waits while another has its turn, so that clocks, neighbours and
temperature hit all of them alike. Started by run_encoder_bench.sh.
"""
import argparse
import pathlib
import platform
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
COLUMNS = ("onecopy", "OpenVINO", "torch eager")


class Peer:
    """A process that answers "run N" and "logits"."""

    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.DEVNULL)
        if self.process.stdout.readline().strip() != "ready":
            sys.exit(f"did not start: {' '.join(map(str, command))}")

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return [float(v) for v in self.process.stdout.readline().split()]

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def commands(args, model, tokens, threads):
    sizes = ["--model", str(model), "--tokens", str(tokens), "--threads", str(threads)]
    return ([str(args.encoder_bench), "--serve", *sizes],
            [sys.executable, str(HERE / "peers/openvino_peer.py"), *sizes],
            [sys.executable, str(HERE / "peers/torch_peer.py"), *sizes])


def measure(args, model, tokens, threads):
    """Times by column, after checking that all compute the same model."""
    peers = [Peer(command) for command in commands(args, model, tokens, threads)]
    logits = [peer.ask("logits") for peer in peers]
    apart = max(abs(a - b) for other in logits[1:] for a, b in zip(logits[0], other))
    if apart > 1e-3:
        sys.exit(f"{model.name}: the logits are {apart} apart")
    times = [[] for _ in peers]
    for turn in range(args.turns):
        for i in range(len(peers)):
            who = (i + turn) % len(peers)  # who comes first changes
            time.sleep(0.02)               # the last one's threads go to sleep
            peers[who].ask("run 1")
            times[who] += peers[who].ask(f"run {args.runs}")
    for peer in peers:
        peer.close()
    return times, apart


def machine():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    flags = next(line for line in open("/proc/cpuinfo") if line.startswith("flags")).split()
    wanted = [f for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile") if f in flags]
    return f"{names[0]}, {len(names)} cores, {' '.join(wanted)}, Linux {platform.release()}"


def versions():
    import openvino
    import torch
    return f"torch {torch.__version__}, OpenVINO {openvino.__version__.split('-')[0]}"


def row(model, tokens, threads, times):
    medians = [statistics.median(t) for t in times]
    cells = [model.name, str(tokens), str(threads)]
    for values, median in zip(times, medians):
        cells.append(f"{median:.1f} ({min(values):.1f})")
    cells += [f"{medians[0] / median:.2f}" for median in medians[1:]]
    return cells


def table(rows):
    head = ["model", "tokens", "threads", *(f"{c} ms" for c in COLUMNS), "/ OpenVINO", "/ torch"]
    widths = [max(len(line[i]) for line in [head, *rows]) for i in range(len(head))]
    lines = [head, ["-" * w for w in widths], *rows]
    return "\n".join("| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |" for line in lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--encoder-bench", type=pathlib.Path, required=True)
    parser.add_argument("--models", type=pathlib.Path, nargs="+", required=True)
    parser.add_argument("--tokens", type=int, nargs="+", default=[128, 384])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--turns", type=int, default=11)
    parser.add_argument("--runs", type=int, default=3, help="timed runs per turn")
    parser.add_argument("--out", type=pathlib.Path)
    args = parser.parse_args()
    rows, apart = [], 0
    for model in args.models:
        if not (model / "openvino.xml").exists():
            subprocess.run([sys.executable, HERE / "peers/openvino_peer.py", "--model", model, "--convert"],
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for tokens in args.tokens:
            for threads in args.threads:
                times, difference = measure(args, model, tokens, threads)
                apart = max(apart, difference)
                rows.append(row(model, tokens, threads, times))
                print(*rows[-1], flush=True, file=sys.stderr)
    text = (f"{machine()}; {versions()}; f32, one request; median (best) of {args.turns * args.runs} runs taking "
            f"turns; ratios of medians, below 1 is faster than the peer; logits at most {apart:.1e} apart\n\n"
            + table(rows) + "\n")
    print(text)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text)


if __name__ == "__main__":
    main()
