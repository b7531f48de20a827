"""`onecopy serve` for a benchmark: start, ask, look at its memory, end."""
import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

MARK = "ONECOPY_BENCH_INSTANCE"
BUILD = Path(__file__).resolve().parent.parent / "build"


class NotStarted(Exception):
    """With what the server said last."""


class Server:
    """Ports are free ones; only 127.0.0.1. Use as a context. Without an answer cache: the same questions come again
    and again here, and it is workers that are measured."""

    def __init__(self, models, workers, build=BUILD, instance="bench", arguments=(), ports=(0, 0), errors=subprocess.PIPE):
        command = [str(build / "onecopy"), "serve", "--port", str(ports[0]), "--management-port", str(ports[1]),
                   "--instance", instance, "--workers", str(workers), "--answer-cache-mb", "0", *map(str, arguments)]
        for model in models:
            command += ["--model", model]
        # Inherited by all its processes, so that they are found whoever their parent is now.
        environment = os.environ | {MARK: instance}
        self.instance = instance
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment)
        for line in self.process.stdout:
            if "management on " in line:
                self.management_url = line.split()[-1]
            if line.startswith("ready on "):
                self.url = line.split()[-1]
                return
        raise NotStarted(((self.process.communicate()[1] or "").strip().splitlines() or ["no word"])[-1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate()
        if self.process.returncode != 0:
            raise SystemExit(f"the server ended with exit code {self.process.returncode}")

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    def post(self, path, value):
        request = urllib.request.Request(self.url + path, json.dumps(value).encode(), {
            "Content-Type": "application/json", "X-Request-Timeout-Ms": "600000"})
        return json.load(urllib.request.urlopen(request, timeout=600))

    def manage(self, method, path, value=None):
        """A call of the management port: status and reply."""
        request = urllib.request.Request(self.management_url + path, method=method, headers={
            "Content-Type": "application/json", "X-Request-Timeout-Ms": "600000"})
        request.data = None if value is None else json.dumps(value).encode()
        try:
            with urllib.request.urlopen(request, timeout=600) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def processes(self, name=None):
        """Process ids of the instance, of all its hosts; only those that ps shows under this name, if given."""
        return processes_of(self.instance, name)

    def memory(self, kind="Pss"):
        """Bytes of all processes together; kind is a line of smaps_rollup."""
        return sum(memory_of(pid, kind) for pid in self.processes())


def processes_of(instance, name=None):
    found = set()
    mark = f"{MARK}={instance}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                if name is None or (folder / "comm").read_text().strip() == name:
                    found.add(int(folder.name))
        except OSError:
            pass
    return found


def descriptors_of(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


def memory_of(pid, kind):
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    for line in lines:
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) * 1024
    return 0
