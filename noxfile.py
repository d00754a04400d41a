"""The chores of this repository: ``nox -l`` lists them, ``nox -s docs`` runs one."""

from __future__ import annotations

import shutil
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["docs", "tests"]

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
CONSTRAINTS = "docs/constraints.txt"
SITE = ROOT / "docs" / "_build" / "html"
BROWSER = ROOT / "tests" / "site"
GIVEN = ROOT / "tests" / "downloads"
PUBLISHED = ROOT / "tests" / "published"
BENCHMARKS = ["overhead", "folder", "limit", "growth", "lrn", "imports"]
STUBS = ROOT / "docs" / "api" / "generated"
GENERATED = ["docs/_build", "docs/chapters", "docs/experiments", "docs/api/generated"]

# One thread, a fixed hash seed and no window: numbers repeat, figures need no screen.
QUIET = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "agg",
}


def groups(*names: str) -> list[str]:
    """Return the requirements of dependency groups of pyproject.toml."""
    return list(nox.project.dependency_groups(PYPROJECT, *names))


@nox.session
def docs(session: nox.Session) -> None:
    """Build the site (`-- fast`: run no code; `-- live`: serve and rebuild)."""
    arguments = list(session.posargs)
    live, fast = "live" in arguments, "fast" in arguments
    extra = [word for word in arguments if word not in {"live", "fast"}]

    names = ["docs", "live"] if live else ["docs"]
    session.install("-c", CONSTRAINTS, *groups(*names), "-e", ".")
    session.env.update(QUIET)

    _forget_stubs()
    options = ["-b", "html", "-n", "-j", "auto", *extra]
    if fast:
        options += ["-D", "plot_gallery=0", "-D", "nb_execution_mode=off"]
    elif not live:
        options += ["-W"]
    if live:
        watch = [f"--watch={folder}" for folder in ("examples", "vhist")]
        ignore = [f"--ignore={ROOT / folder}" for folder in GENERATED]
        ignore += ["--re-ignore=__pycache__"]
        where = ["--host=127.0.0.1", "--port=0", "--open-browser"]
        session.run("sphinx-autobuild", *watch, *ignore, *where, *options, "docs", SITE)
        return
    try:
        session.run("sphinx-build", *options, "docs", SITE)
    except CommandFailed:
        # Sphinx warns about a page when it reads it: the next build must read all again
        shutil.rmtree(SITE / ".doctrees", ignore_errors=True)
        raise
    session.log(f"The site is ready: {(SITE / 'index.html').as_uri()}")


def _forget_stubs() -> None:
    """Remove the reference's pages if a name may have gone: Sphinx only adds pages."""
    sources = [*(ROOT / "vhist").rglob("*.py"), STUBS.parent / "index.md"]
    changed = max(path.stat().st_mtime for path in sources)
    if STUBS.exists() and STUBS.stat().st_mtime < changed:
        shutil.rmtree(STUBS)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests (`nox -s tests -- -k vit` passes its arguments to pytest)."""
    session.install(*groups("test"), "-e", ".")
    session.env.update(QUIET)
    session.run("pytest", *session.posargs)


@nox.session
def site(session: nox.Session) -> None:
    """Prove the built site in a browser (needs Node; `-- -k lighthouse`: a part)."""
    session.install(*groups("browser"))
    node = Path(session.virtualenv.location) / "node"
    node.mkdir(exist_ok=True)
    shutil.copy(BROWSER / "package.json", node)
    quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
    session.run("npm", "install", f"--prefix={node}", *quiet, external=True)
    session.env["VHIST_NODE"] = str(node / "node_modules")
    # The tests of the library have a conftest.py that needs torch.
    options = [f"--confcutdir={BROWSER}", *session.posargs]
    session.run("pytest", BROWSER, *options)


@nox.session
def published(session: nox.Session) -> None:
    """Build a site that has an address, without running code, and test its files."""
    session.install("-c", CONSTRAINTS, *groups("docs", "pytest"), "-e", ".")
    session.env.update(QUIET)
    session.run("pytest", f"--confcutdir={PUBLISHED}", PUBLISHED, *session.posargs)


@nox.session
def book(session: nox.Session) -> None:
    """Print the built site as one PDF, vhist.pdf beside its pages (needs Chromium)."""
    session.install(*groups("browser"))
    session.run("python", "tools/book.py")


@nox.session
def downloads(session: nox.Session) -> None:
    """Run what readers download, in a fresh environment that has only the wheel."""
    session.install("build", *groups("pytest"))
    session.env.update(QUIET)
    session.run("pytest", f"--confcutdir={GIVEN}", GIVEN, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style, types, spelling and the markup of the pages."""
    session.install(*groups("lint"))
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("mypy")
    session.run("codespell")
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    schema = ("check-jsonschema", "--builtin-schema")
    session.run(*schema, "vendor.github-workflows", *workflows)
    session.run(*schema, "vendor.readthedocs", ".readthedocs.yaml")
    ignored = [f"--ignore={folder}" for folder in GENERATED]
    session.run(
        "sphinx-lint", *ignored, "docs", "examples", "README.md", "CHANGELOG.md"
    )


@nox.session
def links(session: nox.Session) -> None:
    """Ask the servers of others whether the links of the pages still work."""
    session.install("-c", CONSTRAINTS, *groups("docs"), "-e", ".")
    session.env.update(QUIET)
    text_only = ("-D", "plot_gallery=0", "-D", "nb_execution_mode=off")
    session.run(
        "sphinx-build", "-b", "linkcheck", *text_only, "docs", SITE.parent / "links"
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the trainer (`-- overhead --write`: one part, and save its record)."""
    session.install(*groups("bench"), "-e", ".")
    session.env.update(QUIET)
    options = [word for word in session.posargs if word not in BENCHMARKS]
    for part in [w for w in session.posargs if w in BENCHMARKS] or BENCHMARKS:
        session.run("python", "-u", "-Wignore", f"benchmarks/{part}.py", *options)


@nox.session
def lock(session: nox.Session) -> None:
    """Write docs/constraints.txt: the newest versions that build the site together."""
    session.install("uv")
    session.run(
        *("uv", "pip", "compile", "pyproject.toml", "--group=docs", "--group=live"),
        *("--universal", "--python-version=3.11", "--upgrade", "--no-annotate"),
        *("--no-emit-index-url", "--custom-compile-command=nox -s lock"),
        *("--quiet", f"--output-file={CONSTRAINTS}", *session.posargs),
    )


@nox.session(venv_backend="none")
def clean(session: nox.Session) -> None:
    """Remove everything that the docs session generated."""
    for folder in GENERATED:
        shutil.rmtree(ROOT / folder, ignore_errors=True)
