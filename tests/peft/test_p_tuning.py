"""P-tuning: the battery beside PEFT with both networks, and what is its own."""

import numpy as np
import peft as hugging_face_peft
import pytest

from harness import classifiers, small
from harness.virtual_token_case import COUNT, SIZES, VirtualTokenCase, place_of
from kerasft import peft
from kerasft.errors import ConfigError
from kerasft.peft import PTuningConfig

HIDDEN = 6


class PTuningCase(VirtualTokenCase):
    """With one of the networks."""

    method = PTuningConfig
    encoder = "mlp"
    trains = ("prompt_embeddings", "kernel", "bias")

    @classmethod
    def theirs(cls, kind: str) -> hugging_face_peft.PromptEncoderConfig:
        return hugging_face_peft.PromptEncoderConfig(
            task_type="SEQ_CLS", num_virtual_tokens=COUNT, encoder_hidden_size=HIDDEN,
            encoder_reparameterization_type=cls.encoder.upper(), **SIZES,
        )  # fmt: skip

    def pairs(self, theirs, ours):
        """Each of our variables, and how it comes from PEFT's parameters (or their gradients)."""
        place, network = place_of(ours), theirs.prompt_encoder["default"]
        yield place.prompt_embeddings, lambda of: of(network.embedding.weight)
        linears = [each for each in network.mlp_head if hasattr(each, "weight")]
        for own, linear in zip(place.encoder.linears, linears, strict=True):
            yield own.kernel, lambda of, linear=linear: of(linear.weight).T
            yield own.bias, lambda of, linear=linear: of(linear.bias)
        for number, lstm in enumerate(place.encoder.lstms):
            for layer, end in ((lstm.forward_layer, ""), (lstm.backward_layer, "_reverse")):

                def get(name, number=number, end=end):
                    return getattr(network.lstm_head, f"{name}_l{number}{end}")

                cell = layer.cell
                yield cell.kernel, lambda of, get=get: of(get("weight_ih")).T
                yield cell.recurrent_kernel, lambda of, get=get: of(get("weight_hh")).T
                yield cell.bias, lambda of, get=get: self.bias(of, get("bias_ih"), get("bias_hh"))

    def bias(self, of, one, other):
        """Torch has two that are added: their sum, or the gradient of either."""
        value = of(one)
        return value + of(other) if of is _value else value

    def copy_into(self, theirs, ours):
        for variable, get in self.pairs(theirs, ours):
            variable.assign(get(_value))

    def gradients_of(self, theirs, ours):
        return {variable.path: get(_gradient) for variable, get in self.pairs(theirs, ours)}

    def test_what_is_saved_comes_back_to_the_bit_and_trains_on(self, saved, tmp_path):
        """Folded: the network is gone, and the vectors themselves train on, as none do in PEFT."""
        folder, expected, _ = saved
        model = classifiers.build()
        peft.load_adapter(model, folder)
        np.testing.assert_allclose(small.logits(model), expected, atol=1e-6)
        place = place_of(model)
        assert place.encoder is None and place.weights == [place.prompt_embeddings]
        peft.save_adapter(model, tmp_path / "again", "base")
        for name in ("adapter_config.json", "adapter_model.safetensors"):
            assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes()
        assert place.prompt_embeddings.path in self.train(model)


class TestPTuning(PTuningCase):
    trained = COUNT * 16 + 17 * HIDDEN + (HIDDEN + 1) * HIDDEN + (HIDDEN + 1) * 16
    options = {"num_virtual_tokens": COUNT, "encoder_hidden_size": HIDDEN}


class TestPTuningLSTM(PTuningCase):
    encoder = "lstm"
    trains = ("prompt_embeddings", "kernel", "recurrent_kernel", "bias")
    options = {**TestPTuning.options, "encoder": "lstm"}
    # Two LSTMs in two directions with four gates, the second of twice the width; then the layers.
    trained = (
        COUNT * 16
        + 2 * 4 * HIDDEN * (16 + HIDDEN + 1)
        + 2 * 4 * HIDDEN * (2 * HIDDEN + HIDDEN + 1)
        + (2 * HIDDEN + 1) * 2 * HIDDEN
        + (2 * HIDDEN + 1) * 16
    )


def _value(parameter):
    return parameter.detach().numpy()


def _gradient(parameter):
    return parameter.grad.numpy()


def test_numbers_of_the_network_that_cannot_work():
    for options, message in (
        ({"encoder": "gru"}, "encoder must be mlp or lstm, got 'gru'"),
        ({"encoder_hidden_size": 0}, "encoder_hidden_size must be a whole number from 1"),
        ({"encoder_num_layers": 101}, "encoder_num_layers must be a whole number from 1 to 100"),
        ({"encoder_dropout": 1.0}, "encoder_dropout must be a share from 0 to below 1, got 1.0"),
    ):
        with pytest.raises(ConfigError, match=message):
            PTuningConfig(**options)


def test_dropout_is_drawn_between_the_lstms_while_training_only():
    model = classifiers.build()
    options = {"encoder": "lstm", "encoder_dropout": 0.5, "encoder_num_layers": 2}
    peft.apply(model, PTuningConfig(num_virtual_tokens=COUNT, **options))
    place = place_of(model)
    calm = small.numpy(place.vectors())
    np.testing.assert_array_equal(small.numpy(place.vectors(training=False)), calm)
    assert np.abs(small.numpy(place.vectors(training=True)) - calm).max() > 1e-4
