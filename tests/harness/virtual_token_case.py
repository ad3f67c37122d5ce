"""The battery of the methods that put vectors before the embeddings of a text."""

import json
from typing import Any

import keras
import numpy as np
import pytest
import safetensors.numpy
import torch

from harness import classifiers, peft_twins, small
from harness.method_case import MethodCase
from kerasft import layers, peft
from kerasft.errors import AdapterError, ConfigError

COUNT = 4
SIZES = {"token_dim": 16, "num_attention_heads": 4, "num_layers": 3}
"""Of the tiny checkpoints: PEFT does not find those of a DistilBERT."""


def place_of(model: keras.Model) -> Any:
    """The layer that has the vectors."""
    (layer,) = peft.adapted_layers(model)
    return layer


class VirtualTokenCase(MethodCase):
    """A `MethodCase` of vectors before the embeddings; `theirs` gives PEFT's config of a kind."""

    options = {"num_virtual_tokens": COUNT}
    targets = ("(?:.*/)?virtual_tokens",)

    @classmethod
    def adapted(cls) -> keras.Model:
        keras.utils.set_random_seed(0)
        model = classifiers.build()
        peft.apply(model, cls.config(modules_to_save=model.head_layers))
        return model

    def gradients_of(self, theirs: torch.nn.Module, ours: keras.Model) -> dict[str, np.ndarray]:
        """PEFT's gradients by the path of our variable, in its shape."""
        raise AssertionError("a case says which parameter of PEFT's is which of ours")

    def copy_into(self, theirs: torch.nn.Module, ours: keras.Model) -> None:
        """Gives our variables the values of PEFT's, which has made no fold of them."""
        raise AssertionError("a case says which parameter of PEFT's is which of ours")

    def test_a_fresh_adapter_changes_nothing_and_trains_what_it_says(self, saved):
        """It does change something: the vectors are there at once, and seen by all."""
        plain = small.logits(classifiers.build())
        model = self.adapted()
        assert np.abs(small.logits(model) - plain).max() > 0.01
        paths = {weight.path for weight in model.trainable_weights}
        head = {f"{layer}/{part}" for layer in model.head_layers for part in ("kernel", "bias")}
        assert head < paths and paths == saved[2]
        assert all("virtual_tokens/" in path for path in paths - head)
        assert {path.rpartition("/")[2] for path in paths - head} == set(self.trains)
        counts = peft.parameter_counts(model)
        assert counts.trained - 16 * 17 - 17 * 3 == self.trained

    def test_targets_that_are_not_there(self):
        model = classifiers.build()
        with pytest.raises(AdapterError, match="'query' matches no place for virtual tokens; the"):
            peft.apply(model, self.config("query"))
        with pytest.raises(AdapterError, match="needs a model with a place for virtual tokens, a"):
            peft.apply(small.dense_model(), self.config())
        with pytest.raises(AdapterError, match="take 64 virtual tokens because the model has 64 p"):
            peft.apply(model, self.config(num_virtual_tokens=64))
        for count in (0, -1, 2.5, True, 10_001):
            with pytest.raises(ConfigError, match="num_virtual_tokens must be a whole number from"):
                self.config(num_virtual_tokens=count)
        with pytest.raises(ConfigError, match="targets must be a list of patterns, got the t"):
            self.method("virtual_tokens")
        assert not peft.adapted_layers(model) and all(w.trainable for w in model.weights)

    def test_one_layer_computes_the_formula_and_merges(self):
        """The layer alone: vectors first, then what it was given."""
        x = keras.Input((None, 6))
        model = keras.Model(x, layers.VirtualTokens(6, name="virtual_tokens")(x))
        peft.apply(model, self.config())
        place = place_of(model)
        small.randomize(model.trainable_weights)
        given = np.random.default_rng(0).standard_normal((3, 5, 6)).astype("float32")
        found = small.numpy(place(given))
        np.testing.assert_array_equal(found[:, COUNT:], given)
        vectors = small.numpy(place.vectors())
        assert np.abs(vectors).max() > 0.01
        for row in found:
            np.testing.assert_array_equal(row[:COUNT], vectors)
        mask = small.numpy(place.extend(keras.ops.convert_to_tensor(given[..., 0] > 0), True))
        assert mask.dtype == bool and mask[:, :COUNT].all() and mask.shape == (3, COUNT + 5)
        np.testing.assert_array_equal(small.numpy(place.drop(found)), given)
        again = type(place).from_config(place.get_config())
        assert again(given).shape == found.shape

    def test_after_remove_the_model_is_a_plain_one(self, saved, tmp_path):
        """Nothing takes them off: no weight of the model could do what they do."""
        model = classifiers.build()
        peft.load_adapter(model, saved[0])
        for action in (peft.merge, peft.remove):
            with pytest.raises(AdapterError, match=f"{self.method.title} on .*cannot be merged in"):
                action(model)
        assert not peft.remove_mergeable(model) and peft.unmergeable(model) == self.method.title
        np.testing.assert_array_equal(small.logits(model), saved[1])
        with pytest.raises(AdapterError, match="has adapters already"):
            peft.apply(model, self.config())

    def test_a_file_that_does_not_fit_is_refused(self, saved, tmp_path):
        weights = saved[0] / "adapter_model.safetensors"
        fields = json.loads((saved[0] / "adapter_config.json").read_text())
        tensors = safetensors.numpy.load_file(weights)
        head = {name: each for name, each in tensors.items() if name.startswith("base_model.")}
        assert "target_modules" not in fields
        model = classifiers.build()
        for changes, held, message in (
            ({}, head, r"holds no tensor of .*\(prompt_embeddings\)"),
            (
                {"num_virtual_tokens": 5},
                tensors,
                r"'prompt_embeddings' of shape \(4, 16\), but .*5",
            ),
            ({"num_virtual_tokens": 0}, tensors, "num_virtual_tokens must be a whole number"),
            ({"num_virtual_tokens": None}, tensors, "num_virtual_tokens must be a whole number"),
            ({"task_type": "TOKEN_CLS"}, tensors, "'TOKEN_CLS', but this model is one for 'SEQ_CL"),
            ({}, {**tensors, "base_model.query.weight": np.ones(3)}, "of another architecture: it"),
            ({"peft_type": "LORA"}, tensors, "is of another architecture|has no target_modules"),
        ):
            (tmp_path / "adapter_config.json").write_text(json.dumps({**fields, **changes}))
            safetensors.numpy.save_file(
                {name: each.astype("float32") for name, each in held.items()},
                tmp_path / "adapter_model.safetensors",
            )
            with pytest.raises(AdapterError, match=message) as caught:
                peft.load_adapter(model, tmp_path)
            assert str(tmp_path) in str(caught.value)
        text = json.dumps({**fields, "modules_to_save": None, "task_type": None})
        (tmp_path / "adapter_config.json").write_text(text)
        alone = {"prompt_embeddings": tensors["prompt_embeddings"]}
        safetensors.numpy.save_file(alone, tmp_path / "adapter_model.safetensors")
        with pytest.raises(AdapterError, match=f"{self.method.title}, for which this model has no"):
            peft.load_adapter(small.dense_model(), tmp_path)
        assert not peft.adapted_layers(model) and all(w.trainable for w in model.weights)

    def test_logits_and_gradients_equal_the_reference(self, checkpoint, tmp_path):
        kind, directory = checkpoint
        theirs = self.reference(directory, kind)
        ours = peft_twins.ours(directory)
        peft.apply(ours, self.config())
        self.copy_into(theirs, ours)
        np.testing.assert_allclose(small.logits(ours), peft_twins.logits(theirs), atol=1e-5)
        labels = torch.tensor(small.LABELS, dtype=torch.long)
        batch = {"input_ids": peft_twins.IDS, "attention_mask": peft_twins.MASK}
        theirs(**batch, labels=labels).loss.backward()
        found = small.gradients(
            ours, small.TOKENS, small.LABELS,
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )  # fmt: skip
        expected = self.gradients_of(theirs, ours)
        assert found.keys() == expected.keys()
        assert max(np.abs(gradient).max() for gradient in found.values()) > 1e-3
        for path, gradient in found.items():
            np.testing.assert_allclose(gradient, expected[path], atol=1e-4, err_msg=path)

    def test_files_go_to_peft_and_come_from_it(self, checkpoint, tmp_path):
        kind, directory = checkpoint
        theirs = self.reference(directory, kind)
        theirs.save_pretrained(tmp_path / "theirs")
        ours = peft_twins.ours(directory)
        report = peft.load_adapter(ours, tmp_path / "theirs")
        assert "classifier" in report.trained_in_full and report.notes == ()
        np.testing.assert_allclose(peft_twins.logits(ours), peft_twins.logits(theirs), atol=1e-5)
        peft.save_adapter(ours, tmp_path / "ours", str(directory))
        again = peft_twins.with_adapter(directory, tmp_path / "ours")
        np.testing.assert_allclose(peft_twins.logits(again), peft_twins.logits(theirs), atol=1e-5)
        names = {
            folder: set(
                safetensors.numpy.load_file(tmp_path / folder / "adapter_model.safetensors")
            )
            for folder in ("ours", "theirs")
        }
        assert names["ours"] == names["theirs"]

    def test_the_frozen_layers_below_run_once_a_text(self, saved):
        """There are none: what trains stands below all layers."""
        model = classifiers.build()
        peft.load_adapter(model, saved[0])
        assert model.frozen_backbone() is None
        peft.freeze(model, ["classifier"])
        assert model.frozen_backbone() is None
