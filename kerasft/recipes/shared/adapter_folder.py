"""Makes a saved folder of a PEFT adapter and its base model, without training."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from kerasft import peft, storage
from kerasft.architectures import find_encoder
from kerasft.errors import ConfigError, PresetError
from kerasft.folder import Facts, is_ours
from kerasft.peft.files import open_weights
from kerasft.peft.peft_config import PeftConfig
from kerasft.presets.load import load_preset
from kerasft.presets.pretrained import Pretrained
from kerasft.presets.seq2seq import load_seq2seq
from kerasft.tasks import check_parts, save
from kerasft.tasks.classification.classifier import TextClassifier
from kerasft.tasks.labelled.text_model import TextModel
from kerasft.tasks.multi_label.classifier import MultiLabelClassifier
from kerasft.tasks.regression.regressor import TextRegressor
from kerasft.tasks.seq2seq import SavedTask
from kerasft.tasks.tagging.tagger import TokenTagger
from kerasft.tasks.text_to_text.writer import TextWriter
from kerasft.text.labels import LabelMap

MAX_LENGTH = 128
_KINDS = {"SEQ_CLS": "classifier", "TOKEN_CLS": "tagger", "SEQ_2_SEQ_LM": "T5"}


def save_adapter_folder(
    preset: str,
    adapter: str | Path,
    output: str | Path,
    *,
    labels: Sequence[str] = (),
    max_length: int | None = None,
    pooling: str = "first",
    text_pairs: bool = False,
    prefix: str = "",
) -> list[str]:
    """Writes a folder that predicts, serves and exports what PEFT would compute.

    Args:
        preset: The model that the adapter was trained on; see `load_preset` and `load_seq2seq`.
        adapter: A PEFT folder of a text classifier, a tagger or a T5.
        output: The folder to write; it may exist if it is empty or a saved folder.
        labels: The names of the labels (or BIO tags) in the order of the adapter's head. By default
            those of the preset's own head, else (for a classifier) LABEL_0, LABEL_1, ...
        max_length: Most tokens of a text; by default 128, or what the preset reads.
        pooling: What the head of a classifier reads, "first" (as in PEFT) or "mean".
        text_pairs: Whether the adapter of a classifier was trained on pairs of texts.
        prefix: The text before each input of a T5.

    Returns:
        Sentences about what was read.

    Raises:
        AdapterError: The adapter is broken or does not fit the preset.
        PresetError: The preset cannot be read, or its head or the adapter's is missing.
        ConfigError: The folder cannot be written, or the labels do not fit.

    Example:
        >>> save_adapter_folder("bert-base-uncased", "sst2-lora", "sst2", labels=["neg", "pos"])
    """
    output = storage.check_output(output, is_ours)
    config = PeftConfig.read(Path(adapter))
    shapes = open_weights(Path(adapter), config).shapes
    has_head = any(name.startswith(config.method.full_name("classifier.")) for name in shapes)
    task = config.task_type or ("SEQ_CLS" if has_head else None)
    if task not in _KINDS:
        raise PresetError(
            f"{adapter} was trained for the task {task!r}, for which there is no saved folder; "
            f"there is of {', '.join(_KINDS)}"
        )
    if text_pairs and task != "SEQ_CLS":
        raise ConfigError(
            f"--text_pairs is for text classifiers, but {adapter} is of a {_KINDS[task]}."
        )
    parts: TextModel | TokenTagger | TextWriter
    if task == "SEQ_2_SEQ_LM":
        writer = load_seq2seq(preset)
        source, read = writer.source, writer.report
        own, length = (SavedTask("text", prefix),), max_length or MAX_LENGTH
        parts = TextWriter(writer.model, writer.tokenizer, own, length, MAX_LENGTH)
        check_parts(parts)
    else:
        found = load_preset(preset)
        source = found.source
        module = find_encoder(found.architecture).output_module(
            "none" if task == "TOKEN_CLS" else pooling
        )
        head = shapes.get(config.method.full_name(f"{module}.weight"))
        names = _names(found, task, head, labels, adapter)
        label_map = LabelMap(tuple(names))
        length = max_length or min(MAX_LENGTH, found.arguments.max_length)
        found.check_length(length)
        if task == "TOKEN_CLS":
            tagger, read = found.build_tagger(names)
            parts = TokenTagger(tagger, found.tokenizer, label_map, length)
        else:
            classifier, read = found.build_classifier(len(names), pooling, names)
            kind = _kind(found.problem_type, len(names))
            parts = kind(classifier, found.tokenizer, label_map, length, text_pairs=text_pairs)
    report = peft.load_adapter(parts.model, adapter)
    if max_length is None:  # virtual tokens take some of the positions
        room = getattr(parts.model, "max_length", parts.max_length)
        parts = replace(parts, max_length=min(parts.max_length, room))
    for module in report.from_base:
        if f"{module}.weight" in read.new:
            raise PresetError(
                f"neither {adapter} nor {preset} has the layer {module} of a {_KINDS[task]}, so it "
                "would be random; give both to a recipe, with --adapter, to train it"
            )
    facts = Facts()
    facts.record("Pretrained model", [source, *read.describe()])
    facts.record("Adapter", [str(adapter), str(report)])
    settings = {"preset": preset, "adapter": str(adapter)}
    save(
        output,
        parts,
        config_yaml=yaml.safe_dump(settings, sort_keys=False, allow_unicode=True),
        card=facts.card(output.name),
        base_model=source,
    )
    return [f"{source}: {each}" for each in read.describe()] + [f"{adapter}: {report}"]


def _kind(problem_type: str | None, outputs: int) -> type[TextModel]:
    """What a head is for, as transformers tells it: of one output, it says a number."""
    if problem_type == "multi_label_classification":
        return MultiLabelClassifier
    return TextRegressor if problem_type == "regression" or outputs == 1 else TextClassifier


def _names(
    found: Pretrained,
    task: str,
    head: tuple[int, ...] | None,
    labels: Sequence[str],
    adapter: str | Path,
) -> list[str]:
    """The labels of an adapter's head, in its order."""
    known = (found.tags if task == "TOKEN_CLS" else found.labels) or []
    count = head[0] if head else len(labels or known)
    if labels and len(labels) != count:
        raise ConfigError(
            f"--labels names {len(labels)} labels, but the head of {adapter} has {count}."
        )
    if labels or (known and len(known) == count):
        return list(labels or known)
    if task == "TOKEN_CLS" or not count:
        raise ConfigError(
            f"The labels of {adapter} are not known, since neither it nor {found.source} names "
            "them; give them with --labels, in the order of its head."
        )
    return [f"LABEL_{number}" for number in range(count)]
