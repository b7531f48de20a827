"""torch eager in f32, the way transformers runs a model: one request's forward pass."""
import argparse

import torch
import transformers

import turns


def load(folder):
    architecture = transformers.AutoConfig.from_pretrained(folder).architectures[0]
    return getattr(transformers, architecture).from_pretrained(folder, dtype=torch.float32).eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    model = load(args.model)
    ids = torch.tensor(turns.request(args.tokens))

    @torch.inference_mode()
    def forward():
        return model(input_ids=ids)[0].flatten().tolist()

    turns.serve(forward)


if __name__ == "__main__":
    main()
