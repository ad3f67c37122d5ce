"""Adapters of PEFT on families of encoders with parts of their own, read and written."""

from pathlib import Path

import numpy as np
import peft as hugging_face_peft
import pytest
import torch

from harness import peft_twins, small
from harness.checkpoints import write_checkpoint
from kerasft import peft

pytestmark = pytest.mark.any_backend

NARROW = {"embedding_size": 12}  # than the hidden states, which are 16 wide
SETTINGS = {
    "albert": {**NARROW, "num_hidden_groups": 2},
    "electra": NARROW,
    "mpnet": {},
}
VECTORS = {"num_virtual_tokens": 4, "num_attention_heads": 4, "num_layers": 3}
PROMPT, PREFIX = hugging_face_peft.PromptTuningConfig, hugging_face_peft.PrefixTuningConfig
IA3, NORMS = hugging_face_peft.IA3Config, hugging_face_peft.LNTuningConfig
CASES = [
    ("albert", PROMPT, {**VECTORS, "token_dim": 12}),
    ("albert", IA3, {"target_modules": ["key", "ffn"], "feedforward_modules": ["ffn"]}),
    ("albert", NORMS, {"target_modules": ["LayerNorm", "full_layer_layer_norm"]}),
    ("electra", PROMPT, {**VECTORS, "token_dim": 12}),
    ("electra", PREFIX, {**VECTORS, "token_dim": 16}),
    ("mpnet", PROMPT, {**VECTORS, "token_dim": 16}),
    ("mpnet", IA3, {"target_modules": ["k", "v"], "feedforward_modules": []}),
]  # fmt: skip
IDS = np.where(small.TOKENS["padding_mask"], small.TOKENS["token_ids"], 1).astype("int32")


def logits_of(theirs: torch.nn.Module) -> np.ndarray:
    ids = torch.tensor(IDS, dtype=torch.long)
    with torch.no_grad():
        return theirs(input_ids=ids, attention_mask=peft_twins.MASK).logits.numpy()


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("families")
    for name, settings in SETTINGS.items():
        write_checkpoint(root / name, name, "ForSequenceClassification", **settings)
    return {name: root / name for name in SETTINGS}


@pytest.mark.parametrize(("name", "kind", "options"), CASES)
def test_an_adapter_of_peft_computes_the_same_here_and_goes_back(
    checkpoints, tmp_path, name, kind, options
):
    folder = checkpoints[name]
    config = kind(task_type="SEQ_CLS", **options)
    theirs = hugging_face_peft.get_peft_model(peft_twins.theirs(folder), config).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
    theirs.save_pretrained(tmp_path / "theirs")
    expected = logits_of(theirs)
    ours = peft_twins.ours(folder)
    plain = small.logits(ours)
    peft.load_adapter(ours, tmp_path / "theirs")
    inputs = {**small.TOKENS, "token_ids": IDS}
    found = small.numpy(ours(inputs, training=False))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found - plain).max() > 0.01
    peft.save_adapter(ours, tmp_path / "ours", str(folder))
    again = peft_twins.with_adapter(folder, tmp_path / "ours").eval()
    np.testing.assert_allclose(logits_of(again), expected, atol=1e-5)
