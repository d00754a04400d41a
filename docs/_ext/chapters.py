"""The chapters are run by sphinx-gallery; this is what the book asks in addition.

Order:    small galleries as the index has it, not by name (``in_teaching_order``).
Before:   the same start for every chapter (``reset``); run chapters again when vhist,
          a record or torch has changed, not only their own text (``forget_stale``).
After:    fail if a chapter did not run (``check_ran``); make the notebooks that readers
          download free of Sphinx's markup (``clean_notebooks``).
"""

import hashlib
import json
import os
import random
import re
import shutil
import zipfile
from importlib.metadata import version
from pathlib import Path

from notebook_text import plain
from pybtex.database import parse_file
from sphinx.errors import ExtensionError
from sphinx_gallery.utils import get_md5sum

# sphinx-gallery writes this below every page that it has run (min_reported_time = 0).
MARK_OF_A_RUN = "**Total running time of the script:**"

# Files of the library that an output may depend on.
ENDINGS = ("py", "json", "toml", "txt", "js", "css")
DOCS = ("constraints.txt", "refs.bib")


# ---- the state in which a chapter starts ---------------------------------------------


def reset(gallery_conf, fname, when):
    """Give every chapter the same start (sphinx-gallery's ``reset_modules``)."""
    import matplotlib.pyplot as plt
    import numpy as np
    import torch

    from vhist.plots import use_style

    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    torch.set_default_device("cpu")
    torch.set_grad_enabled(True)
    torch.use_deterministic_algorithms(False)
    torch.set_printoptions(profile="default")
    use_style()
    plt.rcParams["savefig.dpi"] = 200
    plt.rcParams["patch.edgecolor"] = plt.rcParams["text.color"]  # arrows, else black


# ---- the order of small galleries ----------------------------------------------------


def in_teaching_order(file: str) -> tuple[str, int, str]:
    """Sort scripts as their folder's index lists them, chapters first."""
    path = Path(file)
    index = path.with_name("index.rst").read_text(encoding="utf-8")
    place = re.search(rf"\b{path.stem}\b", index)
    return path.parent.name, place.start() if place else len(index), path.name


# ---- before the gallery runs ---------------------------------------------------------


def forget_stale(app):
    """Let those pages run again whose outputs could differ from the stored ones."""
    if not _runs_code(app):
        return
    root = Path(app.srcdir).parent
    print_now = fingerprint(root)
    stamp = _folders(app)[0] / ".fingerprint"
    changed = not stamp.exists() or stamp.read_text() != print_now
    for md5 in (m for f in _folders(app) for m in f.glob("plot_*.py.md5")):
        page = md5.with_name(md5.name.removesuffix(".py.md5") + ".rst")
        if changed or not has_run(page):
            md5.unlink()
    if changed:  # MyST-NB keeps its outputs in a cache of its own
        shutil.rmtree(Path(app.outdir).parent / ".jupyter_cache", ignore_errors=True)
        # and Sphinx would not even look at its pages, whose text is as it was
        app.connect("env-get-outdated", lambda app, env, *_: env.found_docs)
        stamp.parent.mkdir(exist_ok=True)
        stamp.write_text(print_now)
    if not to_run(app):  # its workers take a second to come, to do nothing
        app.config.sphinx_gallery_conf["parallel"] = False


def to_run(app) -> list[Path]:
    """Return the scripts that sphinx-gallery is going to run."""
    examples = Path(app.srcdir).parent / "examples"
    return [
        script
        for folder in _folders(app)
        for script in (examples / folder.name).glob("plot_*.py")
        if not (md5 := folder / f"{script.name}.md5").exists()
        or md5.read_text() != get_md5sum(script, mode="t")
    ]


def fingerprint(root: Path) -> str:
    """Hash all that an output depends on, apart from the chapter's own text."""
    files = [f for end in ENDINGS for f in root.glob(f"vhist/**/*.{end}")]
    files += root.glob("docs/_ext/*.py")
    # the versions that build the site, and the papers that notebooks cite
    files += [f for name in DOCS if (f := root / "docs" / name).exists()]
    files += root.glob("benchmarks/records/*.json")
    # Some pages show Imagenette's pictures where they are at hand.
    pictures = os.environ.get("VHIST_DATA", "")
    digest = hashlib.sha256(f"{version('torch')} {pictures}".encode())
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()


# ---- after it ------------------------------------------------------------------------


def has_run(page: Path) -> bool:
    return page.exists() and MARK_OF_A_RUN in page.read_text(encoding="utf-8")


def check_ran(app):
    """Fail if a chapter has no outputs: a page of unproven code is worse than none."""
    if not _runs_code(app):
        return
    examples = Path(app.srcdir).parent / "examples"
    idle = [
        script.name
        for folder in _folders(app)
        for script in sorted((examples / folder.name).glob("plot_*.py"))
        if not has_run(folder / f"{script.stem}.rst")
    ]
    if idle:
        raise ExtensionError(f"not run, so the site is not built: {', '.join(idle)}")


def clean_notebooks(app):
    """Turn markup that only Sphinx knows into Markdown; zip the notebooks again.

    What is clean already is left alone: a page is read again when a download changes.
    """
    references = parse_file(Path(app.srcdir) / "refs.bib")
    for path in (p for folder in _folders(app) for p in folder.glob("*.ipynb")):
        old = path.read_text(encoding="utf-8")
        notebook = json.loads(old)
        # a cell with nothing but settings for sphinx-gallery is empty by now
        notebook["cells"] = [
            c for c in notebook["cells"] if "".join(c["source"]).strip()
        ]
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                cell["source"] = [plain("".join(cell["source"]), references)]
        new = json.dumps(notebook, indent=1) + "\n"
        if new != old:
            path.write_text(new, encoding="utf-8")
    for path in (p for folder in _folders(app) for p in folder.glob("*.zip")):
        rezip(path)


def rezip(path: Path) -> None:
    """Zip the same files again, unless they are as they were."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if all(archive.read(n) == (path.parent / n).read_bytes() for n in names):
            return
    fresh = path.with_suffix(".zip.new")
    with zipfile.ZipFile(fresh, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(path.parent / name, name)
    os.replace(fresh, path)


def _runs_code(app) -> bool:
    return str(app.config.plot_gallery) in {"True", "1"}


def _folders(app) -> list[Path]:
    names = app.config.sphinx_gallery_conf["gallery_dirs"]
    return [Path(app.srcdir) / name for name in names]


def setup(app):
    # sphinx-gallery runs the chapters at the same event, with priority 500
    app.connect("builder-inited", forget_stale, priority=100)
    app.connect("builder-inited", check_ran, priority=900)
    app.connect("builder-inited", clean_notebooks, priority=901)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
