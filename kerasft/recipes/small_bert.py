"""Train a small BERT from random weights to classify texts.

    python -m kerasft.recipes.small_bert
    python -m kerasft.recipes.small_bert --data complaints.csv --mlm_epochs 10

Its word pieces are those of the training texts; with `--mlm_epochs` it first fills in hidden ones.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from kerasft import backends, storage
from kerasft.config import RunOptions, alone, at_least, main, print_next, to_yaml
from kerasft.data.text_pairs import single_texts, texts_of
from kerasft.errors import ConfigError
from kerasft.evaluation.plots import plot_loss
from kerasft.exports.engines import export_after_run
from kerasft.folder import Facts, adding_report, is_ours
from kerasft.recipes.shared.trust import TrustOptions, settled
from kerasft.tasks import save
from kerasft.tasks.classification.target import ClassTarget
from kerasft.tasks.labelled.labelled_texts import CorpusOptions, load_labelled
from kerasft.tasks.labelled.report import corpus_pictures, score, text_report


@dataclass
class Config(RunOptions, TrustOptions, CorpusOptions):
    """Train a small BERT from random weights to classify texts.

    Args:
        architecture: The kind of encoder: `bert`, `electra`, `albert`, ...
        vocab_size: Largest number of word pieces, including the five special tokens.
        min_frequency: How often a character or a pair of pieces must occur to become a piece.
        lowercase: Lower-case texts and strip their accents.
        num_layers: Transformer layers.
        hidden_size: Width of the hidden states.
        num_heads: Attention heads; must divide `hidden_size`.
        intermediate_size: Width inside the feed-forward layers.
        dropout: Dropout on the embeddings, in the layers and before the head.
        pooling: What the head reads: the `first` token, or the `mean` over the tokens.
        mlm_epochs: Epochs as a masked language model first; 0 skips this.
        mlm_learning_rate: Highest learning rate of Adam in these epochs.
        steps: Least number of training steps as a classifier, if `epochs` is null.
        epochs: Passes over the training rows as a classifier; null takes as many as `steps` need.
        batch_size: Texts per step.
        group_by_length: Batch texts of similar length; null does so from 64 batches per epoch on.
        learning_rate: Highest learning rate of Adam.
        schedule: `linear` rises to the highest rate, then falls to 0; `constant` stays.
        warmup_ratio: Share of the steps in which the rate of `linear` rises.
        class_weight: `balanced` weighs each class by the inverse of its share.
        early_stopping: Stop after so many epochs without a better validation loss; 0 never does.
    """

    group = "model and training"

    architecture: str = "bert"
    vocab_size: int = 2000
    min_frequency: int = 2
    lowercase: bool = True
    num_layers: int = 4
    hidden_size: int = 128
    num_heads: int = 4
    intermediate_size: int = 512
    dropout: float = 0.1
    pooling: Literal["first", "mean"] = "mean"
    mlm_epochs: int = 0
    mlm_learning_rate: float = 1e-3
    steps: int = 800
    epochs: int | None = None
    batch_size: int = 4
    group_by_length: bool | None = None
    learning_rate: float = 1e-3
    schedule: Literal["constant", "linear"] = "linear"
    warmup_ratio: float = 0.1
    class_weight: Literal["none", "balanced"] = "balanced"
    early_stopping: int = 0
    output: str = "saved_models/small_bert"

    def of_language(self) -> Config:
        """The options of the masked language model, which knows no classes."""
        none: dict[str, Any] = {"pooling": "first", "class_weight": "none", "early_stopping": 0}
        return replace(self, epochs=self.mlm_epochs, learning_rate=self.mlm_learning_rate, **none)


@alone
def run(config: Config) -> Path:
    """Trains, evaluates and saves one classifier; returns the saved folder.

    Raises:
        KerasftError: An option or the data cannot be used; nothing has been written.
    """
    from kerasft import architectures, peft, training
    from kerasft.data.masked_batches import masked_batches
    from kerasft.tasks.labelled.batches import labelled_batches
    from kerasft.text.trained_wordpiece import train_wordpiece

    at_least(config, num_layers=1, hidden_size=1, num_heads=1, intermediate_size=1, steps=1)
    at_least(config, max_length=4, batch_size=1, epochs=1, mlm_epochs=0, warmup_ratio=0)
    at_least(config, mlm_learning_rate=1e-12, learning_rate=1e-12, early_stopping=0)
    heads, width = config.num_heads, config.hidden_size
    if width % heads:
        raise ConfigError(f"--num_heads {heads} does not divide --hidden_size {width}.")
    family = architectures.find_encoder(config.architecture)
    output = storage.check_output(config.output, is_ours)
    trackers = training.trackers(output, asdict(config))
    history = training.History(trackers, trained_before=config.mlm_epochs > 0)
    language = training.History(training.trackers(Path(f"{output}.mlm"), asdict(config)))
    backends.seed_everything(config.seed)
    facts = Facts()

    # Rows, cleaned, merged and split; each step says what it left out.
    dataset = load_labelled(config)
    target = ClassTarget.learn(dataset, config.class_weight, config.calibrate)
    facts.state("Data", dataset.describe())
    facts.state("Sample rows", dataset.samples())
    facts.state("Rows per class", dataset.rows_per_class())

    # Word pieces from the training texts alone.
    tokenizer = train_wordpiece(
        single_texts(dataset.train),
        vocab_size=config.vocab_size,
        min_frequency=config.min_frequency,
        lowercase=config.lowercase,
    )
    facts.state("Vocabulary", f"{tokenizer.vocab_size} pieces, of the training texts alone")

    # An encoder of random weights, all of which train.
    arguments = family.new_arguments(
        tokenizer.pad_id,
        vocab_size=tokenizer.vocab_size,
        num_layers=config.num_layers,
        num_heads=heads,
        hidden_size=width,
        intermediate_size=config.intermediate_size,
        max_length=config.max_length,
        dropout=config.dropout,
        attention_dropout=config.dropout,
        head_dropout=config.dropout,
    )
    model = architectures.Classifier(family.name, arguments, target.outputs, config.pooling)
    facts.state("Parameters", architectures.part_counts(model))

    # Token ids in batches of a few lengths.
    layout = {name: getattr(config, name) for name in ("batch_size", "group_by_length", "seed")}
    batches = labelled_batches(
        dataset,
        tokenizer,
        target,
        segments=model.reads_segments,
        max_length=config.max_length,
        long_texts=config.long_texts,
        class_weight=config.class_weight,
        **layout,
    )
    facts.state("Tokens", batches.describe())
    facts.state("Batches", batches.train.summary())
    config = replace(config, epochs=config.epochs or -(-config.steps // len(batches.train)))

    # First the language, if asked for: the encoder learns to fill in hidden tokens.
    runs: list[training.Resume] = []
    more: dict[str, Any] = {"validation": dataset.validation}
    pictures = corpus_pictures(dataset, batches.encodings)
    if config.mlm_epochs:
        hidden = masked_batches(
            batches.encodings, tokenizer, segments=model.reads_segments, **layout
        )
        facts.state("Hidden tokens", hidden.train.summary())
        language_model = architectures.MaskedLanguageModel(model)  # on the classifier's own encoder
        options = config.of_language()
        runs.append(fit(language_model, hidden, options, language, f"{output}.mlm", dataset.hashes))
        language.close()
        facts.state("Masked language model", [*language.summary(), hidden.outcome(language.epochs)])
        learned = language.to_dict() | {"losses": hidden.train.means(language.losses)}
        more["masked_language_model"] = {"seconds": language.seconds, "history": learned}
        pictures.append(("language_model_loss.png", partial(plot_loss, learned)))

    # Then the classes.
    runs.append(fit(model, batches, config, history, str(output), dataset.hashes))
    facts.state("Training", history.summary(config.early_stopping))
    target = settled(target, model, batches.validation, dataset, facts)  # a temperature

    # Saved first: whatever fails below cannot lose the model, and is noted in the card.
    classifier = target.parts(
        model, tokenizer, config.max_length, dataset.cleaning, config.long_texts
    )
    classifier = replace(classifier, text_pairs=dataset.has_pairs)
    save(output, classifier, config_yaml=to_yaml(config), card=facts.card(output.name))

    # Evaluation, once, on rows that nothing above has used, beside simple baselines.
    with adding_report(output, facts) as reports:
        said = target.said(batches.test.unsort(model.predict(batches.test, verbose=0)))
        scores = score(target, said, dataset, doubtful=config.doubtful_rows)
        tracked = scores.state(facts)
        report = text_report(
            target,
            scores,
            history.to_dict(),
            dataset.test,
            said,
            seconds=language.seconds + history.seconds,
            parameters=asdict(peft.parameter_counts(model)),
            rows=dataset.rows_per_class(),
            test_sha256=dataset.test_sha256,
            pictures=pictures,
            **more,
        )
        reports.append(report)
        history.track(tracked)
    history.close()
    for each in runs:
        each.finish()
    export_after_run(output, config.export)
    print_next(output, texts_of(dataset.test)[0])
    return output


def fit(model: Any, batches: Any, config: Config, history: Any, output: str, hashes: Any) -> Any:
    """Compiles and trains a model; --resume continues a stopped run."""
    import keras

    from kerasft import training

    assert config.epochs  # known by now
    steps = len(batches.train) * config.epochs
    rising = int(config.warmup_ratio * steps)
    rate = training.schedule(config.schedule, config.learning_rate, steps, rising)
    model.compile(
        optimizer=training.adam(rate),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
    )
    return training.fit(
        model,
        batches.train,
        batches.validation,
        epochs=config.epochs,
        config=config,
        output=output,
        history=history,
        fingerprint=hashes,
        early_stopping=config.early_stopping,
    )


if __name__ == "__main__":
    main(run, Config)
