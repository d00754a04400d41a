"""docs/coverage.md, the checklist of topics, names places that exist."""

import re
from pathlib import Path

import pytest
from sphinx_gallery.py_source_parser import split_code_and_text_blocks

ROOT = Path(__file__).parent.parent
CHAPTERS = ROOT / "examples" / "chapters"
STATES = ["yes", "thin", "missing", "right", "absent", "wrong", "boxed", "box"]

lines = (ROOT / "docs" / "coverage.md").read_text("utf-8").splitlines()
cells = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in lines if line
]
rows = [row for row in cells if len(row) == 3 and row[0] not in ("topic", "---")]


def headings(chapter: Path) -> list[str]:
    """Return the underlined lines of a chapter's text."""
    _, blocks = split_code_and_text_blocks(str(chapter))
    text = "\n".join(block.content for block in blocks if block.type == "text")
    return re.findall(r"(?m)^(\S.*)\n(?:={3,}|-{3,}|~{3,})$", text)


def test_every_row_has_three_cells_and_a_topic_of_its_own() -> None:
    assert sum(line.startswith("|") for line in lines) == len(rows) + 2 * lines.count(
        "| --- | --- | --- |"
    )
    topics = [topic.split()[0] for topic, *_ in rows]
    assert len(topics) > 100
    assert sorted(topics) == sorted(set(topics))


def test_states_are_known_and_fit_the_place() -> None:
    for topic, place, state in rows:
        word, _, lacks = state.partition(":")
        assert word in STATES, topic
        assert bool(lacks) == (word in ("thin", "wrong")), f"{topic}: what is it?"
        if word in ("missing", "absent"):
            assert place == "–", f"{topic} is told somewhere"


@pytest.mark.parametrize("chapter", sorted({p.split(":")[0] for _, p, _ in rows}))
def test_places_exist(chapter: str) -> None:
    if chapter == "–":
        return
    file = CHAPTERS / f"{chapter}.py"
    assert file.exists()
    places = {place for _, told_in, _ in rows for place in told_in.split("; ")}
    named = {p.partition(": ")[2] for p in places if p.startswith(f"{chapter}:")}
    assert named <= set(headings(file))
