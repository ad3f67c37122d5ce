"""Fine-tune a pretrained BERT or DistilBERT classifier with LoRA, and save it.

    python -m kerasft.recipes.distilbert_lora --preset minilm
    python -m kerasft.recipes.distilbert_lora --data mails.csv --label_column team

The trunk is frozen; low-rank updates go into the last two transformer layers; they and the head
train. What is saved predicts the same on torch, TensorFlow and JAX.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from kerasft import backends, bundle, cli, evaluation, storage
from kerasft.data.dataset import load_dataset
from kerasft.data.samples import sample_path
from kerasft.text.labels import LabelMap

LEARNING_RATES = {"lora": 2e-3, "head": 2e-3, "full": 5e-5}


@dataclass
class Config(cli.RunOptions):
    """Fine-tune a pretrained BERT or DistilBERT classifier with LoRA, and save it.

    Args:
        preset: The pretrained model: a Hugging Face directory, a Hub id, a KerasHub preset name, a
            folder that kerasft saved, or `minilm` (22.7M parameters, needs no hub).
        architecture: `bert` or `distilbert`, for a directory whose config does not say.
        data: FILE.csv, FILE.tsv, FILE.jsonl or hub:NAME; else the corpus that ships with kerasft.
        text_column: Column of the texts.
        label_column: Column of the labels.
        test_data: A file of its own for the test rows; if not given, a share of `data`.
        validation: Share of the rows to validate on.
        test: Share of the rows to test on.
        split_seed: Chooses among the splits; the same rows and seed give the same split.
        max_length: Tokens a text is cut at.
        tune: `lora` (adapter and head), `head` (head alone) or `full` (everything).
        rank: Rank r of the update A B.
        alpha: The update is scaled by alpha / r.
        dropout: Dropout on the way into A.
        rank_stabilized: Scale by alpha / sqrt(r) instead.
        lora_layers: How many transformer layers, from the last one down, get LoRA.
        targets: Projections that get LoRA in those layers (query, key, value, attention_output,
            feedforward_intermediate_dense, feedforward_output_dense), or, where one holds a `/`,
            regular expressions over layer paths.
        pooling: What the head reads: the `first` token, as the checkpoint was made, or the `mean`.
        epochs: Passes over the training rows.
        batch_size: Texts a step.
        group_by_length: Batch texts of like length, which saves padding; null does so where an
            epoch has 64 batches or more (with fewer it costs accuracy).
        learning_rate: Of Adam; 0 takes 2e-3 for lora and head and 5e-5 for full.
        schedule: `constant`, or `linear` down to 0 at the last step.
        class_weight: `balanced` weighs each class by the inverse of its share.
        early_stopping: Stop after so many epochs without a better validation loss, and take the
            best epoch's weights; 0 is off.
    """

    preset: str = "distilbert/distilbert-base-uncased"
    architecture: Literal["bert", "distilbert"] | None = None
    data: str | None = None
    text_column: str = "text"
    label_column: str = "label"
    test_data: str | None = None
    validation: float = 0.15
    test: float = 0.15
    split_seed: int = 0
    max_length: int = 64
    tune: Literal["lora", "head", "full"] = "lora"
    rank: int = 8
    alpha: float = 16.0
    dropout: float = 0.05
    rank_stabilized: bool = False
    lora_layers: int = 2
    targets: tuple[str, ...] = ("query", "value")
    pooling: Literal["first", "mean"] = "first"
    epochs: int = 3
    batch_size: int = 8
    group_by_length: bool | None = None
    learning_rate: float = 0.0
    schedule: Literal["constant", "linear"] = "linear"
    class_weight: Literal["none", "balanced"] = "none"
    early_stopping: int = 0
    output: str = "saved_models/distilbert_lora"


def run(config: Config) -> Path:
    """Trains, evaluates and saves one classifier; returns the saved folder.

    Raises:
        KerasftError: An option, the data or the preset cannot be used; nothing has been written.
    """
    import keras

    from kerasft import peft, training
    from kerasft.data.batches import BucketedBatches, balanced_weights
    from kerasft.presets import load_preset

    cli.at_least(config, epochs=1, batch_size=1, rank=1, lora_layers=1, max_length=4)
    cli.at_least(config, learning_rate=0, early_stopping=0)
    output = storage.check_output(config.output, bundle.is_ours)
    history = training.History(training.trackers(output, asdict(config)))
    backends.seed_everything(config.seed)
    facts = bundle.Facts()

    # Rows, and a split of them that depends on the texts alone.
    dataset = load_dataset(
        config.data or sample_path("conversations"),
        config.text_column,
        config.label_column,
        test_source=config.test_data,
        validation=config.validation,
        test=config.test,
        seed=config.split_seed,
    )
    label_map = LabelMap.from_labels(dataset.train.labels)
    facts.state("Data", dataset.describe())
    facts.state("Sample rows", dataset.samples())
    facts.state("Rows per class", dataset.rows_per_class())

    # A pretrained encoder with its tokenizer; its head, if it has one for as many labels.
    pretrained = load_preset(config.preset, architecture=config.architecture)
    pretrained.check_length(config.max_length)
    model, loaded = pretrained.build_classifier(len(label_map), config.pooling, label_map.names)
    facts.state("Pretrained model", [pretrained.source, *loaded.describe()])

    # What trains: adapter and head, the head alone, or everything.
    if config.tune == "lora":
        lora = peft.LoRAConfig(
            targets=peft.last_layers(model, config.lora_layers, config.targets),
            rank=config.rank,
            alpha=config.alpha,
            dropout=config.dropout,
            rank_stabilized=config.rank_stabilized,
            modules_to_save=model.head_layers,
        )
        facts.state("Adapters", ", ".join(peft.apply(model, lora).adapted))
    elif config.tune == "head":
        peft.freeze(model, except_patterns=model.head_layers)
    counts = peft.parameter_counts(model)
    facts.state("Parameters", str(counts))

    # Token ids in batches of a few lengths.
    encode = pretrained.tokenizer.encode
    ids = {name: encode(part.texts, config.max_length) for name, part in dataset.parts.items()}
    labels = {name: label_map.encode(part.labels) for name, part in dataset.parts.items()}
    facts.state("Tokens", [f"{name}: {encodings.summary()}" for name, encodings in ids.items()])
    weights = balanced_weights(labels["train"]) if config.class_weight == "balanced" else None

    def batches_of(part: str, **options: Any) -> BucketedBatches:
        return BucketedBatches(
            ids[part].token_ids,
            labels[part],
            batch_size=config.batch_size,
            pad_id=pretrained.tokenizer.pad_id,
            max_length=config.max_length,
            seed=config.seed,
            **options,
        )

    batches = batches_of(
        "train", shuffle=True, sample_weight=weights, group_by_length=config.group_by_length
    )
    validation, test = (batches_of(part, shuffle=False) for part in ("validation", "test"))
    facts.state("Batches", batches.summary())

    # Training; `parts` is one fit for a run that was never stopped.
    rate: Any = config.learning_rate or LEARNING_RATES[config.tune]
    if config.schedule == "linear":
        rate = training.WarmupLinearDecay(rate, total_steps=len(batches) * config.epochs)
    model.compile(
        optimizer=training.adam(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
    )
    sources = {"data": dataset.train.sha256, "preset": pretrained.sha256}
    stopping = [training.EarlyStopping(config.early_stopping)] if config.early_stopping else []
    resume = training.Resume(
        model,
        batches,
        f"{output}.checkpoint",
        seed=config.seed,
        fingerprint=config.fingerprint() | sources,
        every_steps=config.checkpoint_steps,
        enabled=config.resume,
        stateful=[history, *stopping],
    )
    for part in resume.parts(config.epochs):
        model.fit(
            part.batches,
            initial_epoch=part.first,
            epochs=part.last,
            validation_data=validation,
            callbacks=[history, *stopping, resume.callback],
        )
    for callback in stopping:
        callback.restore(model)
    facts.state("Training", history.summary())

    # Evaluation, once, on rows that nothing above has seen, beside what costs nothing to try.
    logits = test.unsort(model.predict(test, verbose=0))  # (rows, labels)
    probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(logits))
    scores = evaluation.score(
        probabilities,
        dataset.train,
        dataset.test,
        label_map,
        None if weights is None else "balanced",
    )
    metrics = scores[evaluation.THIS_MODEL]
    print(f"\n{evaluation.table(metrics)}\n\n{evaluation.comparison(scores)}\n")
    facts.record("Test metrics per class", metrics["per_class"])
    facts.record("Test metrics beside baselines", evaluation.means(scores))

    bundle.save(
        output,
        model=model,
        tokenizer=pretrained.tokenizer,
        label_map=label_map,
        max_length=config.max_length,
        config_yaml=cli.to_yaml(config),
        card=facts.card(output.name),
        report=evaluation.classifier_report(
            scores,
            history.to_dict(),
            dataset.test,
            probabilities,
            label_map.names,
            seconds=history.seconds,
            parameters=asdict(counts),
            rows=dataset.rows_per_class(),
            test_sha256=dataset.test_sha256,
        ),
        base_model=pretrained.source,
    )
    history.track({"test_accuracy": metrics["accuracy"], "test_macro_f1": metrics["macro_f1"]})
    history.close()
    resume.finish()
    cli.print_next(output, dataset.test.texts[0])
    return output


if __name__ == "__main__":
    cli.main(run, Config)
