"""Commands about models and runs: demo, train, predict, import, runs."""

import functools
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgdrug.cli.answers import Form, Out, form_of, tell, tell_one
from kgdrug.cli.app import Force, Model, app
from kgdrug.cli.scoreboard import print_report
from kgdrug.cli.screen import as_text, epochs, err, fail, new_table, out, print_answers, print_members, stages
from kgdrug.errors import AmbiguousNameError, BadInputError, KgdrugError, UnknownNameError, UsageError

if TYPE_CHECKING:
    from kgdrug.config import Experiment
    from kgdrug.experiment import Run, Watch

Place = tuple[Path, int]  # a file, and a line of it
runs_app = typer.Typer(help="Tracked runs.", no_args_is_help=True)
import_app = typer.Typer(help="Models that were trained elsewhere.", no_args_is_help=True)
app.add_typer(runs_app, name="runs")
app.add_typer(import_app, name="import")


@app.command()
def demo(
    out_folder: Annotated[Path | None, typer.Option("--out", help="Model folder; default models/<run name>.")] = None,
    force: Force = False,
) -> None:
    """Build the sample graph, train, evaluate, and rank drugs for three diseases."""
    from kgdrug import predict, read_experiment, run, shipped

    experiment = read_experiment(shipped("experiments/essential.toml"))
    done = train_and_show(experiment, lambda watch: run(experiment, out_folder, force=force, watch=watch))
    for disease in ("hypertension", "type 2 diabetes mellitus", "epilepsy syndrome"):
        answers = predict(done.model, disease=disease, top=200)
        learnt = [a for a in answers if any(fact.part == "train" and fact.metaedge == "CtD" for fact in a.known)]
        shown = [a for a in answers if a in learnt[:4] or a not in learnt][:12]
        out.print()
        print_answers(f"? treats {disease}", shown)
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
def train(
    experiment_file: Annotated[
        Path | None, typer.Argument(metavar="EXPERIMENT.toml", help="A file, or a name, as essential.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a setting.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Members to train; the same as --set seeds=N.")] = None,
    out_folder: Annotated[Path | None, typer.Option("--out", help="Model folder; default models/<run name>.")] = None,
    force: Force = False,
    keep_checkpoints: Annotated[
        bool, typer.Option("--keep-checkpoints", help="Keep what a finished training needs to be given more epochs.")
    ] = False,
    resume: Annotated[
        Path | None, typer.Option("--resume", metavar="DIR", help="Go on with the stopped training of this model.")
    ] = None,
) -> None:
    """Train, evaluate, save and track a model; or go on with a training that was stopped."""
    from kgdrug import read_experiment, run
    from kgdrug import resume as go_on
    from kgdrug.experiment import find_experiment, find_stopped

    settings = [*(settings or []), *([] if seeds is None else [f"seeds={seeds}"])]
    if resume is not None:
        given = {"EXPERIMENT.toml": experiment_file, "--out": out_folder, "--force": force,
                 "--keep-checkpoints": keep_checkpoints}  # fmt: skip
        for word, value in given.items():
            if value:
                raise UsageError(f"{word} was settled when the training of {resume} began; leave it out with --resume")
        experiment = find_stopped(resume, settings)[1].experiment
        done = train_and_show(experiment, lambda watch: go_on(resume, settings, watch=watch))
    elif experiment_file is None:
        raise UsageError("give an EXPERIMENT.toml to train, or --resume DIR to go on with a stopped training")
    else:
        experiment = read_experiment(find_experiment(experiment_file), settings)
        options = {"force": force, "keep_checkpoints": keep_checkpoints}
        done = train_and_show(experiment, lambda watch: run(experiment, out_folder, **options, watch=watch))
    out.print(f"\nNext: kgdrug predict {done.folder} --disease NAME, kgdrug serve {done.folder}, mlflow ui")


