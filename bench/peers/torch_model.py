"""The model of a folder as transformers loads it, for the peers that start from torch."""
import torch
import transformers

DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


class Head(torch.nn.Module):
    """(ids[, mask]) -> the head's first output, in f32."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, ids, mask=None):
        return self.model(input_ids=ids, attention_mask=mask)[0].float()


def load(folder, precision="f32"):
    architecture = transformers.AutoConfig.from_pretrained(folder).architectures[0]
    model = getattr(transformers, architecture).from_pretrained(folder, dtype=DTYPES[precision])
    return Head(model.eval()).eval()


def tensors(inputs):
    """The call's arguments: without a mask there is none to give."""
    return tuple(torch.from_numpy(x) for x in inputs if x is not None)
