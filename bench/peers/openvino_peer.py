"""OpenVINO in f32: one request's forward pass with a model converted from torch.

    openvino_peer.py --model DIR --convert           writes DIR/openvino.xml and .bin, in f32
    openvino_peer.py --model DIR --tokens N --threads T
"""
import argparse
import pathlib

import numpy as np
import openvino

import turns


def convert(folder):
    import torch

    import torch_peer

    ids = torch.tensor(turns.request(128))
    model = openvino.convert_model(torch_peer.load(folder), example_input={"input_ids": ids})
    openvino.save_model(model, folder / "openvino.xml", compress_to_fp16=False)


def compile_model(folder, threads):
    # Explicit f32: on machines with AMX or AVX512_BF16 the default is bf16.
    return openvino.Core().compile_model(folder / "openvino.xml", "CPU", {
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    })


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--convert", action="store_true")
    parser.add_argument("--tokens", type=int)
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    if args.convert:
        return convert(args.model)
    infer = compile_model(args.model, args.threads).create_infer_request()
    ids = np.array(turns.request(args.tokens), np.int64)

    def forward():
        return infer.infer([ids])[0].flatten()

    turns.serve(forward)


if __name__ == "__main__":
    main()
