"""Mend small faults in the HTML that Sphinx, Furo, MyST-NB and sphinx-gallery write.

Each rule names what is wrong. All are idempotent, and pages that a build leaves as they
were are left alone here, too.
"""

import hashlib
import os
import re
from base64 import b64decode
from functools import cache
from html import unescape
from itertools import chain, repeat
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

from inline_style import STYLE
from PIL import Image, ImageOps
from sphinx_gallery.py_source_parser import extract_file_config

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
    # hundreds of links from variables to their types, which the keyboard would step
    # through, and thousands of boxes: around dots, around what code has in its plain
    # colour, and around each quote, bracket and word of a string, which has but one
    (r'<a class="[^"]*\bsphx-glr-backref-instance\b[^"]*"[^>]*>(.*?)</a>', r"\1"),
    (r'<span class="(?:(?:[npw]|nn)">([^<]*)|o">(\.))</span>', r"\1\2"),
    (
        r'(?:<span class="s[12aei]">[^<]*</span>){2,}',
        lambda run: f'<span class="s2">{re.sub("<[^>]+>", "", run[0])}</span>',
    ),
    # scripts for what no page has: tabs that follow each other, tags of examples
    (r"<script[^>]*/(?:design-tabs|sg-tags)\.js[^>]*></script>\n?", ""),
    # the others wait until the page is drawn
    (r"<script (?!defer)(?=[^>]*\bsrc=)", "<script defer "),
    # wide tables scroll and need the keyboard, however their columns got their widths
    (r'(<div class="table-wrapper [^"]*")>', r'\1 tabindex="0">'),
    # not an attribute of HTML: a page's first sentence, which is to be read, too
    (
        r'(<div class="sphx-glr-thumbcontainer"[^>]*?) tooltip="([^"]*)"(>'
        r'(?:(?!sphx-glr-thumbcontainer).)*?<div class="sphx-glr-thumbnail-title">'
        r"(?:(?!</div>).)*</div>)",
        r'\1\3<div class="thumbnail-lead">\2</div>',
    ),
    # roles that may not be used here
    (r'<div role="list" class="citation-list">', '<div class="citation-list">'),
    (r' role="doc-biblioentry"', ""),
    # "View this page" and the like, inside of links that have a name already
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
    # and so do the tables of recorded runs, and figures: the caption stays where it is
    (
        r'(<details class="vhist-answer"><summary>[^<]*</summary>)(<table>.*?</table>)',
        r'\1<div class="scroll" tabindex="0">\2</div>',
    ),
    (
        r"(<figure\b[^>]*>)\s*((?:<a\b|<img\b)(?:(?!</?fig).)*)(?=<figcaption|</figure)",
        r'\1<div class="scroll" tabindex="0">\2</div>',
    ),
    # a hyphen for a minus
    (r"(<td[^>]*>)-(?=\d)", "\\1\N{MINUS SIGN}"),
]
RULES = [(re.compile(pattern, re.DOTALL), new) for pattern, new in RULES]
IMAGE = re.compile(
    r'<img\b(?![^>]*\bheight=)[^>]*\bsrc="'
    r'(?P<src>[^":]+\.(?:png|webp)|[^":]*_images/[^":]+\.svg)"[^>]*>'
)
CODE = re.compile(
    r'(?P<box><div class="[^"]*highlight-\w+ notranslate")'
    r'(?P<code>>\s*<div class="highlight"><pre[^>]*>(?:(?!</pre>).)*</pre>)',
    re.DOTALL,
)
PICTURE = re.compile(r'<img(?![^>]*class="sidebar-logo")[^>]*>')
NO_TEXT = re.compile(
    r"<(?P<tag>code|math|pre|script|style|svg|textarea|title)\b.*?</(?P=tag)>|<[^>]+>",
    re.DOTALL,
)
CODE_IN_TEXT = re.compile(
    r'(?P<start><code class="(?P<names>[^"]*\bliteral\b[^"]*))">(?P<code>.*?)</code>',
    re.DOTALL,
)
CONSOLE = re.compile(r'<div class="highlight-console.*?</pre>', re.DOTALL)
FLAG = re.compile(r"(?<= )--[a-z][\w-]*")
PER_CENT = re.compile(r"(?<=\d)\s(?=%)")
LONGEST = 30  # letters of code that a line of a phone holds
THUMB_WITHOUT_WORDS = re.compile(
    r'<img(?P<before>[^>]*) alt=""(?P<between>[^>]*) src="[^"]*/sphx_glr_'
    r'(?P<name>\w+)_thumb\.(?:png|webp)"'
)
THUMB = re.compile(r'(?<= src=")(?P<name>[^":]+_thumb)\.png(?=")')
THUMB_FOR_LIGHT = re.compile(
    r'<img(?![^>]*\bonly-)[^>]* src="'
    r'(?P<path>[^":]*sphx_glr_(?P<name>\w+)_thumb)\.webp"[^>]*>'
)
PACKED = re.compile(
    r'(?<= src=")data:image/(?P<kind>png|webp|svg)(?:\+xml)?;base64,(?P<data>[^"]+)'
)
TOOK = re.compile(
    r'class="sphx-glr-timing">.*?\((?P<minutes>\d+) minutes (?P<seconds>[\d.]+) seconds'
)
DOWNLOAD = re.compile(r'<a class="reference download[^>]*href="([^"]+)"')


