#!/usr/bin/env python3
"""Latency of the forward pass: onecopy, OpenVINO, ONNX Runtime, torch eager and torch.compile taking turns.

Each runs in a process of its own and waits while another has its turn, so that clocks, neighbours and
temperature hit all of them alike. Started by run_encoder_bench.sh. Three tables: one request, a ragged batch,
short requests. What peers convert once and keep is made before and not counted.
"""
import argparse
import json
import re
import sys
import time
from collections import Counter
from pathlib import Path

import contest
from converting import convert
from markdown import Table, machine, ratio, versions

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
from turns import Work  # noqa: E402

PRECISIONS = ("f32", "bf16", "int8")
APART_BAR = 1e-3  # f32 logits
TOKENS = {"roberta-base": (128, 384), "bert-large": (128, 384), "distilbert": (128,)}
PEER_BAR = {"f32": 1.10, "bf16": 1.25, "int8": 1.40}
PEAK_BAR = {"f32": 90, "bf16": 90, "int8": 82}
PADDED_BAR, EACH_BAR = 1.8, 1.3
READ_BAR = 1.5
SHORT = (8, 16, 32)
RAGGED_MODEL = "roberta-base"
RAGGED = tuple(round(16 + 368 * i / 15) for i in range(16))


class Run:
    """Where the time goes, and the tables, written after every row: a run that is cut short loses none."""

    def __init__(self, args):
        self.args, self.start, self.seconds = args, time.monotonic(), Counter()
        self.head = f"{machine()}; {versions()}"
        self.tables = {t.NAME: t(args) for t in (OneRequest, Ragged, Short) if t.NAME in args.tables}

    def timed(self, what, action, *arguments):
        start = time.monotonic()
        result = action(*arguments)
        self.seconds[what] += time.monotonic() - start
        return result

    def contest(self, entrants, work, seconds):
        self.timed("loading", contest.prepare, entrants, work)
        self.timed("turns", contest.take_turns, entrants, seconds)

    def row(self, table, cells):
        table.table.rows.append(cells)
        minutes, seconds = divmod(int(time.monotonic() - self.start), 60)
        print(f"[{minutes:02}:{seconds:02}]", "  ".join(cells), flush=True, file=sys.stderr)
        (self.args.out / f"{table.NAME}.md").write_text(f"{self.heading()}\n{table.text()}")

    def heading(self):
        spent = ", ".join(f"{seconds / 60:.1f} of {what}" for what, seconds in self.seconds.items())
        return f"{self.head}; {(time.monotonic() - self.start) / 60:.1f} min: {spent}\n"


def peak_share(report):
    """Per cent: the time of the model's products at their own peak against the whole model's, as encoder_bench
    reports it."""
    found = re.search(r"own peak of [\d.]+ GFLOP/s [\d.]+ ms \(([\d.]+) %\)", report)
    return float(found[1]) if found else None


class OneRequest:
    NAME = "one_request"

    def __init__(self, args):
        self.apart = {}
        self.table = Table("", ["precision", "model", "tokens", "threads", "onecopy ms",
                                *(f"{p} ms" for p in args.peers), "best peer / onecopy (bar)",
                                "% of own peak (bar)"])

    def rows(self, run, model, precision, onecopy, peers):
        for tokens in TOKENS[model.name]:
            for threads in run.args.threads:
                self.row(run, model, precision, Work(threads, "one", (tokens,)), onecopy, peers)

    def row(self, run, model, precision, work, onecopy, peers):
        entrants = [onecopy, *peers]
        run.contest(entrants, work, run.args.seconds)
        self.apart[precision] = max(contest.apart(entrants), self.apart.get(precision, 0))
        share = run.timed("onecopy's own peak", self.peak, onecopy, PEAK_BAR[precision])
        run.row(self, [precision, model.name, str(work.lengths[0]), str(work.threads),
                       *(self.table.time(e) for e in entrants), best_ratio(onecopy, peers, PEER_BAR[precision]), share])

    def peak(self, onecopy, bar):
        """With nobody else running."""
        if onecopy.median() is None:
            return "-"
        runs = int(min(21, max(3, 1000 / onecopy.median())))
        share = peak_share(" ".join(onecopy.ask(f"report {runs}") or []))
        if share is None:
            return self.table.missing("encoder_bench made no report")
        return f"{share:.0f} {'' if share >= bar else '< '}({bar})"

    def text(self):
        apart = ", ".join(f"{p} {d:.1e}" for p, d in self.apart.items())
        self.table.title = f"One request; medians in ms, taking turns. Logits at most so far apart: {apart}."
        return self.table.text()


class Ragged:
    NAME = "ragged"
    PEERS = ("OpenVINO", "ONNX Runtime")  # the best of them

    def __init__(self, args):
        self.peers = [name for name in args.peers if name in self.PEERS]
        self.table = Table(
            f"A batch of {len(RAGGED)} requests of {RAGGED[0]} to {RAGGED[-1]} tokens ({sum(RAGGED)}; padded "
            f"{len(RAGGED) * max(RAGGED)}); ms for the whole batch. onecopy computes it as a worker does, in ragged "
            "parts of up to 512 tokens; peers in one batch padded to the longest, or one request after the other.",
            ["precision", "model", "threads", "peers", "onecopy ms", *(f"{p} ms" for p in self.peers),
             "best peer / onecopy (bar)"])

    def rows(self, run, model, precision, onecopy, peers):
        threads = max(run.args.threads)
        ragged = RAGGED[::4] if run.args.quick else RAGGED
        entrants = [onecopy, *(p for p in peers if p.name in self.peers)]
        for way, bar in (("padded", PADDED_BAR), ("each", EACH_BAR)):
            run.contest(entrants, Work(threads, way, ragged), run.args.seconds)
            run.row(self, [precision, model.name, str(threads), way, *(self.table.time(e) for e in entrants),
                           best_ratio(onecopy, entrants[1:], bar)])

    def text(self):
        return self.table.text()


