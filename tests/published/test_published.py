"""A site with an address: what it tells robots, readers of feeds, previews and Colab.

`nox -s published` runs this folder. The site is built from a copy of the repository,
since a build without outputs must not stand where the next one looks for them.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent.parent
URL = "https://example.org/book/latest/"
REPOSITORY = "https://github.com/example/vhist"
MAPS = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
CHAPTER = "chapters/plot_10_alexnet.html"


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    copy = tmp_path_factory.mktemp("repository")
    built = shutil.ignore_patterns("_build", "chapters", "experiments", "generated")
    shutil.copytree(ROOT / "docs", copy / "docs", ignore=built)
    for folder in ("examples", "vhist", "benchmarks"):
        shutil.copytree(ROOT / folder, copy / folder)
    for file in ("pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / file, copy)
    pages = copy / "html"
    subprocess.run(
        [
            *(sys.executable, "-m", "sphinx", "-b", "html", "-Q", "-j", "auto"),
            *("-D", "plot_gallery=0", "-D", "nb_execution_mode=off"),
            *(copy / "docs", pages),
        ],
        env=os.environ
        | {"VHIST_URL": URL, "VHIST_REPOSITORY": REPOSITORY, "VHIST_VERSION": "latest"},
        check=True,
    )
    return pages


def addresses(site: Path) -> set[str]:
    root = ElementTree.parse(site / "sitemap.xml").getroot()
    return {place.text for place in root.iter(f"{MAPS}loc")}


def test_the_sitemap_has_the_pages_that_readers_look_for(site: Path) -> None:
    found = addresses(site)
    assert {f"{URL}{page}" for page in ("index.html", CHAPTER, "results.html")} <= found
    assert not found & {f"{URL}{page}" for page in ("404.html", "search.html")}
    for address in found:
        assert (site / address.removeprefix(URL)).is_file(), address


def test_robots_and_feeds_find_their_files(site: Path) -> None:
    assert f"Sitemap: {URL}sitemap.xml" in (site / "robots.txt").read_text("utf-8")
    feed = ElementTree.parse(site / "feed.xml").getroot()
    assert feed.findtext("{http://www.w3.org/2005/Atom}id") == URL


@pytest.mark.parametrize("page", ["index.html", CHAPTER])
def test_a_page_says_where_it_is(site: Path, page: str) -> None:
    html = (site / page).read_text("utf-8")
    (canonical,) = re.findall(r'<link rel="canonical" href="([^"]+)"', html)
    assert canonical == f"{URL}{page}"
    tags = dict(re.findall(r'<meta property="(og:\w+)" content="([^"]*)"', html))
    assert tags["og:url"] == f"{URL}{page}"
    assert tags["og:title"]
    assert tags["og:description"]
    assert f'href="{URL}feed.xml"' in html
    assert "versions.js" in html


def test_a_notebook_installs_what_it_needs(site: Path) -> None:
    notebook = site.parent / "docs" / "chapters" / "plot_10_alexnet.ipynb"
    assert f"vhist @ git+{REPOSITORY}" in notebook.read_text("utf-8")


def test_a_404_page_works_in_any_folder(site: Path) -> None:
    html = (site / "404.html").read_text("utf-8")
    links = re.findall(r'<a\b[^>]*\bhref="([^"]+)"', html)
    inner = [link for link in links if not link.startswith(("https://", "#"))]
    assert inner
    assert all(link.startswith("/book/latest/") for link in inner), inner
    assert 'action="/book/latest/search.html"' in html
