"""Commands about splits: split, audit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kgdrug.cli.app import Force, app
from kgdrug.cli.screen import new_table, out

if TYPE_CHECKING:
    from kgdrug.splits import Finding, Split

FOUND = 3  # exit code of an audit that found something
SHOWN = 15  # findings that are told in full


@app.command()
def split(
    graph: Annotated[str, typer.Argument(metavar="GRAPH", help="A name, a file, or a folder.")],
    out_folder: Annotated[Path, typer.Option("--out", help="Split folder to write; with --folds a folder of folders.")],
    kind: Annotated[
        Literal["pairs", "cold-drug", "cold-disease", "disease-area", "groups", "time", "given", "triples"],
        typer.Option(help="What is held out; see docs/splits.md."),
    ] = "pairs",
    valid: Annotated[float | None, typer.Option(help="Share to choose the model by; default 0.1.")] = None,
    test: Annotated[float | None, typer.Option(help="Share to judge it by; default 0.2.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Of the draw; default 0.")] = None,
    folds: Annotated[int | None, typer.Option(min=2, help="Test each of so many equal parts in turn.")] = None,
    fold: Annotated[int | None, typer.Option(min=0, help="Write this one of the folds alone, counted from 0.")] = None,
    groups: Annotated[str | None, typer.Option(metavar="FILE", help="Of groups: a table, entity group.")] = None,
    valid_from: Annotated[str | None, typer.Option(metavar="DATE", help="Of time: such as 2014-05.")] = None,
    test_from: Annotated[str | None, typer.Option(metavar="DATE", help="Of time.")] = None,
    dates: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Of time: a table, compound disease date, or of trials; else annotations."),
    ] = None,
    folder: Annotated[
        str | None, typer.Option(metavar="DIR", help="Of given: a split folder, or valid and test files.")
    ] = None,
    force: Force = False,
) -> None:
    """Part a graph into training, valid and test triples, to the same bits each time, and write a split folder."""
    from kgdrug import load_graph, save_split, split_graph
    from kgdrug.config import SplitConfig, check_split
    from kgdrug.graph.store import fresh_folder
    from kgdrug.splits import save_folds

    given = {"valid": valid, "test": test, "seed": seed, "folds": folds, "fold": fold, "groups": groups,
             "valid_from": valid_from, "test_from": test_from, "dates": dates, "folder": folder}  # fmt: skip
    by_hand = {name: value for name, value in given.items() if value is not None}
    config = SplitConfig(kind, **by_hand)  # type: ignore[arg-type]
    each = range(folds) if folds is not None and fold is None else None
    check_split(config if each is None else replace(config, fold=0), "kgdrug split", by_hand)
    loaded = load_graph(graph)
    with fresh_folder(out_folder, force) as writing:
        if each is None:
            save_split(_told(split_graph(loaded, config), out_folder), writing)
        else:
            folds_of = (_told(split_graph(loaded, replace(config, fold=i)), out_folder / str(i)) for i in each)
            save_folds(folds_of, writing)
    first = out_folder if each is None else out_folder / "0"
    out.print(f"\nNext: kgdrug audit {first}, kgdrug train EXPERIMENT.toml --set graph.splits={first}")


def _told(made: "Split", folder: Path) -> "Split":
    """The split, and in words what is written into its folder."""
    sizes = f"{len(made.train):,} train, {len(made.valid):,} valid, {len(made.test):,} test"
    withheld = f", {len(made.withheld):,} withheld" if len(made.withheld) else ""
    out.print(f"{folder}: {sizes} triples{withheld}, digest {made.digest[:12]}")
    for line in made.passed_over:
        out.print(line)
    return made


@app.command()
def audit(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SPLIT", help="A split folder, a model folder, or one with train, valid and test files."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look for what training gives away of the test part; exit code 3 when something is found."""
    from kgdrug import audit, open_split
    from kgdrug.splits import given_away, not_looked_for

    opened = open_split(source)
    found, blind = audit(opened), not_looked_for(opened)
    leaked = given_away(found)
    if as_json:
        about = {"split": dict(opened.made), "digest": opened.digest, "test": len(opened.test), "given_away": leaked}
        findings = [one.as_json(opened) for one in found]
        about |= {"twins_not_looked_for_by": blind, "findings": findings}
        print(json.dumps(about, indent=2, ensure_ascii=False))
    else:
        if found:
            _show_findings(found)
        whole = f"{len(opened.test):,} test triples"
        gives = f"training gives away {leaked:,} of" if leaked else "training gives away none of"
        out.print(f"{gives} {whole}" + ("" if found else "; nothing else was found"))
        if blind:
            out.print(
                f"twins were not looked for by {' or by '.join(blind)}: no entity of the test triples' types has any"
            )
    if found:
        raise typer.Exit(FOUND)


def _show_findings(found: "list[Finding]") -> None:
    """A table of the first findings, then examples and advice of each, and how many more there are."""
    table = new_table("finding", "metaedges", "test triples", "of", "leak")
    for one in found[:SHOWN]:
        table.add_row(one.kind, _relations(one), f"{one.count:,}", f"{one.of:,}", "yes" if one.leak else "")
    out.print(table)
    for one in found[:SHOWN]:
        out.print(f"{one.kind} ({_relations(one)}): {one.advice}")
        for example in one.examples:
            out.print(f"  {example}")
    if more := found[SHOWN:]:
        leaks = sum(one.leak for one in more)
        out.print(f"{len(more):,} more findings, {leaks:,} of them leaks; kgdrug audit --json has them all")
    out.print()


def _relations(finding: "Finding") -> str:
    """The metaedges of a finding, up to four by name."""
    names, more = ", ".join(finding.relations[:4]), len(finding.relations) - 4
    return names + (f" and {more} more" if more > 0 else "")
