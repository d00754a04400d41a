"""What readers take away, run where nothing of the repository is at hand.

Everything happens in a virtual environment that has the wheel and what it asks for, and
in empty folders.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SITE = Path(os.environ.get("VHIST_SITE", ROOT / "docs" / "_build" / "html"))
ZIPS = sorted(
    path for path in SITE.glob("_downloads/*/plot_*.zip") if path.stem[5:7].isdigit()
)
# Draws on no screen, and does not see the repository by way of the environment.
ALONE = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "VHIST"))}


def call(*words: object, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        list(map(str, words)),
        cwd=cwd,
        env=ALONE | env,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=900,
    )
    assert not done.returncode, f"{words[0]}:\n{(done.stdout + done.stderr)[-3000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the source distribution and the wheel that is built of it."""
    folder = tmp_path_factory.mktemp("dist")
    call(sys.executable, "-m", "build", f"--outdir={folder}", ROOT, cwd=folder)
    return folder


@pytest.fixture(scope="session")
def python(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Interpreter of an environment with the wheel and a kernel for notebooks."""
    folder = tmp_path_factory.mktemp("environment")
    (wheel,) = built.glob("*.whl")
    python = folder / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"
    if uv := shutil.which("uv"):
        call(uv, "venv", "--quiet", f"--python={sys.executable}", "venv", cwd=folder)
        install = (uv, "pip", "install", "--quiet", f"--python={python}")
    else:
        call(sys.executable, "-m", "venv", "venv", cwd=folder)
        install = (python, "-m", "pip", "install", "--quiet")
    call(*install, wheel, "nbclient", "ipykernel", cwd=folder)
    return python


def test_there_is_a_zip_of_each_chapter() -> None:
    chapters = {path.stem for path in (ROOT / "examples/chapters").glob("plot_*.py")}
    assert chapters == {path.stem for path in ZIPS}, "run `nox -s docs` first"


def test_the_wheel_holds_the_library_alone(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"vhist"}
    records = {path.name for path in (ROOT / "vhist/records").iterdir()}
    assert records <= {name.rsplit("/")[-1] for name in names}
    assert wheel.stat().st_size < 2e6


def test_the_source_builds_the_same(built: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"README.md", "LICENSE", "pyproject.toml", "vhist/__init__.py"} <= names
    assert not {n for n in names if n.startswith(("docs/_build", ".nox"))}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-c", "import vhist; print(vhist.__name__)"), "vhist"),
        (("-m", "vhist", "--help"), "record"),
        (("-m", "vhist", "runs"), "short-resnet_small-0"),
        (("-m", "vhist", "summary", "vit_b_16"), "multiply-adds"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_the_wheel_works_alone(words, says: str, python: Path, tmp_path: Path) -> None:
    assert says in call(python, *words, cwd=tmp_path)


@pytest.fixture(params=ZIPS, ids=lambda path: path.stem)
def unpacked(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with nothing in it but what was in a chapter's zip."""
    zipfile.ZipFile(request.param).extractall(tmp_path)
    (script,) = tmp_path.glob("*.py")
    return script


def test_a_script_runs_and_shows_its_figures(unpacked: Path, python: Path) -> None:
    shown = "import matplotlib.pyplot as p, runpy, sys; n = []; "
    shown += "p.show = lambda *a, **k: (n.extend(p.get_fignums()), p.close('all')); "
    shown += (
        "runpy.run_path(sys.argv[1], run_name='__main__'); print('figures', len(n))"
    )
    out = call(python, "-c", shown, unpacked.name, cwd=unpacked.parent)
    assert int(out.split()[-1]) >= 3


def test_a_notebook_runs_and_shows_its_figures(unpacked: Path, python: Path) -> None:
    run = (
        "import nbformat, nbclient, sys; b = nbformat.read(sys.argv[1], 4); "
        "nbclient.NotebookClient(b, timeout=600, kernel_name='python3').execute(); "
        "print(sum('image/png' in o.get('data', {}) for c in b.cells "
        "for o in c.get('outputs', [])))"
    )
    notebook = unpacked.with_suffix(".ipynb").name
    out = call(python, "-c", run, notebook, cwd=unpacked.parent, MPLBACKEND="")
    assert int(out.split()[-1]) >= 3
