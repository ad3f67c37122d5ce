"""Real pretrained models against transformers (real: the weights do not ship with the package)."""

import keras
import numpy as np
import pytest
import torch
import transformers

from kerasft.presets import load_preset

TEXTS = [
    "hello world",
    "The committee will announce its decision on Tuesday, whatever the weather may be.",
    "Può darsi: è già tardi! 日本",
    "word " * 120,
]


@pytest.mark.real
@pytest.mark.parametrize("name", ["minilm", "distilbert"])
def test_hidden_states_agree_with_transformers(name, real_weights):
    directory = real_weights / name
    pretrained = load_preset(str(directory))
    model, _ = pretrained.build_classifier(2)
    rows = pretrained.tokenizer.encode(TEXTS, 128).token_ids
    mask = np.arange(128) < np.array([len(row) for row in rows])[:, None]
    ids = np.zeros(mask.shape, "int32")
    ids[mask] = np.concatenate(rows)
    inputs = {"token_ids": ids, "padding_mask": mask}
    hidden = keras.ops.convert_to_numpy(model.backbone(inputs, training=False))
    reference = transformers.AutoModel.from_pretrained(directory).eval()
    with torch.no_grad():
        expected = reference(
            input_ids=torch.tensor(ids, dtype=torch.long), attention_mask=torch.tensor(mask).long()
        ).last_hidden_state.numpy()
    deviation = np.abs(hidden - expected)[mask].max()
    print(f"{name}: hidden states deviate by {deviation:.1e} at most")
    assert deviation < 1e-4
