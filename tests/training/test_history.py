import itertools
import json
import math
import os
import time

import keras
import numpy as np
import pytest

from harness.small_run import STEPS, RandomBatches, Run, build
from harness.texts import paired
from kerasft import training
from kerasft.errors import ConfigError
from kerasft.tasks.translation.validation_scores import TranslationScores


class Recorder:
    """A tracker that remembers its calls."""

    name = "recorder"

    def __init__(self):
        self.calls = []
        self.state = {}

    def logged(self, name):
        """The steps and values under a name."""
        values = [call for call in self.calls if isinstance(call[-1], dict) and name in call[-1]]
        return [(step, of_step[name]) for step, of_step in values]

    def start(self, step):
        self.calls.append(("start", step))

    def scalars(self, step, values):
        self.calls.append((step, dict(values)))

    def close(self):
        self.calls.append(("close",))

    def get_state(self):
        return {"id": 42}

    def set_state(self, state):
        self.state = dict(state)


def test_records_each_steps_own_loss():
    # With a rate of 0 and nothing random the loss of a batch is the same whenever it is computed.
    model = build(rate=1e-30, dropout=0.0)
    model.get_layer("norm").momentum = 1.0
    batches = RandomBatches()
    history = training.History()
    model.fit(batches, epochs=2, verbose=0, callbacks=[history])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    expected = []
    for epoch in range(2):
        for index in range(STEPS):
            x, y, _ = batches.batch(epoch, index)
            value = loss(y, model(x, training=True))
            expected.append(float(keras.ops.convert_to_numpy(value)))
    assert len(set(expected)) == 2 * STEPS
    np.testing.assert_allclose(history.losses, expected, rtol=1e-5)


class UnequalBatches(RandomBatches):
    """Batches of 8, 3, 8, 3, ... rows; Keras weighs their losses by their rows."""

    def rows(self, epoch, index):
        return 3 if index % 2 else 8

    def batch(self, epoch, index):
        return tuple(array[: self.rows(epoch, index)] for array in super().batch(epoch, index))


def test_records_each_steps_own_loss_where_batches_weigh_differently():
    model = build(rate=1e-30, dropout=0.0)
    model.get_layer("norm").momentum = 1.0
    batches = UnequalBatches()
    history = training.History(batch_weight=batches.rows)
    model.fit(batches, epochs=2, verbose=0, callbacks=[history])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    expected = []
    for epoch in range(2):
        for index in range(STEPS):
            x, y, _ = batches.batch(epoch, index)
            value = loss(y, model(x, training=True))
            expected.append(float(keras.ops.convert_to_numpy(value)))
    np.testing.assert_allclose(history.losses, expected, rtol=1e-5)


def test_says_how_long_the_first_step_took():
    class Slow(RandomBatches):
        def batch(self, epoch, index):
            time.sleep(0.3 * (index == 0))
            return super().batch(epoch, index)

    model, history = build(), training.History()
    assert history.summary() == ["0 steps, 0.0 s"]
    model.fit(Slow(), verbose=0, callbacks=[history])
    first, seconds = history.first_step_seconds, history.seconds
    assert 0.3 <= first <= seconds
    model.fit(Slow(), verbose=0, callbacks=[history])
    assert history.first_step_seconds == first
    took = f"{2 * STEPS} steps, {history.seconds:.1f} s; the first took {first:.1f} s"
    assert history.summary() == [f"{took}, compiling included"]


@pytest.mark.parametrize(
    ("losses", "more", "says"),
    [
        (
            [0.327, 0.350, 0.417],
            {"early_stopping": 0},
            "rose after epoch 1: 0.327, 0.417 now; --earl",
        ),
        (
            [0.5, 0.3, 0.4, 0.35],
            {"early_stopping": 0},
            "rose after epoch 2: 0.300, 0.350 now; --earl",
        ),
        ([0.5, 0.3, 0.4], {"kept": [1, 2]}, "0.400 now; --preload 2 --epochs 2 saves that epoch"),
        ([0.5, 0.3, 0.4], {"kept": [3]}, "rose after epoch 2: 0.300, 0.400 now"),
        ([0.5, 0.3, 0.4], {}, "rose after epoch 2: 0.300, 0.400 now"),
        ([0.5, 0.3, 0.4], {"early_stopping": 5}, ""),  # the weights are the best epoch's
        ([0.5, 0.4, 0.3], {"early_stopping": 0}, ""),
        ([0.5, 0.3, 0.3], {"early_stopping": 0}, ""),
        ([0.5, 0.3001, 0.3004], {"early_stopping": 0}, ""),  # the same to what is shown
        ([0.5], {"early_stopping": 0}, ""),
        ([], {"early_stopping": 0}, ""),
    ],
)
def test_says_that_the_validation_loss_rose_after_its_best_epoch(losses, more, says):
    history = training.History()
    history.epochs = [{"epoch": i + 1, "val_loss": loss} for i, loss in enumerate(losses)]
    done, *rest = history.summary(**more)
    assert done == "0 steps, 0.0 s" and len(rest) == bool(says)
    assert says in "".join(rest) and ("--" in says) == ("--" in "".join(rest))


