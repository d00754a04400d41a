"""Fetch the files of others that the site carries: KaTeX and two fonts.

They are committed, so building the site needs neither this script nor npm. Run it
from the root of the repository to bring in other versions:

    python tools/vendor.py
"""

import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

KATEX = "katex@0.19.1"
FONTS = {
    "inter": "@fontsource-variable/inter@5.3.0",
    "jetbrains-mono": "@fontsource-variable/jetbrains-mono@5.3.0",
}
DOCS = Path(__file__).parent.parent / "docs"
VENDOR = DOCS / "_static" / "vendor"


def fetch(package: str, folder: Path) -> Path:
    """Download an npm package into a folder; return the folder of its files."""
    command = ["npm", "pack", "--silent", package]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "package"


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(source.read_bytes())


def vendor_katex() -> None:
    """The script runs while the site is built; pages need the style and the fonts."""
    with tempfile.TemporaryDirectory() as folder:
        package = fetch(KATEX, Path(folder))
        licence = package / "LICENSE"
        copy(
            package / "dist" / "katex.min.js", DOCS / "_ext" / "katex" / "katex.min.js"
        )
        copy(licence, DOCS / "_ext" / "katex" / "LICENSE.txt")
        copy(licence, VENDOR / "katex" / "LICENSE.txt")
        for font in (package / "dist" / "fonts").glob("*.woff2"):
            copy(font, VENDOR / "katex" / "fonts" / font.name)
        style = (package / "dist" / "katex.min.css").read_text(encoding="utf-8")
        style = re.sub(r',url\([^)]*\.(woff|ttf)\) format\("\w+"\)', "", style)
        (VENDOR / "katex" / "katex.min.css").write_text(style, encoding="utf-8")


def vendor_font(name: str, package: str) -> None:
    """Only the Latin letters, all weights in one file."""
    with tempfile.TemporaryDirectory() as folder:
        files = fetch(package, Path(folder))
        font = f"{name}-latin-wght-normal.woff2"
        copy(files / "files" / font, VENDOR / "fonts" / font)
        copy(files / "LICENSE", VENDOR / "fonts" / f"{name}-LICENSE.txt")


if __name__ == "__main__":
    vendor_katex()
    for name, package in FONTS.items():
        vendor_font(name, package)