def mend(app, exception):
    if exception or app.builder.format != "html":
        return
    site = Path(app.outdir)
    examples = Path(app.srcdir).parent / "examples"
    words, drawings = {}, {}
    for folder in ("chapters", "experiments"):
        images = Path(app.srcdir, folder, "images")
        for script in (examples / folder).glob("plot_*.py"):
            words[script.stem] = words_for_thumbnail(script, site / folder)
            drawings[script.stem] = images / f"{pictured(script)}_dark.png"
    for page in site.rglob("*.html"):
        old = new = page.read_text(encoding="utf-8")
        touched = STYLE.search(old) is None  # which inline_style gives a page at last
        if touched:
            new = mend_markup(unpack(new, page.parent, site / "_images"))
            new = count_lines(keep_together(new))
        # Thumbnails are of other pages, which may have changed.
        new = lighten(describe_thumbnails(new, words), page.parent)
        new = darken(new, page.parent, drawings)
        if touched:
            new = hurry(describe_images(new, page.parent))
            new = lead(new, place(page), colab(page, app.config.notebooks_url))
        if new != old:
            page.write_text(new, encoding="utf-8")


def mend_markup(html: str) -> str:
    for pattern, new in RULES:
        html = pattern.sub(new, html)
    return html


def pictured(script: Path) -> str:
    """Return the name of the figure that a page's thumbnail is made from."""
    settings = extract_file_config(script.read_text(encoding="utf-8"))
    return f"sphx_glr_{script.stem}_{settings.get('thumbnail_number', 1):03d}"


def words_for_thumbnail(script: Path, folder: Path) -> str:
    """Return the words for the figure that a page's thumbnail was made from."""
    page = folder / f"{script.stem}.html"
    if not page.exists():
        return ""
    picture = f"{pictured(script)}."
    for image in re.findall(r"<img\b[^>]*>", page.read_text(encoding="utf-8")):
        if picture in image and (alt := re.search(r' alt="([^"]+)"', image)):
            return alt[1]
    return ""


def describe_thumbnails(html: str, words: dict[str, str]) -> str:
    """Say what thumbnails show, which sphinx-gallery leaves open."""

    def describe(match: re.Match) -> str:
        alt = words.get(match["name"], "")
        return match[0].replace(' alt=""', f' alt="{alt}"', 1)

    return THUMB_WITHOUT_WORDS.sub(describe, html)


def keep_together(html: str) -> str:
    """Break no line within "18.2 %", a flag, or code that a line holds."""

    def short(code: str) -> bool:
        return len(unescape(re.sub(r"<[^>]+>", "", code))) <= LONGEST

    def keep(match: re.Match) -> str:
        if "unbroken" in match[0]:
            return match[0]
        if short(match["code"]):
            return f'{match["start"]} unbroken">{match["code"]}</code>'
        words = re.sub(
            r'<span class="pre">([^<]*)</span>',
            lambda word: (
                f'<span class="pre unbroken">{word[1]}</span>'
                if short(word[1])
                else word[0]
            ),
            match["code"],
        )
        return f'{match["start"]}">{words}</code>'

    html = CONSOLE.sub(
        lambda block: FLAG.sub(r'<span class="unbroken">\g<0></span>', block[0]), html
    )
    parts, end = [], 0
    for tag in NO_TEXT.finditer(html):
        parts += [PER_CENT.sub("\N{NO-BREAK SPACE}", html[end : tag.start()]), tag[0]]
        end = tag.end()
    return CODE_IN_TEXT.sub(keep, "".join([*parts, html[end:]]))


def unpack(html: str, folder: Path, images: Path) -> str:
    """Put pictures that a page holds within itself into files, which can come later."""

    def save(match: re.Match) -> str:
        data = b64decode(match["data"])
        file = images / f"{hashlib.sha256(data).hexdigest()[:16]}.{match['kind']}"
        images.mkdir(exist_ok=True)
        file.write_bytes(data)
        return Path(os.path.relpath(file, folder)).as_posix()

    return PACKED.sub(save, html)