@app.command()
def predict(
    model: Model,
    disease: Annotated[str | None, typer.Option(help="Which compounds treat it? An id or a name.")] = None,
    compound: Annotated[str | None, typer.Option(help="Which diseases does it treat? An id or a name.")] = None,
    head: Annotated[str | None, typer.Option(help="With --relation: ask for tails.")] = None,
    tail: Annotated[str | None, typer.Option(help="With --relation: ask for heads.")] = None,
    relation: Annotated[str | None, typer.Option(help="A metaedge, such as CtD.")] = None,
    top: Annotated[int, typer.Option(min=1, help="How many answers.")] = 20,
    novel: Annotated[
        bool,
        typer.Option(
            "--novel",
            help="Leave out what is known: facts of the relation, of treatments any, and annotations but of trials.",
        ),
    ] = False,
    approved: Annotated[
        bool,
        typer.Option(
            "--approved",
            help="Candidates that treat something: a fact of a treatment relation, or an annotation as approved.",
        ),
    ] = False,
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", help="Candidates that the graph joins with this class; may be given again."),
    ] = None,
    targets: Annotated[
        list[str] | None, typer.Option("--target", help="Candidates that bind or target this gene; may be given again.")
    ] = None,
    smarts: Annotated[str | None, typer.Option(help="Candidates whose structure holds this SMARTS pattern.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME|@FILE", help="This candidate alone; may be given again; a file has one a line."),
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="NAME|@FILE", help="Not this candidate; may be given again.")
    ] = None,
    evidence: Annotated[
        int, typer.Option(min=0, metavar="N", help="Tell the best path of N metapaths that join each answer.")
    ] = 0,
    questions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Many questions: a table, or JSON lines; see docs/answers.md.")
    ] = None,
    form: Form = None,
    out_file: Out = None,
    force: Force = False,
) -> None:
    """Rank the candidates of one question, or of each question of a file."""
    from kgdrug import Filters, answer, answer_all, open_model, question
    from kgdrug.ranking import read_questions

    meant = form_of(form, out_file, force)
    listed, unlisted = _listed("--only", only), _listed("--exclude", exclude)
    allowed = tuple(listed) or None
    filters = Filters(tuple(classes or ()), tuple(targets or ()), approved, smarts, allowed, tuple(unlisted))
    opened = open_model(model)
    given = {"head": head, "tail": tail, "relation": relation, "disease": disease, "compound": compound}
    narrowing = {"--novel": novel, "--approved": approved, "--class": classes, "--target": targets,
                 "--smarts": smarts is not None, "--only": only, "--exclude": exclude}  # fmt: skip
    narrowed = [option for option, value in narrowing.items() if value]
    if questions is None:
        asked = question(opened.graph, **given)
        with _lines_named(unlisted | listed):
            answers = answer(opened, asked, top, novel, filters, evidence)
        tell_one(opened, asked.text(opened.graph), answers, meant, out_file, force, [asked], narrowed)
        return
    if any(value is not None for value in given.values()):
        raise UsageError("--questions FILE asks already; leave out what asks one question")
    many = read_questions(questions, opened.graph)
    answered = answer_all(opened, many, top, novel, filters, evidence)
    told = zip((one.text(opened.graph) for one in many), answered, strict=True)
    with _lines_named(unlisted | listed):  # answers are made as they are told
        tell(opened, told, meant, out_file, force, evidence > 0, many, narrowed)


def _listed(option: str, names: list[str] | None) -> dict[str, Place | None]:
    """Names as given, and those in the lines of files given as `@FILE`, with the first file and line of each.

    An empty name is a UsageError, and so is a file without one, but for `--exclude`: who excludes nothing asks for all.
    """
    listed: dict[str, Place | None] = {}
    for name in names or ():
        if not name.strip():
            raise UsageError(f"{option} {name!r} holds no name; give one, or @FILE with one a line")
        if not name.startswith("@"):
            listed.setdefault(name.strip(), None)
            continue
        path = Path(name[1:])
        found = _names(path)
        if not found and option != "--exclude":
            raise UsageError(f"{option} @{path}: the file holds no names; leave the option out to rank all candidates")
        for one, line in found.items():
            listed.setdefault(one, (path, line))
    return listed


def _names(path: Path) -> dict[str, int]:
    """The names that a file has one a line, each with its first line."""
    from kgdrug.sources.pipes import reread
    from kgdrug.sources.reading import read_utf8

    found: dict[str, int] = {}
    with reread(path) as file:
        for number, line in enumerate(read_utf8(file, may_be_empty=True).split("\n"), 1):
            if line.strip():
                found.setdefault(line.strip(), number)
    return found


@contextmanager
def _lines_named(places: Mapping[str, Place | None]) -> Iterator[None]:
    """In the block the error about a name that is from a file is a BadInputError with the file and its line."""
    try:
        yield
    except (UnknownNameError, AmbiguousNameError) as error:
        place = places.get(error.name)
        if place is None:
            raise
        raise BadInputError(place[0], str(error), place[1]) from None


@app.command()
def ensemble(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="Two models or more of one split.")],
    out_folder: Annotated[Path, typer.Option("--out", help="Model folder to write.")],
    weights: Annotated[
        str | None, typer.Option(metavar="N,N,...", help="Weights of your own, whatever valid says of them.")
    ] = None,
    name: Annotated[str, typer.Option(help="Of the model.")] = "ensemble",
    force: Force = False,
) -> None:
    """Put trained models together, by rank and by weights that valid chooses, where that beats the best of them."""
    from kgdrug import ensemble, load_model

    loaded = [load_model(model) for model in models]
    own = None if weights is None else [_whole(word) for word in weights.split(",")]
    found, done = ensemble(loaded, out_folder, weights=own, name=name, force=force)
    table = new_table("model", "weight", "valid MRR")
    for model, weight, alone in zip(models, found.weights, found.alone, strict=True):
        table.add_row(model, str(weight), as_text(alone))
    table.add_section()
    table.add_row("all, weighted alike", "", as_text(found.average))
    table.add_row("all, with these weights", "", as_text(found.weighted))
    out.print(table)
    if done is None:
        best = models[found.alone.index(max(found.alone))]
        raise KgdrugError(f"{best} alone is as good on valid as any ensemble of these: nothing was written, use it")
    print_report(done.model.metrics, f"{name} (this model)")
    out.print(f"\nmodel folder  {done.folder}\ntracked run   {done.run_id} at {done.tracking_uri}")


