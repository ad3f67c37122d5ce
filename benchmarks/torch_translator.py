"""A translator in plain torch: `torch.nn.Transformer`, a loop, fused AdamW. The peer of ours.

    python benchmarks/torch_translator.py --config recipes/translate/tatoeba.yaml \
        --data tatoeba.tsv --minutes 45

Takes a config of the recipe `translate` and trains on the same pairs, tokens, batches, model size,
learning rates and label smoothing, for as many minutes of training or the config's epochs,
whichever comes first. After each epoch it prints the minutes so far and the BLEU of greedy
translations of the same validation sentences; at the end that of all held-out sentences.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from kerasft.config import parse
from kerasft.data.pair_batches import PairBatches
from kerasft.data.pair_dataset import load_pairs
from kerasft.data.samples import sample_path
from kerasft.evaluation.text_scores import score_texts
from kerasft.recipes.translate import Config
from kerasft.tasks.translation import overlong
from kerasft.text.tokenizer import Tokenizer
from kerasft.text.trained import train_tokenizer

PAD, START, END = 1, 2, 3


class TorchTranslator(nn.Module):
    """Embeddings, sinusoids, `torch.nn.Transformer`, a projection."""

    def __init__(self, config: Config, source_size: int, target_size: int) -> None:
        super().__init__()
        width = config.d_model
        self.width = width
        self.source = nn.Embedding(source_size, width)
        self.target = nn.Embedding(target_size, width)
        self.dropout = nn.Dropout(config.dropout)
        self.transformer = nn.Transformer(
            width, config.num_heads, config.num_layers, config.num_layers, config.d_ff,
            config.dropout, batch_first=True, norm_first=config.norm == "pre",
        )  # fmt: skip
        self.projection = nn.Linear(width, target_size)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        if config.tie_embeddings:
            self.projection.weight = self.target.weight
        positions = torch.arange(config.max_length + 1)[:, None]
        rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000.0) / width))
        table = torch.zeros(config.max_length + 1, width)
        table[:, 0::2], table[:, 1::2] = torch.sin(positions * rates), torch.cos(positions * rates)
        self.register_buffer("positions", table)

    def embed(self, table: nn.Embedding, ids: torch.Tensor) -> torch.Tensor:
        """(batch, length) ids -> (batch, length, width)."""
        return self.dropout(table(ids) * math.sqrt(self.width) + self.positions[: ids.shape[1]])

    def encode(self, source: torch.Tensor) -> torch.Tensor:
        """(batch, s) -> (batch, s, width)."""
        return self.transformer.encoder(
            self.embed(self.source, source), src_key_padding_mask=source == PAD
        )

    def decode(
        self, memory: torch.Tensor, source: torch.Tensor, target: torch.Tensor
    ) -> torch.Tensor:
        """(batch, s, width), (batch, s), (batch, t) -> logits (batch, t, vocabulary)."""
        length = target.shape[1]
        hidden = self.transformer.decoder(
            self.embed(self.target, target), memory,
            tgt_mask=torch.ones(length, length, dtype=torch.bool).triu(1), tgt_is_causal=True,
            memory_key_padding_mask=source == PAD,
        )  # fmt: skip
        return self.projection(hidden)

    def forward(self, source: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """(batch, s), (batch, t) -> logits (batch, t, vocabulary)."""
        return self.decode(self.encode(source), source, target)

    @torch.inference_mode()
    def greedy(self, source_ids: Sequence[np.ndarray], length: int) -> list[list[int]]:
        """The most likely next token, again and again, for batches of 64 sentences."""
        self.eval()
        results: list[list[int]] = []
        for start in range(0, len(source_ids), 64):
            rows = [torch.from_numpy(ids).long() for ids in source_ids[start : start + 64]]
            source = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
            memory = self.encode(source)
            target = torch.full((len(rows), 1), START)
            ended = torch.zeros(len(rows), dtype=torch.bool)
            while target.shape[1] < length and not ended.all():
                following = self.decode(memory, source, target)[:, -1].argmax(-1)
                following[ended] = PAD
                target = torch.cat([target, following[:, None]], 1)
                ended |= following == END
            for row in target[:, 1:].tolist():
                stop = next((i for i, token in enumerate(row) if token in (END, PAD)), len(row))
                results.append(row[:stop])
        self.train()
        return results


class Trainer:
    """One optimizer step a batch."""

    def __init__(self, model: TorchTranslator, config: Config, total_steps: int) -> None:
        self.model = model
        self.loss = nn.CrossEntropyLoss(ignore_index=PAD, label_smoothing=config.label_smoothing)
        self.optimizer = torch.optim.AdamW(
            model.parameters(), config.learning_rate, betas=(0.9, 0.98), eps=1e-9,
            weight_decay=0.0, fused=True,
        )  # fmt: skip
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda step: rate(step, config, total_steps)
        )

    def step(self, inputs: dict[str, np.ndarray], labels: np.ndarray, weight: np.ndarray) -> float:
        """Trains on one batch of `PairBatches`; returns its loss."""
        source = torch.from_numpy(inputs["source_ids"]).long()
        target = torch.from_numpy(inputs["target_ids"]).long()
        wanted = torch.from_numpy(np.where(weight > 0, labels, PAD)).long()
        logits = self.model(source, target)
        loss = self.loss(logits.flatten(0, 1), wanted.flatten())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        return loss.item()


def rate(step: int, config: Config, total_steps: int) -> float:
    """The learning rate's share of its peak after `step` updates, as in the recipe."""
    if config.schedule == "constant":
        return 1.0
    if config.schedule == "linear":
        rising = step / config.warmup_steps if config.warmup_steps else 1.0
        falling = (total_steps - step) / max(total_steps - config.warmup_steps, 1)
        return max(0.0, min(1.0, rising, falling))
    rising = (step + 1) / config.warmup_steps
    return min(rising, rising**-0.5)


