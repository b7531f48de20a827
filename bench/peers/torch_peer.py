"""torch eager, the way transformers runs a model; bf16 as a bf16 model, int8 with dynamically quantized linear layers."""
import torch

import torch_model
import turns


def load(args):
    if args.precision != "int8":
        return torch_model.load(args.model, args.precision)
    return torch.ao.quantization.quantize_dynamic(torch_model.load(args.model), {torch.nn.Linear}, torch.qint8)


def main():
    args = turns.arguments(__doc__, ["f32", "bf16", "int8"])
    model = load(args)

    def prepare(work):
        torch.set_num_threads(work.threads)
        calls = [torch_model.tensors(inputs) for inputs in work.inputs()]

        @torch.inference_mode()
        def forward():
            return [model(*call) for call in calls][0].numpy()

        return forward

    turns.serve(prepare)


if __name__ == "__main__":
    main()