def test_records_epochs_that_json_can_hold():
    model = build()
    history = training.History()
    kept = model.fit(
        RandomBatches(), epochs=3, validation_data=RandomBatches(2), verbose=0, callbacks=[history]
    ).history
    run = history.to_dict()
    assert json.loads(json.dumps(run, allow_nan=False)) == run
    assert [epoch["epoch"] for epoch in run["epochs"]] == [1, 2, 3]
    assert [epoch["step"] for epoch in run["epochs"]] == [STEPS, 2 * STEPS, 3 * STEPS]
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= kept.keys()
    for name, values in kept.items():
        assert [epoch[name] for epoch in run["epochs"]] == values
    for i, epoch in enumerate(run["epochs"]):
        mean = np.mean(run["losses"][i * STEPS : (i + 1) * STEPS])
        assert epoch["loss"] == pytest.approx(mean, rel=1e-6)
        assert epoch["learning_rate"] == pytest.approx(0.05)


class Sleeper(keras.callbacks.Callback):
    """Makes training and validation take a known time."""

    def on_train_batch_end(self, batch, logs=None):
        time.sleep(0.01)

    def on_test_batch_end(self, batch, logs=None):
        time.sleep(0.5)


def test_training_seconds_leave_out_the_validation_and_outlive_the_process():
    model = build()
    history = training.History()
    model.fit(RandomBatches(), epochs=1, verbose=0, callbacks=[history])  # compiles
    model.fit(
        RandomBatches(), initial_epoch=1, epochs=3, validation_data=RandomBatches(2), verbose=0,
        callbacks=[history, Sleeper()],
    )  # fmt: skip
    assert len(history.training_seconds) == 3
    for before, after in itertools.pairwise(history.training_seconds):
        assert after - before >= 0.01 * STEPS
    assert history.training_seconds[-1] < history.seconds - 2 * 0.5  # an epoch validates for more
    resumed = training.History()
    resumed.set_state(*history.get_state())
    assert resumed.seconds == history.seconds
    model.fit(RandomBatches(), initial_epoch=3, epochs=4, verbose=0, callbacks=[resumed])
    assert resumed.seconds > history.seconds
    assert resumed.training_seconds[:3] == history.training_seconds
    assert resumed.training_seconds[3] > history.training_seconds[2]


