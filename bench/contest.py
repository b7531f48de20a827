"""Several programs that compute the same, each in a process of its own, taking turns."""
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PEERS = {"OpenVINO": "openvino_peer.py", "ONNX Runtime": "onnxruntime_peer.py", "torch eager": "torch_peer.py",
         "torch.compile": "compile_peer.py"}
PRECISIONS = {"onecopy": ("f32", "bf16", "int8"), "OpenVINO": ("f32", "bf16", "int8"), "ONNX Runtime": ("f32", "int8"),
              "torch eager": ("f32", "bf16", "int8"), "torch.compile": ("f32", "bf16")}


class Failed(Exception):
    """Why a program has no number here."""


class Process:
    """Answers lines with lines; its standard error goes to a log."""

    def __init__(self, command, log):
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "w") as file:
            self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            text=True, stderr=file)

    def tell(self, line):
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # read() says why

    def ask(self, line):
        self.tell(line)
        return self.read()

    def read(self):
        reply = self.process.stdout.readline()
        if not reply:
            raise Failed(self.last_words())
        if reply.startswith("failed: "):
            raise Failed(reply[len("failed: "):].strip())
        return reply.split()

    def ended(self):
        return self.process.poll() is not None

    def last_words(self):
        self.process.wait()
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1].strip()[:200] if lines else f"ended with exit code {self.process.returncode}"

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


class Entrant:
    """One column: a name and a program that loads its model once for all works (it speaks as peers/turns.py says).
    With a failure it stays, without numbers."""

    def __init__(self, name, command, log, broken=None):
        self.name = name
        self.broken = self.failure = broken  # for ever; for this work
        self.process = None if broken else Process(command, log)
        self.times = []

    def attempt(self, action):
        """None after a failure."""
        if self.failure:
            return None
        try:
            return action()
        except Failed as failure:
            self.failure = str(failure)
            if self.process.ended():
                self.broken = self.failure
            return None

    def started(self):
        self.finish()
        self.broken = self.failure

    def begin(self, work):
        self.times, self.failure = [], self.broken
        self.attempt(lambda: self.process.tell(f"work {work}"))

    def finish(self):
        self.attempt(lambda: self.process.read())

    def ask(self, line):
        """The words of the answer."""
        return self.attempt(lambda: self.process.ask(line))

    def numbers(self, line):
        return [float(word) for word in self.ask(line) or []]

    def close(self):
        if self.process:
            self.process.close()

    def median(self):
        return statistics.median(self.times) if self.times else None


class EntrantPerThreads:
    """A column whose program takes long to make a work ready: a process for each number of threads, all of which make
    it ready at the same time. Acts as the one for the work that is asked for."""

    def __init__(self, entrants):
        self.entrants = entrants  # by the number of threads
        self.current = next(iter(entrants.values()))
        self.prepared = None
        self.pending = []

    def __getattr__(self, name):
        return getattr(self.current, name)

    def started(self):
        for entrant in self.entrants.values():
            entrant.started()

    def begin(self, work):
        self.current = self.entrants[work.threads]
        self.current.times = []
        if self.prepared == work._replace(threads=0):
            return
        self.prepared = work._replace(threads=0)
        self.pending = list(self.entrants.values())
        for threads, entrant in self.entrants.items():
            entrant.begin(work._replace(threads=threads))

    def finish(self):
        for entrant in self.pending:
            entrant.finish()
        self.pending = []

    def close(self):
        for entrant in self.entrants.values():
            entrant.close()


def peer(name, model, precision, threads, logs):
    """`threads`: all the numbers of threads that it will be asked for."""
    missing = None if precision in PRECISIONS[name] else f"has no {precision}"

    def entrant(suffix=""):
        command = [sys.executable, "-W", "ignore", HERE / "peers" / PEERS[name], "--model", model,
                   "--precision", precision]
        return Entrant(name, command, logs / f"{name.replace(' ', '-')}-{model.name}-{precision}{suffix}.log", missing)

    if name != "torch.compile" or missing:
        return entrant()
    return EntrantPerThreads({n: entrant(f"-{n}") for n in threads})


def onecopy(build, model, precision, logs):
    command = [build / "encoder_bench", "--model", model, "--precision", precision, "--serve"]
    return Entrant("onecopy", command, logs / f"onecopy-{model.name}-{precision}.log")


def reader(build, size, logs):
    """Not a model: reads so many bytes once."""
    return Entrant("read", [build / "read_bench", "--bytes", size, "--serve"], logs / "read.log")


def start(entrants):
    """All at the same time; in the order of their columns."""
    for entrant in entrants:
        entrant.started()


def prepare(entrants, work):
    """All at the same time: loading is most of a comparison's time."""
    for entrant in entrants:
        entrant.begin(work)
    for entrant in entrants:
        entrant.finish()


def take_turns(entrants, seconds, turns=3, most=25):
    """Times of each; at least `turns` turns, then as many more as fit into the seconds."""
    ready = [e for e in entrants if e.failure is None]
    start = time.monotonic()
    first = {entrant: entrant.numbers("run 1") for entrant in ready}
    slowest = max((ms for times in first.values() for ms in times), default=0)
    if not slowest:
        return
    runs = max(1, math.floor(200 / slowest))
    warm_up = slowest < 100  # longer ones need none
    if not warm_up:
        for entrant, times in first.items():
            entrant.times.extend(times)  # with many milliseconds each that was a turn
    for turn in range(0 if warm_up else 1, most):
        if turn >= turns and time.monotonic() - start > seconds:
            break
        for i in range(len(ready)):
            entrant = ready[(i + turn) % len(ready)]  # who comes first changes
            time.sleep(0.02)                          # the last one's threads go to sleep
            if warm_up:
                entrant.numbers("run 1")
            entrant.times.extend(entrant.numbers(f"run {runs}"))


def apart(entrants):
    """The largest difference of logits between the first that has any and the others."""
    logits = [values for e in entrants if (values := e.numbers("logits"))]
    return max((abs(a - b) for other in logits[1:] for a, b in zip(logits[0], other)), default=0.0)
