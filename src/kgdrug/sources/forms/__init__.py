"""Every form that a graph comes in and goes out in. Each has a module, with its `read` and, mostly, its `write`.

Read before: KGX (one `Transformer` with sources and sinks, but 20 classes) and PyKEEN (a class for each data set). Here
a form is a function from a path to a graph, and one back; which one a path is of, its names and first line say.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kgdrug.errors import BadInputError, UnknownNameError
from kgdrug.graph import KnowledgeGraph, load_graph_folder, save_graph
from kgdrug.graph.store import GRAPH_FILE
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.forms import (
    curated,
    drkg,
    graphml,
    hetionet,
    hetionet_json,
    kgx,
    neo4j,
    openbiolink,
    parquet,
    primekg,
    pykeen,
    tables,
    triples,
)
from kgdrug.sources.lines import separator_of
from kgdrug.sources.reading import first_fields


@dataclass(frozen=True)
class Form:
    """A form of graphs.

    title: what it is, in a few words; is_form: whether a file or folder is of this form; write: None where a form is
    for reading only; folder: whether it is written as a folder, else as one file.
    """

    title: str
    is_form: Callable[[Path], bool]
    read: Callable[[Path, Reading], KnowledgeGraph]
    write: Callable[[KnowledgeGraph, Path], None] | None
    folder: bool = True


def _first(path: Path) -> list[str]:
    """The fields of a file's first line; none where it has no line that can be read."""
    try:
        return first_fields(path, separator_of(path)) if path.is_file() else []
    except BadInputError:
        return []


def _is_drkg(path: Path) -> bool:
    return drkg.find(path) is not None if path.is_dir() else drkg.is_drkg(_first(path))


def _is_primekg(path: Path) -> bool:
    return primekg.find(path) is not None if path.is_dir() else primekg.is_primekg(_first(path))


def _is_json(path: Path) -> bool:
    return hetionet_json.find(path) is not None if path.is_dir() else ".json" in path.suffixes[-2:]


FORMS = {
    "kgdrug": Form(
        "kgdrug's own folder, which opens fastest",
        lambda path: (path / GRAPH_FILE).is_file(),
        lambda path, reading: load_graph_folder(path),
        save_graph,
    ),
    "curated": Form(
        "tables by name, to be read and corrected by people", curated.is_curated, curated.read, curated.write
    ),
    "hetionet": Form(
        "Hetionet's node table and SIF", lambda path: hetionet.find(path) is not None, hetionet.read, hetionet.write
    ),
    "hetionet-json": Form("Hetionet's JSON", _is_json, hetionet_json.read, hetionet_json.write, folder=False),
    "pykeen": Form("folder of a PyKEEN TriplesFactory", pykeen.is_pykeen, pykeen.read, pykeen.write),
    "parquet": Form("Parquet tables", parquet.is_parquet, parquet.read, parquet.write),
    "neo4j": Form("CSV for neo4j-admin import", neo4j.is_neo4j, neo4j.read, neo4j.write),
    "openbiolink": Form(
        "OpenBioLink's nodes and edges", openbiolink.is_openbiolink, openbiolink.read, openbiolink.write
    ),
    "kgx": Form("KGX tables", lambda path: kgx.is_kgx(path, ".tsv"), kgx.read_tsv, kgx.write_tsv),
    "kgx-jsonl": Form("KGX JSON lines", lambda path: kgx.is_kgx(path, ".jsonl"), kgx.read_jsonl, kgx.write_jsonl),
    "drkg": Form("DRKG's typed triples", _is_drkg, drkg.read, drkg.write, folder=False),
    "primekg": Form("PrimeKG's kg.csv", _is_primekg, primekg.read, primekg.write, folder=False),
    "graphml": Form(
        "GraphML", lambda path: path.name.endswith(graphml.ENDINGS), graphml.read, graphml.write, folder=False
    ),
    "tables": Form("your own tables, by a TOML file", lambda path: path.suffix == ".toml", tables.read, None),
    "triples": Form("plain head relation tail lines", Path.is_file, triples.read, triples.write, folder=False),
}


def form_named(name: str) -> Form:
    """The form of this name."""
    if name not in FORMS:
        raise UnknownNameError("form", name, choices=list(FORMS))
    return FORMS[name]


def form_of(path: Path) -> str | None:
    """The name of the form that a file or folder is of; None where it is of none."""
    return next((name for name, form in FORMS.items() if form.is_form(path)), None)
