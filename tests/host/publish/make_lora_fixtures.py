#!/usr/bin/env python3
"""Makes tests/host/publish/lora: small PEFT adapters for models in tests/golden, and what PEFT merges them to.

    pip install peft==0.21.2 transformers==4.57.1     # beside torch 2.13.0
    python tests/host/publish/make_lora_fixtures.py

Each folder holds the adapter as PEFT saves it, expected.safetensors with some of the tensors after
merge_and_unload(), and logits.json with what the merged model computes.
"""
import json
import pathlib
import shutil

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import AutoModel, AutoModelForQuestionAnswering, AutoModelForSequenceClassification

HERE = pathlib.Path(__file__).parent
GOLDEN = HERE.parent / "golden" / "models"


def make(name, base, auto, config, keep, **options):
    torch.manual_seed(7)
    model = auto.from_pretrained(GOLDEN / base, **options).eval()
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    model = get_peft_model(model, config).eval()
    with torch.no_grad():  # B starts as zero, and a new head nearly so
        for key, parameter in model.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(torch.randn(parameter.shape) * 0.2)
    out = HERE / "lora" / name
    shutil.rmtree(out, ignore_errors=True)
    model.save_pretrained(out)
    (out / "README.md").unlink(missing_ok=True)
    settings = json.loads((out / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = f"tests/golden/models/{base}"
    settings["target_modules"] = sorted(settings["target_modules"])
    (out / "adapter_config.json").write_text(json.dumps(settings, indent=2) + "\n")

    merged = model.merge_and_unload().eval()
    tensors = merged.state_dict()
    save_file({key: tensors[key].contiguous() for key in keep}, out / "expected.safetensors")
    ids = torch.tensor([[2, 15, 27, 300, 41, 3, 57, 600, 71, 88, 3]])
    with torch.no_grad():
        result = merged(input_ids=ids)
    rows = {key: value[0].tolist() for key, value in result.items() if key.endswith("logits")}
    (out / "logits.json").write_text(json.dumps({"base": base, "input_ids": ids[0].tolist(), **rows}) + "\n")


# A plain encoder becomes a question-answering model; ranks that differ, scaling by sqrt(rank).
make("bert-qa", "tiny-bert-embed", AutoModelForQuestionAnswering,
     LoraConfig(task_type="QUESTION_ANS", r=4, lora_alpha=8, use_rslora=True, rank_pattern={"layer.1.attention.self.value": 2},
                target_modules=["query", "value"], modules_to_save=["qa_outputs"], init_lora_weights=False),
     ["bert.encoder.layer.0.attention.self.query.weight", "bert.encoder.layer.1.attention.self.value.weight"])

# Another head than the base's, whose classifier has two layers.
make("roberta-cls", "tiny-roberta-qa", AutoModelForSequenceClassification,
     LoraConfig(task_type="SEQ_CLS", r=3, lora_alpha=6, target_modules=["intermediate.dense"], init_lora_weights=False),
     ["roberta.encoder.layer.1.intermediate.dense.weight", "classifier.dense.weight"], num_labels=3)

# DistilBERT under its own head.
make("distilbert-cls", "tiny-distilbert-cls", AutoModelForSequenceClassification,
     LoraConfig(r=2, lora_alpha=3, target_modules=["q_lin", "lin2"], init_lora_weights=False),
     ["distilbert.transformer.layer.1.ffn.lin2.weight"])
