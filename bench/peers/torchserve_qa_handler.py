"""TorchServe's handler for question answering in f32: the most likely start and end of the answer's tokens."""
import json

import torch
import transformers
from ts.torch_handler.base_handler import BaseHandler


class QuestionAnswerer(BaseHandler):
    def initialize(self, context):
        folder = context.system_properties["model_dir"]
        torch.set_num_threads(1)
        self.model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder).eval()
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.context = context
        self.initialized = True

    def preprocess(self, requests):
        bodies = [request.get("body") or request.get("data") for request in requests]
        bodies = [json.loads(body) if isinstance(body, (bytes, bytearray, str)) else body for body in bodies]
        return self.tokenizer([body["question"] for body in bodies], [body["context"] for body in bodies],
                              truncation=True, padding=True, return_tensors="pt")

    @torch.inference_mode()
    def inference(self, batch):
        return self.model(**batch)

    def postprocess(self, output):
        return [{"start": int(start), "end": int(end)}
                for start, end in zip(output.start_logits.argmax(-1), output.end_logits.argmax(-1))]
