#!/usr/bin/env python3
"""What a change costs on the request path: two builds in turns, a tiny model and DistilBERT in int8.

    bench/overhead_bench.py --before BUILD --after BUILD --tiny qa0=DIR --distilbert DIR [--turns 15]

Each turn starts both servers, one after the other, in changing order. Prints the median of the turns' ratios.
"""
import argparse
import json
import re
import statistics
import subprocess
import sys
from pathlib import Path

from markdown import machine
from reload_bench import QUESTION
from serve_torchserve import TEXT, load
from server import NotStarted, Server

HERE = Path(__file__).resolve().parent


def one_connection(build, port, path, kind, body, seconds):
    command = [build / "http_bench", "--port", port, "--path", path, "--content-type", kind, "--body", body, "--connections",
               1, "--seconds", seconds, "--requests", 10_000_000]
    text = subprocess.run(list(map(str, command)), capture_output=True, text=True).stdout
    return float(re.search(r"median ([\d.]+) us", text)[1])


def tiny(build, client, model, seconds):
    """Median microseconds of one connection."""
    with Server([model], 2, build, "bench-overhead") as server:
        return one_connection(client, server.port, "/qa/qa0", "application/json", json.dumps(QUESTION), seconds)


def distilbert(build, client, model, seconds):
    """Requests per second of eight connections."""
    for precision in ("int8", "f32"):
        try:
            with Server([f"distilbert={model},precision={precision}"], 2, build, "bench-overhead") as server:
                return load(client, server.port, 8, seconds)[0]
        except NotStarted:
            continue
    raise SystemExit("onecopy did not start")


def ratios(measure, args, model):
    """after / before, one for each turn; the two sides' medians."""
    pairs = []
    for number in range(args.turns):
        order = [args.before, args.after] if number % 2 == 0 else [args.after, args.before]
        got = {build: measure(build, args.client, model, args.seconds) for build in order}
        pairs.append((got[args.before], got[args.after]))
        print(f"{measure.__name__} {number + 1}/{args.turns}: {pairs[-1]}", file=sys.stderr, flush=True)
    before, after = (statistics.median(column) for column in zip(*pairs))
    return before, after, statistics.median(b / a for a, b in pairs)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--after", type=Path, required=True)
    parser.add_argument("--client", type=Path, help="build folder of http_bench (default: after)")
    parser.add_argument("--tiny", required=True, help="qa0=DIR")
    parser.add_argument("--distilbert", type=Path, default=HERE / "out/models/distilbert")
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=3)
    args = parser.parse_args()
    args.client = args.client or args.after
    print(f"{machine()}; {args.turns} turns of {args.seconds:g} s\n")
    print("| | before | after | after / before, median of turns |\n|---|---|---|---|")
    before, after, ratio = ratios(tiny, args, args.tiny)
    print(f"| tiny model over HTTP, one connection, median us | {before:.1f} | {after:.1f} | {ratio:.3f} |")
    before, after, ratio = ratios(distilbert, args, args.distilbert)
    print(f"| DistilBERT int8, 114 tokens, 8 connections, requests/s | {before:.1f} | {after:.1f} | {ratio:.3f} |")


if __name__ == "__main__":
    main()
