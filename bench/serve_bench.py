#!/usr/bin/env python3
"""Loading time and memory of a served model, by the real processes.

    bench/serve_bench.py --model bert-large=DIR --workers 16 [--repeat 3]

Starts `onecopy serve` several times and prints a markdown table: from the start of the command to the first
answer over HTTP (median), and the proportional memory (PSS) of all processes against the packed weights after
every worker has served windows of 384 tokens.
"""
import argparse
import json
import signal
import statistics
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent / "build"
CONTEXT = "The old bridge was built by Quatz. " * 120


class Server:
    def __init__(self, build, models, workers):
        arguments = [str(build / "onecopy"), "serve", "--port", "0", "--management-port", "0",
                     "--instance", "bench", "--workers", str(workers)]
        for model in models:
            arguments += ["--model", model]
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith("ready on "):
                self.url = line.split()[-1]
                return
        raise SystemExit("the server did not start:\n" + "\n".join(self.lines))

    def ask(self, model, context):
        body = json.dumps({"question": "Who built the bridge?", "context": context}).encode()
        request = urllib.request.Request(f"{self.url}/qa/{model}", body, {"Content-Type": "application/json",
                                                                       "X-Request-Timeout-Ms": "600000"})
        return json.load(urllib.request.urlopen(request, timeout=600))

    def processes(self):
        """Process ids of the host and all its descendants."""
        parents = {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(status.parent.name)] = int(fields[1])
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found and pid not in found}:
            found |= more
        return found

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait() == 0


def pss(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def first_answer_seconds(build, model, workers):
    start = time.monotonic()
    server = Server(build, [model], workers)
    server.ask(model.partition("=")[0], "It was built by Quatz.")
    seconds = time.monotonic() - start
    server.stop()
    return seconds


def served_memory(build, model, workers):
    """(PSS of all processes, bytes of the segments) after every worker has served."""
    server = Server(build, [model], workers)
    name = model.partition("=")[0]
    threads = [threading.Thread(target=lambda: server.ask(name, CONTEXT)) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    total = sum(pss(pid) for pid in server.processes())
    segments = sum(f.stat().st_size for f in Path("/dev/shm").glob("onecopy:bench:*:*:*"))
    server.stop()
    return total, segments


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
