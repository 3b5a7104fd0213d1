"""The application itself: how a command is found, and how what goes wrong is said."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from kgdrug.cli.screen import fail, out
from kgdrug.errors import KgdrugError

COMMANDS = {
    "demo": "Train on the sample graph, and rank drugs for three diseases.",
    "doctor": "Print versions, device, folders, and what is wrong.",
    "data": "List, download and describe graphs.",
    "build": "Build a graph folder from files of many forms.",
    "export": "Write a graph in the form of another tool.",
    "split": "Part a graph into training, valid and test triples.",
    "audit": "Look for what training gives away of the test part.",
    "train": "Train, evaluate, save and track a model.",
    "runs": "List and show tracked runs.",
    "import": "Make a model of vectors that were trained elsewhere.",
    "evaluate": "Rank held-out answers again, or judge pairs of a file.",
    "folds": "Evaluate several models together, one a fold or repeat.",
    "compare": "Say how sure the difference of two models is.",
    "calibrate": "Learn probabilities of treatments, and judge them.",
    "ensemble": "Put models together, where that beats the best of them.",
    "report": "Write a page about a model.",
    "search": "Find entities by a part of an id or name.",
    "predict": "Rank the candidates of one question, or of many.",
    "explain": "Say what stands behind one answer.",
    "similar": "List what is most like an entity.",
    "score": "Say of each row of a table what the model says of it.",
    "matrix": "Write the score of every compound for every disease.",
    "vectors": "Write the vectors of entities for other tools.",
    "neighbourhood": "Write what joins a compound and a disease, as GraphML.",
    "serve": "Answer questions over HTTP.",
}  # in the order of the work, each in one line of 80 columns


class _InOrder(typer.core.TyperGroup):
    """The commands as `COMMANDS` has them; what is not there comes last, in its own words."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        known = [name for name in COMMANDS if name in self.commands]
        return [*known, *(name for name in self.commands if name not in COMMANDS)]

    def format_commands(self, *given: Any) -> None:
        for name, command in self.commands.items():
            command.short_help = COMMANDS.get(name, command.short_help)
        super().format_commands(*given)


app = typer.Typer(
    cls=_InOrder,
    help="Drug repurposing on knowledge graphs. Research software: no medical advice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
Model = Annotated[str, typer.Argument(metavar="MODEL", help="A folder, NAME@ALIAS, NAME/VERSION or runs:ID.")]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; errors are one or two plain lines, a traceback only with `--debug`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s: %(message)s")
    command = typer.main.get_command(app)
    try:
        code = command.main([word for word in words if word != "--debug"], "kgdrug", standalone_mode=False)
        sys.stdout.flush()  # a pipe that closed early is met here, not when the interpreter ends
    except KgdrugError as error:
        if debug:
            raise
        fail(str(error), error.exit_code)
    except TyperException as error:
        if error.format_message().startswith("Usage:"):  # a command was left out: this is the help
            sys.stderr.write(error.format_message() + "\n")
            raise SystemExit(error.exit_code) from None
        path = getattr(getattr(error, "ctx", None), "command_path", "kgdrug")
        fail(f"{_unfit(error) or _in_one_line(error.format_message())}\ntry: {path} --help", error.exit_code)
    except typer.Abort:
        fail("stopped by hand", 130)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except OSError as error:
        if debug:
            raise
        fail(f"{error.filename or ''}: {error.strerror or error}".removeprefix(": "), 1)
    except Exception as error:
        if debug:
            raise
        fail(f"unexpected {type(error).__name__}: {error}\nrun again with --debug for the traceback", 1)
    raise SystemExit(code or 0)


def _in_one_line(message: str) -> str:
    """The message without its line breaks; choices stand as in `missing option --form: parquet, npy or word2vec`."""
    what, choose, choices = " ".join(message.split()).partition(". Choose from: ")
    if not choose:
        return what
    named = what.replace("'", "")
    return f"{named[:1].lower()}{named[1:]}: {_either(choices)}"


def _unfit(error: TyperException) -> str:
    """Of a value that does not fit its option, which came and what to give; nothing of any other error.

    Typer hands on what pydantic says: `Input should be a valid integer, unable to parse string as an integer`.
    """
    found = getattr(error.__cause__, "errors", None)
    if not isinstance(error, typer.BadParameter) or error.param is None or found is None:
        return ""
    about, option = found()[0], error.param
    kind, message = about["type"], about["msg"].removeprefix("Value error, ").rstrip(".")
    bounds = _bounds(getattr(option, "min", None), getattr(option, "max", None))
    _, chosen, choices = message.rpartition(" is not one of ")
    if chosen:
        wanted = _either(choices.replace("'", ""))
    elif kind in ("greater_than_equal", "less_than_equal"):
        wanted = bounds
    elif kind.startswith(("int_", "float_")):
        wanted = f"a {'whole number' if kind.startswith('int_') else 'number'}{bounds and ', '}{bounds}"
    else:
        wanted = f"something else: {message}"
    name = option.get_error_hint().replace("'", "")
    return f"{name} is {about['input']!r}; give {wanted}"


def _bounds(least: float | None, most: float | None) -> str:
    if least is None:
        return "" if most is None else f"{most} or less"
    return f"{least} or more" if most is None else f"{least} to {most}"


def _either(choices: str) -> str:
    """What stands with commas between, with an `or` before the last."""
    return " or ".join(choices.rsplit(", ", 1))


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks; may stand anywhere.")] = False,
) -> None:
    if version:
        from kgdrug import __version__

        print(f"kgdrug {__version__}")
        raise typer.Exit


@app.command()
def doctor() -> None:
    """Print versions, device, folders, and what is wrong."""
    import platform

    from kgdrug.registry import import_mlflow, list_runs, tracking_place, versions
    from kgdrug.sources import SAMPLE, cache_folder, data_folder, load_graph

    problems = []
    for name, number in versions().items():
        out.print(f"{name:12} {number}")
        if number == "not installed":
            problems.append(f"{name} is not installed")
    if sys.version_info >= (3, 13):
        problems.append(f"DGL has no wheel for Python {platform.python_version()}: to_dgl() needs Python 3.11 or 3.12")
    try:
        from kgdrug.graph.views import import_dgl

        import_dgl()
    except Exception as error:
        problems.append(f"dgl does not import: {error}")
    import torch

    from kgdrug.models import pick_device

    device = pick_device("auto")
    about = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{torch.get_num_threads()} threads"
    out.print(f"{'device':12} {device} ({about})")
    data, cache = data_folder(), cache_folder()
    out.print(f"{'KGDRUG_DATA':12} {data or 'not set'}")
    if data and not data.is_dir():
        problems.append(f"KGDRUG_DATA is {data}, which is no folder")
    out.print(f"{'cache':12} {cache}")
    writable = next(p for p in [cache, *cache.parents] if p.exists())
    if not _writable(writable):
        problems.append(f"the cache folder cannot be made in {writable}; set KGDRUG_CACHE")
    out.print(f"{'tracking':12} {tracking_place(import_mlflow())}")
    try:
        list_runs(1)
    except KgdrugError as error:
        problems.append(f"runs cannot be tracked: {error}")
    try:
        load_graph(SAMPLE)
    except KgdrugError as error:
        problems.append(f"the sample graph cannot be read: {error}")
    if problems:
        for problem in problems:
            out.print(f"problem: {problem}")
        raise typer.Exit(1)
    out.print("no problems found")


def _writable(folder: Path) -> bool:
    import os

    return os.access(folder, os.W_OK)
