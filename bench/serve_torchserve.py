#!/usr/bin/env python3
"""Text classification over HTTP: onecopy against TorchServe with a dynamically quantized model, the same text.

    bench/out/venv/bin/python bench/serve_torchserve.py [--seconds 5]

DistilBERT-base's size with random weights, 114 tokens, 2 workers of one thread each. Closed loop with more and more
keep-alive connections, the two servers in turns; then onecopy alone in an open loop at 2.5 times the most that
TorchServe reached. Needs peers/requirements.txt and Java 17; everything stays on 127.0.0.1.
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from markdown import machine
from server import BUILD, NotStarted, Server

HERE = Path(__file__).resolve().parent
TEXT = " ".join(f"filler{17 + 7 * i}" for i in range(112))  # words of the random folder; 114 tokens with the marks
CONNECTIONS = (1, 2, 4, 8, 16)
WORKERS = 2
MORE, MORE_CONNECTIONS = 2.5, 64


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class TorchServe:
    """In a process group of its own, which ends with it."""

    def __init__(self, model, folder, name="distilbert", handler="torchserve_handler.py", loaded=True):
        self.folder, self.name, self.handler, self.loaded = folder, name, handler, loaded
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "tmp").mkdir(parents=True)
        self.archive(model)
        self.port, config = self.configure()
        binaries = Path(sys.executable).parent
        environment = os.environ | {"PATH": f"{binaries}:{os.environ['PATH']}", "TEMP": str(folder / "tmp"),
                                    "TMPDIR": str(folder / "tmp"), "LOG_LOCATION": str(folder / "logs"),
                                    "METRICS_LOCATION": str(folder / "logs"), "OMP_NUM_THREADS": "1"}
        self.log = open(folder / "torchserve.log", "w")
        self.process = subprocess.Popen(
            [binaries / "torchserve", "--start", "--foreground", "--ncs", "--disable-token-auth", "--ts-config", config],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment, start_new_session=True)

    def archive(self, model):
        extra = ",".join(str(file) for file in model.iterdir() if file.suffix in (".json", ".txt"))
        subprocess.run([Path(sys.executable).parent / "torch-model-archiver", "--model-name", self.name,
                        "--version", "1.0", "--handler", HERE / "peers" / self.handler,
                        "--serialized-file", model / "model.safetensors", "--extra-files", extra,
                        "--archive-format", "no-archive", "--export-path", self.folder], check=True)

    def configure(self):
        ports = free_ports(5)
        config = self.folder / "config.properties"
        names = ("inference", "management", "metrics")
        lines = [f"{name}_address=http://127.0.0.1:{port}" for name, port in zip(names, ports)]
        lines += [f"grpc_inference_port={ports[3]}", f"grpc_management_port={ports[4]}",
                  f"default_workers_per_model={WORKERS}", f"model_store={self.folder}",
                  f"load_models={self.name if self.loaded else 'none'}",
                  "disable_token_authorization=true", "enable_model_api=true", "job_queue_size=1000",
                  "disable_system_metrics=true"]
        config.write_text("\n".join(lines) + "\n")
        self.management = ports[1]
        return ports[0], config

    def wait(self):
        """Until all workers have loaded the model."""
        for _ in range(240):
            if self.process.poll() is not None:
                break
            try:
                url = f"http://127.0.0.1:{self.management}/models" + (f"/{self.name}" if self.loaded else "")
                reply = json.load(urllib.request.urlopen(url, timeout=5))
                workers = reply[0]["workers"] if self.loaded else []
                if not self.loaded or len(workers) == WORKERS and all(w["status"] == "READY" for w in workers):
                    return
            except OSError:
                pass
            time.sleep(0.5)
        self.close()
        raise SystemExit(f"TorchServe did not start, see {self.log.name}")

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        except ProcessLookupError:
            pass


def onecopy(model, build):
    """The server and its precision: f32 where int8 is refused."""
    for precision in ("int8", "f32"):
        try:
            return Server([f"distilbert={model},precision={precision}"], WORKERS, build, "bench-http"), precision
        except NotStarted as error:
            print(f"onecopy in {precision}: {error}", file=sys.stderr)
    raise SystemExit("onecopy did not start")


def check(port):
    """The reply to the text: label -> probability."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/predictions/distilbert", TEXT.encode(),
                                     {"Content-Type": "text/plain"})
    return json.load(urllib.request.urlopen(request, timeout=60))


def load(build, port, connections, seconds, rate=0):
    """requests/s, median ms, p99 ms, replies that were no 200."""
    command = [build / "http_bench", "--port", port, "--path", "/predictions/distilbert", "--content-type", "text/plain",
               "--body", TEXT, "--connections", connections, "--seconds", seconds, "--requests", 1000000]
    if rate:
        command += ["--rate", rate]
    text = subprocess.run(list(map(str, command)), capture_output=True, text=True).stdout
    times = re.search(r"median ([\d.]+) us, p99 ([\d.]+) us, .* ([\d.]+) requests/s", text)
    failed = re.search(r"(\d+) others, (\d+) connections lost", text)
    if not times:
        return None
    return float(times[3]), float(times[1]) / 1e3, float(times[2]) / 1e3, int(failed[1]) + int(failed[2])


def cells(result):
    if result is None:
        return "- | - | -"
    rate, median, p99, failed = result
    return f"{rate:.0f} | {median:.1f} | {p99:.1f}" + (f" ({failed} failed)" if failed else "")


def compare(args, torchserve, server, precision):
    lines = [f"{machine()}; DistilBERT-base's size, 114 tokens, {WORKERS} workers of one thread; onecopy in {precision}, "
             "TorchServe 0.12 with torch dynamic int8", "",
             "| connections | TorchServe requests/s | median ms | p99 ms | onecopy requests/s | median ms | p99 ms | "
             "requests/s, onecopy / TorchServe |", "|---|---|---|---|---|---|---|---|"]
    most = 0
    for connections in CONNECTIONS:
        theirs, ours = [load(args.build, port, connections, args.seconds) for port in (torchserve.port, server.port)]
        times = f"{ours[0] / theirs[0]:.2f}" if ours and theirs else "-"
        most = max(most, theirs[0] if theirs else 0)
        lines.append(f"| {connections} | {cells(theirs)} | {cells(ours)} | {times} |")
        print(lines[-1], file=sys.stderr, flush=True)
    return lines, most


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=HERE / "out/models/distilbert")
    parser.add_argument("--seconds", type=float, default=5, help="for one step")
    parser.add_argument("--build", type=Path, default=BUILD)
    parser.add_argument("--out", type=Path, default=HERE / "out/served.md")
    args = parser.parse_args()
    torchserve = TorchServe(args.model.resolve(), HERE / "out/torchserve")
    try:
        torchserve.wait()
        server, precision = onecopy(args.model, args.build)
        with server:
            print("replies:", check(torchserve.port), check(server.port), file=sys.stderr)
            lines, most = compare(args, torchserve, server, precision)
            torchserve.close()
            rate = MORE * most
            lines += ["", f"| onecopy, open loop, due per second | answered per second | median ms | p99 ms |",
                      "|---|---|---|---|",
                      f"| {rate:.0f} ({MORE} x TorchServe's most) | "
                      f"{cells(load(args.build, server.port, MORE_CONNECTIONS, 2 * args.seconds, rate))} |"]
    finally:
        torchserve.close()
    text = "\n".join(lines) + "\n"
    print(text)
    args.out.write_text(text)


if __name__ == "__main__":
    main()
