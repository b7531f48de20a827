#!/usr/bin/env python3
"""Loading time and memory of a served model, by the real processes.

    bench/serve_bench.py --model bert-large=DIR --workers 16 [--repeat 3]

Starts `onecopy serve` several times and prints a markdown table: from the start of the command to the first
answer over HTTP (median), and the proportional memory (PSS) of all processes against the packed weights after
every worker has served windows of 384 tokens.
"""
import argparse
import statistics
import threading
import time
from pathlib import Path

from server import BUILD, Server

CONTEXT = "The old bridge was built by Quatz. " * 120


def ask(server, model, context):
    server.post(f"/qa/{model.partition('=')[0]}", {"question": "Who built the bridge?", "context": context})


def first_answer_seconds(build, model, workers):
    start = time.monotonic()
    with Server([model], workers, build) as server:
        ask(server, model, "It was built by Quatz.")
        return time.monotonic() - start


def served_memory(build, model, workers):
    """(PSS of all processes, bytes of the segments) after every worker has served."""
    with Server([model], workers, build) as server:
        threads = [threading.Thread(target=ask, args=(server, model, CONTEXT)) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        segments = sum(f.stat().st_size for f in Path("/dev/shm").glob("onecopy:bench:*:*:*"))
        return server.memory(), segments


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="NAME=DIR of a question-answering model")
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--build", type=Path, default=BUILD)
    args = parser.parse_args()
    first_answer_seconds(args.build, args.model, 1)  # puts the files into the page cache
    seconds = statistics.median(first_answer_seconds(args.build, args.model, 2) for _ in range(args.repeat))
    total, segments = served_memory(args.build, args.model, args.workers)
    bar = 1.1 * segments + args.workers * 32e6
    print(f"| {args.model.partition('=')[0]} | measured | bar |\n|---|---|---|")
    print(f"| start of the command -> first answer, page cache, median of {args.repeat} | {seconds:.2f} s | |")
    print(f"| packed weights in shared memory | {segments / 1e6:.0f} MB | |")
    print(f"| PSS of all processes, {args.workers} workers | {total / 1e6:.0f} MB | {bar / 1e6:.0f} MB |")


if __name__ == "__main__":
    main()