def count_lines(html: str) -> str:
    """Say how high code is, so that a browser can put off its layout (custom.css)."""

    def count(match: re.Match) -> str:
        lines = match["code"].count("\n")
        return f'{match["box"]} style="--lines: {lines}"{match["code"]}'

    return CODE.sub(count, html)


def lighten(html: str, folder: Path) -> str:
    """Show thumbnails as WebP, a tenth in size; sphinx-gallery writes only PNG."""

    def convert(match: re.Match) -> str:
        png = folder / unquote(f"{match['name']}.png")
        if not png.is_file():
            return match[0]
        webp = png.with_suffix(".webp")
        if older(webp, png):
            with Image.open(png) as image:
                image.save(webp, quality=85)
        return f"{match['name']}.webp"

    return THUMB.sub(convert, html)


def older(made: Path, source: Path) -> bool:
    """Return whether a file is to be made, for the first time or again."""
    return not made.exists() or made.stat().st_mtime < source.stat().st_mtime


def darken(html: str, folder: Path, drawings: dict[str, Path]) -> str:
    """Put beside a thumbnail one for dark pages, of its figure's dark drawing."""

    def pair(match: re.Match) -> str:
        drawing = drawings.get(match["name"])
        light = folder / unquote(f"{match['path']}.webp")
        if drawing is None or not drawing.is_file() or not light.is_file():
            return match[0]
        dark = light.with_name(f"{light.stem}_dark.webp")
        if older(dark, drawing):
            with Image.open(light) as image:
                size = image.size
            with Image.open(drawing) as image:
                ImageOps.pad(image.convert("RGBA"), size).save(dark, quality=85)
        twin = match[0].replace("_thumb.webp", "_thumb_dark.webp")
        return marked(match[0], "only-light") + marked(twin, "only-dark")

    return THUMB_FOR_LIGHT.sub(pair, html)


def marked(image: str, name: str) -> str:
    """Add a class to the tag of a picture."""
    if ' class="' in image:
        return image.replace(' class="', f' class="{name} ', 1)
    return f'<img class="{name}"{image[4:]}'


def describe_images(html: str, folder: Path) -> str:
    """Give pictures their size, so that the text does not jump when they arrive."""

    def describe(match: re.Match) -> str:
        file = folder / unquote(match["src"])
        if not file.is_file():
            return match[0]
        width, height = size(file.resolve())
        return f'<img width="{width}" height="{height}"{match[0][4:]}'

    return IMAGE.sub(describe, html)


def hurry(html: str) -> str:
    """Let pictures come when a reader gets near them; one above all sections at once.

    Of a figure's two drawings that is the light one: a browser fetches a lazy one only
    where it is shown.
    """
    first = PICTURE.search(html)
    lead = first is not None and "<h2" not in html[: first.start()]
    speeds = chain([' fetchpriority="high"'] * lead, repeat(' loading="lazy"'))

    def set_speed(match: re.Match) -> str:
        speed = next(speeds)
        known = re.search(r" (?:loading|fetchpriority)=", match[0])
        return match[0] if known else f"<img{speed}{match[0][4:]}"

    return PICTURE.sub(set_speed, html)


def place(page: Path) -> str:
    """Say where in the book a chapter stands; nothing for other pages."""
    chapters = sorted(path.name for path in page.parent.glob("plot_*.html"))
    if page.parent.name != "chapters" or page.name not in chapters:
        return ""
    return f"Chapter {chapters.index(page.name) + 1} of {len(chapters)}"


def colab(page: Path, notebooks: str) -> str:
    """Return the address at which Colab opens a chapter's notebook, if there is one."""
    if not notebooks or not page.name.startswith("plot_"):
        return ""
    return f"{notebooks}/{page.parent.name}/{page.stem}.ipynb"


def lead(html: str, place: str, colab: str) -> str:
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
        *([f'<a href="{colab}">open in Colab</a>'] if colab else []),
    ]
    facts[0] = facts[0][0].upper() + facts[0][1:]
    line = f'<p class="page-lead">{" · ".join(facts)}</p>'
    return html.replace("</h1>", f"</h1>\n{line}", 1)


@cache
def size(file: Path) -> tuple[int, int]:
    if file.suffix == ".svg":
        box = ElementTree.parse(file).getroot().attrib["viewBox"]
        _, _, width, height = map(float, box.split())
        return round(width), round(height)
    with Image.open(file) as image:
        return image.size


def setup(app):
    app.add_config_value("notebooks_url", "", "html", str)
    app.connect("build-finished", mend, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
