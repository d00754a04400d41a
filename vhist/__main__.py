"""The command line: ``vhist train resnet_small --data imagenette --root DIR``."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal


@dataclass(frozen=True)
class Options:
    """What to train on and where to put the result."""

    data: str = "sketchnette"
    """sketchnette, imagenette, cifar10, or folder with --root"""
    root: Path | None = None
    """folder with train/ and val/; imagenette and cifar10 download where it is empty"""
    size: Literal["160px", "320px", "full"] = "160px"
    """which of Imagenette's archives to download"""
    data_size: int | None = None
    """height and width to decode pictures to, in pixels; a quarter more than
    --image-size if not given, so that crops lose no sharpness"""
    skip_bad: bool = False
    """leave out files that are no pictures"""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto takes a GPU if there is one"""
    threads: int | None = None
    """CPU threads; PyTorch's choice if not given"""
    out: Path = Path("runs")
    """folder for the record (.json) and the weights (.pt)"""
    name: str | None = None
    """name of both; made of model, data and seed if not given"""


def train(argv: list[str]) -> int:
    """Train a model and write its record and weights."""
    import tyro

    from vhist.models import create_model
    from vhist.train import Recipe, fit, recipe_for

    named = argv[0] if argv and not argv[0].startswith("-") else "resnet_small"
    default = recipe_for(named)  # so that --help shows what this model would get

    def main(
        model: Annotated[str, tyro.conf.Positional],
        options: Annotated[Options, tyro.conf.arg(name="")],
        recipe: Annotated[Recipe, tyro.conf.arg(name="")] = default,
    ) -> None:
        """Train a model and write its record and weights.

        Args:
            model: one of the builders that `vhist models` lists
        """
        import torch

        from vhist.data import load_dataset

        name = options.name or f"{model}-{options.data}-{recipe.seed}"
        target = options.out / f"{name}.json"
        if target.exists():
            raise ValueError(f"{target} exists; choose another --name or move it away")
        if options.threads:
            torch.set_num_threads(options.threads)
        device = torch.device(_device(options.device))
        torch.manual_seed(recipe.seed)
        extra = {} if model.startswith("resnet") else {"image_size": recipe.image_size}
        create_model(model, **extra)  # an unknown model fails before data is loaded
        data = load_dataset(
            options.data,
            root=options.root,
            image_size=options.data_size or recipe.image_size * 5 // 4,
            size=options.size,
            skip_bad=options.skip_bad,
        )
        extra["num_classes"] = len(data.classes)
        torch.manual_seed(recipe.seed)
        network = create_model(model, **extra).to(device)
        options.out.mkdir(parents=True, exist_ok=True)
        run = fit(
            network, data, recipe, name=name, model_name=model, model_options=extra
        )
        run.save(target)  # first: small, and the training is not lost with the weights
        _save_weights(network.state_dict(), target.with_suffix(".pt"))
        print(f"{100 * run.accuracy:.2f} % in {run.seconds:.0f} s, written to {target}")

    tyro.cli(main, prog="vhist train", args=argv)
    return 0


def _save_weights(state: dict, path: Path) -> None:
    """Write the weights whole or not at all."""
    import torch

    partial = path.with_suffix(".partial")
    try:
        torch.save(state, partial)
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as the latter
        partial.unlink(missing_ok=True)
        reason = str(error).splitlines()[0]
        raise OSError(
            f"could not write {path} ({reason}); the record is kept"
        ) from error


def _device(name: str) -> str:
    """Return the device to use; refuse one that is not there."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"cannot use device {name!r} ({reason}); try cpu") from error
    return name


def models(argv: list[str]) -> int:
    """List the models that can be trained."""
    from vhist.models import list_models

    print("\n".join(list_models()))
    return 0


def runs(argv: list[str]) -> int:
    """List the records that come with the package."""
    from vhist.runs import load_all

    for run in load_all():
        print(
            f"{run.name:28s} {100 * run.accuracy:6.2f} %  {run.parameters:12,d} numbers"
            f" {run.seconds:7.0f} s  {run.device}"
        )
    return 0


COMMANDS = {"train": train, "models": models, "runs": runs}


def main() -> int:
    """Dispatch to a command; errors of the user are one line and exit code 2."""
    name, argv = (sys.argv[1:2] or ["--help"])[0], sys.argv[2:]
    if name in ("-h", "--help"):
        print("usage: vhist COMMAND [OPTIONS]\n")
        for key, command in COMMANDS.items():
            print(f"  {key:8s} {command.__doc__}")
        print("\nvhist COMMAND --help lists the options of a command.")
        return 0
    if name not in COMMANDS:
        print(f"vhist: no command {name!r}; use {', '.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        return COMMANDS[name](argv)
    except (ValueError, OSError, FloatingPointError) as error:
        print(f"vhist {name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
