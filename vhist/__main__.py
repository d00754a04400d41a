"""The command line: ``vhist train resnet_small --data imagenette --root DIR``.

Each command is a function in a module of :mod:`vhist.cli`; tyro turns its parameters
into flags and its docstring into help.
"""

import contextlib
import functools
import inspect
import io
import os
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Annotated, Literal, get_args

import tyro

from vhist._checks import check_known, is_out_of_memory
from vhist._launch import ENDING, handling, is_first
from vhist.cli import commands, listings, recording
from vhist.cli.parsing import parse_call, parse_train, variant
from vhist.recipe import recipe_for

_EXIT_CODES = """\
exit codes:
  0    done
  1    a bug in vhist; the traceback says where
  2    wrong input, or a file that cannot be read or written
  3    the run failed midway: loss not finite, out of memory, a process lost
  130  stopped by Ctrl-C; 143 by SIGTERM, 129 as the terminal was closed. What was
       saved can be continued"""


Shell = Literal["bash", "zsh", "fish"]

# What tyro's scripts lack, by shell. In the place of an argument they offer nothing,
# not even files; and fish cannot hand the list of all flags to Python as one argument.
_COMPLETION: dict[Shell, list[tuple[str, str]]] = {
    "bash": [("complete -F", "complete -o default -F")],
    "zsh": [
        (
            "_describe 'vhist completions' completion_array",
            "_describe 'vhist completions' completion_array || _files",
        )
    ],
    "fish": [
        (
            '($python_cmd -c "$pycode" $words $current)',
            '(printf %s "$pycode" | $python_cmd - $words $current)',
        ),
        (
            'if test "$results" = __TYRO_COMPLETE_FILES__',
            'if test "$results" = __TYRO_COMPLETE_FILES__; or begin\n'
            "            not string match -q -- '-*' (commandline -ct)\n"
            "            and not string match -qv -- '-*' $results\n"
            "        end",
        ),
    ],
}


def completion(
    shell: Annotated[Shell, tyro.conf.Positional, tyro.conf.arg(metavar="SHELL")],
) -> None:
    """Print a script that lets a shell complete commands, flags and models.

    Parameters
    ----------
    shell : str
        bash, zsh or fish
    """
    from vhist.models import list_models

    # tyro completes commands and flags, but no positional words. So each model is a
    # command here, with the flags and the defaults that it has.
    choices: dict[str, Sequence[str]] = {
        "model": list_models(),
        "shell": get_args(Shell),
    }
    app = tyro.extras.SubcommandApp()
    for name, function in COMMANDS.items():
        if " " in name:
            continue
        first = next(iter(inspect.signature(function).parameters), "")
        group: dict[str, Callable] = {}
        for word in choices.get(first, ()):
            recipe = {"recipe": recipe_for(word)} if name == "train" else {}
            group[word] = variant(function, without=first, **recipe)
        if name == "runs":
            group |= {"show": listings.show, "record": recording.record}
        inner = tyro.extras.SubcommandApp()
        for word, command in group.items():
            inner.command(command, name=word)
        app.command(inner if group else function, name=name)
    script = io.StringIO()
    with contextlib.redirect_stdout(script), contextlib.suppress(SystemExit):
        app.cli(prog="vhist", args=["--tyro-write-completion", shell, "-"])
    # One line holds all help texts. A break in one would end a word for the shell.
    text = "\n".join(
        line.replace(r"\n", " ") if "'description':" in line else line
        for line in script.getvalue().split("\n")
    )
    for name in sorted(choices["model"], key=len, reverse=True):
        text = text.replace(name.replace("_", "-"), name)  # tyro wrote resnet-small
    for theirs, ours in _COMPLETION[shell]:
        text = text.replace(theirs, ours)
    print(text)


COMMANDS: dict[str, Callable[..., int | None]] = {
    "train": commands.train,
    "eval": commands.evaluate,
    "predict": commands.predict,
    "summary": listings.summarize,
    "runs": listings.runs,
    "runs show": listings.show,
    "runs record": recording.record,
    "datasets": listings.datasets,
    "models": listings.models,
    "completion": completion,
}


_PIPE = 141  # 128 + SIGPIPE, which Windows has not
_MEMORY = "out of memory: ask for smaller pictures, a smaller batch or model"

