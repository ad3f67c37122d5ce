"""Fine-tune a T5 to write named entities, with LoRA.

    python -m kerasft.recipes.t5_ner_lora
    python -m kerasft.recipes.t5_ner_lora --preset saved_models/t5_text_to_text
    python -m kerasft.recipes.t5_ner_lora --data train.conll --test_data test.conll

A sentence with a prefix goes in, its entities come out as a text ("PER: Ann; LOC: Rome"), which is
read back to places in the sentence. Low-rank updates of query and value in two encoder blocks
train, eight thin matrices; all else is frozen. What is saved finds the same on torch, TensorFlow
and JAX.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from kerasft import backends, storage
from kerasft.config import alone, at_least, at_most, main, print_next, to_yaml
from kerasft.evaluation.report_files import THIS_MODEL
from kerasft.exports.engines import export_after_run
from kerasft.folder import Facts, adding_report, is_ours
from kerasft.recipes.shared.fine_tuning import tune
from kerasft.recipes.shared.frozen_backbone import train_above_backbone
from kerasft.recipes.shared.method_options import MethodOptions, methods_and
from kerasft.tasks import check_parts, save
from kerasft.tasks.entities.dataset import EntityOptions, load_sentences
from kerasft.tasks.entities.report import entity_report, score_entities, state_scores
from kerasft.tasks.seq2seq import MAX_BEAMS, MAX_TEXT_TOKENS, SavedTask
from kerasft.tasks.text_to_entities.writer import EntityWriter
from kerasft.tasks.text_to_text.architecture_plot import plot_matrices


@dataclass
class Config(MethodOptions, EntityOptions):
    """Fine-tune a T5 to write named entities, with LoRA.

    Args:
        preset: The pretrained T5: a Hugging Face directory, a Hub id, or a folder saved by
            t5_text_to_text.
        prefix: Text put before each sentence.
        targets: Regular expressions over the paths of the layers to adapt: `encoder/.*/(q|v)` is
            all queries and values of the encoder, `.*/(q|v)` also those of the decoder. Blocks are
            counted from 0. null takes the method's usual ones.
        max_length: Longest source in tokens, including the prefix; longer sentences are read in
            windows.
        max_target_length: Longest target (the entities as text), in tokens.
        epochs: Passes over the training sentences.
        tokens_per_batch: Size of a batch in tokens: rows times the longer of the two lengths.
        schedule: How the learning rate changes: `constant`, or `linear` down to 0 at the last step.
        warmup_steps: Steps in which the rate of `linear` first rises.
        early_stopping: Stop after this many epochs without a better validation loss, and keep the
            weights of the best epoch; 0 never stops early.
        beam_size: Beams of the search when entities are written; 1 is greedy.
    """

    group = "model and training"

    preset: str = "google-t5/t5-small"
    prefix: str = "find entities: "
    max_length: int = 128
    max_target_length: int = 64
    epochs: int = 10
    tokens_per_batch: int = 512
    schedule: Literal["constant", "linear"] = "linear"
    warmup_steps: int = 0
    early_stopping: int = 0
    beam_size: int = 1
    output: str = "saved_models/t5_ner_lora"

    # There is no head to train alone: its output layer is pretrained.
    own_options = replace(
        MethodOptions.own_options,
        values=methods_and("full"),
        usual={
            "lora": {
                "rank": 16,
                "alpha": 32.0,
                "learning_rate": 1e-2,
                "targets": (
                    "encoder/block_1/self_attention/(q|v)",
                    "encoder/block_2/self_attention/(q|v)",
                ),
            }
        },
    )


@alone
def run(config: Config) -> Path:
    """Trains, evaluates and saves one model; returns the saved folder.

    Raises:
        KerasftError: An option, the data or the preset cannot be used; nothing has been written.
    """
    import keras

    from kerasft import peft, training
    from kerasft.presets import load_seq2seq
    from kerasft.tasks.text_to_entities.batches import EntityTokens, entity_batches
    from kerasft.tasks.text_to_entities.engine import (
        EntityTextEngine,
        describe_reading,
        read_spans,
    )
    from kerasft.tasks.text_to_entities.entity_format import unparsable

    at_least(config, epochs=1, tokens_per_batch=1, max_length=4, max_target_length=2)
    at_most(config, max_target_length=MAX_TEXT_TOKENS, beam_size=MAX_BEAMS)
    at_least(config, beam_size=1, early_stopping=0, warmup_steps=0, learning_rate=1e-12)
    output = storage.check_output(config.output, is_ours)
    trackers = training.trackers(output, asdict(config))
    backends.seed_everything(config.seed)
    facts = Facts()

    # Sentences with their entities as spans, in a split that depends only on their words.
    dataset = load_sentences(config)
    test = dataset.test.sentences
    facts.state("Data", dataset.describe())
    facts.state("Sample sentences", dataset.samples())
    facts.state("Entities per type", dataset.entities_per_type())

    # A pretrained T5 with its tokenizer.
    pretrained = load_seq2seq(config.preset)
    model = pretrained.model
    facts.state("Pretrained model", [pretrained.source, *pretrained.report.describe()])

    # What the folder is to hold, checked now: after the training it would be too late.
    writer = EntityWriter(
        model,
        pretrained.tokenizer,
        (SavedTask("entities", config.prefix, "entities"),),
        config.max_length,
        config.max_target_length,
        config.beam_size,
        entity_types=dataset.types,
    )
    check_parts(writer)

    # What trains: a method's layers, or everything.
    counts, adapters = tune(model, config, pretrained.tokenizer)
    facts.state("Adapters", adapters)
    facts.state("Parameters", f"{counts}: {len(model.trainable_weights)} matrices")

    # Token ids of sentences and of the texts that name their entities, in batches of a few shapes.
    tokens = EntityTokens(
        pretrained.tokenizer,
        config.prefix,
        model.arguments.start_id,
        config.max_length,
        config.max_target_length,
    )
    batches = entity_batches(
        dataset, tokens, tokens_per_batch=config.tokens_per_batch, seed=config.seed
    )
    facts.state("Tokens", batches.notes)
    facts.state("Batches", batches.train.summary())

    # Frozen encoder blocks below the first that trains run once per text; the rest trains.
    above, notes = train_above_backbone(model, batches, config, output)
    facts.state("Frozen layers", notes)

    # Training with the right tokens so far; --resume continues a stopped run.
    steps = len(batches.train) * config.epochs
    rate = training.schedule(config.schedule, config.peak_rate, steps, config.warmup_steps)
    above.model.compile(
        optimizer=training.adam(rate, config.rate_ratios),
        loss=keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, reduction="mean_with_sample_weight"
        ),
        weighted_metrics=[keras.metrics.SparseCategoricalAccuracy(name="token_accuracy")],
    )
    history = training.History(trackers, batch_weight=batches.train.tokens)
    sources = {**dataset.hashes, "preset": pretrained.sha256}
    run = training.fit(
        above.model,
        above.train,
        above.validation,
        epochs=config.epochs,
        config=config,
        output=output,
        history=history,
        fingerprint=sources | above.facts,
        early_stopping=config.early_stopping,
    )
    facts.state("Training", history.summary(config.early_stopping))

    # Saved first: whatever fails below cannot lose the model, and is noted in the card.
    save(
        output,
        writer,
        config_yaml=to_yaml(config),
        card=facts.card(output.name),
        base_model=pretrained.source,
    )

    # Evaluation, once, on what the model writes of sentences that nothing above has seen.
    with adding_report(output, facts) as reports:
        generator = tokens.generator(model, config.beam_size)
        engine = EntityTextEngine(generator, tokens, dataset.types)
        written = engine.read(test)
        facts.state("Test sentences", describe_reading(test, written, tokens))
        found = [read_spans(*pair) for pair in zip(test, written, strict=True)]
        spans = [list(each.spans) for each in found]
        scores = score_entities(spans, dataset.train.sentences, test)
        metrics = scores[THIS_MODEL]
        unreadable = unparsable(found)
        state_scores(facts, scores)
        facts.state("Outputs that could not be read as a whole", unreadable)
        adapted = [layer.path for layer in peft.adapted_layers(model)]
        report = entity_report(
            scores,
            history.to_dict(),
            test,
            spans,
            entity_scores=[each.scores for each in found],
            outputs=[" | ".join(each.outputs) for each in written],
            pictures=[("architecture.png", partial(plot_matrices, model.arguments, adapted))],
            unparsable=unreadable,
            seconds=history.seconds,
            parameters=asdict(counts),
            trained=[weight.path for weight in model.trainable_weights],
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
