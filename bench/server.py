"""`onecopy serve` for a benchmark: start, ask, look at its memory, end."""
import json
import signal
import subprocess
import urllib.request
from pathlib import Path

BUILD = Path(__file__).resolve().parent.parent / "build"


class NotStarted(Exception):
    """With what the server said last."""


class Server:
    """Ports are free ones; only 127.0.0.1. Use as a context."""

    def __init__(self, models, workers, build=BUILD, instance="bench"):
        command = [str(build / "onecopy"), "serve", "--port", "0", "--management-port", "0",
                   "--instance", instance, "--workers", str(workers)]
        for model in models:
            command += ["--model", model]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if line.startswith("ready on "):
                self.url = line.split()[-1]
                return
        raise NotStarted((self.process.communicate()[1].strip().splitlines() or ["no word"])[-1])

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

    def memory(self, kind="Pss"):
        """Bytes of all processes together; kind is a line of smaps_rollup."""
        return sum(memory_of(pid, kind) for pid in self.processes())


def memory_of(pid, kind):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) * 1024
    return 0
