"""Entity F1 of t5_ner_lora beside transformers + PEFT with the same settings, from a config.

    python benchmarks/entity_quality.py --config recipes/t5_ner_lora/wikigold.yaml \
        --data wikigold.conll --preset DIR --seeds 0 1 2

Both sides train from the same checkpoint on the very same batches in the same order, with the same
LoRA on the same matrices, optimizer, schedule and epochs, and write the entities of the same test
sentences by greedy search; what they write is read back and scored by the same code. `--preset` is
a Hugging Face directory. The other side keeps dropout in its frozen layers, as PEFT does; `--sides
kerasft --frozen_dropout true` measures that for ours.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import peft
import torch
import transformers

import peft_side
from kerasft import backends
from kerasft.architectures import read_tokenizer
from kerasft.config import parse
from kerasft.evaluation.report_files import THIS_MODEL
from kerasft.generation.hypotheses import Hypothesis
from kerasft.recipes import t5_ner_lora
from kerasft.tasks.entities.dataset import load_sentences
from kerasft.tasks.entities.report import score_entities
from kerasft.tasks.text_to_entities.batches import EntityTokens, entity_batches
from kerasft.tasks.text_to_entities.engine import EntityTextEngine, read_spans
from kerasft.tasks.text_to_entities.entity_format import unparsable

SIDES = ("kerasft", "transformers + PEFT")
ROWS = 32  # sentences that are written at a time


@dataclasses.dataclass(frozen=True)
class Scores:
    """What one run came to: entity F1 (micro), sentences a piece of which was unreadable, time."""

    f1: float
    unparsable: float
    seconds: float


def ours(config: t5_ner_lora.Config, scratch: Path) -> Scores:
    """The recipe itself."""
    output = scratch / f"run-{config.seed}"
    with open(scratch / "log.txt", "a") as log, redirect_stdout(log):
        t5_ner_lora.run(dataclasses.replace(config, output=str(output)))
    report = json.loads((output / "report" / "metrics.json").read_text())
    return Scores(report["test"]["f1"], report["unparsable"]["share"], report["seconds"])


def theirs(config: t5_ner_lora.Config) -> Scores:
    """A plain loop around transformers + PEFT."""
    checkpoint = Path(config.preset).expanduser()
    torch.manual_seed(config.seed)
    base = transformers.T5ForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
    names = [name for name, part in base.named_modules() if isinstance(part, torch.nn.Linear)]
    lora = config.method_options
    settings = peft.LoraConfig(
        task_type="SEQ_2_SEQ_LM", r=lora["rank"], lora_alpha=lora["alpha"],
        lora_dropout=lora["dropout"], use_rslora=lora["rank_stabilized"],
        target_modules=[name for name in names if _is_target(name, config.targets)],
    )  # fmt: skip
    model = peft.get_peft_model(base, settings)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]

    dataset = load_sentences(config)
    start_id = base.config.decoder_start_token_id
    tokens = EntityTokens(
        read_tokenizer(checkpoint), config.prefix, start_id, config.max_length,
        config.max_target_length,
    )  # fmt: skip
    batches = entity_batches(
        dataset, tokens, tokens_per_batch=config.tokens_per_batch, seed=config.seed
    ).train
    steps = len(batches) * config.epochs
    optimizer = torch.optim.Adam(trained, config.learning_rate)
    schedule = peft_side.schedule(config.schedule, optimizer, config.warmup_steps, steps)
    started = time.perf_counter()
    for epoch in range(config.epochs):
        model.train()
        for index in range(len(batches)):
            inputs, labels, real = batches.batch(epoch, index)
            source = torch.from_numpy(inputs["source_ids"]).long()
            wanted = torch.from_numpy(np.where(real > 0, labels, -100)).long()
            loss = model(
                input_ids=source,
                attention_mask=(source != base.config.pad_token_id).long(),
                decoder_input_ids=torch.from_numpy(inputs["target_ids"]).long(),
                labels=wanted,
            ).loss
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            schedule.step()
    seconds = time.perf_counter() - started

    test = dataset.test.sentences
    generator = Generate(model.eval(), config.max_target_length)
    written = EntityTextEngine(generator, tokens, dataset.types).read(test)
    found = [read_spans(*pair) for pair in zip(test, written, strict=True)]
    scores = score_entities([list(each.spans) for each in found], dataset.train.sentences, test)
    return Scores(scores[THIS_MODEL]["f1"], unparsable(found)["share"], seconds)


class Generate:
    """transformers' greedy search as kerasft's engines ask for it."""

    def __init__(self, model: peft.PeftModel, max_length: int) -> None:
        self.model, self.max_length = model, max_length

    @torch.inference_mode()
    def generate(self, source_ids: Sequence[np.ndarray]) -> list[list[Hypothesis]]:
        """What the model writes of each source, with a score of 0."""
        config = self.model.config
        end, pad = config.eos_token_id, config.pad_token_id
        found = []
        for first in range(0, len(source_ids), ROWS):
            rows = [torch.from_numpy(ids).long() for ids in source_ids[first : first + ROWS]]
            ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad)
            outputs = self.model.generate(
                input_ids=ids, attention_mask=(ids != pad).long(), do_sample=False, num_beams=1,
                max_new_tokens=self.max_length,
            )  # fmt: skip
            for output in outputs[:, 1:].tolist():
                cut = end not in output
                tokens = output if cut else output[: output.index(end)]
                found.append([Hypothesis(tuple(tokens), 0.0, cut)])
        return found


def _is_target(name: str, targets: Sequence[str]) -> bool:
    """Whether a layer of transformers' T5 is one that patterns of our paths name."""
    path = re.sub(r"\.layer\.\d+\.", ".", name).replace("block.", "block_").replace(".", "/")
    path = path.replace("SelfAttention", "self_attention").replace(
        "EncDecAttention", "cross_attention"
    )
    return any(re.fullmatch(target, path) for target in targets)


def main() -> None:
    """Measures and prints a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--sides", nargs="+", default=SIDES, choices=SIDES)
    arguments, words = parser.parse_known_args()
    config = parse(t5_ner_lora.Config, words)
    print(backends.describe(), flush=True)
    if config.threads:
        torch.set_num_threads(config.threads)
    print("| | seed | entity F1 | outputs not fully readable | training, s |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        for seed in arguments.seeds:
            seeded = dataclasses.replace(config, seed=seed)
            for side in arguments.sides:
                row = ours(seeded, Path(scratch)) if side == SIDES[0] else theirs(seeded)
                print(
                    f"| {side} | {seed} | {row.f1:.4f} | {row.unparsable:.1%} | "
                    f"{row.seconds:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