def _whole(word: str) -> int:
    if not word.strip().isdecimal():
        raise UsageError(f"{word!r} is no weight; give a whole number for each model, such as 2,1")
    return int(word)


@import_app.command("dglke", short_help="Make a model of vectors that DGL-KE trained.")
def import_dglke(
    vectors: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of DGL-KE's or DRKG's vectors and maps.")],
    out_folder: Annotated[Path, typer.Option("--out", help="Model folder to write.")],
    graph: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="The graph they were trained on: facts, names.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Of the model; default the folder's name.")] = None,
    force: Force = False,
) -> None:
    """Make a model of vectors that DGL-KE trained, such as DRKG's; its scores are without DGL-KE's constant gamma."""
    from kgdrug import read_dglke
    from kgdrug.graph.store import fresh_folder
    from kgdrug.trained import save_trained

    with fresh_folder(out_folder, force) as folder:
        trained = read_dglke(vectors, graph, name)
        save_trained(trained, folder)
    known, model = trained.graph, trained.experiment.model
    types = f" of {len(known.entity_types)} types" if known.typed else ""
    facts = f"{len(known.triples):,} known facts" if len(known.triples) else "no known facts"
    out.print(f"{trained.name}: {len(known.entities):,} entities{types}, {known.relations:,} relations, {facts}")
    out.print(f"score function {model.score}, {model.dimension} numbers per entity")
    out.print(f"wrote {out_folder}\n\nNext:")
    if known.treatment_relations:
        asked, relation = "--disease", known.treatment_relations[0]
        of, rest = known.answers(relation), ""
    else:
        asked, of, rest = "--head", known.heads(0), f" --relation {shlex.quote(known.metaedges[0].abbreviation)}"
    place = shlex.quote(str(out_folder))
    out.print(f"  kgdrug predict {place} {asked} {shlex.quote(known.entities.ids[of.start])}{rest}")
    out.print(f"  kgdrug serve {place}")


@runs_app.command("list")
def runs_list(limit: Annotated[int, typer.Option(min=1, help="How many.")] = 20) -> None:
    """List tracked runs, newest first."""
    from kgdrug import list_runs

    table = new_table("id", "name", "status", "started", "seconds", "test MRR", "Hits@10")
    for run in list_runs(limit):
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started))
        seconds = "" if run.seconds is None else f"{run.seconds:.0f}"
        scores = [as_text(run.metrics.get(f"test.both.{name}")) for name in ("mrr", "hits_at_10")]
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
            out.print(f"  {key:{width}} {as_text(value) if isinstance(value, float) else value}")


def train_and_show(experiment: "Experiment", begin: "Callable[[Watch], Run]") -> "Run":
    """Begin or resume a run with its progress shown, and show what came of it."""
    from kgdrug.config import FITTED
    from kgdrug.experiment import RunInterruptedError

    model, seeds = experiment.model, experiment.seeds
    members = f", {seeds} seeds from {experiment.seed}" if seeds > 1 else ""
    fitted = model.score in FITTED
    size = f"of up to {experiment.metapaths.length} steps" if fitted else f"{model.dimension} numbers per entity"
    if "model.dimension" in experiment.auto:
        size = "as many numbers per entity as suit the graph"
    err.print(f"experiment {experiment.name}: {model.score}, {size}{members}")
    watch = stages if fitted else functools.partial(epochs, seeds=range(experiment.seed, experiment.seed + seeds))
    try:
        done = begin(watch)
    except RunInterruptedError as stopped:
        fail(
            f"stopped by {stopped.signal.name}; go on with: kgdrug train --resume {shlex.quote(str(stopped.folder))}",
            128 + stopped.signal,
        )
    graph, split, metrics = done.model.graph, done.model.split, done.model.metrics
    facts = f"{len(graph.entities):,} entities, {len(graph.triples):,} triples"
    out.print(f"graph {graph.name}: {facts}, digest {graph.digest[:12]}")
    sizes = f"{len(split.train):,} train, {len(split.valid):,} valid, {len(split.test):,} test"
    out.print(
        f"split {split.made['kind']}: {sizes} triples"
        + (f", {len(split.withheld)} withheld" if len(split.withheld) else "")
    )
    trained = f"trained in {done.seconds['train']:.1f} s"
    if "members" in metrics:
        out.print(f"{trained}; valid MRR of the whole {as_text(metrics['valid']['mrr'])}\n")
        print_members(metrics["members"])
    elif fitted:
        counts = f"{metrics['fit']['metapaths']:,} metapaths, {metrics['fit']['terms']:,} terms kept"
        out.print(f"fitted in {done.seconds['train']:.1f} s: {counts}; valid MRR {as_text(metrics['valid']['mrr'])}\n")
    else:
        out.print(f"{trained}; best valid MRR {metrics['valid']['mrr']:.3f} in epoch {metrics['valid']['epoch']}\n")
    print_report(metrics, f"{model.score} ({'this model' if seeds == 1 else f'all {seeds} seeds'})")
    out.print(f"\nmodel folder  {done.folder}\ntracked run   {done.run_id} at {done.tracking_uri}")
    return done
