"""Names in scripts that matplotlib's own font lacks."""

import logging
import warnings

import pytest
from matplotlib.text import Text

from kerasft.evaluation import plots, report_figure

pytestmark = pytest.mark.plain

NAMES = ["金融", "天気", "مال", "विज्ञान", "bank"]


@pytest.mark.parametrize("fonts", [report_figure.FALLBACKS, ("No Such Font", "STIXGeneral"), ()])
def test_other_scripts_are_drawn_without_a_warning(fonts, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(report_figure, "FALLBACKS", fonts)
    figure, axes = plots.figure_and_axes(4.0, 3.0)
    axes.set_yticks(range(len(NAMES)), NAMES)
    axes.set_title(NAMES[0])
    with warnings.catch_warnings(), caplog.at_level(logging.WARNING):
        warnings.simplefilter("error")
        figure.savefig(tmp_path / "names.png", dpi=60, bbox_inches="tight")
    assert (tmp_path / "names.png").stat().st_size > 1000 and not caplog.records
    families = {tuple(text.get_fontfamily()) for text in figure.findobj(Text)}
    assert families == {("sans-serif", *report_figure.installed(fonts))}


def test_only_fonts_that_are_there_are_asked():
    assert report_figure.installed(("No Such Font", "STIXGeneral")) == ("STIXGeneral",)
