"""A figure that writes names in every script for which the machine has a font.

Imported where a picture is drawn, since matplotlib is heavy.
"""

import warnings
from functools import cache
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

# What systems have for scripts that matplotlib's own font lacks; the first comes first.
FALLBACKS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans SC", "Noto Sans JP"),
    *("Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari", "Noto Sans Thai"),
    *("Source Han Sans SC", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback"),
    *("PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Nirmala UI", "Segoe UI"),
)


class ReportFigure(Figure):
    """A figure without pyplot, whose letters may come from several fonts.

    A letter that none of them has becomes a box, and no warning is printed for each.

    Args:
        **options: Those of matplotlib's `Figure`.

    Example:
        >>> figure = ReportFigure(figsize=(5, 3))
        >>> figure.add_subplot().set_title("金融")
        >>> figure.savefig("picture.png")
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        FigureCanvasAgg(self)

    def savefig(self, fname: Any, **options: Any) -> None:
        """Writes the picture; see matplotlib."""
        families = [*matplotlib.rcParams["font.family"], *installed(FALLBACKS)]
        for text in self.findobj(Text):
            text.set_fontfamily(families)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            super().savefig(fname, **options)


@cache
def installed(families: tuple[str, ...]) -> tuple[str, ...]:
    """Those of some fonts that there are; matplotlib warns of each that it does not find."""
    there = {font.name for font in fontManager.ttflist}
    return tuple(family for family in families if family in there)
