"""How small these classifiers are: their parameters beside those of well-known language models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kerasft.evaluation.plots import figure_and_axes, shorten
from kerasft.reporting.words import parameters


@dataclass(frozen=True)
class Published:
    """A model whose makers published how many parameters it has.

    Attributes:
        name: The model.
        parameters: How many.
        authors: Who, and when.
        paper: What they called the paper.
        link: Where it stands.
    """

    name: str
    parameters: float
    authors: str
    paper: str
    link: str


PUBLISHED = (
    Published(
        "BERT-base", 110e6, "Devlin et al. 2019",
        "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
        "https://arxiv.org/abs/1810.04805",
    ),
    Published(
        "BERT-large", 340e6, "Devlin et al. 2019",
        "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding",
        "https://arxiv.org/abs/1810.04805",
    ),
    Published(
        "T5-11B", 11e9, "Raffel et al. 2020",
        "Exploring the Limits of Transfer Learning with a Unified Text-to-Text Transformer",
        "https://arxiv.org/abs/1910.10683",
    ),
    Published(
        "GPT-3", 175e9, "Brown et al. 2020", "Language Models are Few-Shot Learners",
        "https://arxiv.org/abs/2005.14165",
    ),
    Published(
        "Llama 3.1 405B", 405e9, "Llama Team 2024", "The Llama 3 Herd of Models",
        "https://arxiv.org/abs/2407.21783",
    ),
    Published(
        "DeepSeek-V3", 671e9, "DeepSeek-AI 2024", "DeepSeek-V3 Technical Report",
        "https://arxiv.org/abs/2412.19437",
    ),
    Published(
        "Kimi K2", 1e12, "Kimi Team 2025", "Kimi K2: Open Agentic Intelligence",
        "https://arxiv.org/abs/2507.20534",
    ),
)  # fmt: skip
"""From the smallest on; models of many experts count all of them, as their makers do."""


def plot_sizes(sizes: Mapping[str, float], tones: Mapping[str, str], path: str | Path) -> None:
    """Draws parameters on a logarithmic axis: those compared, and those published.

    Args:
        sizes: Parameters of each candidate, by name.
        tones: The color of each.
        path: The PNG to write.
    """
    from matplotlib.ticker import NullLocator

    bars = [(shorten(name, 40), number, tones[name]) for name, number in sizes.items()]
    bars.sort(key=lambda bar: bar[1])
    bars += [(f"{p.name} ({p.authors})", p.parameters, "#cbd2d9") for p in PUBLISHED]
    figure, axes = figure_and_axes(8.6, 0.38 * len(bars) + 1.2)
    rows = range(len(bars))
    numbers = [max(number, 1.0) for _, number, _ in bars]
    axes.barh(rows, numbers, color=[color for *_, color in bars], height=0.66)
    for row, number in zip(rows, numbers, strict=True):
        axes.annotate(
            parameters(number), (number, row), (5, 0), textcoords="offset points", va="center",
            fontsize=9, color="#243b53",
        )  # fmt: skip
    axes.set_yticks(rows, [name for name, *_ in bars])
    axes.set_ylim(len(bars) - 0.4, -0.6)  # the smallest on top
    axes.tick_params(axis="y", length=0)
    axes.set_xscale("log")
    axes.set_xlim(10.0 ** min(3, len(str(int(min(numbers)))) - 2), 2e13)
    axes.set_xlabel("parameters (logarithmic: each grid line is 10 times the one before)")
    axes.set_xticks([10**power for power in range(3, 14)])
    axes.xaxis.set_major_formatter(
        lambda value, _: f"{value / 1000:.0f}k" if 1000 <= value < 1e6 else parameters(value)
    )
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x", color="#e4e7eb")
    axes.set_axisbelow(True)
    figure.savefig(path, dpi=120, bbox_inches="tight", pad_inches=0.15)
