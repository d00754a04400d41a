"""What a published site has beside its pages: robots.txt and a feed of its changes.

Both name the site's address, so they are written only where that is known: from
``VHIST_URL`` or a ``Documentation`` in [project.urls] of pyproject.toml. The sitemap is
by sphinx-sitemap.
"""

import re
from pathlib import Path
from xml.etree import ElementTree

from markdown_it import MarkdownIt

FEED = "feed.xml"
ATOM = "http://www.w3.org/2005/Atom"
# "## 0.2.0 (2026-12-24)"; what has no date is not published yet
RELEASE = re.compile(
    r"^## (?P<version>\S+) \((?P<date>\d{4}-\d\d-\d\d)\)\n(?P<text>.*?)(?=^## |\Z)",
    re.MULTILINE | re.DOTALL,
)


def feed(changelog: str, url: str, title: str) -> str:
    """Return an Atom feed with an entry for each release of a changelog.

    Parameters
    ----------
    changelog : str
        Markdown with a heading such as ``## 0.2.0 (2026-12-24)`` for each release.
    url : str
        Address of the site, with a slash at its end.
    title : str
        Name of the feed.

    Returns
    -------
    str
        XML; of a changelog without releases a feed without entries.
    """
    releases = list(RELEASE.finditer(changelog))
    dates = [release["date"] for release in releases]
    root = ElementTree.Element("feed", xmlns=ATOM)
    _add(root, "title", title)
    _add(root, "id", url)
    _add(root, "link", href=url)
    _add(root, "link", href=f"{url}{FEED}", rel="self")
    _add(root, "updated", _time(max(dates, default="1970-01-01")))
    _add(_add(root, "author"), "name", title)
    for release in releases:
        entry = _add(root, "entry")
        version = release["version"]
        _add(entry, "title", f"{title} {version}")
        _add(entry, "id", f"{url}changelog.html#{version}")
        _add(entry, "link", href=f"{url}changelog.html")
        _add(entry, "updated", _time(release["date"]))
        _add(entry, "content", MarkdownIt().render(release["text"]), type="html")
    ElementTree.indent(root)
    return ElementTree.tostring(root, "unicode", xml_declaration=True) + "\n"


def robots(url: str) -> str:
    """Welcome all robots and show them the sitemap."""
    return f"User-agent: *\nAllow: /\nSitemap: {url}sitemap.xml\n"


def announce(app, pagename, templatename, context, doctree):
    """Tell readers of feeds where ours is."""
    url = app.config.html_baseurl
    context["metatags"] = context.get("metatags", "") + (
        f'<link rel="alternate" type="application/atom+xml" title="Changes" '
        f'href="{url}{FEED}">'
    )


def write(app, exception):
    if exception or app.builder.name != "html":
        return
    site, url = Path(app.outdir), app.config.html_baseurl
    changelog = (Path(app.srcdir).parent / "CHANGELOG.md").read_text("utf-8")
    (site / FEED).write_text(feed(changelog, url, app.config.project), "utf-8")
    (site / "robots.txt").write_text(robots(url), "utf-8")


def _add(parent, name: str, text: str = "", **attributes: str):
    element = ElementTree.SubElement(parent, name, attributes)
    element.text = text or None
    return element


def _time(date: str) -> str:
    return f"{date}T00:00:00Z"


def setup(app):
    app.connect("html-page-context", announce)
    app.connect("build-finished", write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
