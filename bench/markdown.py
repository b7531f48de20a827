"""Tables, with footnotes for what has no number."""
import platform


class Table:
    def __init__(self, title, head):
        self.title, self.head, self.rows, self.notes = title, head, [], []

    def missing(self, why):
        """A cell that points to the reason; equal reasons are one note."""
        if why not in self.notes:
            self.notes.append(why)
        return f"- [{self.notes.index(why) + 1}]"

    def time(self, entrant):
        median = entrant.median()
        if median is None:
            return self.missing(f"{entrant.name}: {entrant.failure or 'not measured'}")
        return f"{median:.1f}"

    def text(self):
        lines = [self.head, *self.rows]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.head))]
        lines.insert(1, ["-" * w for w in widths])
        shown = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths)) + " |" for line in lines]
        notes = [f"[{i + 1}] {note}" for i, note in enumerate(self.notes)]
        return "\n".join([self.title, "", *shown, *([""] if notes else []), *notes]) + "\n"


def ratio(value, bar):
    """Higher is better."""
    return f"{value:.2f} {'' if value >= bar else '< '}({bar})" if value is not None else "-"


def machine():
    names = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    flags = next(line for line in open("/proc/cpuinfo") if line.startswith("flags")).split()
    wanted = [f for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile") if f in flags]
    load = open("/proc/loadavg").read().split()[0]
    return f"{names[0]}, {len(names)} cores, {' '.join(wanted)}, Linux {platform.release()}, load {load}"


def versions():
    from importlib.metadata import version
    return ", ".join(f"{name} {version(package)}" for name, package in [
        ("torch", "torch"), ("OpenVINO", "openvino"), ("ONNX Runtime", "onnxruntime"), ("NNCF", "nncf")])
