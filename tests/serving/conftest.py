"""A tiny saved folder and real servers on it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from running import LIMITS, Running

from checkpoints import VOCABULARY
from kerasft import bundle
from kerasft.models import Classifier, EncoderArguments
from kerasft.predict import Predictor
from kerasft.text.labels import LabelMap
from kerasft.text.tokenizer import Tokenizer


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved folder with a tiny random classifier of three labels."""
    arguments = EncoderArguments(
        vocabulary_size=len(VOCABULARY), num_layers=2, num_heads=2, hidden_dim=16,
        intermediate_dim=32, max_sequence_length=64,
    )  # fmt: skip
    model = Classifier("distilbert", arguments, num_labels=3)
    rng = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(scale=0.3, size=variable.shape))
    path = tmp_path_factory.mktemp("saved") / "tiny"
    bundle.save(
        path, model=model, tokenizer=Tokenizer.from_wordpiece(VOCABULARY, lowercase=True),
        label_map=LabelMap(("news", "opinion", "sumit <&>")), max_length=12,
        config_yaml="seed: 0\n", card="# tiny\n",
    )  # fmt: skip
    return path


@pytest.fixture(scope="session")
def predictor(folder: Path) -> Predictor:
    return Predictor(folder)


@pytest.fixture
def serve(folder: Path) -> Iterator[Callable[..., Running]]:
    """Starts servers of the tiny folder and ends those that the test left."""
    started: list[Running] = []

    def start(*arguments: object) -> Running:
        started.append(Running(folder, "--port", 0, *arguments))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.wait()


@pytest.fixture(scope="session")
def server(folder: Path) -> Iterator[Running]:
    """One server with small limits for all tests that only ask it things."""
    options = [word for name, value in LIMITS.items() for word in (f"--{name}", value)]
    running = Running(folder, "--port", 0, *options).wait_until_ready()
    yield running
    running.stop()
