#!/usr/bin/env python3
"""Reloads a model under load: a new version beside the old one, switched, the old one gone.

    bench/reload_bench.py --models DIR DIR [--reloads 200] [--clients 16]

The two folders (question answering, different weights) take turns. Every answer must be wholly that of the version which
its X-Model-Version names; no request may fail. Prints failures, memory (PSS of all processes, and /dev/shm) and
descriptors before and after, and how long a retired version's memory stays.
"""
import argparse
import json
import statistics
import sys
import time
import urllib.request
from pathlib import Path

from clients import Clients
from markdown import machine
from server import BUILD, Server, descriptors_of

QUESTION = {"question": "Who built the bridge?", "context": "The old bridge was built by Quatz. The new one was never finished."}
NAME = "qa0"
SHM = Path("/dev/shm")


def segments(instance):
    """Name -> bytes of the instance's segments."""
    found = {}
    for file in SHM.glob(f"onecopy:{instance}:*"):
        try:
            found[file.name] = file.stat().st_size
        except OSError:
            pass
    return found


def answer_of(server, version):
    request = urllib.request.Request(f"{server.url}/qa/{NAME}/{version}", json.dumps(QUESTION).encode(),
                                     {"Content-Type": "application/json"})
    return urllib.request.urlopen(request, timeout=60).read()


def expect(what, got, status):
    if got[0] != status:
        raise SystemExit(f"{what}: {got}")


def reload(server, folders, version):
    """Seconds until the new version serves, and until the old one's segment is gone."""
    start = time.monotonic()
    expect("register", server.manage("POST", f"/models?url={folders[version % 2]}&model_name={NAME}&version={version}"
                                             "&synchronous=true"), 200)
    expect("set-default", server.manage("PUT", f"/models/{NAME}/{version}/set-default"), 200)
    loaded = time.monotonic() - start
    retired = time.monotonic()
    expect("delete", server.manage("DELETE", f"/models/{NAME}/{version - 1}"), 200)
    while any(f":{NAME}:{version - 1}:" in name for name in segments(server.instance)):
        time.sleep(0.005)
    return loaded, time.monotonic() - retired


def mappings(server, version):
    """Of how many processes the version's segment is still part."""
    mark = f":{NAME}:{version}:"
    count = 0
    for pid in server.processes():
        try:
            count += mark in Path(f"/proc/{pid}/maps").read_text()
        except OSError:
            pass
    return count


def wait_unmapped(server, version, limit=60):
    start = time.monotonic()
    while mappings(server, version) and time.monotonic() - start < limit:
        time.sleep(0.01)
    return time.monotonic() - start


def state(server):
    time.sleep(2)
    return {"PSS, MB": server.memory() / 1e6,
            "own memory (anonymous), MB": server.memory("Pss_Anon") / 1e6,
            "/dev/shm, MB": sum(segments(server.instance).values()) / 1e6,
            "descriptors": sum(map(descriptors_of, server.processes()))}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, nargs=2, required=True)
    parser.add_argument("--reloads", type=int, default=200)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--build", type=Path, default=BUILD)
    args = parser.parse_args()
    folders = [folder.resolve() for folder in args.models]
    root = folders[0].parent
    # Version 1 is folder 1, as every odd one.
    with Server([f"{NAME}={folders[1]}"], args.workers, args.build, "bench-reload", ["--model-root", root]) as server:
        expected = {1: answer_of(server, 1)}
        loads, gone, unmapped = [], [], []
        for version in (2, 3, 4):  # warm, and the expected answers of both folders
            reload(server, folders, version)
            expected[version % 2] = answer_of(server, version)
        if expected[0] == expected[1]:
            raise SystemExit("the two models answer alike: nothing could be told apart")
        judge = lambda version, body: version is not None and body == expected[int(version) % 2]  # noqa: E731
        with Clients(server.port, f"/qa/{NAME}", QUESTION, args.clients, judge):
            time.sleep(3)  # the clients' buffers, and the workers' for batches, are there before and after
        before = state(server)
        with Clients(server.port, f"/qa/{NAME}", QUESTION, args.clients, judge) as clients:
            for version in range(5, 5 + args.reloads):
                loaded, seconds = reload(server, folders, version)
                loads.append(loaded)
                gone.append(seconds)
                unmapped.append(wait_unmapped(server, version - 1))
                if sys.stderr.isatty():
                    print(f"\r{version - 4} of {args.reloads}", end="", file=sys.stderr)
        after = state(server)
    print(f"{machine()}; {args.reloads} reloads, {args.clients} clients, {args.workers} workers\n")
    print(f"Requests: {clients.summary()}")
    print(f"Register to default: median {1e3 * statistics.median(loads):.0f} ms, longest {1e3 * max(loads):.0f} ms. "
          f"Retired: name gone after {1e3 * max(gone):.0f} ms, unmapped by all after {1e3 * max(unmapped):.0f} ms at most.\n")
    print("| | before | after | change |\n|---|---|---|---|")
    for key, value in before.items():
        print(f"| {key} | {value:.1f} | {after[key]:.1f} | {100 * (after[key] / max(value, 1e-9) - 1):+.2f} % |")
    failed = clients.wrong or clients.lost or clients.cut
    for status, body in clients.wrong[:5]:
        print(status, body, file=sys.stderr)
    sys.exit(1 if failed or after["PSS, MB"] > 1.02 * before["PSS, MB"] or max(unmapped) > 5 else 0)


if __name__ == "__main__":
    main()
