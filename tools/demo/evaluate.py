"""Asks the hand-written questions and measures exact match and F1 as SQuAD does.

    python evaluate.py --base FOLDER --adapter adapter [--report REPORT.md]

The adapter is loaded afresh and merged into the base, and the questions go through the
question-answering pipeline of transformers.
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from peft import PeftModel
from transformers import AutoTokenizer, BertForQuestionAnswering, pipeline
from transformers.utils import logging

from squad_score import score

HERE = Path(__file__).resolve().parent


def load(base, adapter):
    model = BertForQuestionAnswering.from_pretrained(base)
    model = PeftModel.from_pretrained(model, adapter).merge_and_unload().eval()
    tokenizer = AutoTokenizer.from_pretrained(base, model_max_length=512)
    return pipeline("question-answering", model=model, tokenizer=tokenizer, device="cpu")


def read_lines(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines() if line]


def evaluate(ask, rows):
    """One result per question."""
    results = []
    for row in rows:
        reply = ask(question=row["question"], context=row["context"])
        exact, overlap = score(reply["answer"], row["answers"])
        results.append(dict(row, answer=reply["answer"], score=reply["score"], exact=exact, f1=overlap))
    return results


def summary(results):
    count = len(results)
    return dict(count=count, exact=sum(r["exact"] for r in results), f1=100 * sum(r["f1"] for r in results) / count)


def cell(text):
    return text.replace("|", "\\|")


def table(results):
    lines = ["| question | answered | accepted | F1 |", "|---|---|---|---|"]
    for r in results:
        lines.append(f"| {cell(r['question'])} | {cell(r['answer'])} | {cell(' / '.join(r['answers']))} | {r['f1']:.2f} |")
    return "\n".join(lines) + "\n"


def details(adapter):
    """What the training script noted, as one line."""
    path = Path(adapter) / "training.json"
    return ", ".join(f"{k} {v}" for k, v in json.loads(path.read_text()).items() if v is not None) if path.exists() else ""


def line(path, results):
    s = summary(results)
    return f"{Path(path).name}: {s['exact']} of {s['count']} exact ({100 * s['exact'] / s['count']:.1f} %), F1 {s['f1']:.1f}"


def report(path, adapter, sets):
    """Rewrites what follows the heading '## Results' in the report."""
    kept = Path(path).read_text().split("## Results")[0]
    lines = [f"- {line(name, results)}" for name, results in sets.items()]
    first = next(iter(sets.values()))
    right, wrong = [[r for r in first if r["exact"] == flag] for flag in (True, False)]
    Path(path).write_text(f"{kept}## Results\n\n" + "\n".join(lines) + f"\n\nTraining: {details(adapter)}.\n\n"
                          f"### Some right answers\n\n{table(right[::8])}\n### All wrong answers\n\n{table(wrong)}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--base", required=True)
    p.add_argument("--adapter", default=str(HERE / "adapter"))
    p.add_argument("--questions", nargs="+", default=[str(HERE / "questions.jsonl"), str(HERE / "dev_questions.jsonl")])
    p.add_argument("--report", help="write the results into this file, with the answers to the first set of questions")
    p.add_argument("--wrong", action="store_true", help="print the wrong answers")
    p.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = p.parse_args()
    logging.set_verbosity_error()
    torch.set_num_threads(args.threads)
    ask = load(args.base, args.adapter)
    sets = {path: evaluate(ask, read_lines(path)) for path in args.questions}
    for path, results in sets.items():
        print(line(path, results))
        if args.wrong:
            print(table([r for r in results if not r["exact"]]))
    if args.report:
        report(args.report, args.adapter, sets)


if __name__ == "__main__":
    main()
