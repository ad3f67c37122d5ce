"""What each family of encoders must do, against transformers on the same random weights.

    class TestBert(ArchitectureCase):
        name = "bert"
        heads = {"": ({"classifier"}, set()), "ForMaskedLM": ({"bert.pooler.dense", ...}, {"cls"})}

A further family needs a line in `checkpoints.SIZES` where transformers calls its sizes otherwise.
"""

import json
import shutil
from pathlib import Path
from typing import ClassVar, NamedTuple

import keras
import numpy as np
import onnxruntime
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.numpy import save_file

from harness.checkpoints import VOCABULARY, write_checkpoint, write_pooling
from harness.gradients import value_and_gradients
from kerasft import backends, peft
from kerasft.architectures import (
    HeadedEncoder,
    Tagger,
    config_to_arguments,
    to_tensors,
)
from kerasft.errors import ConfigError
from kerasft.presets import load_preset
from kerasft.runtimes.onnx.write import write_onnx

TAGS = ["O", "B-PER", "I-PER"]
LABELS = ["no", "perhaps", "yes"]
LENGTHS = [9, 4, 1, 7]
MASK = np.arange(9) < np.array(LENGTHS)[:, None]
PADDING = 1  # the id that RoBERTa numbers positions by; others look at the mask alone
IDS = np.random.default_rng(0).integers(5, len(VOCABULARY), MASK.shape)
IDS = np.where(MASK, IDS, PADDING).astype("int32")
INPUTS = {"token_ids": IDS, "padding_mask": MASK}
THEIR_INPUTS = {
    "input_ids": torch.tensor(IDS, dtype=torch.long),
    "attention_mask": torch.tensor(MASK, dtype=torch.long),
}
ACTIVATIONS = ["relu", "gelu_new", "gelu_pytorch_tanh", "silu", "tanh"]  # and "gelu" everywhere
TOLERANCE = 1e-4


class Twins(NamedTuple):
    """A checkpoint's folder, transformers' model of it and ours."""

    folder: Path
    theirs: torch.nn.Module
    ours: HeadedEncoder


def theirs_of(
    model: torch.nn.Module, inputs: dict[str, torch.Tensor] = THEIR_INPUTS
) -> tuple[np.ndarray, np.ndarray | None]:
    """Last hidden states (4, 9, width), and the logits where the model has any."""
    with torch.no_grad():
        outputs = model(**inputs, output_hidden_states=True)
    logits = getattr(outputs, "logits", None)
    return outputs.hidden_states[-1].numpy(), None if logits is None else logits.numpy()


def hidden_of(model: HeadedEncoder) -> np.ndarray:
    return keras.ops.convert_to_numpy(model.backbone(INPUTS, training=False))


def logits_of(model: HeadedEncoder) -> np.ndarray:
    return keras.ops.convert_to_numpy(model(INPUTS, training=False))


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float = TOLERANCE) -> None:
    """Compares (4, labels), or (4, 9, ...) where there are tokens: padding is nobody's business."""
    if expected.ndim == 3:
        found, expected = found[MASK], expected[MASK]
    np.testing.assert_allclose(found, expected, atol=tolerance)


def counted(logits: np.ndarray) -> np.ndarray:
    """1 where logits count, 0 at padding: (4, 1) of texts, (4, 9, 1) of tokens."""
    return MASK[..., None] if logits.ndim == 3 else np.ones((4, 1))


def fresh(twins: Twins) -> HeadedEncoder:
    """Our model once more, for whoever changes it."""
    preset = load_preset(str(twins.folder))
    tagger = isinstance(twins.ours, Tagger)
    return (preset.build_tagger(TAGS) if tagger else preset.build_classifier(3))[0]


