"""Train a T5 from random weights on several tasks at once.

    python -m kerasft.recipes.t5_text_to_text
    python -m kerasft.recipes.t5_text_to_text --config recipes/t5_text_to_text/paper.yaml

A vocabulary of its own, examples-proportional mixing, the score of each task beside the simplest
way to do it. One folder serves every prefix, and can be the preset of `t5_ner_lora`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from kerasft import backends, storage
from kerasft.config import alone, at_least, at_most, main, print_next, to_yaml
from kerasft.exports.engines import export_after_run
from kerasft.folder import Facts, adding_report, is_ours
from kerasft.recipes.shared.from_scratch import FromScratchOptions
from kerasft.tasks import check_parts, save
from kerasft.tasks.seq2seq import MAX_BEAMS, MAX_TEXT_TOKENS, SavedTask
from kerasft.tasks.text_to_text.report import TaskOutputs, text_to_text_report
from kerasft.tasks.text_to_text.scores import score_task
from kerasft.tasks.text_to_text.sources import PrefixedTask, load_tasks, shared_prefixes
from kerasft.tasks.text_to_text.writer import TextWriter

SAMPLES = (
    PrefixedTask("classify", "sample:conversations", "classify: ", "text", "label", weight=3.0),
    PrefixedTask(
        "translate", "sample:translations", "translate English to Italian: ", metric="bleu"
    ),
    PrefixedTask("summarize", "sample:summaries", "summarize: ", metric="rouge"),
)


@dataclass
class Config(FromScratchOptions):
    """Train a T5 from random weights on several tasks at once.

    Args:
        tasks: The tasks (in the YAML file), each with `name`, `data` (FILE.tsv of source TAB
            target; or any file or hub:NAME, with the columns `input` and `target`; or sample:NAME),
            `prefix`, `weight` and `metric` (exact, rouge or bleu).
        validation: Share of each task's sources to validate on.
        split_seed: Chooses among the splits.
        cap: Most rows of one task in an epoch; the next epoch continues where this one ended.
        vocab_size: Largest size of the vocabulary, which is made from the training texts.
        max_length: Longest source in tokens, including the prefix; longer ones are cut.
        max_target_length: Longest target in tokens; longer ones are cut.
        d_model: Width of the model.
        d_kv: Width of an attention head.
        d_ff: Width inside the feed-forward layers.
        num_heads: Attention heads.
        num_layers: Blocks of the encoder.
        num_decoder_layers: Blocks of the decoder.
        version: `v1_0`, the paper's T5 (ReLU, the head shares the embeddings), or `v1_1` (gated
            GELU, a separate head), which learns faster from random weights.
        dropout: Dropout throughout the model.
        epochs: Passes over the mixture.
        batch_size: Rows per step.
        learning_rate: Highest learning rate of AdamW.
        weight_decay: Weight decay of matrices; norms and relative positions have none.
        beam_size: Beams of the search, in the evaluation and in predictions; 1 is greedy.
        max_output_length: Longest output, in tokens.
    """

    tasks: tuple[PrefixedTask, ...] = SAMPLES
    validation: float = 0.15
    split_seed: int = 0
    cap: int = 3000
    vocab_size: int = 4000
    max_length: int = 192
    max_target_length: int = 48
    d_model: int = 128
    d_kv: int = 32
    d_ff: int = 256
    num_heads: int = 4
    num_layers: int = 3
    num_decoder_layers: int = 3
    version: Literal["v1_0", "v1_1"] = "v1_1"
    dropout: float = 0.2
    epochs: int = 12
    batch_size: int = 32
    weight_decay: float = 0.01
    label_smoothing: float = 0.0
    max_output_length: int = 50
    keep_epochs: int = 2
    output: str = "saved_models/t5_text_to_text"

    def free(self) -> set[str]:
        """As for every model from scratch; and a run may write more or fewer tokens."""
        return super().free() | {"max_output_length"}


@alone
def run(config: Config) -> Path:
    """Trains, evaluates and saves one model; returns the saved folder.

    Raises:
        KerasftError: An option or the data cannot be used; the output folder is as it was.
    """
    from kerasft import training
    from kerasft.architectures import T5, V1_1, T5Arguments
    from kerasft.generation import TextGenerator
    from kerasft.tasks.seq2seq import check_prefix
    from kerasft.tasks.text_to_text.losses import TaskLosses
    from kerasft.tasks.text_to_text.mixture import MixtureBatches, TaskRows
    from kerasft.text.trained_unigram import train_unigram

    at_least(config, epochs=1, beam_size=1, max_output_length=1, batch_size=1, cap=1)
    at_least(config, max_length=2, max_target_length=2)
    at_most(config, max_output_length=MAX_TEXT_TOKENS, beam_size=MAX_BEAMS)
    output = storage.check_output(config.output, is_ours)
    backends.seed_everything(config.seed)
    facts = Facts()

    # The pairs of each task; no source stands on both sides of the split.
    data = load_tasks(config.tasks, validation=config.validation, seed=config.split_seed)
    described = [line for each in data for line in each.describe()]
    facts.state("Data", described + shared_prefixes(config.tasks))

    # One vocabulary for both sides and all tasks, from the training texts alone.
    texts = [
        text
        for each in data
        for text in (*each.prefixed(each.pairs.train), *each.pairs.train["target"])
    ]
    tokenizer = train_unigram(texts, config.vocab_size, extra_ids=0)
    facts.state("Vocabulary", f"{tokenizer.vocab_size} pieces of {len(texts)} training texts")

    # Token ids, in batches of a few shapes.
    rows: dict[str, dict[str, TaskRows]] = {"train": {}, "validation": {}}
    for each in data:
        check_prefix(tokenizer, each.task.prefix, config.max_length)
        for side, pairs in each.pairs.parts.items():
            sources = tokenizer.encode(each.prefixed(pairs), config.max_length)
            targets = tokenizer.encode(pairs["target"], config.max_target_length)
            name, weight = each.task.name, each.task.weight
            rows[side][name] = TaskRows(sources.token_ids, targets.token_ids, weight)
            facts.state(f"Sources of {name}, {side}", sources.summary())
            facts.state(f"Targets of {name}, {side}", targets.summary())

    arguments = T5Arguments(
        tokenizer.vocab_size,
        d_model=config.d_model,
        d_kv=config.d_kv,
        d_ff=config.d_ff,
        heads=config.num_heads,
        encoder_layers=config.num_layers,
        decoder_layers=config.num_decoder_layers,
        dropout=config.dropout,
        **(V1_1 if config.version == "v1_1" else {}),
    )
    model = T5(arguments)
    facts.state("Parameters", f"{model.count_params():,}, all of them trained")

    # What the folder is to hold, checked now: after the training it would be too late.
    writer = TextWriter(
        model,
        tokenizer,
        tuple(SavedTask(t.name, t.prefix, t.metric) for t in config.tasks),
        config.max_length,
        config.max_output_length,
        config.beam_size,
    )
    check_parts(writer)

    def batches(tasks: dict[str, TaskRows], cap: int) -> MixtureBatches:
        ids = {"pad_id": arguments.pad_id, "start_id": arguments.start_id}
        return MixtureBatches(tasks, cap=cap, batch_size=config.batch_size, seed=config.seed, **ids)

    train = batches(rows["train"], config.cap)
    facts.state("Batches", train.summary())

    # Training, with the validation loss of each task; --resume continues a stopped run.
    rate = config.rate(len(train) * config.epochs)
    loss = training.LabelSmoothedCrossEntropy(config.label_smoothing, from_logits=True)
    model.compile(training.adamw(rate, model, config.weight_decay), loss)
    held_out = {
        name: batches({name: TaskRows(task.source_ids, task.target_ids)}, len(task))
        for name, task in rows["validation"].items()
    }
    losses = TaskLosses(model, held_out, loss)
    trackers = training.trackers(output, asdict(config))
    history = training.History(trackers, batch_weight=train.tokens)
    kept = training.KeptEpochs(f"{output}.epochs", config.keep_epochs)
    run = training.fit(
        model,
        train,
        epochs=config.epochs,
        config=config,
        output=output,
        history=history,
        fingerprint={"pairs": [each.pairs.train.sha256 for each in data]},
        callbacks=[losses],
        kept=kept,
        preload=config.preload,
    )
    facts.state("Training", history.summary(kept=kept.epochs()))
    facts.state("Weights", kept.average(model, config.average_epochs))

    # Saved first: whatever fails below cannot lose the model, and is noted in the card.
    save(output, writer, config_yaml=to_yaml(config), card=facts.card(output.name))

    # What is written for the held-out texts, beside the simplest way to do each task.
    with adding_report(output, facts) as reports:
        generator = TextGenerator(
            model,
            tokenizer,
            config.max_output_length,
            config.beam_size,
            max_source_length=config.max_length,
            early_stopping=True,
        )
        way = f"beam {config.beam_size}" if config.beam_size > 1 else "greedy"
        results = []
        for each in data:
            pairs = each.pairs.validation
            written = generator.texts(each.prefixed(pairs))
            scores = score_task(each.task.metric, each.pairs.train, pairs, {way: written})
            facts.state(f"Scores of {each.task.name}, {len(pairs)} unseen rows", scores)
            results.append(
                TaskOutputs(
                    each.task.name,
                    each.task.prefix,
                    each.task.metric,
                    scores,
                    pairs,
                    written,
                    each.pairs.validation_sha256,
                )
            )
        reports.append(text_to_text_report(results, history.to_dict(), model=model))
    history.close()
    run.finish()
    export_after_run(output, config.export)
    print_next(output, data[0].prefixed(data[0].pairs.validation)[0])
    return output


if __name__ == "__main__":
    main(run, Config)
