"""The command line: reads arguments, calls the library, prints. The only place that prints."""

import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from typer.exceptions import TyperException

from kgdrug.errors import KgdrugError, UsageError

if TYPE_CHECKING:
    from kgdrug.config import Experiment
    from kgdrug.experiment import Run
    from kgdrug.ranking import Answer
    from kgdrug.sources.downloads import ProgressBar
    from kgdrug.training import Epoch

app = typer.Typer(
    help="Drug repurposing on knowledge graphs. Research software: no medical advice.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
data_app = typer.Typer(help="List, download and describe graphs.", no_args_is_help=True)
runs_app = typer.Typer(help="Tracked runs.", no_args_is_help=True)
app.add_typer(data_app, name="data")
app.add_typer(runs_app, name="runs")


def _console(stderr: bool = False) -> Console:
    # a file or pipe has no width of its own: lines stay whole there
    console = Console(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False)
    return (
        console
        if console.is_terminal
        else Console(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False, width=200)
    )


out, err = _console(), _console(stderr=True)
Force = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
Model = Annotated[str, typer.Argument(metavar="MODEL", help="A folder, NAME@ALIAS, NAME/VERSION or runs:ID.")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; errors are one or two plain lines, a traceback only with `--debug`."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, format="%(levelname)s: %(message)s")
    command = typer.main.get_command(app)
    try:
        code = command.main([word for word in words if word != "--debug"], "kgdrug", standalone_mode=False)
    except KgdrugError as error:
        if debug:
            raise
        _fail(str(error), error.exit_code)
    except TyperException as error:
        if error.format_message().startswith("Usage:"):  # a command was left out: this is the help
            sys.stderr.write(error.format_message() + "\n")
            raise SystemExit(error.exit_code) from None
        path = getattr(getattr(error, "ctx", None), "command_path", "kgdrug")
        _fail(f"{error.format_message()}\ntry: {path} --help", error.exit_code)
    except typer.Abort:
        _fail("stopped by hand", 1)
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1) from None
    except OSError as error:
        if debug:
            raise
        _fail(f"{error.filename or ''}: {error.strerror or error}".removeprefix(": "), 1)
    except Exception as error:
        if debug:
            raise
        _fail(f"unexpected {type(error).__name__}: {error}\nrun again with --debug for the traceback", 1)
    raise SystemExit(code or 0)


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
def demo(
    out_folder: Annotated[Path | None, typer.Option("--out", help="Model folder; default models/<run name>.")] = None,
    force: Force = False,
) -> None:
    """Build the sample graph, train, evaluate, and rank drugs for three diseases."""
    from kgdrug import predict, read_experiment, shipped

    experiment = read_experiment(shipped("experiments/essential.toml"))
    done = _train(experiment, out_folder, force, resume=False)
    for disease in ("hypertension", "type 2 diabetes mellitus", "epilepsy syndrome"):
        answers = predict(done.model, disease=disease, top=200)
        learnt = [a for a in answers if any(fact.part == "train" and fact.metaedge == "CtD" for fact in a.known)]
        shown = [a for a in answers if a in learnt[:4] or a not in learnt][:12]
        out.print()
        _print_answers(f"? treats {disease}", shown)
        learnt_from = f"it learned from {len(learnt)} of the first {len(answers)}"
        out.print(f"{learnt_from}; those after the fourth are left out here")
    out.print("\nA known fact is marked with the part of the split that holds it: the model learned from train, was")
    out.print("chosen by valid, and never saw test. Research software: no medical advice.")
    out.print("\nNext:")
    for command in (
        f"kgdrug predict {done.folder} --disease asthma --novel",
        f"kgdrug evaluate {done.folder}",
        f"kgdrug serve {done.folder}",
        f"kgdrug runs show {done.run_id[:8]}",
        "mlflow ui" if done.tracking_uri.startswith("sqlite") else f"mlflow ui --backend-store-uri {done.tracking_uri}",
    ):
        out.print(f"  {command}")


@app.command()
def doctor() -> None:
    """Print versions, device, folders, and what is wrong."""
    import platform

    from kgdrug.registry import import_mlflow, versions
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
    out.print(f"{'tracking':12} {import_mlflow().get_tracking_uri()}")
    try:
        load_graph(SAMPLE)
    except KgdrugError as error:
        problems.append(f"the sample graph cannot be read: {error}")
    if problems:
        for problem in problems:
            out.print(f"problem: {problem}")
        raise typer.Exit(1)
    out.print("no problems found")


@data_app.command("list")
def data_list() -> None:
    """List the data sets that have a name, and where they are."""
    from kgdrug.sources import DATASETS, SAMPLE, find_dataset, shipped

    table = _table("name", "what", "licence", "on this machine")
    table.add_row(SAMPLE, "sample graph that comes with kgdrug", "CC0 1.0", str(shipped("data/essential")))
    for dataset in DATASETS.values():
        found = find_dataset(dataset.name)
        table.add_row(dataset.name, dataset.title, dataset.licence, str(found or f"no: kgdrug data get {dataset.name}"))
    out.print(table)


@data_app.command("get")
def data_get(name: Annotated[str, typer.Argument(metavar="NAME", help="See: kgdrug data list.")]) -> None:
    """Download a data set into the cache, with its SHA-256 checked."""
    from kgdrug.sources import find_dataset, get_dataset

    found = find_dataset(name)
    if found is None:
        with _download_bars() as bar:
            found = get_dataset(name, bar)
    out.print(f"{name} is in {found}")


@data_app.command("describe")
def data_describe(
    graph: Annotated[str, typer.Argument(metavar="GRAPH", help="A name, a file, or a folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Count the entities and triples of a graph."""
    from kgdrug import describe, load_graph

    about = describe(load_graph(graph))
    if as_json:
        print(json.dumps(about, indent=2, ensure_ascii=False))
        return
    _print_graph(about)
    table = _table("metaedge", "triples", "head", "relation", "tail", "licence")
    for abbreviation, e in about["metaedges"].items():
        mark = " *" if abbreviation in about["treats"] else ""
        table.add_row(
            abbreviation + mark, f"{e['triples']:,}", e["head_type"], e["relation"], e["tail_type"], e["licence"]
        )
    out.print(table)
    if about["treats"]:
        out.print(f"* {about['treatments']:,} treatments")


@app.command()
def build(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A name, a file, or a folder.")],
    out_folder: Annotated[Path, typer.Option("--out", help="Graph folder to write.")],
    force: Force = False,
) -> None:
    """Build a graph folder that opens fast."""
    from kgdrug import describe, load_graph
    from kgdrug.graph import save_graph
    from kgdrug.graph.store import fresh_folder

    started = time.perf_counter()
    with fresh_folder(out_folder, force) as folder:
        graph = load_graph(source)
        save_graph(graph, folder)
    _print_graph(describe(graph))
    out.print(f"wrote {out_folder} in {time.perf_counter() - started:.1f} s")


@app.command()
def train(
    experiment_file: Annotated[Path, typer.Argument(metavar="EXPERIMENT.toml", help="See experiments/.")],
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")
    ] = None,
    out_folder: Annotated[Path | None, typer.Option("--out", help="Model folder; default models/<run name>.")] = None,
    force: Force = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a stopped training into --out.")] = False,
) -> None:
    """Train, evaluate, save and track a model."""
    from kgdrug import read_experiment

    done = _train(read_experiment(experiment_file, settings or []), out_folder, force, resume)
    out.print(f"\nNext: kgdrug predict {done.folder} --disease NAME, kgdrug serve {done.folder}, mlflow ui")


@app.command()
def evaluate(
    model: Model,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    candidates: Annotated[Literal["typed", "all"] | None, typer.Option(help="Default: as the experiment says.")] = None,
) -> None:
    """Rank the held-out answers again, beside the baselines."""
    from kgdrug import load_model
    from kgdrug.experiment import evaluate_trained

    trained = load_model(model)
    report = evaluate_trained(trained, candidates)
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        _print_report(report, trained.name)


@app.command()
def predict(
    model: Model,
    disease: Annotated[str | None, typer.Option(help="Which compounds treat it? An id or a name.")] = None,
    compound: Annotated[str | None, typer.Option(help="Which diseases does it treat? An id or a name.")] = None,
    head: Annotated[str | None, typer.Option(help="With --relation: ask for tails.")] = None,
    tail: Annotated[str | None, typer.Option(help="With --relation: ask for heads.")] = None,
    relation: Annotated[str | None, typer.Option(help="A metaedge, such as CtD.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many answers.")] = 20,
    novel: Annotated[bool, typer.Option("--novel", help="Leave known answers out.")] = False,
    form: Annotated[Literal["table", "json", "jsonl", "csv", "parquet"], typer.Option("--format")] = "table",
    out_file: Annotated[Path | None, typer.Option("--out", help="Write a file instead of printing.")] = None,
    force: Force = False,
) -> None:
    """Rank the candidates of one question."""
    from kgdrug import answer, load_model, question
    from kgdrug.graph.store import refuse_existing

    if form == "table" and out_file is not None:
        raise UsageError("--out FILE needs --format json, jsonl, csv or parquet")
    if form == "parquet" and out_file is None:
        raise UsageError("--format parquet needs --out FILE")
    if out_file is not None:
        refuse_existing(out_file, force)
    trained = load_model(model)
    asked = question(trained.graph, head=head, tail=tail, relation=relation, disease=disease, compound=compound)
    answers, text = answer(trained, asked, top, novel), asked.text(trained.graph)
    if form == "table":
        _print_answers(text, answers)
        return
    from kgdrug.ranking import write_answers

    about = {
        "question": text,
        "model": trained.name,
        "model_digest": trained.digest,
        "graph_digest": trained.graph.digest,
    }
    if out_file is None:
        sys.stdout.write(write_answers(answers, form, about))
        return
    write_answers(answers, form, about, out_file)
    out.print(f"wrote {len(answers)} answers to {out_file}")


@app.command()
def serve(
    model: Model,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
) -> None:
    """Answer questions over HTTP; the documentation is at /docs."""
    from kgdrug import load_model

    trained = load_model(model)
    import uvicorn

    from kgdrug_api import create_app

    server = uvicorn.Server(uvicorn.Config(create_app(trained), host=host, port=port, log_level="warning"))
    err.print(f"serving {trained.name} on http://{host}:{port} (documentation at /docs)")
    try:
        server.run()
    except SystemExit:  # uvicorn's own codes would collide with ours
        raise KgdrugError(f"cannot listen on {host}:{port}; give another --host or --port") from None


@runs_app.command("list")
def runs_list(limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20) -> None:
    """List tracked runs, newest first."""
    from kgdrug import list_runs

    table = _table("id", "name", "status", "started", "seconds", "test MRR", "Hits@10")
    for run in list_runs(limit):
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started))
        seconds = "" if run.seconds is None else f"{run.seconds:.0f}"
        scores = [_number(run.metrics.get(f"test.both.{name}")) for name in ("mrr", "hits_at_10")]
        table.add_row(run.id[:8], run.name, run.status.lower(), started, seconds, *scores)
    out.print(table if table.row_count else "no runs yet; start one with: kgdrug demo")


@runs_app.command("show")
def runs_show(
    run_id: Annotated[str, typer.Argument(metavar="ID", help="An id, its beginning, or a run's name.")],
) -> None:
    """Show what decided a run and what came of it."""
    from kgdrug import show_run

    run = show_run(run_id)
    out.print(f"{run.name} ({run.status.lower()})\nid {run.id}, experiment {run.experiment}")
    tags = {k: v for k, v in run.tags.items() if not k.startswith("mlflow.")}
    inputs = {f"{name} ({context})": digest for name, digest, context in run.datasets}
    width = max(map(len, [*run.params, *tags, *run.metrics, *inputs]))
    for title, values in (("datasets", inputs), ("settings", run.params), ("tags", tags), ("metrics", run.metrics)):
        out.print(f"\n{title}")
        for key, value in sorted(values.items()):
            out.print(f"  {key:{width}} {_number(value) if isinstance(value, float) else value}")


def _train(experiment: "Experiment", folder: Path | None, force: bool, resume: bool) -> "Run":
    from kgdrug.experiment import RunInterruptedError, run

    err.print(
        f"experiment {experiment.name}: {experiment.model.score}, {experiment.model.dimension} numbers per entity"
    )
    try:
        done = run(experiment, folder, force=force, resume=resume, watch=_epochs)
    except RunInterruptedError as stopped:
        hint = f"; go on with --out {stopped.folder} --resume" if stopped.resumable else ""
        _fail(f"stopped by hand{hint}", 1)
    graph, split = done.model.graph, done.model.split
    facts = f"{len(graph.entities):,} entities, {len(graph.triples):,} triples"
    out.print(f"graph {graph.name}: {facts}, digest {graph.digest[:12]}")
    sizes = f"{len(split.train):,} train, {len(split.valid):,} valid, {len(split.test):,} test"
    out.print(
        f"split {split.made['kind']}: {sizes} triples"
        + (f", {len(split.withheld)} withheld" if len(split.withheld) else "")
    )
    best = done.model.metrics["valid"]
    out.print(f"trained in {done.seconds['train']:.1f} s; best valid MRR {best['mrr']:.3f} in epoch {best['epoch']}\n")
    _print_report(done.model.metrics, f"{experiment.model.score} (this model)")
    out.print(f"\nmodel folder  {done.folder}\ntracked run   {done.run_id} at {done.tracking_uri}")
    return done


def _epochs(epochs: "Iterable[Epoch]") -> "Iterator[Epoch]":
    """The epochs as they come, with a progress bar on a terminal and a line each elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("epochs"),
               TimeElapsedColumn(), TextColumn("{task.fields[now]}"))  # fmt: skip
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("training", total=None, now="")
        for epoch in epochs:
            valid = (
                "" if epoch.valid is None else f", valid MRR {epoch.valid['mrr']:.3f}{' (best)' if epoch.best else ''}"
            )
            now = f"loss {epoch.loss:.3f}, {epoch.triples_per_second:,.0f} triples/s{valid}"
            progress.update(task, completed=epoch.number, total=epoch.of, now=now)
            if not err.is_terminal and epoch.seconds > 1:
                err.print(f"epoch {epoch.number}: {now}")
            yield epoch


@contextmanager
def _download_bars() -> "Iterator[Callable[[str], ProgressBar]]":
    """A maker of progress bars, one a file, in the form pooch asks for."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=err, disable=not err.is_terminal) as progress:

        class Bar:
            total = 0

            def __init__(self, name: str) -> None:
                self.task = progress.add_task(name, total=None)

            def update(self, n: int) -> None:
                progress.update(self.task, advance=n, total=self.total)

            def reset(self) -> None:
                progress.reset(self.task)

            def close(self) -> None:
                progress.stop_task(self.task)

        yield Bar


def _print_graph(about: Mapping[str, Any]) -> None:
    out.print(
        f"{about['name']}: {about['entities']:,} entities, {about['triples']:,} triples, digest {about['digest'][:12]}"
    )
    types = ", ".join(f"{count:,} {name}" for name, count in about["entity_types"].items())
    out.print(f"{types}; {about['isolated']:,} isolated")


def _print_report(report: Mapping[str, Any], name: str) -> None:
    heads = ("MRR", "Hits@1", "Hits@3", "Hits@10", "mean rank", "AMRI", "queries")
    keys = ("mrr", "hits_at_1", "hits_at_3", "hits_at_10", "mean_rank", "amri", "queries")
    table = _table("test", *heads)

    def add(label: str, values: Mapping[str, Any]) -> None:
        table.add_row(label, *(_number(values[key], 1 if key == "mean_rank" else 3) for key in keys))

    add(name, report["both"])
    for baseline, values in report["baselines"].items():
        add(f"baseline {baseline}", values)
    for side in ("head", "tail"):
        table.add_section()
        add(f"{name}, {side} asked", report[side])
        for baseline, values in report["baselines_by_side"][side].items():
            add(f"baseline {baseline}, {side} asked", values)
    if len(report["by_metaedge"]) > 1:
        table.add_section()
        for metaedge, values in report["by_metaedge"].items():
            add(metaedge, values)
    out.print(table)
    which = "the entities of the answer's type" if report["candidates"] == "typed" else "all entities"
    out.print(f"filtered realistic ranks among {which}")


def _print_answers(text: str, answers: "Sequence[Answer]") -> None:
    from kgdrug import flat_rows

    table = _table("rank", "name", "id", "score", "percentile", "known", title=text)
    for row in flat_rows(answers):
        score, percentile = f"{row['score']:.3f}", f"{row['percentile']:.1f}"
        table.add_row(str(row["rank"]), str(row["name"]), str(row["id"]), score, percentile, str(row["known"]))
    out.print(table)


def _table(*columns: str, title: str | None = None) -> Table:
    from rich import box

    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for i, column in enumerate(columns):
        right = i > 0 and column not in (
            "name",
            "id",
            "known",
            "what",
            "licence",
            "on this machine",
            "status",
            "started",
            "head",
            "relation",
            "tail",
        )
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table


def _number(value: object, digits: int = 3) -> str:
    if value is None:
        return "-"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.{digits}f}"
    return f"{int(value):,}" if isinstance(value, int | float) else str(value)


def _writable(folder: Path) -> bool:
    import os

    return os.access(folder, os.W_OK)


def _fail(message: str, code: int) -> NoReturn:
    for line in message.splitlines()[:2]:
        sys.stderr.write(f"{'' if line.startswith(('run again', 'try:')) else 'kgdrug: '}{line}\n")
    raise SystemExit(code)


if __name__ == "__main__":
    main()
