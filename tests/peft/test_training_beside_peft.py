"""The same adapter trained by PEFT and here: the same losses, step by step, and the same end."""

import keras
import numpy as np
import peft
import pytest
import torch

from harness import checkpoints, peft_twins, small
from kerasft import training
from kerasft.peft import load_adapter

STEPS = 12
MODULES = {
    "distilbert": (["q_lin", "v_lin"], ["pre_classifier", "classifier"]),
    "bert": (["query", "value"], ["pooler", "classifier"]),
}


@pytest.mark.parametrize("architecture", ["distilbert", "bert"])
def test_training_goes_the_same_way(architecture, tmp_path):
    checkpoints.write_checkpoint(
        tmp_path / "base",
        architecture,
        "ForSequenceClassification",
        **peft_twins.NO_DROPOUT[architecture],
    )
    targets, whole = MODULES[architecture]
    torch.manual_seed(0)
    config = peft.LoraConfig(
        task_type="SEQ_CLS", r=4, lora_alpha=8, target_modules=targets, modules_to_save=whole
    )
    theirs = peft.get_peft_model(peft_twins.theirs(tmp_path / "base"), config).train()
    theirs.save_pretrained(tmp_path / "adapter")

    ours = peft_twins.ours(tmp_path / "base")
    load_adapter(ours, tmp_path / "adapter")
    rate = training.WarmupLinearDecay(0.01, total_steps=STEPS)
    ours.compile(
        training.adam(rate, epsilon=1e-8),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    optimizer = torch.optim.Adam((p for p in theirs.parameters() if p.requires_grad), 0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / STEPS)
    labels = torch.tensor(small.LABELS, dtype=torch.long)
    losses = []
    for _ in range(STEPS):
        loss = theirs(input_ids=peft_twins.IDS, attention_mask=peft_twins.MASK, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
        losses.append((float(ours.train_on_batch(small.TOKENS, small.LABELS)), loss.item()))
    mine, other = np.array(losses).T
    assert other[0] - other[-1] > 0.05, "nothing was learned"
    np.testing.assert_allclose(mine, other, atol=2e-4)
    np.testing.assert_allclose(peft_twins.logits(ours), peft_twins.logits(theirs), atol=2e-3)
