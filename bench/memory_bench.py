#!/usr/bin/env python3
"""Does a server's memory grow with the requests it has answered?

    bench/memory_bench.py --model roberta=DIR,precision=int8 [--model tiny=DIR] [--first 100] [--then 10000]

Serves each model in turn with 2 workers and sends questions about texts of mixed lengths: first so many, then so many
more. After both it adds up the proportional memory (PSS) of all processes. Bar: 2 % more at most.
"""
import argparse
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from server import BUILD, Server

BAR = 1.02
WORKERS = 2
LONGEST = 360  # characters; with a random model's tokenizer, about as many tokens


def context(source):
    """As many short ones as long ones, on a logarithmic scale."""
    length = round(8 * (LONGEST / 8) ** source.random())
    return "".join(source.choice("abcdefgh   ") for _ in range(length)).strip() or "a"


def send(server, name, count, seed):
    """Two clients, each with its half."""
    def client(number):
        source = random.Random(seed * WORKERS + number)
        for _ in range(count // WORKERS):
            server.post(f"/qa/{name}", {"question": "Who?", "context": context(source)})

    with ThreadPoolExecutor(WORKERS) as clients:
        list(clients.map(client, range(WORKERS)))  # raises what one of them has raised


def measure(model, args):
    """One row per kind of memory, and whether all held the bar."""
    name = model.partition("=")[0]
    kinds = {"Pss": "all, PSS", "Pss_Anon": "of it the processes' own"}
    with Server([model], WORKERS, args.build) as server:
        send(server, name, args.first, 1)
        before = {kind: server.memory(kind) for kind in kinds}
        start = time.monotonic()
        send(server, name, args.then, 2)
        seconds = time.monotonic() - start
        after = {kind: server.memory(kind) for kind in kinds}
    for kind, title in kinds.items():
        print(f"| {model.partition('=')[0]} | {title} | {before[kind] / 1e6:.2f} | {after[kind] / 1e6:.2f} | "
              f"{100 * (after[kind] / before[kind] - 1):+.2f} % | {args.then / seconds:.0f} |", flush=True)
    return all(after[kind] <= BAR * before[kind] for kind in kinds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", required=True, help="NAME=DIR[,precision=...], question answering")
    parser.add_argument("--first", type=int, default=100)
    parser.add_argument("--then", type=int, default=10000)
    parser.add_argument("--build", type=Path, default=BUILD)
    args = parser.parse_args()
    print(f"| model | memory | MB after {args.first} requests | MB after {args.then} more | growth (bar: +2 %) | "
          "requests/s |")
    print("|---|---|---|---|---|---|")
    held = [measure(model, args) for model in args.model]
    sys.exit(0 if all(held) else 1)


if __name__ == "__main__":
    main()
