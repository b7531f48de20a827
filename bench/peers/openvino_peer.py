"""OpenVINO with a model converted from torch; int8 quantized by NNCF with random ids."""
import numpy as np
import openvino

import turns

CALIBRATION_REQUESTS = 64


def path(args, mask, precision=None):
    kind = "int8" if (precision or args.precision) == "int8" else "f32"  # bf16 is made from f32 while loading
    return args.model / f"openvino-{kind}{'-mask' if mask else ''}.xml"


def quantized(model, mask):
    import nncf

    random = np.random.default_rng(1)
    requests = [random.integers(10, 20000, (1, 128)) for _ in range(CALIBRATION_REQUESTS)]
    items = [[ids, np.ones_like(ids)] if mask else [ids] for ids in requests]
    return nncf.quantize(model, nncf.Dataset(items), model_type=nncf.ModelType.TRANSFORMER,
                         subset_size=CALIBRATION_REQUESTS)


def save(model, out):
    part = out.with_name(f"part-{out.name}")
    openvino.save_model(model, part, compress_to_fp16=False)
    part.with_suffix(".bin").rename(out.with_suffix(".bin"))
    part.rename(out)  # last: its name says that both are whole


def convert(args, mask):
    """f32 and, made from its file, int8."""
    f32, int8 = path(args, mask, "f32"), path(args, mask, "int8")
    if not f32.exists():
        import torch_model

        call = torch_model.tensors(turns.Work(1, "padded", (96, 128)).inputs()[0])
        model = openvino.convert_model(torch_model.load(args.model), example_input=call if mask else call[:1])
        model.reshape({port: [-1, -1] for port in model.inputs})
        save(model, f32)
    if args.precision == "int8" and not int8.exists():
        save(quantized(openvino.Core().read_model(f32), mask), int8)


def compiled(core, args, work):
    mask = work.way == "padded"
    model = core.read_model(turns.converted(path(args, mask)))
    if work.way != "each":  # static shapes are a little faster
        # But for the batch of a quantized model with a mask: folding its constants fails.
        batch = [-1] if mask and args.precision == "int8" else [len(work.lengths)]
        model.reshape({port: batch + list(x.shape)[1:] for port, x in zip(model.inputs, work.inputs()[0])})
    return core.compile_model(model, "CPU", {
        # Said in full: on machines with AMX or AVX512_BF16 the default is bf16, for what int8 leaves over too.
        "INFERENCE_PRECISION_HINT": "bf16" if args.precision == "bf16" else "f32",
        "INFERENCE_NUM_THREADS": work.threads,
        "PERFORMANCE_HINT": "LATENCY",
    })


def main():
    args = turns.arguments(__doc__, ["f32", "bf16", "int8"])
    if args.mask is not None:
        return convert(args, bool(args.mask))
    core = openvino.Core()
    if args.precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        raise SystemExit("no bf16 on this processor")

    def prepare(work):
        infer = compiled(core, args, work).create_infer_request()
        calls = [[x for x in inputs if x is not None] for inputs in work.inputs()]
        return lambda: [infer.infer(call)[0].copy() for call in calls][0]

    turns.serve(prepare)


if __name__ == "__main__":
    main()
