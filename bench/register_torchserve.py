#!/usr/bin/env python3
"""From POST /models to the first answer: onecopy beside TorchServe, the same model, in turns.

    bench/out/venv/bin/python bench/register_torchserve.py [--model DIR] [--turns 5]

RoBERTa-base's size with random weights, question answering in f32, 2 workers, files in the page cache. Both servers run, with
no model of that name; each turn registers it, asks one question, and removes it again. Needs peers/requirements.txt and
Java 17; everything stays on 127.0.0.1.
"""
import argparse
import json
import statistics
import time
import urllib.request
from pathlib import Path

from markdown import machine
from reload_bench import QUESTION
from serve_torchserve import WORKERS, TorchServe
from server import BUILD, Server

HERE = Path(__file__).resolve().parent
NAME = "roberta"


def call(method, url, value=None):
    request = urllib.request.Request(url, method=method)
    if value is not None:  # TorchServe answers 500 where JSON is announced and nothing comes
        request.data = json.dumps(value).encode()
        request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=300) as reply:
        return reply.status, reply.read()


def turn(register, ask, remove):
    """Seconds from the registration to the first answer."""
    start = time.monotonic()
    call("POST", register)
    status, _ = call("POST", ask, QUESTION)
    seconds = time.monotonic() - start
    assert status == 200
    call("DELETE", remove)
    return seconds


def torchserve_turn(server):
    management = f"http://127.0.0.1:{server.management}/models"
    return turn(f"{management}?url={NAME}&initial_workers={WORKERS}&synchronous=true",
                f"http://127.0.0.1:{server.port}/predictions/{NAME}", f"{management}/{NAME}")


def onecopy_turn(server, model):
    management = f"{server.management_url}/models"
    return turn(f"{management}?url={model}&model_name={NAME}&synchronous=true", f"{server.url}/qa/{NAME}",
                f"{management}/{NAME}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=HERE / "out/models/roberta-base")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--build", type=Path, default=BUILD)
    args = parser.parse_args()
    model = args.model.resolve()
    peer = TorchServe(model, HERE / "out/torchserve", NAME, "torchserve_qa_handler.py", loaded=False)
    try:
        peer.wait()
        with Server([], WORKERS, args.build, "bench-register", ["--model-root", model.parent]) as server:
            onecopy_turn(server, model)  # puts the files into the page cache
            times = [(torchserve_turn(peer), onecopy_turn(server, model)) for _ in range(args.turns)]
    finally:
        peer.close()
    theirs, ours = (statistics.median(column) for column in zip(*times))
    print(f"{machine()}; {model.name}, f32, {WORKERS} workers, {args.turns} turns\n")
    print("| POST /models to the first answer, median | seconds |\n|---|---|")
    print(f"| TorchServe 0.12 | {theirs:.2f} |\n| onecopy | {ours:.2f} |\n| times | {theirs / ours:.1f} |")


if __name__ == "__main__":
    main()
