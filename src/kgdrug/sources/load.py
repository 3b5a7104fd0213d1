"""A source, by name or by path, to a `KnowledgeGraph`."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from kgdrug.errors import BadInputError, UnknownNameError, UsageError
from kgdrug.graph import KnowledgeGraph, Metaedge
from kgdrug.graph.known import Int, triple_keys
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import with_made
from kgdrug.sources.downloads import DATASETS, data_folder, places
from kgdrug.sources.export import with_exported
from kgdrug.sources.forms import FORMS, curated, form_named, form_of
from kgdrug.sources.forms.triples import ENDINGS, read_lines, untyped_builder

SAMPLE = "essential"
PARTS = ("train", "valid", "test")


def shipped(path: str) -> Path:
    """A file or folder that comes with kgdrug: inside the installed package, or in place in a checkout."""
    package = Path(__file__).parents[1]
    return next((p for p in (package / path, package.parents[1] / path) if p.exists()), package / path)


def load_graph(source: str | Path, form: str | None = None, reading: Reading | None = None) -> KnowledgeGraph:
    """The graph of a source: the name of a data set, such as `"hetionet"`, or a file or folder of any of FORMS.

    form: the name of the form, where the path's own names and first line do not say it; reading: takes note of what
    was set aside and dropped. A folder with `train`, `valid` and `test` files is the graph of all three. A file or
    folder here that is called like a data set is read where the data set is not on this machine.
    """
    own = Reading(reading is not None and reading.skip_bad_lines)  # so that `made` counts this source alone
    try:
        return _load(source, form, own)
    finally:
        if reading is not None:
            reading.bad_lines += own.bad_lines
            reading.duplicates += own.duplicates


def _load(source: str | Path, form: str | None, reading: Reading) -> KnowledgeGraph:
    if form is not None:
        form_named(form)
    name = str(source)
    if name == SAMPLE:
        _refuse_other_form(name, form, "curated")
        sample = curated.read(shipped("data/essential"), reading)
        return with_made(replace(sample, name=SAMPLE), SAMPLE, "curated", reading)
    if name in DATASETS and (find_dataset(name) is not None or not Path(source).exists()):
        _refuse_other_form(name, form, DATASETS[name].form)
        return _load_dataset(name, reading)
    path = locate(source)
    found = form or form_of(path)
    if found is None and find_part(path, "train"):
        return with_made(load_parts(path, reading)[0], name, "triples", reading)
    if found is None:
        raise UsageError(
            f"{path} is no graph: it is of none of the forms {', '.join(FORMS)}; docs/data.md says what files each has"
        )
    try:
        graph = with_exported(form_named(found).read(path, reading), path)
    except BadInputError as error:
        if found == "triples" and form is None and error.line == 1:  # so it was only guessed
            hint = "no known form starts so; --form says which it is, and a TOML file describes tables of your own"
            raise BadInputError(error.file, f"{error.message}; {hint} (docs/data.md)", 1) from None
        raise
    return graph if found == "kgdrug" else with_made(graph, str(source), found, reading)


def load_parts(folder: str | Path, reading: Reading | None = None) -> tuple[KnowledgeGraph, dict[str, Int]]:
    """The graph of all triples in a folder of `train`, `valid` and `test` files, and the triples of each part."""
    path, reading = locate(folder), reading or Reading()
    files = {part: find_part(path, part) for part in PARTS}
    missing = [part for part, file in files.items() if file is None]
    if missing:
        raise BadInputError(
            path, f"has no {missing[0]} file; looked for {missing[0]}" + f", {missing[0]}".join(ENDINGS)
        )
    read = {part: (file, read_lines(file, reading)) for part, file in files.items() if file}
    builder = untyped_builder([table for _, table in read.values()], path, reading)
    for file, table in read.values():
        builder.add(table, file)
    graph = builder.graph(path.name, treats=())
    return graph, dict(zip(read, builder.parts, strict=True))


def read_part(graph: KnowledgeGraph, folder: str | Path, part: str) -> Int:
    """The triples in the `train`, `valid` or `test` file of a folder, as indices of a graph that is there already."""
    path = locate(folder)
    file = find_part(path, part)
    if file is None:
        raise BadInputError(path, f"has no {part} file")
    rows, lines = [], []
    abbreviations = {e.abbreviation: i for i, e in enumerate(graph.metaedges)}
    for head, relation, tail, line in read_lines(file, Reading()).iter_rows():
        if head not in graph.entities or tail not in graph.entities or relation not in abbreviations:
            raise BadInputError(file, f"{head} {relation} {tail}: not of the graph {graph.name}", line)
        rows.append((graph.entities.index(head), abbreviations[relation], graph.entities.index(tail)))
        lines.append(line)
    triples = np.array(rows, np.int64).reshape(-1, 3)
    absent = ~np.isin(triple_keys(triples, len(graph.entities)), triple_keys(graph.triples, len(graph.entities)))
    if absent.any():
        row = int(absent.argmax())
        head, relation, tail = triples[row]
        words = f"{graph.entities.ids[head]} {graph.metaedges[relation].abbreviation} {graph.entities.ids[tail]}"
        raise BadInputError(file, f"{words}: not of the graph {graph.name}", lines[row])
    return triples


def locate(source: str | Path, what: str = "graph") -> Path:
    """The path as given, or within `KGDRUG_DATA`; a UsageError that says what was looked for where neither exists."""
    path, data = Path(source), data_folder()
    for candidate in [path] + ([data / path] if data and not path.is_absolute() else []):
        if candidate.exists():
            return candidate
    if what != "graph":
        raise UsageError(f"no such {what}: {str(source)!r}" + (f", neither here nor in {data}" if data else ""))
    names = ", ".join([SAMPLE, *DATASETS])
    raise UsageError(f"no such graph: {str(source)!r} is neither a file or folder nor one of {names}")


def find_dataset(name: str) -> Path | None:
    """The folder that holds the data set of this name; None where it has to be downloaded."""
    if name == SAMPLE:
        return shipped("data/essential")
    if name not in DATASETS:
        raise UnknownNameError("data set", name, choices=[SAMPLE, *DATASETS])
    is_form = FORMS[DATASETS[name].form].is_form
    return next((folder for folder in places(name) if is_form(folder)), None)


def _refuse_other_form(name: str, form: str | None, own: str) -> None:
    if form is not None and form != own:
        raise UsageError(
            f"the data set {name} is of the form {own}, not {form}; a path, such as ./{name}, can be of any"
        )


def _load_dataset(name: str, reading: Reading) -> KnowledgeGraph:
    folder, dataset = find_dataset(name), DATASETS[name]
    if folder is None:
        looked = ", ".join(str(p) for p in places(name))
        raise UsageError(f"{name} is not on this machine (looked in {looked}); run: kgdrug data get {name}")
    graph = replace(FORMS[dataset.form].read(folder, reading), name=name)
    metaedges = tuple(_with_about(e, dataset.licence, dataset.name, dataset.version) for e in graph.metaedges)
    return with_made(replace(graph, metaedges=metaedges), name, dataset.form, reading)


def _with_about(metaedge: Metaedge, licence: str, source: str, version: str) -> Metaedge:
    """The metaedge with what it does not say itself."""
    return replace(
        metaedge,
        licence=metaedge.licence or licence,
        source=metaedge.source or source,
        version=metaedge.version or version,
    )


def find_part(folder: Path, part: str) -> Path | None:
    """The file of a folder that holds its `train`, `valid` or `test` triples."""
    return next((p for p in (folder / (part + end) for end in ENDINGS) if p.is_file()), None)
