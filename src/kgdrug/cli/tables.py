"""Commands that list or write what a model says: search, similar, score, matrix, vectors, neighbourhood."""

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from kgdrug.cli.answers import Form, Out, form_of, tidy_end, told_of
from kgdrug.cli.app import Force, Model, app
from kgdrug.cli.screen import err, out, print_found, print_similar, stages
from kgdrug.errors import KgdrugError


@app.command()
def search(
    model: Model,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="An id, name, synonym or CURIE, or a part of one.")],
    kind: Annotated[
        str | None, typer.Option("--type", metavar="TYPE", help="Of this entity type alone, such as Disease.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many.")] = 10,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find entities whose id or name is, begins with, holds or resembles a text, best first."""
    from kgdrug import open_model

    graph = open_model(model).graph
    among = None if kind is None else [graph.entity_type(kind).range]
    ids, names = graph.entities.ids, graph.entities.names
    found = [
        {"id": ids[i], "name": names[i], "type": graph.type_of(i).name}
        for i in graph.entities.search(text, limit, among)
    ]
    if json_:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    elif found:
        print_found(f"found for {text}", ("name", "id", "type"), found)
    else:
        raise KgdrugError(
            f"nothing in the graph {graph.name} resembles {text!r}{f' among type {kind}' if kind else ''}"
        )


@app.command()
def similar(
    model: Model,
    name: Annotated[str, typer.Argument(metavar="NAME", help="An entity, by id or name.")],
    top: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    by: Annotated[
        Literal["vectors", "structure"] | None,
        typer.Option(help="What orders them; default vectors, where the model has any."),
    ] = None,
    form: Form = None,
    out_file: Out = None,
    force: Force = False,
) -> None:
    """List what is most like an entity, of its type: by the model's vectors, and by structure."""
    from kgdrug import about_model, open_model
    from kgdrug import similar as find
    from kgdrug.ranking.export import write_similar

    meant = form_of(form, out_file, force)
    opened = open_model(model)
    alike = find(opened, name, top, by)
    text = f"like {opened.graph.entities.label(opened.graph.entities.find(name))}"
    about = about_model(opened, question=text)
    if meant == "table":
        print_similar(text, alike)
    else:
        write_similar(alike, meant, about, out_file or sys.stdout, force)
    told_of(about, meant, out_file, f"{len(alike):,} entities")


@app.command()
def score(
    model: Model,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="A table: head relation tail, or compound disease; .csv and .parquet too."),
    ],
    out_file: Out = None,
    form: Annotated[
        Literal["csv", "tsv", "parquet", "xlsx"] | None,
        typer.Option("--format", help="Default: what the name of --out says; printed, the table's own."),
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="Leave rows empty that the graph does not know, and count them.")
    ] = False,
    force: Force = False,
) -> None:
    """Say of each row of a table what the model says of it: every column stays, new ones come after."""
    from kgdrug import about_model, open_model, score_file
    from kgdrug.sources.sheets import FORMS

    meant = None if out_file is None and form is None else form_of(form, out_file, force, list(FORMS))
    opened = open_model(model)
    with tidy_end():
        rows, unknown = score_file(opened, file, out_file or sys.stdout, meant, skip_unknown, force)
    if unknown:
        more = f", and {len(unknown) - 3:,} more" if len(unknown) > 3 else ""
        err.print(f"{len(unknown):,} of {rows:,} rows are left empty, unknown: {'; '.join(unknown[:3])}{more}")
    told_of(about_model(opened), form or "csv", out_file, f"{rows:,} rows", likely=True)


@app.command()
def matrix(
    model: Model,
    out_file: Annotated[Path, typer.Option("--out", metavar="FILE", help="Parquet, csv, tsv, xlsx or npy.")],
    relation: Annotated[
        str | None, typer.Option(help="Every head and tail of this metaedge; default compounds by diseases.")
    ] = None,
    form: Annotated[
        Literal["parquet", "csv", "tsv", "xlsx", "npy"] | None,
        typer.Option("--format", help="Default: what the name of --out says."),
    ] = None,
    force: Force = False,
) -> None:
    """Write the score of every compound for every disease."""
    from kgdrug import open_model, write_matrix

    with tidy_end():
        count = write_matrix(open_model(model), out_file, relation, form, force, stages)
    out.print(f"wrote {count:,} pairs to {out_file}")


@app.command()
def vectors(
    model: Model,
    out_path: Annotated[Path, typer.Option("--out", help="The file to write; for npy and projector a folder.")],
    form: Annotated[Literal["parquet", "npy", "word2vec", "projector"], typer.Option(help="See docs/answers.md.")],
    kind: Annotated[str | None, typer.Option("--type", help="Entities of this type alone.")] = None,
    member: Annotated[int | None, typer.Option(min=0, help="Whose, where several members have vectors.")] = None,
    force: Force = False,
) -> None:
    """Write the model's vectors of entities for other tools."""
    from kgdrug import open_model, write_vectors

    with tidy_end():
        count, width = write_vectors(open_model(model), out_path, form, kind, member, force)
    out.print(f"wrote {count:,} vectors of {width:,} numbers to {out_path}")


@app.command()
def neighbourhood(
    model: Model,
    out_file: Annotated[Path, typer.Option("--out", metavar="FILE.graphml", help="The file to write.")],
    compound: Annotated[str | None, typer.Option(help="An id or a name; with --disease.")] = None,
    disease: Annotated[str | None, typer.Option(help="An id or a name; with --compound.")] = None,
    head: Annotated[str | None, typer.Option(help="With --tail: any two entities.")] = None,
    tail: Annotated[str | None, typer.Option(help="With --head.")] = None,
    hops: Annotated[int, typer.Option(min=1, max=3, help="Steps from both ends that an entity may be.")] = 1,
    most: Annotated[int, typer.Option(min=2, help="Entities, ends included; those with few facts first.")] = 200,
    force: Force = False,
) -> None:
    """Write what joins a compound and a disease as GraphML, to be drawn elsewhere."""
    from kgdrug import open_model, write_neighbourhood

    asked = {"compound": compound, "disease": disease, "head": head, "tail": tail}
    done = write_neighbourhood(open_model(model), out_file, **asked, hops=hops, most=most, force=force)
    more = f"; left out {done.left_out:,} with more facts or farther away" if done.left_out else ""
    out.print(f"wrote {done.entities:,} entities and {done.facts:,} facts between them to {out_file}{more}")
