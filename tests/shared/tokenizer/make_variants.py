#!/usr/bin/env python3
"""Writes variants.jsonl: golden models with changed tokenizer files, and what transformers makes of some texts.

    python make_variants.py ../golden/models variants.jsonl

Each line has the base model, "remove" (files that the folder lacks), "patch" (file -> JSON merge patch, RFC 7396)
and "rows" (text, pair -> ids, type_ids, offsets, words). Needs transformers 4.57.1 and tokenizers 0.22.2.
"""
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TRANSFORMERS_VERBOSITY="critical")

import transformers as hf

CONFIGS = ["tokenizer_config.json", "special_tokens_map.json"]


def added(id, content, **flags):
    names = ("single_word", "lstrip", "rstrip", "normalized", "special")
    return {"id": id, "content": content} | {name: flags.get(name, False) for name in names}


BERT_SPECIAL = [added(i, t, special=True) for i, t in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])]
ROBERTA_SPECIAL = [added(i, t, special=True, normalized=i < 4, lstrip=i == 4)
                   for i, t in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])]
TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
               {"SpecialToken": {"id": "</s>", "type_id": 0}}],
    "pair": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
             {"SpecialToken": {"id": "</s>", "type_id": 1}}, {"Sequence": {"id": "B", "type_id": 1}}],
    "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
                       "</s>": {"id": "</s>", "ids": [2, 2], "tokens": ["</s>", "</s>"]}},
}


def no_roberta(processor):
    """What removes the fields of the golden RobertaProcessing, which tokenizers would still take it for."""
    return dict.fromkeys(("sep", "cls", "trim_offsets", "add_prefix_space")) | processor


def byte_level(**options):
    return {"type": "ByteLevel", "use_regex": True} | options


B, C, R, P = "tiny-bert-qa", "tiny-bert-cased-qa", "tiny-roberta-qa", "tiny-roberta-cls"  # P: add_prefix_space
TOKENS = [added(2200, "foo", single_word=True), added(2201, "Bär", normalized=True), added(2202, "<x>", lstrip=True, rstrip=True),
          added(2203, "@@", rstrip=True), added(2204, "foo bar", normalized=True), added(2205, "  ", rstrip=True),
          added(2206, "zwei wörter", normalized=True, single_word=True), added(2207, "É", special=True)]
