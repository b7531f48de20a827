#!/usr/bin/env python3
"""Hugging Face folders with random weights of real sizes, for benchmarks: nothing can be downloaded here.

    make_random_model.py bert-large OUT [--seed 1]        also roberta-base, distilbert

Writes config.json, model.safetensors (f32) and a small generated tokenizer. Needs numpy only; a few seconds.
"""
import argparse
import json
import pathlib
import struct

import numpy as np

KINDS = {
    "bert-large": dict(
        model_type="bert", architectures=["BertForQuestionAnswering"], vocab_size=30522, hidden_size=1024,
        num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096, max_position_embeddings=512,
        type_vocab_size=2, layer_norm_eps=1e-12, hidden_act="gelu", pad_token_id=0),
    "roberta-base": dict(
        model_type="roberta", architectures=["RobertaForQuestionAnswering"], vocab_size=50265, hidden_size=768,
        num_hidden_layers=12, num_attention_heads=12, intermediate_size=3072, max_position_embeddings=514,
        type_vocab_size=1, layer_norm_eps=1e-5, hidden_act="gelu", pad_token_id=1, bos_token_id=0,
        eos_token_id=2),
    "distilbert": dict(
        model_type="distilbert", architectures=["DistilBertForSequenceClassification"], vocab_size=30522, dim=768,
        n_layers=6, n_heads=12, hidden_dim=3072, max_position_embeddings=512, activation="gelu",
        pad_token_id=0, id2label={"0": "NEGATIVE", "1": "POSITIVE"}, label2id={"NEGATIVE": 0, "POSITIVE": 1}),
}


def bert_shapes(c, prefix, head):
    """Tensor name -> shape of BERT and RoBERTa."""
    h, inner = c["hidden_size"], c["intermediate_size"]
    shapes = {
        f"{prefix}.embeddings.word_embeddings.weight": (c["vocab_size"], h),
        f"{prefix}.embeddings.position_embeddings.weight": (c["max_position_embeddings"], h),
        f"{prefix}.embeddings.token_type_embeddings.weight": (c["type_vocab_size"], h),
    }
    norms = [f"{prefix}.embeddings.LayerNorm"]
    linears = {}
    for i in range(c["num_hidden_layers"]):
        layer = f"{prefix}.encoder.layer.{i}"
        for part in ("attention.self.query", "attention.self.key", "attention.self.value",
                     "attention.output.dense"):
            linears[f"{layer}.{part}"] = (h, h)
        linears[f"{layer}.intermediate.dense"] = (inner, h)
        linears[f"{layer}.output.dense"] = (h, inner)
        norms += [f"{layer}.attention.output.LayerNorm", f"{layer}.output.LayerNorm"]
    linears[head] = (2, h)
    return shapes, norms, linears


def distilbert_shapes(c):
    h, inner = c["dim"], c["hidden_dim"]
    shapes = {
        "distilbert.embeddings.word_embeddings.weight": (c["vocab_size"], h),
        "distilbert.embeddings.position_embeddings.weight": (c["max_position_embeddings"], h),
    }
    norms = ["distilbert.embeddings.LayerNorm"]
    linears = {"pre_classifier": (h, h), "classifier": (2, h)}
    for i in range(c["n_layers"]):
        layer = f"distilbert.transformer.layer.{i}"
        for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
            linears[f"{layer}.attention.{part}"] = (h, h)
        linears[f"{layer}.ffn.lin1"] = (inner, h)
        linears[f"{layer}.ffn.lin2"] = (h, inner)
        norms += [f"{layer}.sa_layer_norm", f"{layer}.output_layer_norm"]
    return shapes, norms, linears


def all_tensors(config):
    """Name -> (shape, kind), kind one of normal, ones, zeros."""
    kind = config["model_type"]
    if kind == "distilbert":
        shapes, norms, linears = distilbert_shapes(config)
        width = config["dim"]
    else:
        shapes, norms, linears = bert_shapes(config, kind, "qa_outputs")
        width = config["hidden_size"]
    tensors = {name: (shape, "normal") for name, shape in shapes.items()}
    for name in norms:
        tensors[f"{name}.weight"] = ((width,), "ones")
        tensors[f"{name}.bias"] = ((width,), "normal")
    for name, shape in linears.items():
        tensors[f"{name}.weight"] = (shape, "normal")
        tensors[f"{name}.bias"] = ((shape[0],), "normal")
    return tensors


def write_safetensors(path, tensors, seed):
    """One tensor in memory at a time."""
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for name, (shape, _) in tensors.items():
        size = 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    random = np.random.default_rng(seed)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for shape, kind in tensors.values():
            if kind == "ones":
                values = np.ones(shape, np.float32)
            else:
                values = random.standard_normal(shape, np.float32) * np.float32(0.02)
            file.write(values.tobytes())


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2) + "\n")


def write_word_piece(folder, size):
    """Every ASCII letter, digit and mark is a token, so any English text tokenizes; the rest is filler."""
    marks = [chr(c) for c in range(33, 127) if not chr(c).isupper()]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *marks]
    words += [f"##{m}" for m in marks if m.isalnum()]
    words += [f"filler{i}" for i in range(size - len(words))]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 512,
        "pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
        "mask_token": "[MASK]"})


def write_byte_bpe(folder, size):
    """The 256 bytes in GPT-2's printable form, without merges; the rest is filler."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(b) for b in plain] + [chr(256 + i) for i in range(256 - len(plain))]
    words = ["<s>", "<pad>", "</s>", "<unk>", *letters]
    words += [f"filler{i}" for i in range(size - 1 - len(words))] + ["<mask>"]
    write_json(folder / "vocab.json", {word: i for i, word in enumerate(words)})
    (folder / "merges.txt").write_text("#version: 0.2\n")
    write_json(folder / "tokenizer_config.json", {
        "tokenizer_class": "RobertaTokenizer", "model_max_length": 512, "bos_token": "<s>",
        "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>",
        "pad_token": "<pad>", "mask_token": "<mask>"})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    config = KINDS[args.kind]
    args.out.mkdir(parents=True, exist_ok=True)
    if config["model_type"] == "roberta":
        write_byte_bpe(args.out, config["vocab_size"])
    else:
        write_word_piece(args.out, config["vocab_size"])
    write_json(args.out / "config.json", config | {"dtype": "float32"})
    write_safetensors(args.out / "model.safetensors", all_tensors(config), args.seed)


if __name__ == "__main__":
    main()
