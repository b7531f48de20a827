#!/usr/bin/env python3
"""Kills processes of every kind at random while clients ask; a killed host is started again and adopts the rest.

    bench/kill_storm.py --model qa0=DIR [--minutes 5] [--clients 16] [--seed 1]

No answer may be wrong, and no request may fail but those whose connection went with a killed gateway: these are asked
again by the client and must succeed then. At the end nothing may be left, of processes and of shared memory.
"""
import argparse
import collections
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from clients import Clients
from markdown import machine
from reload_bench import QUESTION, segments
from server import BUILD, NotStarted, Server, processes_of

KINDS = {"onecopy-worker": 6, "onecopy-nursery": 2, "onecopy-gateway": 2, "onecopy-host": 2}  # how often, relatively
INSTANCE = "bench-storm"


def start(args, ports):
    return Server([args.model], args.workers, args.build, INSTANCE, ["--model-root", "/"], ports, errors=args.log)


def restart(args, ports):
    """A new host; the few that lose against a gateway that is just being replaced try again."""
    for _ in range(20):
        try:
            return start(args, ports)
        except NotStarted as error:
            print(f"host not started: {error}", file=sys.stderr)
            time.sleep(0.2)
    raise SystemExit("no host could be started any more")


def kill_one(source, killed):
    kind = source.choices(list(KINDS), KINDS.values())[0]
    pids = sorted(processes_of(INSTANCE, kind))
    if not pids:
        return None
    os.kill(source.choice(pids), signal.SIGKILL)
    killed[kind] += 1
    return kind


def storm(args, server, clients, killed):
    source = random.Random(args.seed)
    ports = (server.port, int(server.management_url.rpartition(":")[2]))
    end = time.monotonic() + 60 * args.minutes
    while time.monotonic() < end:
        time.sleep(source.uniform(0.05, 1.0))
        if kill_one(source, killed) == "onecopy-host":
            server.process.wait()
            time.sleep(source.uniform(0, 1.5))  # the others go on meanwhile
            if source.random() < 0.3:
                kill_one(source, killed)  # without a host
            server = restart(args, ports)
        if sys.stderr.isatty():
            print(f"\r{end - time.monotonic():4.0f} s left, {clients.summary()}  ", end="", file=sys.stderr)
    return server


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="qa0=DIR, question answering")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--build", type=Path, default=BUILD)
    parser.add_argument("--log", type=argparse.FileType("w"), default=subprocess.DEVNULL)
    args = parser.parse_args()
    killed = collections.Counter()
    server = start(args, (0, 0))
    expected = server.post("/qa/qa0", QUESTION)
    with Clients(server.port, "/qa/qa0", QUESTION, args.clients, lambda _, body: json.loads(body) == expected) as clients:
        server = storm(args, server, clients, killed)
    server.process.send_signal(signal.SIGTERM)
    code = server.process.wait(60)
    left = processes_of(INSTANCE), list(segments(INSTANCE))
    print(f"{machine()}; {args.minutes:g} minutes, {args.clients} clients, {args.workers} workers, seed {args.seed}\n")
    print("Killed: " + ", ".join(f"{count} {kind}" for kind, count in sorted(killed.items())))
    print(f"Requests: {clients.summary()}")
    print(f"End: exit code {code}, {len(left[0])} processes and {len(left[1])} segments left")
    for status, body in clients.wrong[:5]:
        print(status, body, file=sys.stderr)
    sys.exit(1 if clients.wrong or clients.lost or code or any(left) else 0)


if __name__ == "__main__":
    main()
