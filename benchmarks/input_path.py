"""Traces the steps of `fit` from the feature cache, and times it beside a loop written by hand.

    python benchmarks/input_path.py                                 # three backends, 200 steps
    python benchmarks/input_path.py --backends jax --steps 400 --plot docs/images/input_path.png

What trains is the part of an encoder above its frozen layers: two layers of MiniLM's width of 384
with LoRA, and the head. The batches are NumPy arrays of 16 texts, read from the cache and padded to
one of a few lengths; the lengths are drawn from the shipped corpora. (One frozen layer below fills
the cache sooner than four would, and has no part in what is timed.) After a warm-up with one batch
of each shape and an epoch that fills the cache:

- a *trace*: seconds of each step of an epoch through `fit`, from the end of the one before to the
  arrival of its loss, the making of the batch included; printed are the medians by shape, and the
  longest step over the median of its shape (the claim: no more than 3);
- *fit* and a *loop* by hand over the same compiled step and batches (the first `--turn_steps`) take
  turns, an epoch each; printed are steps per second and the median of the paired ratios (the claim:
  0.95 or more);
- *PyDataset* takes its turns with them: `fit` again, with the same batches through Keras's own
  adapter, as Keras's guides have it; printed are its steps per second beside the loop's, the
  longest of its steps over the median of its shape, and the seconds beyond the medians of all its
  steps.

*Traced* is how often the backend asked the training step for its operations; torch does so at every
step, since nothing is compiled there.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import paired
from paired import BACKENDS

BATCH, CLASSES, MAX_LENGTH = 16, 3, 128
SLOWEST, SLOWER = 3.0, 0.95


def side(options: argparse.Namespace) -> dict[str, Any]:
    """The jobs, on the backend that KERAS_BACKEND names."""
    from kerasft import backends

    backends.current().set_threads(options.threads)
    import keras

    from above_backbone import Chosen, KeptModel, add_lora, lengths_of, one_of_each, random_batches
    from above_backbone import natural_lengths as natural
    from kerasft.architectures import Classifier
    from kerasft.architectures.encoder import EncoderArguments

    backends.seed_everything(0)
    arguments = EncoderArguments(
        vocab_size=1000, num_layers=3, num_heads=options.width // 64,
        hidden_size=options.width, intermediate_size=4 * options.width,
        max_length=MAX_LENGTH,
    )  # fmt: skip
    model = Classifier("distilbert", arguments, CLASSES)
    add_lora(model, 2)
    batches = random_batches(
        natural(options.steps * BATCH), vocabulary=1000, batch_size=BATCH, max_length=MAX_LENGTH
    )
    first = Chosen(batches, range(min(options.turn_steps, options.steps)))
    kept = KeptModel(model, first)
    few = kept.train
    kept.take(batches)
    traces = count_traces(kept.model)
    stock = through_py_dataset(few, lengths_of(first))

    def warm_up() -> dict[str, Any]:
        kept.take(one_of_each(batches))
        kept.model.fit(kept.train, verbose=0)  # the frozen part is compiled too
        kept.take(batches)
        return {"shapes": [list(shape) for shape in batches.shapes], "traces": len(traces)}

    def trace() -> dict[str, Any]:
        lengths, before = lengths_of(batches, kept.train.epoch), len(traces)
        clock = _clock()
        kept.model.fit(kept.train, verbose=0, callbacks=[clock])
        return {"steps": clock.seconds, "lengths": lengths, "traces": len(traces) - before}

    def stock_trace() -> dict[str, Any]:
        clock, start = _clock(), time.perf_counter()
        kept.model.fit(stock, verbose=0, callbacks=[clock])
        seconds = time.perf_counter() - start
        return {"steps": clock.seconds, "lengths": stock.lengths, "seconds": seconds}

    def loop() -> None:
        by_hand(kept.model, few, keras.backend.backend())

    return {
        "warm up": warm_up,
        "fill": lambda: kept.model.fit(kept.train, verbose=0),
        "trace": trace,
        "fit": lambda: kept.model.fit(few, verbose=0),
        "loop": loop,
        "stock": lambda: kept.model.fit(stock, verbose=0),
        "stock trace": stock_trace,
    }


def through_py_dataset(batches: Any, lengths: Sequence[int]) -> Any:
    """The same batches as a `PyDataset`, two of different lengths first.

    On TensorFlow a PyDataset's signature is made from its first batches: two of one length would
    make every other length an error.

    Args:
        batches: The batches.
        lengths: Padded length of each, in tokens.
    """
    import keras

    other = next((i for i, length in enumerate(lengths) if length != lengths[0]), None)
    order = sorted(range(len(lengths)), key=lambda i: (i != 0, i != other, i))

    class Stock(keras.utils.PyDataset):
        """As Keras's guides write it."""

        def __len__(self) -> int:
            return len(order)

        def __getitem__(self, index: int) -> Any:
            return batches.batch(batches.epoch, order[index])

    stock = Stock()
    stock.lengths = [lengths[i] for i in order]
    return stock