_THREADS = "no more threads to be had: lower --threads, or raise the limit (ulimit -u)"


_OTHERS = [n for n in ENDING if n != signal.SIGINT]  # Python itself handles that one


class _Terminated(KeyboardInterrupt):
    def __init__(self, number: int) -> None:
        super().__init__()
        self.signal = number


def _terminate(number: int, frame: object) -> None:
    """End a command on SIGTERM or SIGHUP as Ctrl-C does: what is open is tidied up."""
    raise _Terminated(number)


def main() -> int:
    """Run a command; errors of the user are one line, see the exit codes."""
    argv = sys.argv[1:]
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without ± or blocks
    name, code = "vhist", 0
    try:
        if not argv or argv[0] in ("-h", "--help"):
            print(_help())
        elif argv[0] == "--version":
            print(f"vhist {version('vhist')}")
        else:
            called, words = _split(argv)
            name = f"vhist {called}"
            with warnings.catch_warnings(), handling(_OTHERS, _terminate):
                warnings.showwarning = functools.partial(_show_warning, name)
                # What a command has to say is no error, not even with python -W error.
                warnings.filterwarnings("default", module="vhist", category=UserWarning)
                command = COMMANDS[called]
                parse = parse_train if command is commands.train else parse_call
                code = parse(command, name, words)() or 0
        if sys.stdout is not None:  # closed by whoever started us
            sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        _drop_output()
        return _PIPE
    except MemoryError as error:
        return _complain(name, MemoryError(str(error) or _MEMORY), 3)
    except (FloatingPointError, ConnectionError) as error:
        return _complain(name, error, 3)
    except (ValueError, OSError) as error:
        return _complain(name, error, 2)
    except RuntimeError as error:  # how PyTorch and Python report a shortage
        if is_out_of_memory(error):
            return _complain(name, MemoryError(_MEMORY), 3)
        if "start new thread" not in str(error):
            raise
        return _complain(name, MemoryError(_THREADS), 3)
    except KeyboardInterrupt as stopped:
        if is_first():
            said = str(stopped) or "stopped"
            # Between steps it says more.
            if said == "stopped" and name == "vhist train":
                said += "; --resume goes on from what was saved, if anything was"
            with contextlib.suppress(OSError):  # nobody reads
                print(f"\n{name}: {said}", file=sys.stderr, flush=True)
        code = 128 + getattr(stopped, "signal", 2)
        if code == _PIPE:
            _drop_output()
        return code


def _drop_output() -> None:
    """Discard what is still to be written, or Python complains on exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _split(argv: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return the command that words begin with, and the words after it."""
    first, *rest = argv
    check_known("command", first, COMMANDS, "vhist --help")
    if (both := " ".join(argv[:2])) in COMMANDS:
        return both, argv[2:]
    inner = [name.split()[1] for name in COMMANDS if name.startswith(f"{first} ")]
    plain = [word for word in rest[:2] if not word.startswith("-")]
    if inner and len(plain) == 2:  # of its own `vhist runs` takes one word
        check_known(f"{first} command", plain[0], inner, f"vhist {first} --help")
    return first, rest


def _help() -> str:
    lines = ["usage: vhist COMMAND [OPTIONS]", ""]
    for name, function in COMMANDS.items():
        first = (function.__doc__ or "").splitlines()[0]
        lines.append(f"  {name:11s} {first}")
    lines += ["", "vhist COMMAND --help lists the options of a command,"]
    return "\n".join([*lines, "vhist --version prints the version.", "", _EXIT_CODES])


def _complain(name: str, error: Exception, code: int) -> int:
    """Print an error on one line.

    Of several processes on a machine, only the first reports errors in their input.
    """
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename or 'cannot go on'}: {error.strerror}"
    shared = isinstance(error, (ValueError, FileNotFoundError))
    if not shared or is_first(here=True):
        with contextlib.suppress(OSError):  # the code says it, too
            print(f"{name}: {' '.join(text.split())}", file=sys.stderr, flush=True)
    return code


def _show_warning(name: str, message, category, filename, lineno, *_: object) -> None:
    with contextlib.suppress(OSError):  # nobody reads
        print(f"{name}: {' '.join(str(message).split())}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
