"""Print the built site as one PDF, page by page as in its sidebar, with bookmarks."""

import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from bs4 import BeautifulSoup
from playwright.sync_api import sync_playwright
from pypdf import PdfReader, PdfWriter

ROOT = Path(__file__).parent.parent
SITE = Path(os.environ.get("VHIST_SITE", ROOT / "docs" / "_build" / "html"))
FOOT = (
    '<p style="width: 100%; text-align: center; font: 8px sans-serif; color: #57606a">'
    '<span class="pageNumber"></span></p>'
)


def contents() -> list[tuple[str, str]]:
    """Return path and title of each page of the book, the library's reference aside."""
    soup = BeautifulSoup((SITE / "index.html").read_text("utf-8"), "html.parser")
    links = soup.select(".sidebar-tree a.reference.internal")
    pages = [("index.html", "vhist")]
    pages += [(link["href"], link.get_text()) for link in links]
    return [(path, title) for path, title in pages if not path.startswith("api/")]


def chromium() -> str | None:
    """Return the Chromium of the system; without one Playwright takes its own."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = filter(None, map(shutil.which, names))
    return os.environ.get("CHROME_PATH") or next(found, None)


def print_pages(paths: list[str], folder: Path) -> list[Path]:
    """Let Chromium print pages, on paper and in the light theme."""
    files = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(), args=["--no-sandbox"]
        )
        page = browser.new_page(color_scheme="light")
        for i, path in enumerate(paths):
            page.goto((SITE / path).as_uri())
            # A picture that waits for its reader would be missing on paper, and a
            # folded solution could not be opened there. How a record was made stays
            # folded: it is long, and can be asked of vhist.
            page.evaluate(
                """async () => {
                    document.querySelectorAll("details:not(.vhist-record)")
                        .forEach(e => (e.open = true));
                    const images = [...document.querySelectorAll("article img")]
                        .filter(e => getComputedStyle(e).display !== "none");
                    images.forEach(e => (e.loading = "eager"));
                    await Promise.all(images.map(e => e.decode().catch(() => {})));
                    await document.fonts.ready;
                }"""
            )
            files.append(folder / f"{i:03}.pdf")
            page.pdf(
                path=files[-1],
                format="A4",
                prefer_css_page_size=True,
                display_header_footer=True,
                header_template="<span></span>",
                footer_template=FOOT,
            )
        browser.close()
    return files


def bind(pages: list[tuple[str, str]], files: list[Path], target: Path) -> int:
    """Write one file with a bookmark for each page; return the number of sheets."""
    book = PdfWriter()
    chapter = None
    for (path, title), file in zip(pages, files, strict=True):
        first = len(book.pages)
        book.append(PdfReader(file), import_outline=False)
        inner = path.startswith("experiments/plot_")
        above = chapter if inner else None
        mark = book.add_outline_item(title=title, page_number=first, parent=above)
        chapter = chapter if inner else mark
    book.add_metadata({"/Title": "vhist: how vision networks became what they are"})
    book.compress_identical_objects()  # fonts, which each file brings anew
    book.write(target)
    return len(book.pages)


def main() -> None:
    """Write docs/_build/html/vhist.pdf."""
    if not (SITE / "index.html").exists():
        sys.exit(f"there is no site in {SITE}; run `nox -s docs` first")
    pages, target = contents(), SITE / "vhist.pdf"
    with TemporaryDirectory() as folder:
        files = print_pages([path for path, _ in pages], Path(folder))
        sheets = bind(pages, files, target)
    size = target.stat().st_size / 1e6
    print(f"{target}: {len(pages)} pages of the site on {sheets} sheets, {size:.1f} MB")


if __name__ == "__main__":
    main()
