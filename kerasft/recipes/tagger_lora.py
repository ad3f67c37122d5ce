"""Fine-tune an encoder to find named entities, with LoRA.

    python -m kerasft.recipes.tagger_lora --preset minilm
    python -m kerasft.recipes.tagger_lora --data train.conll --test_data test.conll

Every word gets a tag (BIO) at its first word piece. The backbone is frozen; low-rank updates and
the head train. What is saved finds the same on torch, TensorFlow and JAX.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from kerasft import backends, storage
from kerasft.config import alone, at_least, main, print_next, to_yaml
from kerasft.evaluation.report_files import THIS_MODEL
from kerasft.exports.engines import export_after_run
from kerasft.folder import Facts, adding_report, is_ours
from kerasft.recipes.shared.fine_tuning import TuningOptions, tune
from kerasft.recipes.shared.frozen_backbone import train_above_backbone
from kerasft.tasks import save
from kerasft.tasks.entities.dataset import EntityOptions, load_sentences
from kerasft.tasks.entities.report import entity_report, score_entities, state_scores
from kerasft.tasks.tagging.tagger import TokenTagger
from kerasft.tasks.tagging.task import TaggingTask
from kerasft.tasks.tagging.word_windows import prediction_windows

LOW_RANK = {"rank": 16, "targets": ("query", "key", "value", "attention_output")}


@dataclass
class Config(TuningOptions, EntityOptions):
    """Fine-tune an encoder to find named entities, with LoRA.

    Args:
        max_length: Tokens that are read at once; longer sentences are read in windows.
    """

    group = "data"

    preset: str = "distilbert/distilbert-base-cased"
    last_layers: int = 6
    epochs: int | None = 10
    max_length: int = 128
    output: str = "saved_models/tagger_lora"

    own_options = replace(
        TuningOptions.own_options,
        usual=dict.fromkeys(("lora", "dora", "pissa"), LOW_RANK),
    )


@alone
def run(config: Config) -> Path:
    """Trains, evaluates and saves one tagger; returns the saved folder.

    Raises:
        KerasftError: An option, the data or the preset cannot be used; nothing has been written.
    """
    import keras

    from kerasft import training
    from kerasft.presets import load_preset
    from kerasft.runtimes.keras import KerasEncoder
    from kerasft.tasks.tagging.batches import tagged_batches
    from kerasft.tasks.tagging.engine import TaggingEngine

    config.check()
    at_least(config, learning_rate=1e-12, max_length=4)
    output = storage.check_output(config.output, is_ours)
    history = training.History(training.trackers(output, asdict(config)))
    backends.seed_everything(config.seed)
    facts = Facts()

    # Sentences with their entities as spans, in a split that depends only on their words.
    dataset = load_sentences(config)
    test = dataset.test.sentences
    tags = dataset.tags
    facts.state("Data", dataset.describe())
    facts.state("Sample sentences", dataset.samples())
    facts.state("Entities per type", dataset.entities_per_type())

    # A pretrained encoder with its tokenizer; its token head, if it has one for the same tags.
    pretrained = load_preset(config.preset, architecture=config.architecture)
    pretrained.check_length(config.max_length)
    model, loaded = pretrained.build_tagger(tags.names)
    facts.state("Pretrained model", [pretrained.source, *loaded.describe()])

    # What trains: adapter and head, the head alone, or everything.
    counts, adapters = tune(model, config, pretrained.tokenizer, pretrained.tags, tags.names)
    facts.state("Adapters", adapters)
    facts.state("Parameters", str(counts))

    # Token ids in batches of a few lengths; a word's tag is at its first token.
    batches = tagged_batches(
        dataset,
        pretrained.tokenizer,
        tags,
        max_length=config.max_length,
        batch_size=config.batch_size,
        seed=config.seed,
        group_by_length=config.group_by_length,
    )
    words = [sentence.tokens for sentence in test]
    windows = prediction_windows(pretrained.tokenizer, words, config.max_length)
    facts.state("Tokens", [*batches.describe(), f"test: {windows.summary()}"])
    facts.state("Batches", batches.train.summary())

    # Frozen layers below the first that trains run once per text; what is above them trains.
    epochs = config.epochs_over(batches.train)
    above, notes = train_above_backbone(model, batches, replace(config, epochs=epochs), output)
    facts.state("Frozen layers", notes)

    # Training; --resume continues a stopped run, to exactly the same weights.
    above.model.compile(
        optimizer=training.adam(config.rate(len(batches.train) * epochs), config.rate_ratios),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        weighted_metrics=["accuracy"],
    )
    sources = {**dataset.hashes, "preset": pretrained.sha256}
    run = training.fit(
        above.model,
        above.train,
        above.validation,
        epochs=epochs,
        config=config,
        output=output,
        history=history,
        fingerprint=sources | above.facts,
        early_stopping=config.early_stopping,
    )
    facts.state("Training", history.summary(config.early_stopping))

    tagger = TokenTagger(model, pretrained.tokenizer, tags, config.max_length)
    # Saved first: whatever fails below cannot lose the model, and is noted in the card.
    save(
        output,
        tagger,
        config_yaml=to_yaml(config),
        card=facts.card(output.name),
        base_model=pretrained.source,
    )

    # Evaluation, once, on sentences that nothing above has used, beside remembered names.
    with adding_report(output, facts) as reports:
        encoder = KerasEncoder(model, TaggingTask().reading(tagger))
        engine = TaggingEngine(encoder, tagger.tokenizer, tags.names, config.max_length)
        found = engine.find(words)
        spans = [[each.span for each in entities] for entities in found]
        scores = score_entities(spans, dataset.train.sentences, test)
        metrics = scores[THIS_MODEL]
        state_scores(facts, scores)
        report = entity_report(
            scores,
            history.to_dict(),
            test,
            spans,
            entity_scores=[[each.score for each in entities] for entities in found],
            seconds=history.seconds,
            parameters=asdict(counts),
            entities=dataset.entities_per_type(),
            test_sha256=dataset.test_sha256,
        )
        reports.append(report)
        history.track({"test_f1": metrics["f1"], "test_macro_f1": metrics["macro_f1"]})
    history.close()
    run.finish()
    above.finish()
    export_after_run(output, config.export)
    print_next(output, test[0].text)
    return output


if __name__ == "__main__":
    main(run, Config)
