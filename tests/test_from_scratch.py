"""What a resumed run of the recipes that train from scratch may change."""

import pytest

from kerasft.recipes import t5_text_to_text, translate

pytestmark = pytest.mark.plain

LOOKS = {
    "beam_size": 1, "keep_epochs": 1, "preload": "latest", "average_epochs": 7, "resume": True,
    "output": "x",
}  # fmt: skip
OTHERS = {"learning_rate": 0.1, "warmup_steps": 1, "label_smoothing": 0.3, "seed": 1, "d_ff": 4}
MORE = {
    translate: {"num_examples": 0, "validation_sentences": 1},
    t5_text_to_text: {"max_output_length": 7},
}


@pytest.mark.parametrize("recipe", MORE, ids=lambda recipe: recipe.__name__)
@pytest.mark.parametrize("schedule", ["linear", "inverse_sqrt", "constant"])
def test_a_resumed_run_may_look_on_otherwise_but_not_compute_otherwise(recipe, schedule):
    def fingerprint(**changes):
        return recipe.Config(schedule=schedule, **changes).fingerprint()

    before = fingerprint()
    for name, value in (LOOKS | MORE[recipe]).items():
        assert fingerprint(**{name: value}) == before, name
    for name, value in OTHERS.items():
        assert fingerprint(**{name: value}) != before, name
    assert (fingerprint(epochs=50) == before) == (schedule != "linear")
