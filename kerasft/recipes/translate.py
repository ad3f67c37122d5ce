"""Train a Transformer from random weights to translate.

    python -m kerasft.recipes.translate
    python -m kerasft.recipes.translate --data pairs.tsv --epochs 20 --d_model 256

The Transformer of "Attention Is All You Need", a word-level tokenizer for each language, BLEU after
each epoch. What is saved translates the same on torch, TensorFlow and JAX.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from kerasft import backends, storage
from kerasft.config import alone, at_least, main, print_next, to_yaml
from kerasft.data.pair_dataset import load_pairs
from kerasft.evaluation import text_scores
from kerasft.exports.engines import export_after_run
from kerasft.folder import Facts, adding_report, is_ours
from kerasft.recipes.shared.from_scratch import FromScratchOptions
from kerasft.tasks import check_parts, save
from kerasft.tasks.translation.report import translation_report
from kerasft.tasks.translation.translator import Translator


@dataclass
class Config(FromScratchOptions):
    """Train a Transformer from random weights to translate.

    Args:
        data: One or more of FILE.tsv (source TAB target) and hub:NAME; without it (and without
            `source`), the sample that ships with kerasft.
        source: A text file with one sentence per line; `target` has their translations.
        target: The translations of `source`, line by line.
        source_lang: Language of the source; its key in a hub data set.
        target_lang: Language of the target, likewise.
        validation: Share of the source sentences to validate on.
        split_seed: Chooses among the splits; the same pairs and seed give the same split.
        tokenizer: `word` (words and punctuation) or `bpe` (pieces of words).
        min_frequency: Words (or pieces) that occur less often are unknown.
        vocab_size: Largest size of each vocabulary.
        max_length: Longest sentence in tokens, including [SOS] and [EOS].
        overlong: What to do with longer pairs: `drop`, `cut` or `refuse` them.
        d_model: Width of the model.
        num_layers: Blocks of the encoder, and of the decoder.
        num_heads: Attention heads; must divide `d_model`.
        d_ff: Width inside the feed-forward layers.
        dropout: Dropout on the embeddings and on the output of each sublayer.
        tie_embeddings: Share the target embedding with the output projection.
        norm: Layer normalization before (`pre`) or after (`post`) each sublayer.
        tokens_per_batch: Size of a batch in tokens: rows times the longer of the two lengths.
        schedule: How the learning rate changes: `inverse_sqrt` (the paper's), `linear` (to 0 at the
            last step) or `constant`.
        num_examples: Translations printed after each epoch.
        validation_sentences: Validation sentences translated after each epoch; null takes all.
        beam_size: Beams of the search in the final evaluation, beside greedy decoding.
    """

    data: tuple[str, ...] = ()
    source: str | None = None
    target: str | None = None
    source_lang: str = "en"
    target_lang: str = "it"
    validation: float = 0.1
    split_seed: int = 0
    tokenizer: Literal["word", "bpe"] = "word"
    min_frequency: int = 1
    vocab_size: int = 15_000
    max_length: int = 32
    overlong: Literal["drop", "cut", "refuse"] = "drop"
    d_model: int = 128
    num_layers: int = 2
    num_heads: int = 4
    d_ff: int = 512
    dropout: float = 0.1
    tie_embeddings: bool = True
    norm: Literal["pre", "post"] = "pre"
    epochs: int = 24
    tokens_per_batch: int = 512
    schedule: Literal["inverse_sqrt", "linear", "constant"] = "inverse_sqrt"
    num_examples: int = 2
    validation_sentences: int | None = 300
    output: str = "saved_models/translate"

    def free(self) -> set[str]:
        """As for every model from scratch; and a run may look on in other ways."""
        return super().free() | {"num_examples", "validation_sentences"}


@alone
def run(config: Config) -> Path:
    """Trains, evaluates and saves one translator; returns the saved folder.

    Raises:
        KerasftError: An option or the data cannot be used; the output folder is as it was.
    """
    import keras

    from kerasft import training
    from kerasft.architectures import build_transformer
    from kerasft.data import pair_batches
    from kerasft.generation import SentenceGenerator
    from kerasft.tasks.translation import overlong
    from kerasft.tasks.translation.validation_scores import TranslationScores
    from kerasft.text.trained import load_or_train_pair

    at_least(config, epochs=1, beam_size=1, num_examples=0, validation_sentences=1)
    output = storage.check_output(config.output, is_ours)
    backends.seed_everything(config.seed)
    facts = Facts()

    # Pairs; no source sentence stands on both sides of the split.
    files = config.data or (() if config.source or config.target else "sample:translations")
    languages = (config.source_lang, config.target_lang)
    share, seed = config.validation, config.split_seed
    dataset = load_pairs(
        files, config.source, config.target, *languages, validation=share, seed=seed
    )
    facts.state("Data", dataset.describe())
    facts.state("Sample pairs", dataset.samples())

    # A tokenizer for each language, from the training pairs alone, unless both are there already.
    source_words, target_words, notes = load_or_train_pair(
        f"{output}.tokenizers",
        dataset.train["source"],
        dataset.train["target"],
        config.tokenizer,
        vocab_size=config.vocab_size,
        min_frequency=config.min_frequency,
    )
    facts.state("Tokenizers", notes)
    tokenizers = (source_words, target_words)

    # Token ids in batches of a few shapes. What is too long is still tested, as far as it is read.
    encoded, batches = {}, {}
    for name, pairs in dataset.parts.items():
        policy = "cut" if (name, config.overlong) == ("validation", "drop") else config.overlong
        encoded[name] = overlong.encode_sides(
            pairs, *tokenizers, max_length=config.max_length, policy=policy
        )
        facts.state(f"Tokens, {name}", encoded[name].describe(*languages))
        batches[name] = pair_batches.PairBatches(
            encoded[name].source_ids,
            encoded[name].target_ids,
            tokens_per_batch=config.tokens_per_batch,
            pad_id=source_words.pad_id,
            max_length=config.max_length,
            shuffle=name == "train",
            seed=config.seed,
        )
    facts.state("Batches", batches["train"].summary())

    model = build_transformer(
        source_words.vocab_size,
        target_words.vocab_size,
        config.max_length,
        config.max_length,
        d_model=config.d_model,
        N=config.num_layers,
        h=config.num_heads,
        dropout=config.dropout,
        d_ff=config.d_ff,
        tie_embeddings=config.tie_embeddings,
        norm_first=config.norm == "pre",
    )
    facts.state("Parameters", f"{model.count_params():,}, all of them trained")

    # What the folder is to hold, checked now: after the training it would be too late.
    named = dict(zip(("source", "target"), languages, strict=True))
    translator = Translator(model, source_words, target_words, named, config.max_length)
    check_parts(translator)

    # Greedy translations of some of the validation sentences after each epoch.
    held_out, ids = encoded["validation"].pairs, encoded["validation"].source_ids
    greedy = SentenceGenerator(model, target_words, config.max_length)
    many, few = config.validation_sentences, config.num_examples
    scores = TranslationScores(greedy.sentences, ids, held_out, many, few, facts.failures)

    # Training; --resume continues a stopped run, to exactly the same weights.
    rate = config.rate(len(batches["train"]) * config.epochs)
    model.compile(
        optimizer=training.adam(rate, beta_2=0.98, epsilon=1e-9),
        loss=training.LabelSmoothedCrossEntropy(config.label_smoothing),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="token_accuracy")],
    )
    trackers = training.trackers(output, asdict(config))
    history = training.History(trackers, batch_weight=batches["train"].tokens)
    kept = training.KeptEpochs(f"{output}.epochs", config.keep_epochs)
    run = training.fit(
        model,
        batches["train"],
        batches["validation"],
        epochs=config.epochs,
        config=config,
        output=output,
        history=history,
        fingerprint={"pairs": dataset.train.sha256},
        callbacks=[scores],
        kept=kept,
        preload=config.preload,
    )
    facts.state("Training", history.summary(kept=kept.epochs()))
    facts.state("Weights", kept.average(model, config.average_epochs))

    # Saved first: whatever fails below cannot lose the model, and is noted in the card.
    save(output, translator, config_yaml=to_yaml(config), card=facts.card(output.name))

    # Evaluation on all held-out pairs, beside copying the source.
    with adding_report(output, facts) as reports:
        beams = SentenceGenerator(model, target_words, config.max_length, config.beam_size)
        translations = {"copy of the source": held_out["source"], "greedy": greedy.sentences(ids)}
        translations[f"beam {config.beam_size}"] = beams.sentences(ids)
        metrics = text_scores.score_translations(translations, held_out)
        facts.state("BLEU and chrF", metrics)
        report = translation_report(
            metrics,
            history.to_dict(),
            model=model,
            tokenizers=tokenizers,
            languages=languages,
            train=encoded["train"],
            held_out=encoded["validation"],
            translations=translations,
            training_seconds=history.training_seconds,
            validation_sha256=dataset.validation_sha256,
        )
        reports.append(report)
    history.close()
    run.finish()
    export_after_run(output, config.export)
    print_next(output, held_out["source"][0])
    return output


if __name__ == "__main__":
    main(run, Config)
