#!/usr/bin/env python3
"""Latency of the forward pass: onecopy, OpenVINO, ONNX Runtime, torch eager and torch.compile taking turns.

Each runs in a process of its own and waits while another has its turn, so that clocks, neighbours and
temperature hit all of them alike. Started by run_encoder_bench.sh. Three tables: one request, a ragged batch,
short requests. What a peer does once and keeps (converting, compiling) counts as preparation.
"""
import argparse
import json
import re
import sys
import time
from pathlib import Path

import contest
from markdown import Table, machine, ratio, versions

sys.path.insert(0, str(Path(__file__).resolve().parent / "peers"))
from turns import Work  # noqa: E402

PRECISIONS = ("f32", "bf16", "int8")
TOKENS = {"roberta-base": (128, 384), "bert-large": (128, 384), "distilbert": (128,)}
PEER_BAR = {"f32": 1.10, "bf16": 1.25, "int8": 1.40}
PEAK_BAR = {"f32": 90, "bf16": 90, "int8": 82}
PADDED_BAR, EACH_BAR = 1.8, 1.3
READ_BAR = 1.5
SHORT = (8, 16, 32)
RAGGED = tuple(round(16 + 368 * i / 15) for i in range(16))


class Clock:
    """Seconds of turns and of preparation."""

    def __init__(self, prepares_only):
        self.start, self.measured, self.prepares_only = time.monotonic(), 0.0, prepares_only

    def turns(self, entrants, seconds):
        if self.prepares_only:
            return
        start = time.monotonic()
        contest.take_turns(entrants, seconds)
        self.measured += time.monotonic() - start

    def text(self):
        total = time.monotonic() - self.start
        return (f"{self.measured / 60:.1f} min of turns, {(total - self.measured) / 60:.1f} min of loading and "
                "converting")


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

    def row(self, args, clock, model, precision, tokens, threads, onecopy, peers):
        work = Work(threads, "one", (tokens,))
        entrants = [onecopy, *peers]
        contest.prepare(entrants, work)
        difference = contest.apart(entrants)
        if precision == "f32" and difference > 1e-3:
            sys.exit(f"{model.name}: the logits are {difference} apart")
        self.apart[precision] = max(difference, self.apart.get(precision, 0))
        clock.turns(entrants, args.seconds)
        onecopy.close()
        cells = [precision, model.name, str(tokens), str(threads), *(self.table.time(e) for e in entrants),
                 best_ratio(onecopy, peers, PEER_BAR[precision]), self.peak(onecopy, work, precision)]
        self.table.rows.append(cells)
        progress(cells)

    def peak(self, onecopy, work, precision):
        if onecopy.median() is None:
            return "-"
        runs = int(min(21, max(3, 1000 / onecopy.median())))
        share = peak_share(onecopy.report(work, runs))
        if share is None:
            return self.table.missing("encoder_bench made no report")
        bar = PEAK_BAR[precision]
        return f"{share:.0f} {'' if share >= bar else '< '}({bar})"

    def text(self):
        apart = ", ".join(f"{p} {d:.1e}" for p, d in self.apart.items())
        self.table.title = f"One request; medians in ms, taking turns. Logits at most so far apart: {apart}."
        return self.table.text()


