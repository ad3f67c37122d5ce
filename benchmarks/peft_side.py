"""The other side of a comparison: the same task in transformers + Hugging Face PEFT, plain torch.

The settings are kerasft's: a method on the same projections of the same layers, the same head
trained, Adam, the same batches' sizes and schedule. Nothing is tuned for or against either side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import peft
import torch
import transformers

PROJECTIONS = {
    "distilbert": {
        "query": r"attention\.q_lin",
        "key": r"attention\.k_lin",
        "value": r"attention\.v_lin",
        "feedforward_output_dense": r"ffn\.lin2",
    },
    "bert": {
        "query": r"attention\.self\.query",
        "key": r"attention\.self\.key",
        "value": r"attention\.self\.value",
        "attention_output": r"attention\.output\.dense",
        "feedforward_intermediate_dense": r"intermediate\.dense",
        "feedforward_output_dense": r"output\.dense",
    },
}
HEADS = {"distilbert": ["pre_classifier", "classifier"], "bert": ["pooler", "classifier"]}


@dataclass(frozen=True)
class Settings:
    """What both sides share; the names are those of the recipe's options."""

    method: str = "lora"
    options: Mapping[str, Any] = field(
        default_factory=lambda: {"rank": 8, "alpha": 16.0, "dropout": 0.05}
    )
    last_layers: int = 2
    targets: tuple[str, ...] = ("query", "value")
    learning_rate: float = 1e-3
    schedule: str = "constant"
    warmup_ratio: float = 0.0
    epochs: int = 3
    batch_size: int = 16
    max_length: int = 64
    pooling: str = "first"
    seed: int = 0


class MeanPooler(torch.nn.Module):
    """The mean over the real tokens in the place of BERT's pooler, as `pooling="mean"` has it."""

    def __init__(self, encoder: torch.nn.Module, virtual_tokens: int) -> None:
        super().__init__()
        self.mask, self.virtual_tokens = torch.ones(1, 1), virtual_tokens
        encoder.register_forward_pre_hook(self._keep_mask, with_kwargs=True)

    def _keep_mask(self, encoder: torch.nn.Module, args: object, kwargs: dict) -> None:
        self.mask = kwargs["attention_mask"]

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(batch, length, d) -> (batch, d)."""
        weights = self.mask[..., None].to(hidden.dtype, copy=True)  # (batch, length, 1)
        weights[:, : self.virtual_tokens] = 0
        return (hidden * weights).sum(1) / weights.sum(1)


def build(checkpoint: Path, num_labels: int, settings: Settings) -> torch.nn.Module:
    """The checkpoint as a sequence classifier with PEFT's adapter in its last layers."""
    torch.manual_seed(settings.seed)
    config = transformers.AutoConfig.from_pretrained(checkpoint, num_labels=num_labels)
    base = transformers.AutoModelForSequenceClassification.from_pretrained(
        checkpoint, config=config, dtype=torch.float32
    )
    names, heads = PROJECTIONS[config.model_type], HEADS[config.model_type]
    if settings.pooling == "mean":
        if config.model_type != "bert":
            raise SystemExit(f"transformers' {config.model_type} classifier reads the first token")
        virtual = settings.options.get("num_virtual_tokens", 0)
        base.bert.pooler, heads = MeanPooler(base.bert, virtual), ["classifier"]
    count = config.num_hidden_layers
    layers = "|".join(map(str, range(count - settings.last_layers, count)))
    matrices = [names[each.split("|")[0]] for each in settings.targets or ()]
    module = rf".*\.layer\.({layers})\.({{}})"
    adapter = CONFIGS[settings.method](settings.options, module, matrices)
    adapter.task_type, adapter.modules_to_save = peft.TaskType.SEQ_CLS, heads
    return peft.get_peft_model(base, adapter)


def _lora(options: Mapping[str, Any], module: str, matrices: list[str]) -> peft.PeftConfig:
    return peft.LoraConfig(
        r=options["rank"],
        lora_alpha=options["alpha"],
        lora_dropout=options["dropout"],
        target_modules=module.format("|".join(matrices)),
    )


def _dora(options: Mapping[str, Any], module: str, matrices: list[str]) -> peft.PeftConfig:
    config = _lora(options, module, matrices)
    config.use_dora = True
    return config


def _ia3(options: Mapping[str, Any], module: str, matrices: list[str]) -> peft.PeftConfig:
    second = [each for each in matrices if each in (r"output\.dense", r"ffn\.lin2")]
    return peft.IA3Config(
        target_modules=module.format("|".join(matrices)),
        feedforward_modules=module.format("|".join(second)),
    )


def _prompt(options: Mapping[str, Any], module: str, matrices: list[str]) -> peft.PeftConfig:
    return peft.PromptTuningConfig(num_virtual_tokens=options["num_virtual_tokens"])


CONFIGS = {"lora": _lora, "dora": _dora, "ia3": _ia3, "prompt": _prompt}


def batches(
    encodings: Sequence[np.ndarray],
    labels: np.ndarray,
    *,
    batch_size: int,
    pad_id: int,
    generator: np.random.Generator | None = None,
    pad_to: int | None = None,
) -> Iterator[tuple[dict[str, torch.Tensor], torch.Tensor]]:
    """Shuffled batches, each padded to its own longest text (or to `pad_to`)."""
    order = np.arange(len(encodings))
    if generator is not None:
        generator.shuffle(order)
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        length = pad_to or max(len(encodings[i]) for i in rows)
        ids = np.full((len(rows), length), pad_id, dtype=np.int64)
        mask = np.zeros((len(rows), length), dtype=np.int64)
        for row, index in enumerate(rows):
            ids[row, : len(encodings[index])] = encodings[index]
            mask[row, : len(encodings[index])] = 1
        inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        yield inputs, torch.from_numpy(labels[rows].astype(np.int64))


def schedule(
    name: str, optimizer: torch.optim.Optimizer, rising: int, total: int
) -> torch.optim.lr_scheduler.LambdaLR:
    """The schedule of transformers that a recipe's `--schedule` names."""
    if name == "constant":
        return transformers.get_constant_schedule(optimizer)
    return transformers.get_linear_schedule_with_warmup(optimizer, rising, total)


class Trainer:
    """A plain training loop: forward, backward, Adam, schedule; rows may weigh by their class."""

    def __init__(
        self,
        model: torch.nn.Module,
        settings: Settings,
        total_steps: int,
        class_weights: np.ndarray | None = None,
    ) -> None:
        self.model = model
        self.weights = None if class_weights is None else torch.from_numpy(class_weights).float()
        parameters = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(parameters, lr=settings.learning_rate)
        rising = int(settings.warmup_ratio * total_steps)
        self.schedule = schedule(settings.schedule, self.optimizer, rising, total_steps)

    def step(self, inputs: dict[str, torch.Tensor], labels: torch.Tensor) -> float:
        """One update; returns the loss."""
        self.model.train()
        losses = torch.nn.functional.cross_entropy(
            self.model(**inputs).logits, labels, reduction="none"
        )
        loss = (losses if self.weights is None else losses * self.weights[labels]).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return float(loss.detach())


@torch.inference_mode()
def predict(
    model: torch.nn.Module, encodings: Sequence[np.ndarray], pad_id: int, batch_size: int = 64
) -> np.ndarray:
    """Class ids of the texts, in their order."""
    model.eval()
    nothing = np.zeros(len(encodings), dtype=np.int64)
    rows = batches(encodings, nothing, batch_size=batch_size, pad_id=pad_id)
    return np.concatenate([model(**inputs).logits.argmax(-1).numpy() for inputs, _ in rows])
