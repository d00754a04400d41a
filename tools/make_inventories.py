"""Write docs/_inventories: what the other projects' documentations call their pages.

With them Sphinx links to PyTorch and the like without asking the network. They are
written from the packages as installed, by the naming scheme of each site:

    uv run --group docs --with sphobjinv tools/make_inventories.py
"""

import builtins
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

from sphobjinv import DataObjStr, Inventory, compress, writebytes

FOLDER = Path(__file__).parent.parent / "docs" / "_inventories"

#: project -> page of a name, unless the module's own entry below says otherwise
NAMES = {
    "torch": "generated/{name}.html",
    "torchvision": "generated/{name}.html",
    "matplotlib": "api/_as_gen/{name}.html",
    "numpy": "reference/generated/{name}.html",
}
#: project -> module -> (its page, page of its names if they are elsewhere)
MODULES = {
    "torch": {
        "torch": ("torch.html", ""),
        "torch.nn": ("nn.html", ""),
        "torch.nn.functional": ("nn.functional.html", ""),
        "torch.nn.init": ("nn.init.html", "nn.init.html"),
        "torch.optim": ("optim.html", ""),
        "torch.optim.lr_scheduler": ("optim.html", ""),
        "torch.utils.data": ("data.html", "data.html"),
        "torch.utils.flop_counter": ("utils.html", ""),
        "torch.linalg": ("linalg.html", ""),
        "torch.fft": ("fft.html", ""),
    },
    "torchvision": {
        "torchvision": ("index.html", ""),
        "torchvision.models": ("models.html", "models/generated/{name}.html"),
        "torchvision.datasets": ("datasets.html", ""),
        "torchvision.transforms.v2": ("transforms.html", ""),
        "torchvision.transforms.v2.functional": ("transforms.html", ""),
        "torchvision.ops": ("ops.html", ""),
        "torchvision.utils": ("utils.html", ""),
    },
    "matplotlib": {
        "matplotlib.pyplot": ("api/pyplot_summary.html", ""),
        "matplotlib.figure": ("api/figure_api.html", ""),
        "matplotlib.axes": ("api/axes_api.html", ""),
    },
    "numpy": {
        "numpy": ("reference/index.html", ""),
        "numpy.linalg": ("reference/routines.linalg.html", ""),
        "numpy.random": ("reference/random/index.html", "reference/random/index.html"),
    },
    "python": {
        name: (f"library/{name}.html", f"library/{name}.html")
        for name in (
            *("collections.abc", "dataclasses", "functools", "itertools", "json"),
            *("math", "pathlib", "random", "time", "typing"),
        )
    },
}
#: classes whose members have entries -> page of a member
MEMBERS = {
    "torch.Tensor": "generated/{name}.html",
    "torch.nn.Module": "generated/torch.nn.Module.html",
    "matplotlib.axes.Axes": "api/_as_gen/{name}.html",
    "matplotlib.figure.Figure": "api/_as_gen/matplotlib.figure.Figure.html",
    "numpy.ndarray": "reference/generated/{name}.html",
    "pathlib.Path": "library/pathlib.html",
}
STANDARD_TYPES = (
    *("str", "bytes", "bytearray", "memoryview", "list", "tuple", "range"),
    *("dict", "set", "frozenset"),
)


def entry(role: str, name: str, page: str) -> DataObjStr:
    anchor = f"module-{name}" if role == "module" else name
    uri = f"{page}#{anchor}"
    return DataObjStr(
        name=name, domain="py", role=role, priority="1", uri=uri, dispname="-"
    )


def role_of(value: object) -> str:
    if inspect.isclass(value):
        return "exception" if issubclass(value, BaseException) else "class"
    return "function" if callable(value) else "data"


def of_module(module: str, page: str, page_of_names: str) -> Iterator[DataObjStr]:
    imported = importlib.import_module(module)
    yield entry("module", module, page)
    for short in getattr(imported, "__all__", dir(imported)):
        value = getattr(imported, short, None)
        if short.startswith("_") or value is None or inspect.ismodule(value):
            continue
        name = f"{module}.{short}"
        yield entry(role_of(value), name, page_of_names.format(name=name))
        if name in MEMBERS:
            yield from of_class(name, value)


def of_class(name: str, cls: type) -> Iterator[DataObjStr]:
    for short in dir(cls):
        if not short.startswith("_"):
            member = f"{name}.{short}"
            role = "method" if callable(getattr(cls, short)) else "attribute"
            yield entry(role, member, MEMBERS[name].format(name=member))


def of_builtins() -> Iterator[DataObjStr]:
    for name, value in vars(builtins).items():
        role = role_of(value)
        page = "exceptions" if role == "exception" else "functions"
        if name in STANDARD_TYPES:
            page = "stdtypes"
        if role != "data" and not name.startswith("_"):
            yield entry(role, name, f"library/{page}.html")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for project, modules in MODULES.items():
        found = list(of_builtins()) if project == "python" else []
        for module, (page, page_of_names) in modules.items():
            found += of_module(module, page, page_of_names or NAMES[project])
        inventory = Inventory()
        inventory.project, inventory.version = project, "stable"
        inventory.objects.extend({(o.role, o.name): o for o in found}.values())
        data = compress(inventory.data_file(contract=True))
        writebytes(str(FOLDER / f"{project}.inv"), data)
        print(f"{project}: {inventory.count} names, {len(data)} bytes")


if __name__ == "__main__":
    main()
