"""What OpenVINO and ONNX Runtime make of the models once and keep beside them, all of it before anything is measured."""
import subprocess
import sys
import time

from contest import HERE, PEERS

CONVERT = ("OpenVINO", "ONNX Runtime")


def convert(models, masked, peers, precisions, logs):
    """One after the other: some take gigabytes. `masked`: the models that are needed with an attention mask too."""
    kinds = [(name, model, mask) for model in models for name in peers if name in CONVERT
             for mask in (0, 1)[:1 + (model in masked)]]
    logs.mkdir(parents=True, exist_ok=True)
    for i, (name, model, mask) in enumerate(kinds, 1):
        log = logs / f"converting-{name.replace(' ', '-')}-{model.name}{'-mask' if mask else ''}.log"
        print(f"conversion {i} of {len(kinds)}: {name}, {model.name}{', masked' if mask else ''} ... ", end="", flush=True,
              file=sys.stderr)
        start = time.monotonic()
        with open(log, "w") as file:
            code = subprocess.run([sys.executable, HERE / "peers" / PEERS[name], "--model", model, "--precision",
                                   "int8" if "int8" in precisions else "f32", "--mask", str(mask)],
                                  stdin=subprocess.DEVNULL, stdout=file, stderr=file).returncode
        print(f"{time.monotonic() - start:.0f} s" if code == 0 else f"failed, see {log}", flush=True, file=sys.stderr)
