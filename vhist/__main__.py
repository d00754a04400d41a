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
    """folder for the record (.json), the weights (.pt) and, until the run has ended,
    its state (.ckpt)"""
    name: str | None = None
    """name of these; made of model, data and seed if not given"""
    resume: bool = False
    """continue the run of this name where it was stopped or killed; begin if there is
    none. All else must be as it was"""
    checkpoint_seconds: float = 60.0
    """seconds between two savings of the state"""
    tensorboard: Path | None = None
    """folder for TensorBoard's event files (pip install 'vhist[tensorboard]')"""


def train(argv: list[str]) -> int:
    """Train a model and write its record and weights."""
    import tyro

    from vhist.checkpoint import remove, write_whole
    from vhist.models import create_model
    from vhist.parallel import Team, processes
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

        target, weights, state = _outputs(options, model, recipe.seed)
        if options.threads:
            torch.set_num_threads(options.threads)
        with processes(_device(options.device)) as device:
            torch.manual_seed(recipe.seed)
            extra: dict = {}
            if not model.startswith("resnet"):
                extra["image_size"] = recipe.image_size
            create_model(model, **extra)  # an unknown one fails before data is loaded
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
            run = fit(
                network,
                data,
                recipe,
                name=target.stem,
                model_name=model,
                model_options=extra,
                checkpoint=state,
                checkpoint_seconds=options.checkpoint_seconds,
                resume=options.resume,
                tensorboard=options.tensorboard,
            )
            if Team.current().first:
                write_whole(
                    lambda path: torch.save(network.state_dict(), path), weights
                )
                run.save(target)
                remove(state)
                accuracy, seconds = 100 * run.accuracy, run.seconds
                print(f"{accuracy:.2f} % in {seconds:.0f} s, written to {target}")

    tyro.cli(main, prog="vhist train", args=argv)
    return 0


def _outputs(options: Options, model: str, seed: int) -> tuple[Path, Path, Path]:
    """Return the files of a run: record, weights, state; refuse to overwrite one."""
    name = options.name or f"{model}-{options.data}-{seed}"
    target, weights, state = (
        options.out / f"{name}.{end}" for end in ("json", "pt", "ckpt")
    )
    if target.exists() and not state.exists():
        raise ValueError(f"{target} exists; choose another --name or move it away")
    return target, weights, state


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
    except (ValueError, OSError, FloatingPointError, MemoryError) as error:
        print(f"vhist {name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stopped:
        print(f"\nvhist {name}: {stopped or 'stopped'}", file=sys.stderr)
        return 128 + getattr(stopped, "signal", 2)


if __name__ == "__main__":
    sys.exit(main())