class Ragged:
    NAME = "ragged"
    PEERS = ("OpenVINO", "ONNX Runtime")  # the best of them
    PRECISIONS = ("f32", "int8")

    def __init__(self, args):
        self.peers = [name for name in args.peers if name in self.PEERS]
        self.table = Table(
            f"A batch of {len(RAGGED)} requests of {RAGGED[0]} to {RAGGED[-1]} tokens ({sum(RAGGED)}; padded "
            f"{len(RAGGED) * max(RAGGED)}); ms for the whole batch. onecopy computes it as one ragged batch; peers in "
            "one batch padded to the longest, or one request after the other.",
            ["precision", "model", "threads", "peers", "onecopy ms", *(f"{p} ms" for p in self.peers),
             "best peer / onecopy (bar)"])

    def rows(self, args, clock, model, precision, onecopy, peers):
        threads = max(args.threads)
        ragged = RAGGED[::4] if args.quick else RAGGED
        for way, bar in (("padded", PADDED_BAR), ("each", EACH_BAR)):
            entrants = [onecopy, *(p for p in peers if p.name in self.peers)]
            contest.prepare(entrants, Work(threads, way, ragged))
            clock.turns(entrants, args.seconds)
            onecopy.close()
            cells = [precision, model.name, str(threads), way, *(self.table.time(e) for e in entrants),
                     best_ratio(onecopy, entrants[1:], bar)]
            self.table.rows.append(cells)
            progress(cells)

    def text(self):
        return self.table.text()


class Short:
    NAME = "short"

    def __init__(self, args):
        self.table = Table("Short requests; ms, against reading the bytes of the encoder layers' weights once from "
                           "memory (as far as they are not in a cache), with as many threads.",
                           ["precision", "model", "tokens", "threads", "onecopy ms", "read ms", "GB/s",
                            f"onecopy / read (bar: at most {READ_BAR})"])

    def row(self, args, clock, model, precision, tokens, threads, onecopy, reader):
        reader.bytes = layer_bytes(model, precision)
        work = Work(threads, "one", (tokens,))
        contest.prepare([onecopy, reader], work)
        clock.turns([onecopy, reader], args.seconds / 8)
        onecopy.close()
        reader.close()
        ours, read = onecopy.median(), reader.median()
        speed = f"{reader.bytes / read / 1e6:.1f}" if read else "-"
        cells = [precision, model.name, str(tokens), str(threads), self.table.time(onecopy), self.table.time(reader),
                 speed, f"{ours / read:.2f}{' >' if ours / read > READ_BAR else ''}" if ours and read else "-"]
        self.table.rows.append(cells)
        progress(cells)

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


def progress(cells):
    print("  ".join(cells), flush=True, file=sys.stderr)


def compare(args, clock, model, precision, tables):
    """All works of one model in one precision, with the same processes of the peers."""
    logs = args.out / "logs"
    onecopy = contest.Onecopy(args.build / "encoder_bench", model, precision, logs)
    if {"one_request", "ragged"} & set(tables):
        used = contest.PEERS if "one_request" in tables else Ragged.PEERS
        names = [name for name in args.peers if name in used]
        peers = [contest.Peer(name, model, precision, logs) for name in names]
        for peer in peers:
            peer.started()
        if "one_request" in tables:
            for tokens in TOKENS[model.name]:
                for threads in args.threads:
                    tables["one_request"].row(args, clock, model, precision, tokens, threads, onecopy, peers)
        if "ragged" in tables and model.name == "roberta-base" and precision in Ragged.PRECISIONS:
            tables["ragged"].rows(args, clock, model, precision, onecopy, peers)
        for peer in peers:
            peer.close()
    if "short" in tables and model.name != "distilbert":
        reader = contest.Reader(args.build / "read_bench", logs)
        for tokens in SHORT:
            for threads in args.threads:
                tables["short"].row(args, clock, model, precision, tokens, threads, onecopy, reader)


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
    parser.add_argument("--seconds", type=float, default=5, help="of turns for one row; at least 5 turns all the same")
    parser.add_argument("--prepare-only", action="store_true", help="convert and compile what is not kept yet")
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
    clock = Clock(args.prepare_only)
    tables = {t.NAME: t(args) for t in (OneRequest, Ragged, Short) if t.NAME in args.tables}
    for precision in args.precisions:
        for name in args.only:
            compare(args, clock, args.models / name, precision, tables)
    heading = f"{machine()}; {versions()}; {clock.text()}\n"
    print(heading)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        print(table.text())
        (args.out / f"{name}.md").write_text(f"{heading}\n{table.text()}")


if __name__ == "__main__":
    main()
