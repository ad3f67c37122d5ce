"""The battery that every method of fine-tuning goes through, from a declaration of ten lines."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import onnxruntime
import peft as hugging_face_peft
import pytest
import torch
import transformers

from harness import checkpoints, classifiers, frozen_backbones, peft_twins, small, t5_twins
from harness.one_layer import EQUATIONS, as_matrix, one_layer
from harness.small_run import StopAt, Stopped
from kerasft import peft, training
from kerasft.architectures import shift_right
from kerasft.errors import AdapterError, ConfigError
from kerasft.peft.modules import modules_of
from kerasft.runtimes.onnx.write import write_onnx
from kerasft.training import variables

PREFIX = "base_model.model."
# It has no gradient to speak of, so it may or may not move.
KEY_BIAS = "transformer_layer_1/self_attention_layer/key/bias"


class MethodCase:
    """A subclass whose name begins with Test is a method's battery.

    Attributes:
        method: Its config class.
        options: Its own options, none of which draws anything.
        targets: Patterns of layers in an encoder that it is put on.
        trains: How the paths of the weights end that it trains.
        trained: How many parameters train in the tiny classifier's second layer.
        variants: Options with which one layer is compared with the formula.
        resumed: Options with each of which a run is broken off and resumed.
        changes_at_once: Whether a fresh adapter changes what the model says.
        t5_targets: Patterns of layers in a T5 that it is put on; None where that is tested apart.
        theirs: Gives PEFT's config for "distilbert" or "bert", whose targets are the same modules
            in all layers. Where PEFT has none, a case has a `reference` of its own, which trains
            the same, and its own test of files.
    """

    method: ClassVar[type[peft.Method]]
    options: ClassVar[dict[str, Any]] = {}
    targets: ClassVar[tuple[str, ...]]
    trains: ClassVar[tuple[str, ...]]
    trained: ClassVar[int]
    variants: ClassVar[tuple[dict[str, Any], ...]] = ({},)
    resumed: ClassVar[tuple[dict[str, Any], ...]] = ({},)
    changes_at_once: ClassVar[bool] = False
    t5_targets: ClassVar[tuple[str, ...] | None] = None
    theirs: ClassVar[Callable[[str], Any]]

    def formula(self, x: np.ndarray, w: np.ndarray, b: Any, layer: Any) -> np.ndarray:
        """What one adapted layer computes before its activation, in NumPy.

        Args:
            x: (rows, in).
            w: (in, out).
            b: (out,), zeros where the layer has none.
            layer: The layer, for the adapter's variables.
        """
        raise AssertionError("a case says what its method computes")

    @classmethod
    def config(cls, *targets: str, **changes) -> peft.Method:
        return cls.method(targets or cls.targets, **{**cls.options, **changes})

    @classmethod
    def adapted(cls, **changes) -> keras.Model:
        """A tiny DistilBERT with the same weights every time, adapted in its second layer."""
        keras.utils.set_random_seed(0)
        model = classifiers.build()
        targets = [f"transformer_layer_1/(.*/)?({each})" for each in cls.targets]
        peft.apply(model, cls.config(*targets, modules_to_save=model.head_layers, **changes))
        return model

    @classmethod
    def train(cls, model: keras.Model) -> set[str]:
        """Trains for a few steps and returns the paths of the weights that moved."""
        small.compile_classifier(model, keras.optimizers.Adam(0.02))
        before = small.snapshot(model.weights)
        model.fit(small.TOKENS, small.LABELS, epochs=2, batch_size=3, verbose=0)
        return small.moved(before, small.snapshot(model.weights))

    @pytest.fixture(scope="class")
    def saved(self, tmp_path_factory) -> tuple[Path, np.ndarray, set[str]]:
        """A trained adapter, the logits with it, and the paths of the weights that moved."""
        model = self.adapted()
        moved = self.train(model)
        folder = tmp_path_factory.mktemp("adapters") / "adapter"
        peft.save_adapter(model, folder, "base")
        return folder, small.logits(model), moved

    @pytest.fixture(scope="class", params=["distilbert", "bert"])
    def checkpoint(self, request, tmp_path_factory) -> tuple[str, Path]:
        return self.write_checkpoint(request.param, tmp_path_factory)

    @staticmethod
    def write_checkpoint(kind: str, tmp_path_factory) -> tuple[str, Path]:
        folder = tmp_path_factory.mktemp(kind)
        checkpoints.write_checkpoint(
            folder, kind, "ForSequenceClassification", **peft_twins.NO_DROPOUT[kind]
        )
        return kind, folder

    def reference(self, directory: Path, kind: str) -> torch.nn.Module:
        """PEFT's model with random adapters."""
        torch.manual_seed(0)
        model = hugging_face_peft.get_peft_model(
            peft_twins.theirs(directory), type(self).theirs(kind)
        )
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.requires_grad and "modules_to_save" not in name:
                    parameter.add_(0.3 * torch.randn_like(parameter))
        return model.eval()

    # What trains, and what stays.

    def test_a_fresh_adapter_changes_nothing_and_trains_what_it_says(self, saved):
        plain = small.logits(classifiers.build())
        model = self.adapted()
        if not self.changes_at_once:
            np.testing.assert_array_equal(small.logits(model), plain)
        assert np.abs(saved[1] - plain).max() > 0.01
        paths = {weight.path for weight in model.trainable_weights}
        head = {f"{layer}/{part}" for layer in model.head_layers for part in ("kernel", "bias")}
        assert head < paths
        assert all(path.startswith("transformer_layer_1/") for path in paths - head)
        assert {path.rpartition("/")[2] for path in paths - head} == set(self.trains)
        counts = peft.parameter_counts(model)
        assert counts.trained - 16 * 17 - 17 * 3 == self.trained
        assert counts.frozen == sum(w.size for w in small.snapshot(model.weights).values()) - (
            counts.trained
        )
        assert paths - {KEY_BIAS} <= saved[2] <= paths

    def test_targets_that_are_not_there(self):
        model = classifiers.build()
        with pytest.raises(AdapterError, match=rf"matches no {self.method.kind}; near names are"):
            peft.apply(model, self.config("qwerty"))
        with pytest.raises(AdapterError, match="is a Embedding and not a"):
            peft.apply(model, self.config(".*token_embedding"))
        if self.method.usual_targets:  # else it chooses its layers itself
            with pytest.raises(AdapterError, match="no targets, so nothing would be adapted"):
                peft.apply(model, self.method((), **self.options))
        for name in self.method.pattern_fields:
            with pytest.raises(ConfigError, match=rf"{name} must be a list of patterns, got the t"):
                self.method(**{"targets": ("query",), name: "query"})
        assert not peft.adapted_layers(model) and all(w.trainable for w in model.weights)

    # One layer: the formula, and what merging makes of it.

    def test_one_layer_computes_the_formula_and_merges(self):
        if not self.method.merges:
            self.is_not_merged()
            return
        for kind, variant in itertools.product(EQUATIONS, self.variants):
            model, x = one_layer(kind)
            if not self.method.fits(model.get_layer("layer")):
                continue
            plain = small.numpy(model(x))
            peft.apply(model, self.config("layer", **variant))
            layer = model.get_layer("layer")
            small.randomize(model.trainable_weights, seed=3, scale=0.5)
            adapted, w = small.numpy(model(x)), as_matrix(layer)
            b = np.zeros(w.shape[1])
            if layer.bias is not None:
                b = small.numpy(layer.bias).reshape(-1)
            expected = self.formula(x.reshape(-1, len(w)), w, b, layer)
            np.testing.assert_allclose(adapted.reshape(expected.shape), expected, atol=1e-5)
            assert np.abs(adapted - plain).max() > 0.1, kind

            before = small.snapshot(model.weights)
            peft.merge(model)
            peft.merge(model)  # a second call must not add the adapter twice
            merged = small.numpy(model(x))
            np.testing.assert_allclose(merged, adapted, atol=1e-5, err_msg=kind)
            peft.unmerge(model)
            assert small.moved(before, small.snapshot(model.weights)) == set()
            np.testing.assert_array_equal(small.numpy(model(x)), adapted)
            peft.merge(model)
            peft.remove(model)  # a merged model can be cleaned too
            np.testing.assert_allclose(small.numpy(model(x)), merged, atol=1e-6)

    def is_not_merged(self) -> None:
        """A method that cannot be merged into the weights says so; its formula is tested apart."""
        model = self.adapted()
        for act in (peft.merge, peft.remove):
            with pytest.raises(AdapterError, match="cannot be merged into the weights; use the mo"):
                act(model)
        assert not peft.remove_mergeable(model) and peft.adapted_layers(model)

    def test_after_remove_the_model_is_a_plain_one(self, saved, tmp_path):
        if not self.method.merges:
            return
        model = classifiers.build()
        classes = [type(layer) for layer in model._flatten_layers()]
        paths = [variable.path for variable in model.variables]
        peft.load_adapter(model, saved[0])
        assert peft.remove_mergeable(model) and not peft.remove_mergeable(model)
        np.testing.assert_allclose(small.logits(model), saved[1], atol=1e-5)
        assert [type(layer) for layer in model._flatten_layers()] == classes
        assert [variable.path for variable in model.variables] == paths
        assert not peft.adapted_layers(model) and not peft.saved_layers(model)
        report = peft.apply(model, self.config(modules_to_save=model.head_layers))
        small.randomize(model.trainable_weights)
        assert report.adapted and np.abs(small.logits(model) - saved[1]).max() > 0.01

    # Files.

    def test_what_is_saved_comes_back_to_the_bit_and_trains_on(self, saved, tmp_path):
        folder, expected, moved = saved
        model = classifiers.build()
        small.compile_classifier(model)  # compiled before: loading compiles again
        report = peft.load_adapter(model, folder)
        np.testing.assert_array_equal(small.logits(model), expected)
        alone = model({name: array[:1] for name, array in small.TOKENS.items()}, training=False)
        np.testing.assert_allclose(small.numpy(alone), expected[:1], atol=1e-5)
        assert report.counts == peft.parameter_counts(model)
        if self.method.merges:
            peft.merge(model)
            with pytest.raises(AdapterError, match="unmerge"):
                peft.save_adapter(model, tmp_path / "again", "base")
            peft.unmerge(model)
        peft.save_adapter(model, tmp_path / "again", "base")
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
        fields = json.loads((folder / "adapter_config.json").read_text())
        assert fields["peft_type"] == self.method.peft_type and fields["task_type"] == "SEQ_CLS"
        assert self.train(model) ^ moved <= {KEY_BIAS}

    def test_a_file_that_does_not_fit_is_refused(self, saved, tmp_path):
        weights = (saved[0] / "adapter_model.safetensors").read_bytes()
        fields = json.loads((saved[0] / "adapter_config.json").read_text())
        (tmp_path / "adapter_model.safetensors").write_bytes(weights)
        model, heads = classifiers.build(), fields["modules_to_save"]
        for changes, message in (
            ({"target_modules": fields["target_modules"][:1]}, "does not target; the two files"),
            ({"target_modules": None}, "has no target_modules"),
            ({"modules_to_save": [*heads, "embeddings"]}, "which its .* names in modules_to_save"),
            ({"task_type": "TOKEN_CLS"}, "task 'TOKEN_CLS', but this model is one for 'SEQ_CLS'"),
        ):
            text = json.dumps({**fields, **changes})
            (tmp_path / "adapter_config.json").write_text(text)
            with pytest.raises(AdapterError, match=message) as caught:
                peft.load_adapter(model, tmp_path)
            assert str(tmp_path) in str(caught.value)
        assert not peft.adapted_layers(model) and all(w.trainable for w in model.weights)

    # Beside a reference, on the same weights.

    def test_logits_and_gradients_equal_the_reference(self, checkpoint, tmp_path):
        kind, directory = checkpoint
        theirs = self.reference(directory, kind)
        arrays = {name: p for name, p in theirs.named_parameters() if p.requires_grad}
        ours = peft_twins.ours(directory)
        peft.apply(ours, self.config())
        names = {}
        for module in modules_of(ours).values():
            if adapter := getattr(module.layer, "adapter", None):
                for slot in self.method.slots(module, adapter.settings):
                    names[slot.variable().path] = slot
        expected = {}
        for name, parameter in arrays.items():
            if "modules_to_save" not in name:
                plain = self.method.spelling(name.removeprefix(PREFIX))
                expected[plain.replace(".default", "")] = parameter
        assert {slot.name for slot in names.values()} == set(expected)
        for slot in names.values():
            slot.write(expected[slot.name].detach().numpy())
        np.testing.assert_allclose(small.logits(ours), peft_twins.logits(theirs), atol=1e-5)

        labels = torch.tensor(small.LABELS, dtype=torch.long)
        batch = {"input_ids": peft_twins.IDS, "attention_mask": peft_twins.MASK}
        theirs(**batch, labels=labels).loss.backward()
        found = small.gradients(
            ours, small.TOKENS, small.LABELS,
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )  # fmt: skip
        assert set(found) == set(names) and max(np.abs(g).max() for g in found.values()) > 1e-3
        for path, gradient in found.items():
            slot = names[path]
            wanted = expected[slot.name].grad.numpy()
            np.testing.assert_allclose(
                slot.to_file(gradient).reshape(slot.shape), wanted, atol=1e-4, err_msg=path
            )

    def test_files_go_to_peft_and_come_from_it(self, checkpoint, tmp_path):
        kind, directory = checkpoint
        theirs = self.reference(directory, kind)
        theirs.save_pretrained(tmp_path / "theirs")
        ours = peft_twins.ours(directory)
        report = peft.load_adapter(ours, tmp_path / "theirs")
        np.testing.assert_allclose(peft_twins.logits(ours), peft_twins.logits(theirs), atol=1e-5)
        peft.save_adapter(ours, tmp_path / "ours", str(directory))
        again = peft_twins.with_adapter(directory, tmp_path / "ours")
        np.testing.assert_allclose(peft_twins.logits(again), peft_twins.logits(theirs), atol=1e-5)
        assert len(report.adapted) == len(modules_of_torch(again))

    def test_a_t5_goes_to_peft_and_comes_back(self, tmp_path):
        if self.t5_targets is None:
            return
        t5_twins.write(tmp_path / "base", num_layers=2)
        model = t5_twins.ours(tmp_path / "base")
        adapted = peft.apply(model, self.config(*self.t5_targets)).adapted
        small.randomize(model.trainable_weights, scale=0.5)
        peft.save_adapter(model, tmp_path / "adapter", str(tmp_path / "base"))
        batch = t5_twins.batch(rows=4)
        inputs = {"source_ids": batch["source_ids"], "target_ids": shift_right(batch["labels"])}
        found = small.numpy(model(inputs))
        again = t5_twins.ours(tmp_path / "base")
        assert np.abs(small.numpy(again(inputs)) - found).max() > 0.1
        assert set(peft.load_adapter(again, tmp_path / "adapter").adapted) == set(adapted)
        np.testing.assert_array_equal(small.numpy(again(inputs)), found)
        if not hasattr(self, "theirs"):
            return
        base = transformers.T5ForConditionalGeneration.from_pretrained(tmp_path / "base")
        theirs = hugging_face_peft.PeftModel.from_pretrained(base, tmp_path / "adapter").eval()
        with torch.no_grad():
            expected = theirs(
                **t5_twins.their_inputs(inputs["source_ids"]),
                decoder_input_ids=torch.tensor(inputs["target_ids"], dtype=torch.long),
            ).logits.numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5 * max(1, np.abs(expected).max()))

    def test_onnx_runtime_says_the_same_with_the_adapter_and_without(self, saved, tmp_path):
        model = classifiers.build()
        peft.load_adapter(model, saved[0])
        feed = {
            "input_ids": small.TOKENS["token_ids"].astype("int64"),
            "attention_mask": small.TOKENS["padding_mask"].astype("int64"),
        }
        for name in ("adapter.onnx", "merged.onnx"):
            write_onnx(model, tmp_path / name, 32)
            (found,) = onnxruntime.InferenceSession(tmp_path / name).run(None, feed)
            np.testing.assert_allclose(found, saved[1], atol=1e-5)
            peft.remove_mergeable(model)

    # In a run.

    def test_a_run_goes_on_to_the_same_bits(self, tmp_path):
        for changes in self.resumed:
            self._goes_on_to_the_same_bits(tmp_path / str(changes), changes)

    def _goes_on_to_the_same_bits(self, folder: Path, changes: dict[str, Any]) -> None:
        def run(folder: Path, resume: bool = False, stop_at: int = 0) -> dict[str, np.ndarray]:
            model, history = self.adapted(**changes), training.History()
            ratios = self.config(**changes).rate_ratios
            small.compile_classifier(model, training.adam(1e-2, ratios))
            batches = frozen_backbones.batches(12)
            resuming = training.Resume(
                model, batches, folder, seed=1, fingerprint={}, every_steps=2, enabled=resume,
                stateful=[history],
            )  # fmt: skip
            more = [StopAt(history, stop_at)] if stop_at else []
            try:
                for part in resuming.parts(2):
                    model.fit(
                        part.batches, initial_epoch=part.first, epochs=part.last, verbose=0,
                        callbacks=[history, *more, resuming.callback],
                    )  # fmt: skip
            except Stopped:
                pass
            return {
                **variables.read(variables.changing_variables(model)),
                **variables.read(variables.optimizer_variables(model.optimizer)),
                "losses": np.array(history.losses),
            }

        unbroken = run(folder / "unbroken")
        run(folder / "broken", stop_at=3)
        resumed = run(folder / "broken", resume=True)
        assert resumed.keys() == unbroken.keys() and len(unbroken["losses"]) == 6
        for name, array in resumed.items():
            np.testing.assert_array_equal(array, unbroken[name], err_msg=name)

    def test_the_frozen_layers_below_run_once_a_text(self, saved):
        model = classifiers.build()
        peft.load_adapter(model, saved[0])
        parts = model.frozen_backbone()
        assert parts.description == "embeddings and 1 of 2 layers"
        hidden = small.numpy(parts.lower(parts.below(small.TOKENS)))
        logits = small.numpy(parts.upper(parts.above(small.TOKENS, hidden)))
        np.testing.assert_allclose(logits, saved[1], atol=1e-5)


def modules_of_torch(model: hugging_face_peft.PeftModel) -> set[str]:
    """Names of the modules that PEFT adapted."""
    layer = hugging_face_peft.tuners.tuners_utils.BaseTunerLayer
    modules = model.base_model.model.named_modules()
    return {name for name, module in modules if isinstance(module, layer)}
