"""Links in the documentation lead somewhere."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.plain

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("kerasft/**/*.md")])


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file) if file else page
        assert target.exists(), f"{page.name}: no {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{page.name}: no heading for {link}"


def test_the_walks_are_in_the_tree() -> None:
    """The lines of the diffs in docs/architecture.md stand in their files, in order."""
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    diffs = re.findall(r"^```diff\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert len(diffs) == 3
    lines: list[str] = []
    for line in "".join(diffs).splitlines():
        if line.startswith("+++ b/"):
            name = line.removeprefix("+++ b/")
            lines = (ROOT / name).read_text("utf-8").splitlines()
        else:
            wanted = line.removeprefix("+")
            assert wanted in lines, f"docs/architecture.md: {name} has no {wanted!r} there"
            lines = lines[lines.index(wanted) + 1 :]
