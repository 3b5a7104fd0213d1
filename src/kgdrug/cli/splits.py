"""Commands about splits: split, audit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from kgdrug.cli.app import Force, app
from kgdrug.cli.screen import new_table, out

FOUND = 3  # exit code of an audit that found something


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
        str | None, typer.Option(metavar="FILE", help="Of time: a table, compound disease date; else annotations.")
    ] = None,
    folder: Annotated[str | None, typer.Option(metavar="DIR", help="Of given: valid and test files.")] = None,
    force: Force = False,
) -> None:
    """Part a graph into training, valid and test triples, to the same bits each time, and write a split folder."""
    from kgdrug import load_graph, save_split, split_graph
    from kgdrug.config import SplitConfig, check_split
    from kgdrug.graph.store import fresh_folder

    given = {"valid": valid, "test": test, "seed": seed, "folds": folds, "fold": fold, "groups": groups,
             "valid_from": valid_from, "test_from": test_from, "dates": dates, "folder": folder}  # fmt: skip
    config = SplitConfig(kind, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    each = range(folds) if folds is not None and fold is None else None
    check_split(config if each is None else replace(config, fold=0), "kgdrug split")
    loaded = load_graph(graph)
    with fresh_folder(out_folder, force) as writing:
        for number in each or (fold,):
            made = split_graph(loaded, replace(config, fold=number))
            name = "" if each is None else str(number)
            (writing / name).mkdir(exist_ok=True)
            save_split(made, writing / name)
            sizes = f"{len(made.train):,} train, {len(made.valid):,} valid, {len(made.test):,} test"
            withheld = f", {len(made.withheld):,} withheld" if len(made.withheld) else ""
            out.print(f"{out_folder / name}: {sizes} triples{withheld}, digest {made.digest[:12]}")
            for what, count in dict(made.made.get("counts", {})).items():  # type: ignore[call-overload]
                out.print(f"{count:,} {what.replace('_', ' ')}")
    first = out_folder if each is None else out_folder / "0"
    out.print(f"\nNext: kgdrug audit {first}, kgdrug train EXPERIMENT.toml --set graph.splits={first}")


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
    from kgdrug.splits import given_away

    opened = open_split(source)
    found = audit(opened)
    leaked = given_away(found)
    if as_json:
        about = {"split": dict(opened.made), "digest": opened.digest, "test": len(opened.test), "given_away": leaked}
        print(json.dumps({**about, "findings": [one.as_json(opened) for one in found]}, indent=2, ensure_ascii=False))
    else:
        if found:
            table = new_table("finding", "metaedges", "test triples", "of", "leak")
            for one in found:
                row = one.kind, ", ".join(one.relations[:4]), f"{one.count:,}", f"{one.of:,}", "yes" if one.leak else ""
                table.add_row(*row)
            out.print(table)
            for kind in dict.fromkeys(one.kind for one in found):
                of_kind = [one for one in found if one.kind == kind]
                out.print(f"{kind}: {of_kind[0].advice}")
                for example in of_kind[0].examples:
                    out.print(f"  {example}")
            out.print()
        whole = f"{len(opened.test):,} test triples"
        out.print(
            f"training gives away {leaked:,} of {whole}"
            if leaked
            else f"training gives away none of {whole}" + ("" if found else "; nothing else was found")
        )
    if found:
        raise typer.Exit(FOUND)
