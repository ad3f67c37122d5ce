"""Fine-tune one classifier with every method, and compare them.

    python -m kerasft.recipes.methods --preset minilm
    python -m kerasft.recipes.methods --preset minilm --data mails.csv --methods lora,ia3,full

Each method is a run of `distilbert_lora` in its own process, on the same rows, split and
seeds; what the frozen layers make of a text is kept for all of them. A run that is finished is not
done again, and a method that cannot run is a row that says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kerasft import backends, reporting, storage
from kerasft.config import Options, alone, at_least, main, to_yaml
from kerasft.errors import ConfigError, KerasftError
from kerasft.predict import Predictor
from kerasft.recipes import distilbert_lora
from kerasft.recipes.shared.fine_tuning import ClassifierOptions
from kerasft.recipes.shared.run_apart import result, run_apart, share_weights
from kerasft.recipes.shared.targets import TargetOptions
from kerasft.tasks.labelled.labelled_texts import load_labelled

if TYPE_CHECKING:
    from kerasft.peft import Method

# Options of a run that `method_options` may set, beside the method's own.
OF_A_RUN = ("learning_rate", "targets", "epochs", "last_layers")


@dataclass
class Config(ClassifierOptions, TargetOptions, Options):
    """Fine-tune one classifier with every method, and compare them.

    Args:
        methods: The methods to train, of which `head` is the head alone and `full` everything; null
            trains all.
        method_options: Options of single methods (in the YAML file), as in {lora: {rank: 4,
            learning_rate: 0.001}}.
        seeds: Each method is trained once with each of these seeds.
        draws: Bootstrap draws, from which the intervals come.
        timed_texts: Test texts, short and long, on which the time per text is measured.
        timed_rounds: How often they are timed; the median is reported.
        seed: Seed of the bootstrap.
        output: Folder of the report; the runs are saved beside it, in `<output>.runs`.
    """

    methods: tuple[str, ...] | None = None
    method_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    preset: str = "minilm"
    epochs: int | None = 6
    early_stopping: int = 2
    doubtful_rows: bool = False  # the same ones in each run
    draws: int = 2000
    timed_texts: int = 16
    timed_rounds: int = 3
    output: str = "saved_models/methods"


@alone
def run(config: Config) -> Path:
    """Trains and tests every method, and writes the page; returns it.

    Raises:
        KerasftError: An option or the data cannot be used, or no method can run.
    """
    backends.import_keras()
    from kerasft.presets import load_preset

    config.check()
    at_least(config, draws=100, timed_texts=1, timed_rounds=1)
    storage.check_output(config.output, reporting.is_comparison)
    methods = chosen_methods(config)
    configs = {name: run_configs(config, name) for name in methods}

    # What is wrong with the rows or the preset would be wrong for every method.
    dataset = load_labelled(config)
    print("\n".join(dataset.describe()))
    load_preset(config.preset, architecture=config.architecture).check_length(config.max_length)

    # One run a method and seed; a failure is kept as a sentence.
    folders: dict[str, list[Path]] = {}
    failures: dict[str, str] = {}
    for name, runs in configs.items():
        print(f"{name} ... ", end="", flush=True)
        try:
            folders[name] = [run_apart(distilbert_lora, each, dataset) for each in runs]
            print(", ".join(map(result, folders[name])))
        except KerasftError as error:
            failures[name] = str(error)
            print(f"cannot run: {error}")
    if not folders:
        raise ConfigError(f"No method could run. {next(iter(failures.values()))}")

    # How long a text takes: merged, all compute what the plain model does, so one stands for them.
    read = reporting.read_runs([each for found in folders.values() for each in found], least=1)
    share_weights(read)
    runs_of = {name: [read.pop(0) for _ in found] for name, found in folders.items()}
    merges = {name: method.merges if method else None for name, method in methods.items()}
    texts = next(iter(runs_of.values()))[0].texts
    timed = [texts[row] for row in reporting.spread(texts, config.timed_texts)]
    plain = next((name for name in runs_of if merges[name] is not False), None)
    own = [name for name in runs_of if merges[name] is False or name == plain]
    print(f"timing {len(timed)} texts in {config.timed_rounds} rounds")
    latency = reporting.measure_latency(
        {name: Predictor(folders[name][0], engine="keras").predict for name in own},
        timed,
        rounds=config.timed_rounds,
    )
    measured = (
        f"Times per text: measured now, alternating between the models, on {backends.machine()}; "
        f"the median of {config.timed_rounds} rounds over {len(timed)} test texts. Models with a "
        "merged adapter or none compute the same, so only one of them was timed."
    )

    # Scores with intervals, paired tests, which to take.
    comparison = reporting.compare_methods(
        [
            reporting.Tuned(
                name,
                merges[name],
                runs_of.get(name, ()),
                failures.get(name, ""),
                latency.get(name, latency.get(plain or "", {})),
            )
            for name in methods
        ],
        draws=config.draws,
        seed=config.seed,
    )
    for table in reporting.method_tables(comparison):
        print(f"\n{reporting.as_text(table)}")
    print()
    for sentence in reporting.method_findings(comparison):
        print(sentence)
    page = reporting.write_method_page(
        config.output, comparison, measured=measured, config_yaml=to_yaml(config)
    )
    print(f"\nsaved {config.output}; open {page}")
    return page


def chosen_methods(config: Config) -> dict[str, type[Method] | None]:
    """The chosen methods, and None for `head` and `full`.

    Raises:
        ConfigError: There is no such method, or none is named.
    """
    known = distilbert_lora.Config.own_options.values()
    chosen = known if config.methods is None else config.methods
    for name in [*chosen, *config.method_options]:
        if name not in known:
            raise ConfigError(f"There is no method {name!r}; there are {', '.join(known)}.")
    if not chosen or not config.seeds:
        raise ConfigError("--methods and --seeds say what is compared; give at least one of each.")
    return {name: known[name] for name in dict.fromkeys(chosen)}


def run_configs(config: Config, method: str) -> list[distilbert_lora.Config]:
    """The options of a method's runs, one a seed.

    Raises:
        ConfigError: One of the method's own options cannot work.
    """
    of_run = {each.name for each in fields(distilbert_lora.Config)}
    shared = {each.name for each in fields(config)} & of_run - {"method_options"}
    own = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in config.method_options.get(method, {}).items()
    }
    given = {name: own.pop(name) for name in OF_A_RUN if name in own}
    runs = f"{config.output}.runs"
    return [
        distilbert_lora.Config(
            **{name: getattr(config, name) for name in shared}
            | ({"steps": None} if "epochs" in given else {})
            | given
            | {
                "method": method,
                "method_options": own,
                "seed": seed,
                "few_shot": "off",  # a method is compared by what it learns of the labels
                "cache_backbone": f"{runs}/features",
                "export": "none",
                "output": f"{runs}/{method}-{seed}",
            }
        )
        for seed in config.seeds
    ]


if __name__ == "__main__":
    main(run, Config)
