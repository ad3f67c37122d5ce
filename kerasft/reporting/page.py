"""The page of a report: one HTML file that needs nothing else, neither scripts nor the network."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape

from kerasft.reporting.pictures import Picture
from kerasft.reporting.size_plot import PUBLISHED
from kerasft.reporting.tables import Table
from kerasft.reporting.words import parameters

STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 68rem; padding: 1.5rem 1.25rem 4rem; background: #fff;
  color: #1f2933; font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.7rem; margin: 0.5rem 0 0.25rem; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 0.6rem; padding-top: 0.6rem;
  border-top: 1px solid #e4e7eb; }
h3 { font-size: 1.02rem; margin: 1.6rem 0 0.4rem; }
p, li { max-width: 52rem; }
.lead { color: #52606d; margin-top: 0; }
.findings { background: #f5f7fa; border-left: 4px solid #1f5fa8; padding: 0.8rem 1.2rem;
  margin: 1.2rem 0; }
.findings ul { margin: 0; padding-left: 1.1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.88rem; margin: 0.4rem 0; }
th, td { padding: 0.32rem 0.7rem; text-align: right; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid #e4e7eb; font-variant-numeric: tabular-nums; }
th { color: #52606d; font-weight: 600; white-space: normal; vertical-align: bottom;
  border-bottom: 2px solid #cbd2d9; }
th:first-child, td:first-child { text-align: left; }
td:first-child { font-weight: 600; white-space: normal; min-width: 9rem; }
.texts td, .texts th { text-align: left; white-space: normal; min-width: 7rem; }
.texts td:first-child { font-weight: 400; min-width: 24rem; overflow-wrap: anywhere; }
.note { color: #52606d; font-size: 0.88rem; }
figure { margin: 1rem 0; }
figure img { max-width: 100%; height: auto; border: 1px solid #e4e7eb; }
figcaption { color: #52606d; font-size: 0.88rem; }
.side { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(28rem, 100%), 1fr)); }
.side figure:last-child:nth-child(odd) { grid-column: 1 / -1; justify-self: center; }
@media (min-width: 60rem) {
  .three { grid-template-columns: repeat(3, 1fr); }
  .three figure:last-child:nth-child(odd) { grid-column: auto; justify-self: auto; }
}
nav a { margin-right: 1rem; }
a { color: #1f5fa8; }
"""

# Nothing is loaded from anywhere, and no script runs, whatever a text of the data says.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def page(title: str, lead: str, sections: Sequence[tuple[str, str, Iterable[str]]]) -> str:
    """The whole page.

    Args:
        title: Its title.
        lead: What stands below it.
        sections: (anchor, heading, blocks of HTML) each, as the functions below make them; a
            section without a heading stands before the links to the others.

    Returns:
        HTML.
    """
    links = " ".join(
        f'<a href="#{anchor}">{escape(heading)}</a>' for anchor, heading, _ in sections if heading
    )
    body = []
    for anchor, heading, blocks in sections:
        above = [f'<h2 id="{anchor}">{escape(heading)}</h2>'] if heading else []
        below = [] if heading else [f"<nav>{links}</nav>"]
        body += [*above, *blocks, *below]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title>",
            f"<style>{STYLE}</style>",
            "</head>",
            "<body>",
            f"<h1>{escape(title)}</h1>",
            f'<p class="lead">{escape(lead)}</p>',
            *body,
            "</body>",
            "</html>",
            "",
        ]
    )


def findings_block(sentences: Sequence[str]) -> str:
    """The sentences at the head of the report."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<div class="findings"><ul>{items}</ul></div>'


def table_block(table: Table, *, texts: bool = False) -> str:
    """A table under its heading.

    Args:
        table: The table.
        texts: Whether its first column holds texts, which are set over several lines.
    """
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    name = ' class="texts"' if texts else ""
    return (
        f'<h3>{escape(table.title)}</h3><div class="wide"><table{name}><thead><tr>{head}</tr>'
        f"</thead><tbody>{rows}</tbody></table></div>{note}"
    )


def picture_block(*pictures: Picture) -> str:
    """Pictures with their captions, side by side where there is room."""
    figures = []
    for picture in pictures:
        data = base64.b64encode(picture.png).decode("ascii")
        caption = escape(picture.caption)
        figures.append(
            f'<figure><img alt="{caption}" src="data:image/png;base64,{data}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    if len(figures) == 1:
        return figures[0]
    # In rows of two, a third one would leave half of its row empty.
    name = "side three" if len(figures) % 3 == 0 else "side"
    return f'<div class="{name}">{"".join(figures)}</div>'


def paragraph(text: str) -> str:
    """A paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def sources_block() -> str:
    """Where the published sizes come from."""
    items = "".join(
        f"<li>{escape(p.name)}, {parameters(p.parameters)}: {escape(p.authors)}, "
        f'<a href="{escape(p.link)}">{escape(p.paper)}</a></li>'
        for p in PUBLISHED
    )
    return f'<ul class="note">{items}</ul>'
