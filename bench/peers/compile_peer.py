"""torch.compile: inductor with frozen weights and static shapes, by g++.

Inductor keeps what g++ made beside the model. What it does anew in each process, tracing and packing the weights,
takes it up to half a minute; so its code is made for any number of threads, which costs no speed, and kept.
"""
import os

import turns

args = turns.arguments(__doc__, ["f32", "bf16"])
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(args.model.resolve() / "inductor"))

import torch  # noqa: E402: it reads the environment

import torch_model  # noqa: E402


def without_threads(guards):
    """Else another number of threads would compile anew."""
    return [guard.guard_type != "GLOBAL_STATE" for guard in guards]


def compiled_for(model, call):
    torch._dynamo.reset()  # the last one's weights go first
    forward = torch.compile(model, dynamic=False, options={
        "freezing": True, "cpp.dynamic_threads": True, "guard_filter_fn": without_threads})
    torch.set_num_threads(os.cpu_count())  # it decides what is worth being shared out
    with torch.no_grad():  # under inference_mode nothing is frozen
        forward(*call)
    return forward


def main():
    model = torch_model.load(args.model, args.precision)
    kept = {}  # of the last shapes

    def prepare(work):
        if work.way == "each":
            raise RuntimeError("compiled for static shapes only")
        call = torch_model.tensors(work.inputs()[0])
        shapes = tuple(x.shape for x in call)
        if shapes not in kept:
            kept.clear()
            kept[shapes] = compiled_for(model, call)
        torch.set_num_threads(work.threads)

        @torch.no_grad()
        def forward():
            return kept[shapes](*call).numpy()

        return forward

    turns.serve(prepare)


if __name__ == "__main__":
    main()
