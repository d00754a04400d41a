"""The site as one PDF."""

from pathlib import Path

import book
from conftest import CHAPTERS
from pypdf import PdfReader


def test_the_contents_are_the_chapters_in_their_order() -> None:
    paths = [path for path, _ in book.contents()]
    assert [path for path in paths if path.startswith("chapters/plot_")] == CHAPTERS
    assert not [path for path in paths if path.startswith("api/")]


def test_pages_are_bound_with_bookmarks_and_pictures(tmp_path: Path) -> None:
    pages = book.contents()[1:3]
    files = book.print_pages([path for path, _ in pages], tmp_path)
    sheets = book.bind(pages, files, tmp_path / "book.pdf")
    bound = PdfReader(tmp_path / "book.pdf")
    assert len(bound.pages) == sheets > 5
    assert [mark.title for mark in bound.outline] == [title for _, title in pages]
    text = "\n".join(sheet.extract_text() for sheet in bound.pages)
    assert "Skip to content" not in text
    pictures = sum(len(sheet.images) for sheet in bound.pages)
    assert pictures > 5
