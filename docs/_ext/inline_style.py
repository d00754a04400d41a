"""Each page carries its own style, in place of a dozen sheets that it waits for.

A browser draws nothing until it has each style sheet of a page, and on a slow phone
even one costs a journey to the server and back. When the pages are finished, this step
writes into each the rules of all its sheets, one after the other, without comments and
without those for classes that the page does not have.
"""

import posixpath
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import tinycss2

LINK = re.compile(
    r'\s*<link rel="stylesheet"[^>]*\bhref="(?P<up>[^":]*?)(?P<file>_static/[^"?]+)'
    r'(?:\?v=\w*)?"[^>]*>'
)
STYLE = re.compile(r'\s*<style data-root="(?P<up>[^"]*)">.*?</style>', re.DOTALL)
NAMES = re.compile(r'\b(?:class|id)="?([^">]*)')
WORD = re.compile(r"[\w-]+")
URL = re.compile(r"url\((['\"]?)(?!['\"]|data:)([^)]*?)\1\)")


def write_style(app, exception):
    if exception or app.builder.name != "html":
        return
    site = Path(app.outdir)
    # Sphinx writes this page in every build, so it names the sheets, in their order.
    search = (site / "search.html").read_text("utf-8")
    sheets = [m["file"] for m in LINK.finditer(search)]
    if not sheets:  # nothing was out of date
        return
    css = {sheet: (site / sheet).read_text("utf-8") for sheet in sheets}
    scripts = [s.read_text("utf-8") for s in site.glob("_static/**/*.js")]
    added = {word for script in scripts for word in WORD.findall(script)}
    rules: dict[str, list] = {}  # addresses in them depend on where a page lies
    for page in site.rglob("*.html"):
        old = page.read_text("utf-8")
        # of a page that this build did not touch, the style of the build before
        first = STYLE.search(old) or LINK.search(old)
        if first is None:
            continue
        up = first["up"]
        if up not in rules:
            moved = [move(css[sheet], posixpath.join(up, sheet)) for sheet in sheets]
            rules[up] = [rule for text in moved for rule in parse(text)]
        rest = LINK.sub("", STYLE.sub("", old[first.start() :]))
        style = shrink(rules[up], names(old[: first.start()] + rest) | added)
        style = f'\n    <style data-root="{up}">{style}</style>'
        new = old[: first.start()] + style + rest
        if new != old:
            page.write_text(new, encoding="utf-8")


def names(html: str) -> set[str]:
    """Return all classes and ids of a page."""
    return {name for value in NAMES.findall(html) for name in value.split()}


def move(css: str, sheet: str) -> str:
    """Let addresses that are relative to a sheet find their way from the page."""
    folder = posixpath.dirname(sheet)

    def moved(match: re.Match) -> str:
        if urlsplit(match[2]).scheme or match[2].startswith(("/", "#")):
            return match[0]
        path = posixpath.normpath(posixpath.join(folder, match[2]))
        return f"url({match[1]}{path}{match[1]})"

    return URL.sub(moved, css)


@cache  # most sheets are the same from wherever they are seen
def parse(css: str) -> list[tuple]:
    """Split a sheet into rules: what they are for, and what they say."""
    return list(_parse(tinycss2.parse_stylesheet(css, True, True)))


def _parse(rules: list) -> Iterator[tuple]:
    for rule in rules:
        if rule.type == "qualified-rule":
            selectors = _split(rule.prelude)
            heads = [(_names_of(s), tinycss2.serialize(s).strip()) for s in selectors]
            yield heads, _short(rule.content)
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports"):
            inner = tinycss2.parse_rule_list(rule.content, True, True)
            head = f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}"
            yield head, list(_parse(inner))
        else:
            yield rule.serialize(), None


def shrink(rules: list[tuple], known: set[str]) -> str:
    """Write rules, without those for classes and ids that are not ``known``."""
    return "\n".join(_needed(rules, known))


def _needed(rules: list[tuple], known: set[str]) -> Iterator[str]:
    for head, body in rules:
        if body is None:
            yield head
        elif isinstance(head, str):
            if inner := "".join(_needed(body, known)):
                yield f"{head}{{{inner}}}"
        elif selectors := [text for needs, text in head if needs <= known]:
            yield f"{','.join(selectors)}{{{body}}}"


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
    # Between declarations nothing is needed; in a value, a line's end parts two words.
    text = tinycss2.serialize(kept)
    return re.sub(r"(;?)\s*\n\s*", lambda m: m[1] or " ", text).strip()


def setup(app):
    # after Furo has written its colours for code, and after the pages are mended
    app.connect("build-finished", write_style, priority=910)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