VARIANTS = [  # base, removed files, patches
    (B, ["tokenizer.json"], {}),
    (B, ["tokenizer.json"] + CONFIGS, {}),
    (C, ["tokenizer.json"] + CONFIGS, {}),
    (C, CONFIGS, {}),  # then BertTokenizerFast lower-cases by default, whatever tokenizer.json says
    (B, ["tokenizer.json"], {"tokenizer_config.json": {"do_lower_case": False, "tokenize_chinese_chars": False}}),
    (B, [], {"tokenizer_config.json": {"do_lower_case": False, "strip_accents": True, "tokenize_chinese_chars": False}}),
    (B, [], {"tokenizer_config.json": {"split_special_tokens": True}}),
    (B, [], {"tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "do_lower_case": False}}),
    (B, [], {"tokenizer.json": {"added_tokens": BERT_SPECIAL + TOKENS}}),
    (B, [], {"tokenizer.json": {"added_tokens": BERT_SPECIAL + TOKENS}, "tokenizer_config.json": {"do_lower_case": False}}),
    (B, [], {"tokenizer.json": {"added_tokens": [t | {"normalized": True, "single_word": True} for t in BERT_SPECIAL]}}),
    (B, [], {"tokenizer.json": {"normalizer": {"clean_text": False, "strip_accents": True}, "model": {"max_input_chars_per_word": 4}}}),
    (B, [], {"tokenizer.json": {"post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2],
                                                   "single": None, "pair": None, "special_tokens": None}}}),
    (B, [], {"tokenizer.json": {"pre_tokenizer": None, "model": {"type": None, "continuing_subword_prefix": ""}}}),
    (B, ["tokenizer.json"], {"tokenizer_config.json": {"added_tokens_decoder": None}, "added_tokens.json": {"foo": 2500, "[SEP]": 2501, "É": 2502},
                             "special_tokens_map.json": {"sep_token": {"content": "[SEP]", "single_word": True, "lstrip": True,
                                                                       "rstrip": True, "normalized": False},
                                                         "additional_special_tokens": ["<x>", "bar"]}}),
    (B, [], {"tokenizer_config.json": {"added_tokens_decoder": {"3": {"lstrip": True, "rstrip": True}, "2100": added(0, "foo bar")},
                                       "additional_special_tokens": ["<x>", "@@"], "extra_special_tokens": {"bar_token": "bär"}}}),
    (R, ["tokenizer.json"], {}),
    (R, ["tokenizer.json"] + CONFIGS, {}),
    (P, ["tokenizer.json"], {}),
    (P, ["tokenizer.json"], {"tokenizer_config.json": {"trim_offsets": False, "mask_token": None}}),
    (P, CONFIGS, {}),
    (R, [], {"tokenizer_config.json": {"add_prefix_space": True}}),
    (R, [], {"tokenizer_config.json": {"tokenizer_class": "XLMRobertaTokenizer"}}),
    (R, [], {"tokenizer_config.json": {"tokenizer_class": "CamembertTokenizerFast", "added_tokens_decoder": None}}),
    (R, [], {"tokenizer.json": {"added_tokens": ROBERTA_SPECIAL + TOKENS, "pre_tokenizer": {"use_regex": False}}}),
    (P, [], {"tokenizer.json": {"added_tokens": ROBERTA_SPECIAL + TOKENS}}),
    (P, [], {"tokenizer.json": {"post_processor": no_roberta(TEMPLATE)}}),
    (P, [], {"tokenizer.json": {"post_processor": no_roberta(byte_level(trim_offsets=True, add_prefix_space=True))}}),
    (R, [], {"tokenizer.json": {"post_processor": no_roberta({"type": "Sequence", "processors": [
        byte_level(trim_offsets=True, add_prefix_space=True), TEMPLATE]})}}),
    (R, [], {"tokenizer.json": {"model": {"ignore_merges": True}}}),
    (R, [], {"tokenizer.json": {"model": {"unk_token": "<unk>", "fuse_unk": True, "type": None, "vocab": {"Ń": None, "Ģ": None}, "merges": []}}}),
    (R, [], {"tokenizer.json": {"model": {"unk_token": "<unk>", "vocab": {"Ń": None, "q": None}, "merges": ["#version: 0.2", "e r", "t h"]}}}),
    (P, [], {"tokenizer.json": {"model": {"vocab": {"q": None, "Ń": None, "Ģ": None}, "merges": [["e", "r"], ["t", "h"], ["i", "n"], ["in", "g"], ["e", "r"]]}}}),
    (R, [], {"tokenizer.json": {"normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                                               "strip_accents": None, "lowercase": True}}}),
]
TEXTS = [
    ("The foo  foo_ foo's foo bar FOO", None), ("zwei wörter Zwei WÖRTER  xzwei wörter", "Bär bär BÄR b\u00e4\u0323r"),
    ("a  <x>  b<x><x> c @@  d@@e", "[SEP] x [MASK]y [CLS] [sep]"), (" <mask>  <mask> a</s>a <s>\t<mask>", "  x  \n y "),
    ("É é E\u0301 e\u0301\u0323\u0301 \u0344\u0323", "\u1e9b\u0323 ſ İ ẞ ǅ 한국어 각 Å"), ("图书馆ab 字,字", "don't we'll 'S 1,000 x² ½"),
    ("quite  another\u00a0\u3000question\u200b \ufeff\x00\x07 quack", None), ("\u2028 \x85\t \r\n", "👩‍🚀 🏳️‍🌈 1️⃣ ❤️"),
    (" leading", "trailing "), ("\tTab", "two  blanks"), ("a" * 101, "unaffable " * 3), ("", "only a pair"), ("no pair", ""),
    ("the school\u0301 of  the river, in 1987 (they're old).", "Grüße aus der Straße: „schön“ — naïve"),
]


def merge(value, patch):
    if not isinstance(patch, dict):
        return patch
    value = dict(value) if isinstance(value, dict) else {}
    for key, change in patch.items():
        if change is None:
            value.pop(key, None)
        else:
            value[key] = merge(value.get(key), change)
    return value


def main():
    models, out = Path(sys.argv[1]), Path(sys.argv[2])
    with out.open("w", encoding="ascii") as file:
        for base, removed, patches in VARIANTS:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                for source in models.joinpath(base).iterdir():
                    if source.suffix in (".json", ".txt") and source.name not in removed:
                        shutil.copy(source, folder)
                for path, patch in patches.items():
                    value = json.loads((folder / path).read_text()) if (folder / path).exists() else {}
                    (folder / path).unlink(missing_ok=True)
                    (folder / path).write_text(json.dumps(merge(value, patch)))
                tokenizer = hf.AutoTokenizer.from_pretrained(folder)
                rows = []
                for text, pair in TEXTS:
                    encoded = tokenizer(text, pair or None, return_offsets_mapping=True, return_token_type_ids=True)
                    rows.append(dict(text=text, pair=pair, ids=encoded["input_ids"], type_ids=encoded["token_type_ids"],
                                     offsets=encoded["offset_mapping"], words=encoded.word_ids()))
            file.write(json.dumps(dict(model=base, remove=removed, patch=patches, rows=rows), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
