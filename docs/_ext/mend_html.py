"""Mend small faults in the HTML that Sphinx, Furo, MyST-NB and sphinx-gallery write.

Each rule names what is wrong. All are idempotent: a second build changes nothing.
"""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

from PIL import Image

RULES = [
    # role=heading needs a level (captions of the contents in the side bar)
    (r'(<p class="caption" role="heading")>', r'\1 aria-level="2">'),
    # two landmarks of one kind need names
    (
        r'<aside class="sidebar-drawer">',
        '<aside class="sidebar-drawer" aria-label="Site">',
    ),
    (r'<aside class="(toc-drawer[^"]*)">', r'<aside class="\1" aria-label="Page">'),
    # the box of a cell with nothing but settings for sphinx-gallery
    (
        r'<div class="highlight-Python notranslate"><div class="highlight">'
        r"<pre[^>]*>(\s|<span[^>]*>\s*</span>)*</pre></div>\s*</div>",
        "",
    ),
    # scrolling boxes must be reachable by keyboard
    (r"<pre>", '<pre tabindex="0">'),
    # a picture without its size moves the text when it arrives
    (
        r'<img class="sidebar-logo"(?! width)',
        r'<img class="sidebar-logo" width="64" height="64"',
    ),
    (
        r'<div class="table-wrapper docutils container">',
        '<div class="table-wrapper docutils container" tabindex="0">',
    ),
    # not an attribute of HTML
    (r'(<div class="sphx-glr-thumbcontainer") tooltip="', r'\1 data-tooltip="'),
    # roles that may not be used here
    (r'<div role="list" class="citation-list">', '<div class="citation-list">'),
    (r' role="doc-biblioentry"', ""),
    # "Copy to clipboard" and the like, inside of elements that have a name already
    (
        r'<span class="visually-hidden">',
        '<span class="visually-hidden" aria-hidden="true">',
    ),
    # thumbnails: an empty link; the title stands below it
    (
        r'<p><a class="reference internal" href="([^"]*)">'
        r'<span class="(doc|std std-ref)">([^<]*)</span></a></p>'
        r'(?=\s*<div class="sphx-glr-thumbnail-title">)',
        r'<p><a class="reference internal" href="\1" aria-label="\3">'
        r'<span class="\2">\3</span></a></p>',
    ),
    # tables of repr scroll inside of a box of their own
    (
        r'<table class="vhist-summary">((?:(?!</table>).)*)</table>(?!</div>)',
        r'<div class="scroll" tabindex="0"><table class="vhist-summary">'
        r"\1</table></div>",
    ),
]
RULES = [(re.compile(pattern, re.DOTALL), new) for pattern, new in RULES]
IMAGE = re.compile(
    r'<img\b(?![^>]*\bheight=)[^>]*\bsrc="(?P<src>[^":]+\.(?:png|webp))"[^>]*>'
)
TOOK = re.compile(
    r'class="sphx-glr-timing">.*?\((?P<minutes>\d+) minutes (?P<seconds>[\d.]+) seconds'
)
DOWNLOAD = re.compile(r'<a class="reference download[^>]*href="([^"]+)"')
LAZY_AFTER = 2  # the first figure, as two drawings, is loaded at once


def mend(app, exception):
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        old = page.read_text(encoding="utf-8")
        new = describe_images(mend_markup(old), page.parent)
        new = lead(new, place(page))
        if new != old:
            page.write_text(new, encoding="utf-8")


def mend_markup(html: str) -> str:
    for pattern, new in RULES:
        html = pattern.sub(new, html)
    return html


def describe_images(html: str, folder: Path) -> str:
    """Give pictures their size, so that the text does not jump, and load them late."""
    seen = 0

    def describe(match: re.Match) -> str:
        nonlocal seen
        file = folder / unquote(match["src"])
        if not file.is_file():
            return match[0]
        seen += 1
        width, height = size(file.resolve())
        late = (
            ' loading="lazy"'
            if seen > LAZY_AFTER and "loading=" not in match[0]
            else ""
        )
        return f'<img width="{width}" height="{height}"{late}{match[0][4:]}'

    return IMAGE.sub(describe, html)


def place(page: Path) -> str:
    """Say where in the book a chapter stands; nothing for other pages."""
    chapters = sorted(path.name for path in page.parent.glob("plot_*.html"))
    if page.parent.name != "chapters" or page.name not in chapters:
        return ""
    return f"Chapter {chapters.index(page.name) + 1} of {len(chapters)}"


def lead(html: str, place: str) -> str:
    """Repeat below the title what stands at the foot: the cost and the downloads."""
    took = TOOK.search(html)
    if took is None or 'class="page-lead"' in html:
        return html
    seconds = round(60 * int(took["minutes"]) + float(took["seconds"]))
    minutes, rest = divmod(seconds, 60)
    cost = f"{minutes} min {rest} s" if minutes else f"{max(1, rest)} s"
    links = {file.rsplit(".")[-1]: file for file in DOWNLOAD.findall(html)}
    words = {"py": "script", "ipynb": "notebook", "zip": "both, zipped"}
    facts = [
        *([place] if place else []),
        f"ran in {cost} on the CPU that built it",
        *(
            f'<a download="" href="{links[ending]}">{word}</a>'
            for ending, word in words.items()
            if ending in links
        ),
    ]
    facts[0] = facts[0][0].upper() + facts[0][1:]
    line = f'<p class="page-lead">{" · ".join(facts)}</p>'
    return html.replace("</h1>", f"</h1>\n{line}", 1)


@cache
def size(file: Path) -> tuple[int, int]:
    with Image.open(file) as image:
        return image.size


def setup(app):
    app.connect("build-finished", mend, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
