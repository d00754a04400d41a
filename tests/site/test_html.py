"""What the files say, without a browser: links, markup, words for pictures."""

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

import pytest
from bs4 import BeautifulSoup
from conftest import NODE, PAGES, SITE

# Rules of taste, not of HTML; and those that Sphinx breaks on every page harmlessly.
NOT_ASKED = {
    **dict.fromkeys(("long-title", "no-inline-style", "no-trailing-whitespace"), "off"),
    **dict.fromkeys(
        ("require-sri", "prefer-native-element", "tel-non-breaking"), "off"
    ),
    **dict.fromkeys(("void-style", "doctype-style", "attribute-boolean-style"), "off"),
    **dict.fromkeys(("no-implicit-button-type", "attribute-empty-style"), "off"),
}


@cache
def parsed(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def anchors(path: Path) -> frozenset[str]:
    soup = parsed(path)
    named = [tag["name"] for tag in soup.find_all("a", attrs={"name": True})]
    return frozenset([*(tag["id"] for tag in soup.find_all(id=True)), *named])


@pytest.mark.parametrize("path", PAGES)
def test_links_within_the_site_resolve(path: str) -> None:
    page = SITE / path
    lost = []
    for tag in parsed(page).find_all(["a", "link", "script", "img", "source"]):
        link = tag.get("href") or tag.get("src")
        if not link or urlsplit(link).scheme or link.startswith("//"):
            continue
        file, anchor = urldefrag(link)
        file = unquote(urlsplit(file).path)
        base = SITE if file.startswith("/") else page.parent
        target = (base / file.lstrip("/")).resolve() if file else page
        target = target / "index.html" if target.is_dir() else target
        if not target.exists() or (
            anchor
            and target.suffix == ".html"
            and unquote(anchor) not in anchors(target)
        ):
            lost.append(link)
    assert not lost


@pytest.mark.parametrize("path", PAGES)
def test_pictures_have_words_sizes_and_patience(path: str) -> None:
    for image in parsed(SITE / path).find_all("img"):
        assert image.get("alt") is not None, image
        assert image.get("width"), f"the page jumps when it arrives: {image}"
        assert image.get("height"), f"the page jumps when it arrives: {image}"
    figures = parsed(SITE / path).select("article figure img")
    for drawing in parsed(SITE / path).select("article img:not(.toggler)"):
        assert len(drawing["alt"]) > 20, drawing
    for drawing in figures[1:]:  # the first may be what a reader sees first
        assert drawing.get("loading") == "lazy"
    assert not parsed(SITE / path).select('img[src^="data:"]')


@pytest.mark.parametrize("path", PAGES)
def test_no_line_may_end_before_a_percent_sign(path: str) -> None:
    texts = parsed(SITE / path).select_one("article").find_all(string=True)
    said = [str(t) for t in texts if not t.find_parent(["pre", "code", "script"])]
    assert not [text for text in said if re.search(r"\d[ \n]%", text)]


def test_the_markup_is_valid(tmp_path: Path) -> None:
    settings = {"extends": ["html-validate:standard"], "rules": NOT_ASKED}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [
            *(NODE / ".bin" / "html-validate", "--config", tmp_path / "settings.json"),
            *("--formatter", "json", *PAGES),
        ],
        cwd=SITE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    faults = [
        f"{Path(file['filePath']).relative_to(SITE)}:{fault['line']} "
        f"{fault['ruleId']}: {fault['message']}"
        for file in json.loads(done.stdout)
        for fault in file["messages"]
    ]
    assert not faults, "\n".join(faults[:40])