class Short:
    NAME = "short"

    def __init__(self, args):
        self.table = Table("Short requests; ms, against reading the bytes of the encoder layers' weights once from "
                           "memory (as far as they are not in a cache), with as many threads.",
                           ["precision", "model", "tokens", "threads", "onecopy ms", "read ms", "GB/s",
                            f"onecopy / read (bar: at most {READ_BAR})"])

    def rows(self, run, model, precision, onecopy):
        size = layer_bytes(model, precision)
        reader = contest.reader(run.args.build, size, run.args.out / "logs")
        run.timed("starting", reader.started)
        for tokens in SHORT:
            for threads in run.args.threads:
                self.row(run, model, precision, Work(threads, "one", (tokens,)), onecopy, reader, size)
        reader.close()

    def row(self, run, model, precision, work, onecopy, reader, size):
        run.contest([onecopy, reader], work, run.args.seconds / 8)
        ours, read = onecopy.median(), reader.median()
        speed = f"{size / read / 1e6:.1f}" if read else "-"
        run.row(self, [precision, model.name, str(work.lengths[0]), str(work.threads), self.table.time(onecopy),
                       self.table.time(reader), speed,
                       f"{ours / read:.2f}{' >' if ours / read > READ_BAR else ''}" if ours and read else "-"])

    def text(self):
        return self.table.text()


def layer_bytes(model, precision):
    """Of the packed weights of all encoder layers' products."""
    config = json.loads((model / "config.json").read_text())
    width = config.get("hidden_size") or config["dim"]
    inner = config.get("intermediate_size") or config["hidden_dim"]
    layers = config.get("num_hidden_layers") or config["n_layers"]
    return layers * (4 * width * width + 2 * width * inner) * {"f32": 4, "bf16": 2, "int8": 1}[precision]


def best_ratio(onecopy, peers, bar):
    theirs = [p.median() for p in peers if p.median()]
    return ratio(min(theirs) / onecopy.median() if theirs and onecopy.median() else None, bar)


def compare(run, model, precision):
    """All works of one model in one precision, with the same processes."""
    args, tables, logs = run.args, run.tables, run.args.out / "logs"
    used = contest.PEERS if "one_request" in tables else Ragged.PEERS if "ragged" in tables else ()
    peers = [contest.peer(name, model, precision, args.threads, logs) for name in args.peers if name in used]
    onecopy = contest.onecopy(args.build, model, precision, logs)
    run.timed("starting", contest.start, [onecopy, *peers])
    if "one_request" in tables:
        tables["one_request"].rows(run, model, precision, onecopy, peers)
    if "ragged" in tables and model.name == RAGGED_MODEL:
        tables["ragged"].rows(run, model, precision, onecopy, peers)
    for peer in peers:
        peer.close()
    if "short" in tables and model.name != "distilbert":
        tables["short"].rows(run, model, precision, onecopy)
    onecopy.close()


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=Path, required=True, help="where encoder_bench lies")
    parser.add_argument("--models", type=Path, required=True, help="the folder that holds the models' folders")
    parser.add_argument("--only", nargs="+", choices=list(TOKENS), default=list(TOKENS), help="these models")
    parser.add_argument("--precisions", nargs="+", choices=PRECISIONS, default=list(PRECISIONS))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--peers", nargs="+", choices=list(contest.PEERS), default=list(contest.PEERS))
    parser.add_argument("--tables", nargs="+", choices=["one_request", "ragged", "short"],
                        default=["one_request", "ragged", "short"])
    parser.add_argument("--seconds", type=float, default=4, help="of turns for one row; at least 3 turns all the same")
    parser.add_argument("--prepare-only", action="store_true", help="only convert what is not kept yet")
    parser.add_argument("--quick", action="store_true",
                        help="a smoke run: the shortest turns, without BERT-large, with few tokens")
    parser.add_argument("--out", type=Path, required=True, help="the folder for the tables")
    args = parser.parse_args()
    if args.quick:
        args.seconds = 0
        args.only = [m for m in args.only if m != "bert-large"]
        TOKENS.update({name: (32,) for name in TOKENS})
    return args


def main():
    args = parse()
    models = [args.models / name for name in args.only]
    masked = [model for model in models if model.name == RAGGED_MODEL and "ragged" in args.tables]
    convert(models, masked, args.peers, args.precisions, args.out / "logs")
    if args.prepare_only:
        return
    run = Run(args)
    for precision in args.precisions:
        for model in models:
            compare(run, model, precision)
    print(run.heading())
    for table in run.tables.values():
        print(table.text())
    apart = run.tables["one_request"].apart.get("f32", 0) if "one_request" in run.tables else 0
    if apart > APART_BAR:
        sys.exit(f"f32 logits are {apart} apart")


if __name__ == "__main__":
    main()