def count_traces(model: Any) -> list[None]:
    """Grows by one whenever the model's training step runs in Python."""
    calls: list[None] = []
    step = model.train_step

    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(None)
        return step(*arguments, **options)

    model.train_step = counted
    return calls


def _clock() -> Any:
    """A callback with the seconds of each step."""
    import keras

    class Clock(keras.callbacks.Callback):
        """Waits for the loss of each step and notes the time."""

        def __init__(self) -> None:
            super().__init__()
            self.seconds: list[float] = []

        def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
            """Starts the clock; Keras calls it twice before a model's first epoch."""
            self.seconds, self._last = [], time.perf_counter()

        def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
            """Reads the loss, which the backend may still be computing."""
            float((logs or {})["loss"])
            now = time.perf_counter()
            self.seconds.append(now - self._last)
            self._last = now

    return Clock()


def by_hand(model: Any, batches: Any, backend: str) -> None:
    """An epoch without callbacks, adapters and logs: the compiled step, batch by batch."""
    epoch = batches.epoch
    model.reset_metrics()
    if backend == "jax":
        state = model._get_jax_state(
            trainable_variables=True, non_trainable_variables=True, optimizer_variables=True,
            metrics_variables=True, purge_model_variables=True,
        )  # fmt: skip
        for index in range(len(batches)):
            logs, state = model.train_function(state, iter([batches.batch(epoch, index)]))
        names = ("trainable", "non_trainable", "optimizer", "metrics")
        parts = zip(names, state, strict=True)
        model._jax_state = {f"{name}_variables": part for name, part in parts}
        model._jax_state_synced = False
        model.jax_state_sync()
    else:
        if backend == "torch":
            model.train()
        for index in range(len(batches)):
            logs = model.train_function(iter_or_list(backend, batches.batch(epoch, index)))
        if backend == "torch":
            model.eval()
    float(logs["loss"])


def iter_or_list(backend: str, batch: Any) -> Any:
    """One batch as Keras's compiled step takes it."""
    return [batch] if backend == "torch" else iter([batch])


def worst(trace: dict[str, Any]) -> tuple[float, dict[int, float]]:
    """The longest step over the median of its shape, and each shape's median seconds."""
    by_length: dict[int, list[float]] = defaultdict(list)
    for seconds, length in zip(trace["steps"], trace["lengths"], strict=True):
        by_length[length].append(seconds)
    medians = {length: statistics.median(by_length[length]) for length in sorted(by_length)}
    return max(max(by_length[length]) / medians[length] for length in medians), medians


def plot(traces: dict[str, dict[str, Any]], path: Path, title: str) -> None:
    """Draws each step of each backend; a color for each length."""
    from kerasft.evaluation.plots import BLUE, GREEN, GREY, ORANGE
    from kerasft.evaluation.report_figure import ReportFigure

    figure = ReportFigure(figsize=(8.0, 2.4 * len(traces) + 0.8), layout="constrained")
    rows = figure.subplots(len(traces), 1, squeeze=False, sharex=True)[:, 0]
    colors = (BLUE, ORANGE, GREEN, GREY, "black", "red")
    for axes, (backend, trace) in zip(rows, traces.items(), strict=True):
        ratio, medians = worst(trace)
        for color, (length, seconds) in zip(colors, medians.items(), strict=False):
            steps = [step for step, found in enumerate(trace["lengths"]) if found == length]
            axes.plot(
                [step + 1 for step in steps], [trace["steps"][step] * 1e3 for step in steps],
                linestyle="", marker=".", markersize=4, color=color, label=f"{length} tokens",
            )  # fmt: skip
            axes.axhline(seconds * 1e3, color=color, linewidth=0.8, alpha=0.6)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("one step, ms")
        axes.set_title(f"{backend}: longest step {ratio:.2f}x the median of its shape", loc="left")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    rows[-1].set_xlabel("step of the epoch")
    figure.supxlabel(title, fontsize=7)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)


