"""Commands that judge models: evaluate, folds, compare, calibrate."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from kgdrug.cli.app import Force, Model, app
from kgdrug.cli.scoreboard import (
    print_calibration,
    print_comparison,
    print_folds,
    print_listed,
    print_pairs,
    print_report,
)
from kgdrug.cli.screen import err
from kgdrug.errors import UsageError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Candidates = Annotated[Literal["typed", "all"] | None, typer.Option(help="Default: as the experiment says.")]


@app.command()
def evaluate(
    model: Model,
    as_json: AsJson = False,
    candidates: Candidates = None,
    pairs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Judge by these pairs instead: a table, compound disease.")
    ] = None,
    universe: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With --pairs: the pairs that are negative where not listed.")
    ] = None,
    exclude: Annotated[Path | None, typer.Option(metavar="FILE", help="With --pairs: pairs to leave out.")] = None,
    degree_corrected: Annotated[
        bool, typer.Option("--degree-corrected", help="Take out of the scores what they owe to degree.")
    ] = False,
) -> None:
    """Rank the held-out answers again, or tell the pairs of a file from all others; beside the baselines."""
    from kgdrug import DegreeCorrected, evaluate_pairs, load_model
    from kgdrug.graph.store import sha256_of
    from kgdrug.judging import evaluate_trained

    if pairs is None:
        for option, value in (("--universe", universe), ("--exclude", exclude)):
            if value is not None:
                raise UsageError(f"{option} needs --pairs, the file of positives")
    elif candidates is not None:
        raise UsageError("--candidates is about ranks; with --pairs leave it out")
    trained = load_model(model)
    name = f"{trained.name}, degree-corrected" if degree_corrected else trained.name
    if pairs is not None:
        judged = DegreeCorrected(trained, trained.split) if degree_corrected else trained
        report = evaluate_pairs(judged, trained.split, pairs, universe, exclude)
        files = [
            (name, path) for name, path in (("pairs", pairs), ("universe", universe), ("exclude", exclude)) if path
        ]
        report["asked_by"] = {
            "model": trained.name,
            "model_digest": trained.digest,
            "degree_corrected": degree_corrected,
            **{name: {"file": str(path), "sha256": sha256_of(path)} for name, path in files},
        }
    else:
        report = evaluate_trained(trained, candidates, degree_corrected)
    if as_json:
        print(json.dumps(report, indent=2))
    elif pairs is not None:
        print_listed(report)
        print_pairs(report, report["popularity"], name)
    else:
        print_report(report, name)


@app.command()
def folds(
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="Folders, NAME@ALIAS, NAME/VERSION or runs:ID.")
    ],
    as_json: AsJson = False,
    candidates: Candidates = None,
) -> None:
    """Evaluate several models, one a fold or a repeat: mean, deviation and Student's interval, beside the baselines."""
    from kgdrug import load_model
    from kgdrug.judging import folds_trained

    twice = next((name for i, name in enumerate(models) if name in models[:i]), None)
    if twice is not None:
        raise UsageError(f"{twice} came twice; give each model once")
    report = folds_trained({name: load_model(name) for name in models}, candidates)
    for setting, values in report["differ"].items():
        said = ", ".join(f"{value} in {name}" for name, value in zip(models, values, strict=True))
        err.print(f"WARNING: the models were not trained alike: {setting} is {said}")
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        print_folds(report)


@app.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A model: a folder, NAME@ALIAS, NAME/VERSION or runs:ID.")],
    b: Annotated[str, typer.Argument(metavar="B", help="Another one.")],
    as_json: AsJson = False,
    candidates: Candidates = None,
) -> None:
    """Ask two models the same held-out questions, and say how sure their difference is."""
    from kgdrug import load_model
    from kgdrug.judging import compare_trained

    first, second = load_model(a), load_model(b)
    report = compare_trained(first, second, candidates)
    if not report["same_split"]:
        err.print(
            f"WARNING: the models have other splits; compared on the {report['common']:,} test triples that both hold, "
            f"of {report['test_a']:,} and {report['test_b']:,}"
        )
    if as_json:
        print(json.dumps({"a": first.name, "b": second.name, **report}, indent=2))
    else:
        print_comparison(report, f"{first.name} ({a})", f"{second.name} ({b})")


@app.command()
def calibrate(
    model: Model,
    kind: Annotated[Literal["platt", "isotonic"], typer.Option(help="The curve: isotonic needs many treatments.")] = (
        "platt"
    ),
    as_json: AsJson = False,
    out_file: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write the curve, as JSON.")] = None,
    save: Annotated[bool, typer.Option("--save", help="Into the model: its answers have probabilities then.")] = False,
    force: Force = False,
) -> None:
    """Learn probabilities from valid treatments, and judge them on test treatments."""
    from kgdrug import load_model, with_calibration
    from kgdrug.graph.store import refuse_existing, write_json
    from kgdrug.trained import MANIFEST, save_calibration

    if out_file is not None:
        refuse_existing(out_file, force)
    if save and not (Path(model) / MANIFEST).is_file():
        raise UsageError(f"--save writes into a model folder, and {model} is none")
    trained = with_calibration(load_model(model), kind)
    assert trained.calibrated
    curve, report = trained.calibrated.curve, dict(trained.calibrated.about)
    if save:
        save_calibration(trained, Path(model))
        err.print(f"{model} has probabilities now")
    if out_file is not None:
        write_json(
            out_file, {"model": trained.name, "model_digest": trained.digest, "curve": curve.to_dict(), **report}
        )
        err.print(f"wrote {out_file}")
    if as_json:
        print(json.dumps({"curve": curve.to_dict(), **report}, indent=2))
    else:
        print_calibration(report, trained.name)
