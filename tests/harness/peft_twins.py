"""The same small checkpoint in transformers (with PEFT) and here."""

from pathlib import Path

import keras
import numpy as np
import peft
import torch
import transformers

from harness import small
from kerasft.architectures import Classifier
from kerasft.presets import load_preset

IDS = torch.tensor(small.TOKENS["token_ids"], dtype=torch.long)
MASK = torch.tensor(small.TOKENS["padding_mask"], dtype=torch.long)

NO_DROPOUT = {
    "distilbert": {"dropout": 0.0, "attention_dropout": 0.0, "seq_classif_dropout": 0.0},
    "bert": {
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
        "classifier_dropout": 0.0,
    },
}
"""Options of `checkpoints.write_checkpoint` that turn all dropout off."""


def ours(directory: Path, num_labels: int = 3) -> Classifier:
    """The checkpoint as a classifier of ours."""
    model, _ = load_preset(str(directory)).build_classifier(num_labels)
    return model


def theirs(directory: Path) -> torch.nn.Module:
    """The checkpoint as transformers builds it."""
    return transformers.AutoModelForSequenceClassification.from_pretrained(directory).eval()


def logits(model: keras.Model | torch.nn.Module) -> np.ndarray:
    """Logits of the shared batch, without dropout."""
    if isinstance(model, Classifier):
        return small.logits(model)
    with torch.no_grad():
        return model.eval()(input_ids=IDS, attention_mask=MASK).logits.numpy()


def train_theirs(directory: Path, destination: Path, **options) -> np.ndarray:
    """Trains an adapter with PEFT for a few steps, saves it, and returns the trained logits."""
    torch.manual_seed(0)
    config = peft.LoraConfig(task_type="SEQ_CLS", **options)
    model = peft.get_peft_model(theirs(directory), config).train()
    optimizer = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), 0.02)
    labels = torch.tensor(small.LABELS, dtype=torch.long)
    for _ in range(4):
        model(input_ids=IDS, attention_mask=MASK, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(destination)
    return logits(model)


def with_adapter(directory: Path, adapter: Path) -> peft.PeftModel:
    """The checkpoint in transformers with an adapter that PEFT loads."""
    return peft.PeftModel.from_pretrained(theirs(directory), str(adapter))


def adapted_modules(model: peft.PeftModel) -> set[str]:
    """Names of the modules on which PEFT put LoRA."""
    layer = peft.tuners.lora.Linear
    modules = model.base_model.model.named_modules()
    return {name for name, module in modules if isinstance(module, layer)}
