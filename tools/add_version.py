"""Put the built site beside the versions that are published already.

    python tools/add_version.py docs/_build/html site 0.2

The folder ``site`` gets a folder ``0.2``, or a new one in its place; ``latest`` is what
is not released. Beside them stand versions.json, which the list in the sidebar reads,
an index.html that leads to the newest release (to latest before the first), and what a
server looks for at its root.
"""

import json
import re
import shutil
import sys
from pathlib import Path

RELEASE = re.compile(r"\d+(\.\d+)*")
INDEX = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={0}/">
<title>vhist</title>
<a href="{0}/">vhist {0}</a>
</html>
"""


def release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, by which releases are in order."""
    return tuple(int(number) for number in version.split("."))


def add_version(built: Path, site: Path, version: str) -> None:
    """Add a version to a site of several.

    Parameters
    ----------
    built : Path
        Pages of the version, as `nox -s docs` wrote them with ``VHIST_VERSION`` set.
    site : Path
        Folder of all versions; made where there is none.
    version : str
        "latest", or the number of a release such as "0.2".

    Raises
    ------
    ValueError
        If ``version`` is something else, or ``built`` has no pages.
    """
    if version != "latest" and not RELEASE.fullmatch(version):
        raise ValueError(f"version must be latest or like 0.2, got {version!r}")
    if not (built / "index.html").is_file():
        raise ValueError(f"no site in {built}; run `nox -s docs` first")
    new = site / f"{version}.new"  # until all of it is there, the old one stays
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(built, new)
    shutil.rmtree(site / version, ignore_errors=True)
    new.rename(site / version)

    names = {page.parent.name for page in site.glob("*/index.html")}
    names = {name for name in names if RELEASE.fullmatch(name)}
    releases = sorted(names, key=release, reverse=True)
    latest = ["latest"] if (site / "latest").is_dir() else []
    first = [*releases, *latest][0]
    versions = json.dumps(latest + releases)
    (site / "versions.json").write_text(versions, encoding="utf-8")
    (site / "index.html").write_text(INDEX.format(first), encoding="utf-8")
    for name in ("404.html", "robots.txt"):
        if (site / first / name).is_file():
            shutil.copy(site / first / name, site)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        add_version(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
    except ValueError as error:
        sys.exit(f"error: {error}")
