"""What the tests of several sources share."""

import keras
import numpy as np
import pytest
import torch


@pytest.fixture
def agree():
    """Compares a classifier's logits with a transformers model's, on a padded batch."""

    def compare(model, reference, tolerance: float = 1e-4) -> None:
        mask = np.arange(8) < np.array([8, 3, 5])[:, None]
        ids = np.random.default_rng(0).integers(5, 100, mask.shape) * mask
        with torch.no_grad():
            expected = reference(
                input_ids=torch.tensor(ids), attention_mask=torch.tensor(mask.astype("int64"))
            ).logits.numpy()
        inputs = {"token_ids": ids.astype("int32"), "padding_mask": mask}
        found = keras.ops.convert_to_numpy(model(inputs, training=False))
        np.testing.assert_allclose(found, expected, atol=tolerance)

    return compare
