"""One small style sheet in place of the dozen that theme and extensions bring.

A browser draws nothing until it has each style sheet of a page, and on a slow phone
a dozen of them cost more than a second. When the pages are finished, this step writes
their sheets one after the other into ``_static/site.css``, without comments and without
rules for classes that no page has, and lets every page load that file alone.
"""

import hashlib
import posixpath
import re
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import tinycss2

BUNDLE = "_static/site.css"
LINK = re.compile(
    r'\s*<link rel="stylesheet"[^>]*\bhref="(?P<up>[^":]*?)(?P<file>_static/[^"?]+)'
    r'(?:\?v=\w*)?"[^>]*>'
)
NAMES = re.compile(r'\b(?:class|id)="?([^">]*)')
WORD = re.compile(r"[\w-]+")
URL = re.compile(r"url\((['\"]?)(?!['\"]|data:)([^)]*?)\1\)")


def bundle(app, exception):
    if exception or app.builder.name != "html":
        return
    site = Path(app.outdir)
    # Sphinx writes this page in every build, so it still names the single sheets.
    search = (site / "search.html").read_text("utf-8")
    sheets = [m["file"] for m in LINK.finditer(search)]
    if sheets == [BUNDLE]:  # nothing was out of date
        return
    pages = {page: page.read_text("utf-8") for page in site.rglob("*.html")}
    scripts = [s.read_text("utf-8") for s in site.glob("_static/**/*.js")]
    css = join(site, sheets, names(pages.values(), scripts))
    (site / BUNDLE).write_text(css, encoding="utf-8")
    version = hashlib.sha256(css.encode()).hexdigest()[:8]
    for page, old in pages.items():
        new = link(old, version)
        if new != old:
            page.write_text(new, encoding="utf-8")


def link(html: str, version: str) -> str:
    """Let a page load the one sheet where it loaded the first of many."""
    first = LINK.search(html)
    if first is None:
        return html
    head = f'\n    <link rel="stylesheet" href="{first["up"]}{BUNDLE}?v={version}">'
    return html[: first.start()] + head + LINK.sub("", html[first.start() :])


def names(pages: Iterable[str], scripts: Iterable[str]) -> set[str]:
    """Return all classes and ids of the pages, and all that scripts could add."""
    found = {
        name
        for html in pages
        for value in NAMES.findall(html)
        for name in value.split()
    }
    return found.union(*(WORD.findall(script) for script in scripts))


def join(site: Path, sheets: list[str], known: set[str]) -> str:
    """Write the sheets one after the other, in the order in which pages load them."""
    parts = []
    for sheet in sheets:
        css = (site / sheet).read_text("utf-8")
        parts.append(shrink(move(css, posixpath.dirname(sheet)), known))
    return "\n".join(parts)


def move(css: str, folder: str) -> str:
    """Let addresses that are relative to the old file find their way from the new."""
    start = posixpath.dirname(BUNDLE)

    def moved(match: re.Match) -> str:
        if urlsplit(match[2]).scheme or match[2].startswith(("/", "#")):
            return match[0]
        path = posixpath.normpath(posixpath.join(folder, match[2]))
        return f"url({match[1]}{posixpath.relpath(path, start)}{match[1]})"

    return URL.sub(moved, css)


def shrink(css: str, known: set[str]) -> str:
    """Leave out comments, and rules for classes and ids that are not ``known``."""
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    return "\n".join(_needed(rules, known))


def _needed(rules: list, known: set[str]) -> Iterable[str]:
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = [s for s in _split(rule.prelude) if _names_of(s) <= known]
            if selectors:
                head = ",".join(tinycss2.serialize(s).strip() for s in selectors)
                yield f"{head}{{{_short(rule.content)}}}"
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports"):
            inner = tinycss2.parse_rule_list(rule.content, True, True)
            body = "".join(_needed(inner, known))
            if body:
                yield f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{body}}}"
        else:
            yield rule.serialize()


def _split(prelude: list) -> list[list]:
    """The selectors of a rule; commas inside of ``:is(...)`` belong to one of them."""
    selectors: list[list] = [[]]
    for token in prelude:
        if token == ",":
            selectors.append([])
        else:
            selectors[-1].append(token)
    return selectors


def _names_of(selector: list) -> set[str]:
    """The classes and ids that an element must have for a selector to apply."""
    pairs = pairwise(selector)
    classes = {b.value for a, b in pairs if a == "." and b.type == "ident"}
    return classes | {token.value for token in selector if token.type == "hash"}


def _short(content: list) -> str:
    """Declarations without comments and line ends."""
    kept = [token for token in content if token.type != "comment"]
    return re.sub(r"\s*\n\s*", "", tinycss2.serialize(kept)).strip()


def setup(app):
    # after Furo has written its colours for code, and after the pages are mended
    app.connect("build-finished", bundle, priority=910)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