def test_seconds_are_known_in_the_midst_of_a_fit():
    class Saver(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            saved.append(history.get_state()[1]["seconds"])

    saved: list[float] = []
    history = training.History()
    callbacks = [history, Sleeper(), Saver()]
    build().fit(RandomBatches(), epochs=2, verbose=0, callbacks=callbacks)
    assert 0 <= saved[0] < saved[1] - 0.01 * STEPS and saved[1] < history.seconds


def test_trackers_get_every_step_and_epoch():
    tracker = Recorder()
    history = training.History([tracker])
    model = build()
    schedule = training.WarmupLinearDecay(0.1, total_steps=2 * STEPS, warmup_steps=4)
    model.compile(keras.optimizers.Adam(schedule), model.loss)
    model.fit(
        RandomBatches(), epochs=2, validation_data=RandomBatches(2), verbose=0, callbacks=[history]
    )
    history.track({"test/accuracy": 0.5})
    history.close()
    assert tracker.calls[0] == ("start", 0)
    assert tracker.calls[-2:] == [(2 * STEPS, {"test/accuracy": 0.5}), ("close",)]
    steps, losses = zip(*tracker.logged("train/loss"), strict=True)
    assert steps == tuple(range(1, 2 * STEPS + 1))
    assert list(losses) == history.losses
    rates = [rate for _, rate in tracker.logged("train/learning_rate")]
    assert rates == pytest.approx([float(schedule(i)) for i in range(2 * STEPS)])
    assert tracker.logged("epoch") == [(STEPS, 1), (2 * STEPS, 2)]
    assert tracker.logged("epoch/val_loss")[1] == (2 * STEPS, history.epochs[1]["val_loss"])


def test_trackers_of_a_resumed_run_go_on_where_the_checkpoint_stood(tmp_path):
    Run(tmp_path, trackers=(Recorder(),)).fit(2, stop_at=STEPS - 1)
    tracker = Recorder()
    run = Run(tmp_path, resume=True, trackers=(tracker,)).fit(2)
    assert tracker.state == {"id": 42}
    assert [call for call in tracker.calls if call[0] == "start"] == [("start", 2)]
    steps = [step for step, _ in tracker.logged("train/loss")]
    assert steps == list(range(3, 2 * STEPS + 1))
    assert len(run.history.losses) == 2 * STEPS


def test_a_run_with_nothing_left_to_train_still_logs_its_test_metrics(tmp_path):
    Run(tmp_path).fit(1)
    tracker = Recorder()
    run = Run(tmp_path, resume=True, trackers=(tracker,)).fit(1)
    run.history.track({"test/accuracy": 0.5})
    assert tracker.calls == [("start", STEPS), (STEPS, {"test/accuracy": 0.5})]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a full device")
def test_a_tracker_that_fails_later_ends_no_run(tmp_path, capsys):
    class FillsUp(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if len(run.history.losses) == 3:
                board._file = open("/dev/full", "wb")  # noqa: SIM115

    board, other = training.TensorBoard(tmp_path / "events"), Recorder()
    run = Run(tmp_path, trackers=(board, other))
    run.stateful.append(FillsUp())
    run.resuming._stateful = [run.history]
    run.fit(2)
    assert len(run.history.losses) == 2 * STEPS
    assert other.logged("train/loss")[-1][0] == 2 * STEPS
    _, note = run.history.summary()
    assert note.startswith("tensorboard failed after step 4 and was left out") and note in (
        capsys.readouterr().out
    )
    resumed = Run(tmp_path, resume=True).fit(2)
    assert note in resumed.history.summary()


def test_a_tracker_that_cannot_start_ends_a_run_before_it_begins(tmp_path):
    (tmp_path / "file").write_text("")
    run = Run(tmp_path, trackers=(training.TensorBoard(tmp_path / "file" / "events"),))
    with pytest.raises(ConfigError, match="cannot be written"):
        run.fit(1)
    assert not run.history.losses
    # But where nothing is left to train, the run is worth more.
    Run(tmp_path).fit(1)
    run = Run(
        tmp_path, resume=True, trackers=(training.TensorBoard(tmp_path / "file" / "events"),)
    ).fit(1)
    run.history.track({"test/accuracy": 0.5})
    run.history.close()
    assert "tensorboard failed after step 5" in run.history.summary()[1]


def test_a_tracker_that_cannot_start_after_another_training_ends_no_run(tmp_path):
    (tmp_path / "file").write_text("")
    board = training.TensorBoard(tmp_path / "file" / "events")
    history = training.History([board], trained_before=True)
    build_and_fit(history)
    assert len(history.losses) == STEPS
    assert "tensorboard failed after step 0" in history.summary()[1]


def test_scores_that_cannot_be_measured_end_no_run():
    def translate(sources):
        raise MemoryError("no room for the beams")

    pairs = paired(["one"], ["uno"], None, "", "")
    failures: list[str] = []
    scores = TranslationScores(translate, [np.array([1])], pairs, 0, 1, failures)
    history = training.History()
    build_and_fit(scores, history)
    assert len(history.losses) == STEPS and "val_bleu" not in history.epochs[0]
    assert failures[0].startswith("Translating after epoch 1 failed, and the run continues")


def build_and_fit(*callbacks):
    build().fit(RandomBatches(), epochs=1, verbose=0, callbacks=list(callbacks))


def test_the_rate_under_gradient_accumulation_and_loss_scaling():
    tracker = Recorder()
    history = training.History([tracker])
    model = build()
    schedule = training.WarmupLinearDecay(0.1, total_steps=4)
    inner = keras.optimizers.Adam(schedule, gradient_accumulation_steps=2)
    model.compile(keras.optimizers.LossScaleOptimizer(inner), model.loss)
    model.fit(RandomBatches(), epochs=1, verbose=0, callbacks=[history])
    rates = [rate for _, rate in tracker.logged("train/learning_rate")]
    assert rates == pytest.approx([0.1, 0.1, 0.075, 0.075, 0.05])


@pytest.mark.parametrize("where", ["training", "validation"])
def test_a_loss_that_is_no_number_stops_the_run(where):
    class Broken(RandomBatches):
        def batch(self, epoch, index):
            x, y, weights = super().batch(epoch, index)
            return x, y, (weights * np.float32(math.nan) if index == 1 else weights)

    model, history = build(), training.History()
    train = Broken() if where == "training" else RandomBatches()
    validation = RandomBatches(2) if where == "training" else Broken(2)
    with pytest.raises(ConfigError, match=f"The {where} loss became nan") as caught:
        model.fit(train, validation_data=validation, epochs=2, verbose=0, callbacks=[history])
    if where == "training":
        assert "at step 2" in str(caught.value)
        assert len(history.losses) == 1


def test_an_undefined_metric_is_left_out():
    history = training.History()
    history.set_model(build())
    history.on_train_begin()
    history.on_epoch_begin(0)
    history.on_epoch_end(0, {"loss": 1.0, "val_auc": math.nan})
    assert history.epochs[0].keys() == {"epoch", "step", "learning_rate", "loss"}
