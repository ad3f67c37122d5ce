"""Fine-tune a pretrained encoder to classify texts, with LoRA.

    python -m kerasft.recipes.distilbert_lora --preset minilm
    python -m kerasft.recipes.distilbert_lora --data mails.csv --label_column team

The backbone is frozen; low-rank updates go into the last two transformer layers; they and the head
train. What is saved predicts the same on torch, TensorFlow and JAX.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from kerasft import backends, storage
from kerasft.config import alone, at_least, main, print_next, to_yaml
from kerasft.data.text_pairs import texts_of
from kerasft.exports.engines import export_after_run
from kerasft.folder import Facts, adding_report, is_ours
from kerasft.recipes.shared.few_shot import FewShotOptions, Objective
from kerasft.recipes.shared.fine_tuning import tune
from kerasft.recipes.shared.frozen_backbone import train_above_backbone
from kerasft.recipes.shared.trust import settled
from kerasft.tasks import save
from kerasft.tasks.labelled.labelled_texts import load_labelled
from kerasft.tasks.labelled.report import corpus_pictures, score, text_report


@dataclass
class Config(FewShotOptions):
    """Fine-tune a pretrained encoder to classify texts, with LoRA."""

    output: str = "saved_models/distilbert_lora"


@alone
def run(config: Config) -> Path:
    """Trains, evaluates and saves one classifier; returns the saved folder.

    Raises:
        KerasftError: An option, the data or the preset cannot be used; nothing has been written.
    """
    from kerasft import training
    from kerasft.presets import load_preset
    from kerasft.tasks.labelled.batches import labelled_batches

    config.check()
    at_least(config, learning_rate=1e-12, max_length=4)
    output = storage.check_output(config.output, is_ours)
    history = training.History(training.trackers(output, asdict(config)))
    backends.seed_everything(config.seed)
    facts = Facts()

    # Rows, cleaned and merged if asked for, in a split that depends only on the texts.
    dataset = load_labelled(config)
    target = config.target(dataset, config.class_weight)
    facts.state("Data", dataset.describe())
    facts.state("Sample rows", dataset.samples())
    facts.state("Rows per class", dataset.rows_per_class())

    # A pretrained encoder with its tokenizer, and its head if that fits the labels.
    pretrained = load_preset(config.preset, architecture=config.architecture)
    pretrained.check_length(config.max_length)
    pooling, reads = config.pooling_for(pretrained)
    config = replace(config, pooling=pooling)
    model, loaded = pretrained.build_classifier(
        target.outputs, pooling, target.names, target.problem_type
    )
    if f"{model.output_module}.weight" not in loaded.new:
        target.start(model)
    facts.state("Pretrained model", [pretrained.source, reads, *loaded.describe()])

    # What trains: adapter and head, the head alone, or everything; with few rows, in all layers.
    few_shot = config.few_shot_of(target, dataset, pretrained.tokenizer)
    tuned = few_shot.in_all_layers(model) if few_shot else config
    counts, adapters = tune(
        model, tuned, pretrained.tokenizer, pretrained.labels, target.names, target.start
    )
    facts.state("Adapters", adapters)
    facts.state("Parameters", str(counts))

    # Token ids in batches of a few lengths.
    batches = labelled_batches(
        dataset,
        pretrained.tokenizer,
        target,
        segments=model.reads_segments,
        max_length=config.max_length,
        long_texts=config.long_texts,
        batch_size=config.batch_size,
        seed=config.seed,
        class_weight=target.row_weight,
        group_by_length=config.group_by_length,
    )
    epochs = few_shot.epochs if few_shot else config.epochs_over(batches.train)
    seen = few_shot.batches(batches) if few_shot else batches
    facts.state("Tokens", batches.describe())
    facts.state("Batches", seen.train.summary())

    # Frozen layers below the first that trains run once per text; what is above them trains.
    above, notes = train_above_backbone(model, seen, replace(config, epochs=epochs), output)
    facts.state("Frozen layers", notes)

    # What is learned: the labels; with few rows per class, first which texts share a class.
    objective = Objective.of_labels(above, target, epochs)
    if few_shot:
        objective = few_shot.objective(model, above)

    # Training; --resume continues a stopped run, to exactly the same weights.
    objective.model.compile(
        optimizer=training.adam(config.rate(objective.steps), config.rate_ratios),
        loss=objective.loss,
        weighted_metrics=objective.metrics,
    )
    sources = {**dataset.hashes, "preset": pretrained.sha256}
    run = training.fit(
        objective.model,
        objective.train,
        objective.validation,
        epochs=objective.epochs,
        config=config,
        output=output,
        history=history,
        fingerprint=sources | above.facts,
        early_stopping=config.early_stopping,
    )
    facts.state("Training", history.summary(config.early_stopping))
    if few_shot:
        facts.state("Few rows", few_shot.fit_head(model, seen))

    # A temperature or thresholds, chosen on the validation rows.
    target = settled(target, model, batches.validation, dataset, facts)

    # Saved first: whatever fails below cannot lose the model, and is noted in the card.
    parts = target.parts(
        model, pretrained.tokenizer, config.max_length, dataset.cleaning, config.long_texts
    )
    parts = replace(parts, text_pairs=dataset.has_pairs)
    save(
        output,
        parts,
        config_yaml=to_yaml(config),
        card=facts.card(output.name),
        base_model=pretrained.source,
    )

    # Evaluation, once, on rows that nothing above has used, beside simple baselines.
    with adding_report(output, facts) as reports:
        outputs = batches.test.unsort(model.predict(batches.test, verbose=0))  # (rows, outputs)
        said = target.said(outputs)
        parts_of_rows = (batches.train, batches.validation, batches.test)
        scores = score(
            target,
            said,
            dataset,
            doubtful=config.doubtful_rows,
            features=lambda: above.features(parts_of_rows),
        )
        tracked = scores.state(facts)
        report = text_report(
            target,
            scores,
            history.to_dict(),
            dataset.test,
            said,
            pictures=corpus_pictures(dataset, batches.encodings),
            kind=dataset.kind,
            seconds=history.seconds,
            parameters=asdict(counts),
            rows=dataset.rows_per_class(),
            test_sha256=dataset.test_sha256,
            validation=dataset.validation,
        )
        reports.append(report)
        history.track(tracked)
    history.close()
    run.finish()
    above.finish()
    export_after_run(output, config.export)
    print_next(output, texts_of(dataset.test)[0])
    return output


if __name__ == "__main__":
    main(run, Config)
