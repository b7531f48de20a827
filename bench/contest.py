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
    """One column: a name, and a process once it is ready. With a failure it stays, without numbers."""

    def __init__(self, name):
        self.name = name
        self.failure = None
        self.process = None
        self.times = []

    def attempt(self, action):
        """None after a failure."""
        if self.failure:
            return None
        try:
            return action()
        except Failed as failure:
            self.failure = str(failure)
            return None

    def numbers(self, line):
        return self.attempt(lambda: [float(v) for v in self.process.ask(line)])

    def close(self):
        if self.process:
            self.process.close()
            self.process = None

    def median(self):
        return statistics.median(self.times) if self.times else None


class Peer(Entrant):
    """Keeps its process, which loads the model once, for all works."""

    def __init__(self, name, model, precision, logs):
        super().__init__(name)
        self.broken = None
        if precision not in PRECISIONS[name]:
            self.broken = f"has no {precision}"
            return
        command = [sys.executable, "-W", "ignore", HERE / "peers" / PEERS[name], "--model", model, "--precision", precision]
        self.process = Process(command, logs / f"{name.replace(' ', '-')}-{model.name}-{precision}.log")

    def started(self):
        if self.process:
            self.broken = self.attempt(self.process.read) is None and self.failure or None

    def begin(self, work):
        self.times, self.failure = [], self.broken
        self.attempt(lambda: self.process.tell(f"work {work}"))

    def finish(self):
        self.attempt(self.process.read if self.process else None)
        if self.process and self.process.process.poll() is not None:
            self.broken = self.failure


class Onecopy(Entrant):
    """encoder_bench, started anew for each work: that takes it less than a second."""

    def __init__(self, program, model, precision, logs):
        super().__init__("onecopy")
        self.command = [program, "--model", model, "--precision", precision]
        self.log = logs / f"onecopy-{model.name}-{precision}.log"

    def options(self, work):
        lengths = ["--tokens", work.lengths[0]] if len(work.lengths) == 1 else [
            "--lengths", ",".join(map(str, work.lengths))]
        return [*self.command, *lengths, "--threads", work.threads]

    def started(self):
        pass

    def begin(self, work):
        self.close()
        self.times, self.failure = [], None
        self.process = Process([*self.options(work), "--serve"], self.log)

    def finish(self):
        self.attempt(self.process.read)

    def report(self, work, runs):
        """What encoder_bench says about itself, with nobody else running."""
        command = [*self.options(work), "--runs", runs]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        return done.stdout if done.returncode == 0 else ""


class Reader(Onecopy):
    """The same interface for read_bench: reads so many bytes once."""

    def __init__(self, program, logs):
        Entrant.__init__(self, "read")
        self.program, self.log, self.bytes = program, logs / "read.log", 0

    def options(self, work):
        return [self.program, "--bytes", self.bytes, "--threads", work.threads]


def prepare(entrants, work):
    """All at the same time: loading is most of a comparison's time."""
    for entrant in entrants:
        entrant.begin(work)
    for entrant in entrants:
        entrant.finish()


def take_turns(entrants, seconds, turns=5, most=25):
    """Times of each; at least `turns` turns, then as many more as fit into the seconds."""
    ready = [e for e in entrants if e.failure is None]
    slowest = max((max(e.numbers("run 1") or [0.0]) for e in ready), default=0)
    if not slowest:
        return
    runs = max(1, math.floor(200 / slowest))
    warm_up = slowest < 100  # longer ones need none
    start = time.monotonic()
    for turn in range(most):
        if turn >= turns and time.monotonic() - start > seconds:
            break
        for i in range(len(ready)):
            entrant = ready[(i + turn) % len(ready)]  # who comes first changes
            time.sleep(0.02)                          # the last one's threads go to sleep
            if warm_up:
                entrant.numbers("run 1")
            entrant.times += entrant.numbers(f"run {runs}") or []


def apart(entrants):
    """The largest difference of logits between the first that has any and the others."""
    logits = [values for e in entrants if e.failure is None and (values := e.numbers("logits"))]
    return max((abs(a - b) for other in logits[1:] for a, b in zip(logits[0], other)), default=0.0)