def main() -> None:
    """Trains and prints the curve."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=45.0)
    arguments, words = parser.parse_known_args()
    config = parse(Config, words)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    dataset = load_pairs(
        config.data or (() if config.source else (sample_path("translations"),)),
        config.source, config.target, config.source_lang, config.target_lang,
        validation=config.validation, seed=config.split_seed,
    )  # fmt: skip
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    tokenizers = [
        train_tokenizer(
            texts, config.tokenizer, vocab_size=config.vocab_size,
            min_frequency=config.min_frequency,
        )
        for texts in (dataset.train["source"], dataset.train["target"])
    ]  # fmt: skip
    train = overlong.encode_sides(
        dataset.train, *tokenizers, max_length=config.max_length, policy=config.overlong
    )
    held_out = overlong.encode_sides(
        dataset.validation, *tokenizers, max_length=config.max_length, policy="cut"
    )
    batches = PairBatches(
        train.source_ids, train.target_ids, tokens_per_batch=config.tokens_per_batch,
        pad_id=PAD, max_length=config.max_length, shuffle=True, seed=config.seed,
    )  # fmt: skip
    model = TorchTranslator(config, *(tokenizer.vocab_size for tokenizer in tokenizers))
    print(f"{sum(p.numel() for p in model.parameters()):,} parameters; {batches.summary()}")
    trainer = Trainer(model, config, len(batches) * config.epochs)
    print("\n| epoch | minutes of training | loss | BLEU, greedy | chrF |\n|---|---|---|---|---|")
    watched = held_out.pairs.spread(config.validation_sentences)
    seconds = 0.0
    for epoch in range(config.epochs):
        started = time.perf_counter()
        losses = [trainer.step(*batches.batch(epoch, index)) for index in range(len(batches))]
        seconds += time.perf_counter() - started
        scores = evaluate(model, tokenizers[1], held_out, watched, config.max_length)
        print(
            f"| {epoch + 1} | {seconds / 60:.1f} | {np.mean(losses):.3f} | {scores} |", flush=True
        )
        if seconds > 60 * arguments.minutes:
            break
    everything = range(len(held_out.pairs))
    scores = evaluate(model, tokenizers[1], held_out, everything, config.max_length)
    print(f"| all {len(everything)} held-out pairs | {seconds / 60:.1f} | | {scores} |")


def evaluate(
    model: TorchTranslator,
    tokenizer: Tokenizer,
    held_out: overlong.EncodedPairs,
    rows: Sequence[int],
    length: int,
) -> str:
    """BLEU and chrF of greedy translations of some of the held-out pairs, as cells of a table."""
    found = model.greedy([held_out.source_ids[row] for row in rows], length)
    texts = [tokenizer.decode(ids) for ids in found]
    scores = score_texts(texts, [held_out.pairs["target"][row] for row in rows])
    return f"{scores['bleu']:.2f} | {scores['chrf']:.2f}"


if __name__ == "__main__":
    main()
