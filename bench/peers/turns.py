"""What a peer is told on its standard input and answers on its standard output, one line each:

    "work THREADS WAY LENGTHS"   makes ready for requests of these lengths, comma-separated; "ready" or "failed: why"
                                 WAY  one     a single request, without an attention mask
                                      padded  all in one batch, padded to the longest, with a mask
                                      each    one after the other, without a mask
    "run N"                      times of N passes over them in milliseconds
    "logits"                     the first values of the head for the first request, to compare with the others'

It says "ready" first, once it has loaded what does not depend on the work. encoder_bench --serve speaks so too.
"""
import argparse
import pathlib
import sys
import time
import typing

import numpy as np


class Work(typing.NamedTuple):
    threads: int
    way: str
    lengths: tuple

    @staticmethod
    def parse(line):
        threads, way, lengths = line.split()
        return Work(int(threads), way, tuple(int(n) for n in lengths.split(",")))

    def __str__(self):
        return f"{self.threads} {self.way} {','.join(map(str, self.lengths))}"

    def inputs(self):
        """(ids, mask or None) of every call that one pass makes; int64 [requests, tokens]."""
        if self.way != "padded":
            return [(request(n)[None], None) for n in self.lengths]
        longest = max(self.lengths)
        mask = np.array([[int(i < n) for i in range(longest)] for n in self.lengths])
        # 1 is RoBERTa's padding, whose positions do not count; for the others any id will do.
        return [(np.where(mask, request(longest), 1), mask)]


def request(tokens):
    """The same ids as encoder_bench uses."""
    return np.array([10 + i * 7919 % 20000 for i in range(tokens)], np.int64)


def arguments(doc, precisions):
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--precision", choices=precisions, required=True)
    parser.add_argument("--mask", type=int, help="only make the files of the converted model with or without a mask")
    return parser.parse_args()


def converted(path):
    if not path.exists():
        raise RuntimeError("the converted model is missing, see its conversion's log")
    return path


def serve(prepare):
    """prepare(work) -> forward() -> the head's first output of the first call, as an array."""
    print("ready", flush=True)
    forward = logits = None
    for line in sys.stdin:
        command, _, rest = line.strip().partition(" ")
        if command == "work":
            try:
                forward = None  # the last one's memory goes first
                forward = prepare(Work.parse(rest))
                logits = np.asarray(forward()).flatten()[:8].copy()
                print("ready", flush=True)
            except Exception as error:
                text = str(error).strip() or type(error).__name__
                print("failed:", " ".join(text.split())[-300:], flush=True)  # the cause comes last
        elif command == "logits":
            print(*(f"{v:.6f}" for v in logits), flush=True)
        elif command == "run":
            times = []
            for _ in range(int(rest)):
                start = time.perf_counter()
                forward()
                times.append((time.perf_counter() - start) * 1e3)
            print(*(f"{t:.4f}" for t in times), flush=True)
