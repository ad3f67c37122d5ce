"""A report as one HTML file that needs nothing else, and as one Markdown file for a wiki."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from kerasft.reporting.published import Published
from kerasft.reporting.tables import ReportTable
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


@dataclass(frozen=True)
class Picture:
    """A picture.

    Attributes:
        file: Its name in the report's folder, "scores.png".
        caption: What it shows.
    """

    file: str
    caption: str
    png: bytes


@dataclass(frozen=True)
class Pictures:
    """Pictures that stand side by side where there is room."""

    pictures: Sequence[Picture]


@dataclass(frozen=True)
class Sources:
    """Where published sizes come from."""

    models: Sequence[Published]


Block = str | ReportTable | Pictures | Sources


@dataclass(frozen=True)
class Section:
    """A part of a report under a heading.

    Attributes:
        title: The heading.
        blocks: What stands below it, in order; a string is a paragraph.
    """

    title: str
    blocks: Sequence[Block]

    @property
    def pictures(self) -> list[Picture]:
        """All pictures of the section."""
        return [p for block in self.blocks if isinstance(block, Pictures) for p in block.pictures]


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes:
        lead: The sentence below the title: what was compared.
        findings: Its most important sentences.
        sections: Everything else.
    """

    title: str
    lead: str
    findings: Sequence[str]
    sections: Sequence[Section]

    def html(self) -> str:
        """The report as one HTML file, its pictures inside."""
        anchors = [section.title.split()[-1].lower() for section in self.sections]
        links = " ".join(
            f'<a href="#{anchor}">{escape(section.title)}</a>'
            for anchor, section in zip(anchors, self.sections, strict=True)
        )
        body = []
        for anchor, section in zip(anchors, self.sections, strict=True):
            body.append(f'<h2 id="{anchor}">{escape(section.title)}</h2>')
            body += map(_html, section.blocks)
        findings = "".join(f"<li>{escape(sentence)}</li>" for sentence in self.findings)
        return "\n".join(
            [
                "<!doctype html>",
                '<html lang="en">',
                "<head>",
                '<meta charset="utf-8">',
                f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                f"<title>{escape(self.title)}</title>",
                f"<style>{STYLE}</style>",
                "</head>",
                "<body>",
                f"<h1>{escape(self.title)}</h1>",
                f'<p class="lead">{escape(self.lead)}</p>',
                f'<div class="findings"><ul>{findings}</ul></div>',
                f"<nav>{links}</nav>",
                *body,
                "</body>",
                "</html>",
                "",
            ]
        )

    def markdown(self) -> str:
        """The report as one Markdown file; its pictures lie beside it."""
        parts = [f"# {_escaped(self.title)}", _escaped(self.lead)]
        parts.append("\n".join(f"- {_escaped(sentence)}" for sentence in self.findings))
        for section in self.sections:
            parts += [f"## {section.title}", *map(_markdown, section.blocks)]
        return "\n\n".join(parts) + "\n"


def _html(block: Block) -> str:
    if isinstance(block, str):
        return f"<p>{escape(block)}</p>"
    if isinstance(block, ReportTable):
        return _html_table(block)
    if isinstance(block, Sources):
        items = "".join(
            f"<li>{escape(m.name)}, {parameters(m.parameters)}: {escape(m.authors)}, "
            f'<a href="{escape(m.link)}">{escape(m.paper)}</a></li>'
            for m in block.models
        )
        return f'<ul class="note">{items}</ul>'
    figures = [
        f'<figure><img alt="{escape(p.caption)}" src="data:image/png;base64,'
        f'{base64.b64encode(p.png).decode("ascii")}">'
        f"<figcaption>{escape(p.caption)}</figcaption></figure>"
        for p in block.pictures
    ]
    if len(figures) == 1:
        return figures[0]
    # In rows of two, a third one would leave half of its row empty.
    name = "side three" if len(figures) % 3 == 0 else "side"
    return f'<div class="{name}">{"".join(figures)}</div>'


def _html_table(table: ReportTable) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in table.head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in table.rows
    )
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    name = ' class="texts"' if table.of_texts else ""
    return (
        f'<h3>{escape(table.title)}</h3><div class="wide"><table{name}><thead><tr>{head}</tr>'
        f"</thead><tbody>{rows}</tbody></table></div>{note}"
    )


def _markdown(block: Block) -> str:
    if isinstance(block, str):
        return _escaped(block)
    if isinstance(block, Pictures):
        return "\n\n".join(f"![{_escaped(p.caption)}]({p.file})" for p in block.pictures)
    if isinstance(block, Sources):
        return "\n".join(
            f"- {m.name}, {parameters(m.parameters)}: {m.authors}, [{m.paper}]({m.link})"
            for m in block.models
        )
    lines = [[_escaped(cell) for cell in line] for line in (block.head, *block.rows)]
    lines.insert(1, ["---"] + ["---:"] * (len(block.head) - 1))
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    note = f"\n\n{_escaped(block.note)}" if block.note else ""
    return f"### {_escaped(block.title)}\n\n{body}{note}"


def _escaped(text: str) -> str:
    """Text inside Markdown; what would start a table, a link or HTML is escaped."""
    for mark in ("\\", "`", "*", "|", "<", "["):
        text = text.replace(mark, "\\" + mark)
    return text