def measure(
    backend: str, words: Sequence[object], steps: int, rounds: int
) -> tuple[dict[str, Any], list[str]]:
    """Runs a backend's jobs: its trace, and the cells of its line in the table."""
    worker = paired.Worker(__file__, [*words, "--worker"], backend)
    warm, _ = worker.do("warm up"), worker.do("fill")
    trace = worker.do("trace")
    turns = paired.take_turns({job: (worker, job) for job in ("fit", "loop", "stock")}, rounds)
    stock = worker.do("stock trace")
    worker.stop()
    ratio, medians = worst(trace)
    stock_ratio, stock_medians = worst(stock)
    beyond = stock["seconds"] - sum(stock_medians[length] for length in stock["lengths"])
    share = paired.ratio(turns["loop"], turns["fit"])
    traced = "every step" if backend == "torch" else f"{warm['traces']}, then {trace['traces']}"
    return trace, [
        backend,
        str(len(warm["shapes"])),
        traced,
        f"{warm['seconds']:.1f}",
        ", ".join(f"{length}: {seconds * 1e3:.1f}" for length, seconds in medians.items()),
        f"{ratio:.2f}x ({'yes' if ratio <= SLOWEST else 'no'})",
        f"{steps / paired.median(turns['fit']):.2f}",
        f"{steps / paired.median(turns['loop']):.2f}",
        f"{share:.3f} ({'yes' if share >= SLOWER else 'no'})",
        f"{paired.ratio(turns['loop'], turns['stock']):.3f}",
        f"{stock_ratio:.2f}x, {beyond:.1f} s",
        f"{turns['fit'][-1]['peak_mib']:.0f}",
    ]


def main() -> None:
    """Runs the measurements, prints a Markdown table, and draws if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200, help="of the trace (%(default)s)")
    parser.add_argument("--turn_steps", type=int, default=50, help="of a turn (%(default)s)")
    parser.add_argument("--width", type=int, default=384, help="a multiple of 64 (%(default)s)")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--backends", nargs="+", default=BACKENDS, choices=BACKENDS)
    parser.add_argument("--plot", type=Path, help="the PNG to write")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        return paired.serve(lambda: side(arguments))
    steps = min(arguments.steps, arguments.turn_steps)
    if min(steps, arguments.rounds, arguments.width // 64) < 1 or arguments.width % 64:
        parser.error("--steps, --turn_steps, --rounds must be 1 or more, --width a multiple of 64")

    print(paired.heading(arguments.threads, arguments.rounds))
    columns = [
        "backend", "shapes", "traced: warm-up, then trace", "warm-up, s",
        "median step by length, ms", f"longest / median (at most {SLOWEST:g}?)",
        "fit, steps/s", "by hand, steps/s", f"fit / by hand (at least {SLOWER:g}?)",
        "PyDataset / by hand", "PyDataset: longest / median, s beyond", "peak MiB",
    ]  # fmt: skip
    print(f"\n| {' | '.join(columns)} |\n|{'---|' * len(columns)}", flush=True)
    words: list[object] = []
    for option in ("steps", "turn_steps", "width", "threads"):
        words += [f"--{option}", getattr(arguments, option)]
    traces: dict[str, dict[str, Any]] = {}
    for backend in arguments.backends:
        traces[backend], cells = measure(backend, words, steps, arguments.rounds)
        print(f"| {' | '.join(cells)} |", flush=True)
    if arguments.plot:
        title = f"{arguments.steps} steps of {BATCH} texts, width {arguments.width}; "
        plot(traces, arguments.plot, title + f"threads: {arguments.threads}")


if __name__ == "__main__":
    main()
