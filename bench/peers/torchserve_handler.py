"""TorchServe's handler for text classification: tokenize, dynamic int8 model on one thread, label -> probability."""
import torch
import transformers
from ts.torch_handler.base_handler import BaseHandler


class TextClassifier(BaseHandler):
    def initialize(self, context):
        folder = context.system_properties["model_dir"]
        torch.set_num_threads(1)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
        self.model = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, torch.qint8)
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.context = context
        self.initialized = True

    def preprocess(self, requests):
        texts = [request.get("body") or request.get("data") for request in requests]
        texts = [text.decode() if isinstance(text, (bytes, bytearray)) else text for text in texts]
        return self.tokenizer(texts, truncation=True, padding=True, return_tensors="pt", return_token_type_ids=False)

    @torch.inference_mode()
    def inference(self, batch):
        return self.model(**batch).logits.softmax(-1)

    def postprocess(self, probabilities):
        labels = self.model.config.id2label
        return [{labels[i]: p for i, p in enumerate(row)} for row in probabilities.tolist()]