def by_their_names(model: HeadedEncoder, gradients: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Gradients of a model's trainable weights, named and laid out as in transformers."""
    values = [keras.ops.convert_to_numpy(weight) for weight in model.trainable_variables]
    for weight, gradient in zip(model.trainable_variables, gradients, strict=True):
        weight.assign(gradient)
    tensors = to_tensors(model)
    for weight, value in zip(model.trainable_variables, values, strict=True):
        weight.assign(value)
    return tensors


class ArchitectureCase:
    """The tests of a family; a subclass says what is special about it.

    Attributes:
        name: The family's name.
        model_type: transformers' name of it, where that is another.
        heads: A head in transformers -> what of a classifier is new on such a checkpoint, by their
            modules, and which of its modules nobody reads.
        settings: Settings of its configuration that are not the usual ones and must survive.
        activation: What its configuration calls the activation.
        variants: Further settings under which it must agree.
    """

    name: ClassVar[str]
    model_type: ClassVar[str | None] = None
    heads: ClassVar[dict[str, tuple[set[str], set[str]]]]
    settings: ClassVar[dict[str, object]] = {"classifier_dropout": 0.25}
    activation: ClassVar[str] = "hidden_act"
    variants: ClassVar[list[dict[str, object]]] = []

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        for argument, values in (("head", list(self.heads)), ("variant", self.variants)):
            if argument in metafunc.fixturenames:
                metafunc.parametrize(argument, values, ids=str)

    def write(self, folder: Path, head: str = "ForSequenceClassification", **settings: object):
        """Writes a random checkpoint and returns transformers' model."""
        model = write_checkpoint(
            folder, self.model_type or self.name, head, **{**self.settings, **settings}
        )
        names = {"ForTokenClassification": TAGS, "ForSequenceClassification": LABELS}.get(head, [])
        if model.config.num_labels == len(names):
            model.config.id2label = dict(enumerate(names))
            model.config.label2id = {name: number for number, name in enumerate(names)}
            model.config.save_pretrained(folder)
        return model

    @pytest.fixture(scope="class")
    def classifier(self, tmp_path_factory: pytest.TempPathFactory) -> Twins:
        folder = tmp_path_factory.mktemp("classifier")
        theirs = self.write(folder)
        ours, report = load_preset(str(folder)).build_classifier(3)
        assert (report.new, report.unread) == ([], [])
        return Twins(folder, theirs, ours)

    @pytest.fixture(scope="class")
    def tagger(self, tmp_path_factory: pytest.TempPathFactory) -> Twins:
        folder = tmp_path_factory.mktemp("tagger")
        theirs = self.write(folder, "ForTokenClassification")
        ours, report = load_preset(str(folder)).build_tagger(TAGS)
        assert (report.new, report.unread) == ([], [])
        return Twins(folder, theirs, ours)

    # One shape a family on each backend; XLA takes seconds for a further one.
    @pytest.fixture(params=["classifier", pytest.param("tagger", marks=pytest.mark.any_backend)])
    def twins(self, request: pytest.FixtureRequest) -> Twins:
        return request.getfixturevalue(request.param)

    @pytest.fixture
    def adapted(self, twins: Twins) -> HeadedEncoder:
        """The twin with an adapter, as if trained, on its last block."""
        ours = fresh(twins)
        last = f"{ours.backbone.blocks[-1].name}/.*"
        peft.apply(ours, peft.LoRAConfig((last,), rank=2, modules_to_save=ours.head_layers))
        for layer in peft.adapted_layers(ours):
            layer.lora_b.assign(np.random.default_rng(1).normal(size=layer.lora_b.shape) * 0.1)
        assert np.abs(logits_of(ours) - logits_of(twins.ours)).max() > 0.01
        return ours

    def test_hidden_states_logits_loss_and_gradients_are_those_of_transformers(self, twins):
        """A classifier's logits come from a last block that computes the first token alone."""
        _, theirs, ours = twins
        hidden, logits = theirs_of(theirs)
        assert_close(hidden_of(ours), hidden)
        direction = np.random.default_rng(3).normal(size=logits.shape) * counted(logits)
        theirs.zero_grad()
        (theirs(**THEIR_INPUTS).logits * torch.tensor(direction)).sum().backward()
        expected = {name: p.grad.numpy() for name, p in theirs.named_parameters()}
        found, gradients = value_and_gradients(
            lambda: ours(INPUTS, training=False), [], ours.trainable_variables,
            direction.astype("float32"),
        )  # fmt: skip
        assert_close(found, logits)
        labels, counts = np.ones(logits.shape[:-1], int), counted(logits)[..., 0]
        known = torch.tensor(np.where(counts, labels, -100))
        loss = theirs(**THEIR_INPUTS, labels=known).loss.item()
        mean = keras.losses.SparseCategoricalCrossentropy(True, reduction="mean_with_sample_weight")
        assert float(mean(labels, found, sample_weight=counts)) == pytest.approx(loss, abs=1e-4)
        named = by_their_names(ours, gradients)
        assert named.keys() == expected.keys()
        for name, gradient in named.items():
            most = max(1.0, np.abs(expected[name]).max())
            np.testing.assert_allclose(
                gradient, expected[name], atol=TOLERANCE * most, err_msg=name
            )

    def test_padding_on_the_left_changes_no_token(self, twins):
        """As transformers pads where it is told so; the head then reads what is first."""
        ids, mask = IDS[:, ::-1].copy(), MASK[:, ::-1].copy()
        their_inputs = {
            "input_ids": torch.tensor(ids, dtype=torch.long),
            "attention_mask": torch.tensor(mask, dtype=torch.long),
        }
        hidden, _ = theirs_of(twins.theirs, their_inputs)
        inputs = {"token_ids": ids, "padding_mask": mask}
        found = keras.ops.convert_to_numpy(twins.ours.backbone(inputs, training=False))
        np.testing.assert_allclose(found[mask], hidden[mask], atol=TOLERANCE)

    def test_segments_tell_the_texts_of_a_pair_apart(self, classifier):
        """Where there is a table of them; elsewhere nobody asks for them."""
        segments = (np.arange(9) >= 3).astype("int32") * np.ones_like(IDS)
        known = classifier.ours.arguments.num_segments
        theirs = {"token_type_ids": torch.tensor(segments, dtype=torch.long)} if known > 1 else {}
        with torch.no_grad():
            expected = classifier.theirs(**THEIR_INPUTS, **theirs).logits.numpy()
        inputs = {**INPUTS, "segment_ids": segments * (known > 1)}
        found = keras.ops.convert_to_numpy(classifier.ours(inputs, training=False))
        assert_close(found, expected)
        assert (np.abs(found - logits_of(classifier.ours)).max() > 1e-3) == (known > 1)

    @pytest.mark.any_backend
    @pytest.mark.parametrize("form", ["half precision", "shards", "old names"])
    def test_each_form_of_its_files_is_read(self, form, classifier, tmp_path):
        folder = shutil.copytree(classifier.folder, tmp_path / "copy")
        (folder / "model.safetensors").unlink()
        theirs = type(classifier.theirs).from_pretrained(classifier.folder)
        if form == "half precision":
            theirs.half()
        if form == "old names":
            norms = {".LayerNorm.weight": ".LayerNorm.gamma", ".LayerNorm.bias": ".LayerNorm.beta"}
            tensors = {}
            for name, value in theirs.state_dict().items():
                for new, old in norms.items():
                    name = name.replace(new, old)
                tensors[name] = value.numpy()
            save_file(tensors, folder / "model.safetensors")
        else:
            theirs.save_pretrained(folder, max_shard_size="8KB" if form == "shards" else "1GB")
        assert (len(list(folder.glob("*.safetensors"))) > 1) == (form == "shards")
        ours, report = load_preset(str(folder)).build_classifier(3)
        assert (report.new, report.unread) == ([], [])
        hidden, logits = theirs_of(theirs.float().eval())
        assert_close(hidden_of(ours), hidden)
        assert_close(logits_of(ours), logits)

    @pytest.mark.any_backend
    def test_a_text_may_be_as_long_as_there_are_positions(self, classifier):
        ours, length = classifier.ours, classifier.ours.max_length
        ids = np.random.default_rng(4).integers(5, len(VOCABULARY), (1, length + 1)).astype("int32")
        with torch.no_grad():
            expected = classifier.theirs(torch.tensor(ids[:, :length], dtype=torch.long)).logits
        found = ours({"token_ids": ids[:, :length], "padding_mask": ids[:, :length] > 0})
        assert_close(keras.ops.convert_to_numpy(found), expected.numpy())
        with pytest.raises(ConfigError, match=f"texts of {length + 1} tokens are too long"):
            ours({"token_ids": ids, "padding_mask": ids > 0})

    @pytest.mark.any_backend
    @pytest.mark.parametrize("mode", ["cls", "mean"])
    def test_sentence_transformers_directories_set_the_pooling(self, mode, tmp_path):
        theirs = self.write(tmp_path, "")
        write_pooling(tmp_path, mode)
        model, _ = load_preset(str(tmp_path)).build_classifier(3)
        hidden = theirs_of(theirs)[0]
        weights = MASK / MASK.sum(1, keepdims=True) if mode == "mean" else np.eye(1, 9)
        found = keras.ops.convert_to_numpy(model.pooled(INPUTS, training=False))
        assert_close(found, (hidden * weights[..., None]).sum(1))

    @pytest.mark.any_backend
    def test_a_tagger_takes_the_tags_by_their_names(self, tagger):
        other, _ = load_preset(str(tagger.folder)).build_tagger(["I-PER", "O", "B-PER"])
        assert_close(logits_of(other), theirs_of(tagger.theirs)[1][..., [2, 0, 1]])

    @pytest.mark.any_backend
    @pytest.mark.parametrize("activation", ACTIVATIONS)
    def test_each_activation_is_that_of_transformers(self, activation, tmp_path):
        theirs = self.write(tmp_path, layers=2, **{self.activation: activation})
        ours, _ = load_preset(str(tmp_path)).build_classifier(3)
        assert_close(logits_of(ours), theirs_of(theirs)[1])

    @pytest.mark.any_backend
    def test_other_sizes_are_those_of_transformers(self, variant, tmp_path):
        theirs = self.write(tmp_path, **variant)
        ours, report = load_preset(str(tmp_path)).build_classifier(variant.get("num_labels", 3))
        assert (report.new, report.unread) == ([], [])
        hidden, logits = theirs_of(theirs)
        assert_close(hidden_of(ours), hidden)
        assert_close(logits_of(ours), logits)

    @pytest.mark.any_backend
    def test_other_heads_give_their_encoder(self, head, tmp_path):
        new, unread = self.heads[head]
        theirs = self.write(tmp_path, head, num_labels=2)  # as answering questions needs
        preset = load_preset(str(tmp_path))
        ours, report = preset.build_classifier(3, "first")
        assert {name.rpartition(".")[0] for name in report.new} == new
        assert {name.split(".")[0] for name in report.unread} == unread
        assert_close(hidden_of(ours), theirs_of(theirs)[0])
        ours, report = preset.build_tagger(TAGS)
        head = {entry.module for entry in ours.entries() if entry.head}
        assert {name.rpartition(".")[0] for name in report.new} == new & head | {"classifier"}
        assert_close(hidden_of(ours), theirs_of(theirs)[0])

    @pytest.mark.any_backend
    def test_no_head_is_taken_for_another(self, classifier, tagger):
        ours, report = load_preset(str(classifier.folder)).build_tagger(TAGS)
        assert report.new == ["classifier.weight", "classifier.bias"]
        assert_close(hidden_of(ours), theirs_of(classifier.theirs)[0])
        ours, report = load_preset(str(tagger.folder)).build_classifier(3)
        assert f"{ours.output_module}.weight" in report.new

    @pytest.mark.any_backend
    def test_transformers_reads_what_we_write(self, twins, tmp_path):
        """Out again through the same table: equal tensors, names, configuration and logits."""
        _, theirs, ours = twins
        tensors = to_tensors(ours)
        original = {name: value.numpy() for name, value in theirs.state_dict().items()}
        assert set(tensors) == {name for name in original if "position_ids" not in name}
        for name, value in tensors.items():
            np.testing.assert_array_equal(value, original[name], err_msg=name)
        save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
        names = list(theirs.config.id2label.values())
        config = ours.to_config(names)
        (tmp_path / "config.json").write_text(json.dumps(config))
        again = type(theirs).from_pretrained(tmp_path).eval()
        np.testing.assert_array_equal(theirs_of(again)[1], theirs_of(theirs)[1])
        assert again.config.id2label == dict(enumerate(names))
        assert config_to_arguments(config) == (self.name, ours.arguments)

    def test_adapters_are_named_as_in_the_twin(self, twins, adapted, tmp_path):
        """PEFT itself loads the adapter and computes the same; so does who loads or merges it."""
        expected = logits_of(adapted)
        peft.save_adapter(adapted, tmp_path, str(twins.folder))
        content = json.loads((tmp_path / "adapter_config.json").read_text())
        assert content["task_type"] == adapted.peft_task
        base = type(twins.theirs).from_pretrained(twins.folder)
        theirs = PeftModel.from_pretrained(base, tmp_path).eval()
        assert_close(expected, theirs_of(theirs)[1])
        again = fresh(twins)
        peft.load_adapter(again, tmp_path)
        assert_close(logits_of(again), expected, 1e-6)
        peft.merge(again)
        assert_close(logits_of(again), expected, 1e-5)

    @pytest.mark.any_backend
    def test_adapters_of_peft_are_read(self, twins, tmp_path):
        base = type(twins.theirs).from_pretrained(twins.folder)
        # PEFT trains these in full, and cannot adapt them besides.
        whole = ("classifier", "pre_classifier")
        but = [name for name in whole if isinstance(getattr(base, name, None), torch.nn.Linear)]
        config = LoraConfig(
            task_type=twins.ours.peft_task, r=2, target_modules="all-linear", exclude_modules=but
        )
        theirs = get_peft_model(base, config).eval()
        with torch.no_grad():
            for parameter in theirs.parameters():
                if parameter.requires_grad:
                    parameter.add_(0.1 * torch.randn_like(parameter))
        theirs.save_pretrained(tmp_path)
        ours = fresh(twins)
        peft.load_adapter(ours, tmp_path)
        assert_close(logits_of(ours), theirs_of(theirs)[1])
        assert np.abs(logits_of(ours) - logits_of(twins.ours)).max() > 0.01

    def test_above_a_frozen_backbone_values_and_gradients_are_those_of_the_whole(self, adapted):
        cut = adapted.frozen_backbone()
        assert not cut.lower.trainable_variables
        variables = adapted.trainable_variables
        paths = [variable.path for variable in variables]
        assert [variable.path for variable in cut.upper.trainable_variables] == paths
        forward = backends.compile_forward
        kept = forward(cut.lower)(cut.below(INPUTS)) * MASK[..., None]  # padding is not kept
        above = cut.above(INPUTS, kept)
        whole = forward(adapted)(INPUTS)
        counts = counted(whole)
        np.testing.assert_allclose(forward(cut.upper)(above) * counts, whole * counts, atol=1e-5)
        direction = np.random.default_rng(3).normal(size=whole.shape) * counts
        expected, found = (
            value_and_gradients(function, [], variables, direction.astype("float32"))[1]
            for function in (
                lambda: adapted(INPUTS, training=False),
                lambda: cut.upper(above, training=False),
            )
        )
        for path, one, other in zip(paths, expected, found, strict=True):
            most = np.abs(one).max()
            np.testing.assert_allclose(other, one, atol=2e-5 * most, err_msg=path)

    def test_onnx_runtime_says_the_same(self, adapted, tmp_path):
        write_onnx(adapted, tmp_path / "model.onnx", adapted.max_length)
        session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
        found = session.run(None, {name: ids.numpy() for name, ids in THEIR_INPUTS.items()})[0]
        assert_close(found, logits_of(adapted))
