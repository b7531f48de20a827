"""ONNX Runtime with a model exported from torch; int8 by its dynamic quantization, per channel.

Its graph optimizer for transformers is tried too, and the faster of the two models kept.
"""
import os
import time

import numpy as np
import onnxruntime

import turns

PRECISIONS = ("f32", "int8")


def path(args, mask, precision=None):
    return args.model / f"onnxruntime-{precision or args.precision}{'-mask' if mask else ''}.onnx"


def session(file, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def export(args, mask, file):
    import torch
    import torch_model

    call = torch_model.tensors(turns.Work(1, "padded", (96, 128)).inputs()[0])[:1 + mask]
    sizes = {0: torch.export.Dim("requests", max=64), 1: torch.export.Dim("tokens", max=512)}
    torch.onnx.export(torch_model.load(args.model), call, file, dynamo=True, external_data=False,
                      input_names=["ids", "mask"][:1 + mask], output_names=["logits"],
                      dynamic_shapes=[sizes] * (1 + mask))


def optimize(args, file, optimized):
    import transformers
    from onnxruntime.transformers import optimizer

    config = transformers.AutoConfig.from_pretrained(args.model)
    model = optimizer.optimize_model(str(file), model_type="bert", num_heads=config.num_attention_heads,
                                     hidden_size=config.hidden_size, opt_level=0)
    model.save_model_to_file(str(optimized))


def quantized(file):
    from onnxruntime.quantization import QuantType, quantize_dynamic

    out = file.with_suffix(".int8.onnx")
    quantize_dynamic(file, out, per_channel=True, weight_type=QuantType.QInt8)
    return out


def faster(files, mask):
    """By the best of passes taking turns."""
    ids, ones = turns.request(128)[None], np.ones((1, 128), np.int64)
    best = {file: float("inf") for file in files}
    sessions = {file: session(file, 1) for file in files}
    for _ in range(6):
        for file, each in sessions.items():
            start = time.perf_counter()
            each.run(None, {"ids": ids, "mask": ones} if mask else {"ids": ids})
            best[file] = min(best[file], time.perf_counter() - start)
    print("conversion:", {file.name: round(seconds * 1e3, 1) for file, seconds in best.items()}, "ms")
    return min(best, key=best.get)


def convert(args, mask):
    """All precisions from one export, which is most of the time."""
    outs = {precision: path(args, mask, precision) for precision in PRECISIONS}
    if all(out.exists() for out in outs.values()):
        return
    f32 = [outs["f32"].with_suffix(suffix) for suffix in (".plain.onnx", ".optimized.onnx")]
    export(args, mask, f32[0])
    optimize(args, *f32)
    int8 = [quantized(file) for file in f32]
    for files, out in ((f32, outs["f32"]), (int8, outs["int8"])):
        os.replace(faster(files, mask), out)
        for left in files:
            left.unlink(missing_ok=True)


def main():
    args = turns.arguments(__doc__, PRECISIONS)
    if args.mask is not None:
        return convert(args, bool(args.mask))

    def prepare(work):
        mask = work.way == "padded"
        run = session(turns.converted(path(args, mask)), work.threads).run
        calls = [{"ids": ids} if given is None else {"ids": ids, "mask": given} for ids, given in work.inputs()]
        return lambda: [run(None, call)[0] for call in calls][0]

    turns.serve(prepare)


if __name__ == "__main__":
    main()
