"""torch.compile: inductor with frozen weights and static shapes, by g++.

Compiling takes up to a minute; inductor keeps what it made beside the model, and the next process only traces. Anew for
each number of threads: code for any number is 3 % slower with one, and with freezing among torch.compile's options
(not in inductor's configuration) a fifth slower.
"""
import os

import turns

args = turns.arguments(__doc__, ["f32", "bf16"])
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(args.model.resolve() / "inductor"))

import torch  # noqa: E402: it reads the environment
import torch._inductor.config  # noqa: E402

import torch_model  # noqa: E402


def main():
    torch._inductor.config.freezing = True
    model = torch_model.load(args.model, args.precision)

    def prepare(work):
        if work.way == "each":
            raise RuntimeError("compiled for static shapes only")
        torch._dynamo.reset()
        torch.set_num_threads(work.threads)
        compiled = torch.compile(model, dynamic=False)
        call = torch_model.tensors(work.inputs()[0])

        @torch.no_grad()  # under inference_mode nothing is frozen
        def forward():
            return compiled(*call).numpy()

        return forward

    turns.serve(prepare)


if __name__ == "__main__":
    main()
