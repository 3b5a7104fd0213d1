"""Commands about graphs: data, build, export."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from kgdrug.cli.app import Force, app
from kgdrug.cli.screen import download_bars, err, fail, new_table, out, print_counts, print_graph, print_tables
from kgdrug.errors import UsageError

data_app = typer.Typer(help="List, download and describe graphs.", no_args_is_help=True)
app.add_typer(data_app, name="data")


@data_app.command("list")
def data_list() -> None:
    """List the data sets that have a name, and where they are."""
    from kgdrug.sources import DATASETS, SAMPLE, find_dataset, shipped

    table = new_table("name", "what", "licence", "on this machine")
    table.add_row(SAMPLE, "sample graph that comes with kgdrug", "CC0 1.0", str(shipped("data/essential")))
    for dataset in DATASETS.values():
        found = find_dataset(dataset.name)
        table.add_row(dataset.name, dataset.title, dataset.licence, str(found or f"no: kgdrug data get {dataset.name}"))
    out.print(table)


@data_app.command("get", short_help="Download a data set, or go on where that stopped.")
def data_get(name: Annotated[str, typer.Argument(metavar="NAME", help="See: kgdrug data list.")]) -> None:
    """Download a data set into the cache, or go on where that stopped; what is in the cache is checked."""
    from kgdrug.sources import cache_folder, find_dataset, get_dataset

    found = find_dataset(name)
    if found is None or found == cache_folder() / name:
        try:
            with download_bars() as bar:
                found = get_dataset(name, bar)
        except KeyboardInterrupt:
            fail("stopped by hand; the same command goes on where this stopped", 130)
    out.print(f"{name} is in {found}")


@data_app.command("describe", short_help="Count what is in a graph.")
def data_describe(
    graph: Annotated[str, typer.Argument(metavar="GRAPH", help="A name, a file, or a folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a page with plots instead.")] = None,
    force: Force = False,
) -> None:
    """Count what is in a graph: types, metaedges, degrees, components, duplicates, hubs, structures, treatments."""
    from kgdrug import describe, graph_page, load_graph
    from kgdrug.graph.store import refuse_existing
    from kgdrug.reports import overview
    from kgdrug.sources.molecules import unreadable

    if html is not None:
        refuse_existing(html, force)
    described = load_graph(graph)
    if html is not None:
        html.write_text(graph_page(described), encoding="utf-8")
        err.print(f"wrote {html}")
    if as_json:
        print(json.dumps(describe(described), indent=2, ensure_ascii=False))
    elif html is None:
        about = describe(described)
        print_graph(about)
        print_tables(about)
        for subject, lines in overview(about, len(unreadable(described))).items():
            for i, line in enumerate(lines):
                out.print(f"{'' if i else subject:12} {line}")


@app.command()
def build(
    sources: Annotated[
        list[str], typer.Argument(metavar="SOURCE...", help="Names, files or folders; see docs/data.md.")
    ],
    out_folder: Annotated[Path, typer.Option("--out", help="Graph folder to write.")],
    form: Annotated[str | None, typer.Option(help="The form of the sources, where it cannot be seen.")] = None,
    mapping: Annotated[Path | None, typer.Option(help="SSSOM table of ids that are one thing.")] = None,
    rename_types: Annotated[
        list[str] | None, typer.Option("--rename-type", metavar="OLD=NEW", help="Call an entity type otherwise.")
    ] = None,
    keep: Annotated[str | None, typer.Option(metavar="CtD,CbG,...", help="Keep these metaedges only.")] = None,
    drop_licence: Annotated[
        str | None, typer.Option(metavar="KIND,...", help="Leave out what is non-commercial, share-alike or unstated.")
    ] = None,
    treats: Annotated[str | None, typer.Option(metavar="CtD,...", help="The metaedges that mean treatment.")] = None,
    annotations: Annotated[
        list[Path] | None, typer.Option(help="Add trials, refutations and so on from a file.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What the graph is called.")] = None,
    skip_bad_lines: Annotated[
        bool, typer.Option("--skip-bad-lines", help="Set lines that do not fit aside, in bad_lines.tsv.")
    ] = False,
    force: Force = False,
) -> None:
    """Build a graph folder that opens fast, from one source or from several, which are merged by id."""
    from kgdrug.graph import save_graph
    from kgdrug.graph.store import fresh_folder
    from kgdrug.sources import Reading, build_graph, read_mapping, write_bad_lines
    from kgdrug.sources.build import counted

    started, reading = time.perf_counter(), Reading(skip_bad_lines)
    with fresh_folder(out_folder, force) as folder:
        pairs, weaker = read_mapping(mapping) if mapping else ([], 0)
        built = build_graph(
            sources,
            form=form,
            mapping=pairs,
            rename_types=dict(_pair(text, "--rename-type") for text in rename_types or []),
            keep=_listed(keep),
            drop_licences=_listed(drop_licence),
            treats=None if treats is None else _listed(treats),
            annotations=annotations or [],
            name=name,
            reading=reading,
        )
        save_graph(built.graph, folder)
        if reading.bad_lines:
            write_bad_lines(reading, folder / "bad_lines.tsv")
    for line in built.notes:
        out.print(line)
    if weaker:
        out.print(f"{mapping}: passed over {counted(weaker, 'row')} with something weaker than an exact match")
    if reading.bad_lines:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in reading.kinds.items())
        out.print(
            f"set aside {counted(len(reading.bad_lines), 'bad line')} ({kinds}) in {out_folder / 'bad_lines.tsv'}"
        )
    print_counts(built.graph)
    out.print(f"wrote {out_folder} in {time.perf_counter() - started:.1f} s")


@app.command()
def export(
    graph: Annotated[str, typer.Argument(metavar="GRAPH", help="A name, a file, or a folder.")],
    form: Annotated[str, typer.Option(help="The form to write; see docs/data.md.")],
    out_path: Annotated[Path, typer.Option("--out", help="The file or folder to write.")],
    force: Force = False,
) -> None:
    """Write a graph in the form of another tool, read it back, and say what the form had no room for."""
    from kgdrug import load_graph, write_graph
    from kgdrug.sources.build import counted

    loaded = load_graph(graph)
    lost = write_graph(loaded, out_path, form, force)
    size = f"{counted(len(loaded.entities), 'entity', 'entities')}, {counted(len(loaded.triples), 'triple')}"
    out.print(f"wrote {out_path} ({form}): {size}")
    out.print(f"this form has no room for: {'; '.join(lost)}" if lost else "read back: the same graph, nothing lost")


def _listed(text: str | None) -> list[str]:
    """The words of a list with commas."""
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def _pair(text: str, option: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise UsageError(f"{option} {text}: write OLD=NEW, such as drug=Compound")
    return old, new
