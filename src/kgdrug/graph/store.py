"""A graph on disk: plain files that open fast.

`graph.json` (types, metaedges, counts, digest, how it was made), `entities.tsv` (`id name`, and `smiles` and
`synonyms` where any are known, in index order), `triples.npy` (`(t, 3)`, int32 where that is wide enough, no pickle),
and `annotations.tsv` where there are any. Synonyms stand one after another, `|` between them (`join_synonyms`).
"""

import contextlib
import hashlib
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from tokenize import TokenError  # numpy parses the header of an array as Python
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph.annotations import COLUMNS, Annotation
from kgdrug.graph.graph import EntityType, KnowledgeGraph, Metaedge
from kgdrug.graph.known import Int
from kgdrug.graph.vocabulary import Vocabulary, join_synonyms, split_synonyms

GRAPH_FILE = "graph.json"
EXPORT_FILE = "export.json"  # in a folder of another form: what was written there
FOLDS_FILE = "folds.json"  # in a folder of split folders: what they are
VECTORS_FILE = "vectors.json"  # in a folder of vectors: whose they are
ANNOTATIONS_FILE = "annotations.tsv"
FORMAT = "kgdrug graph 1"


def refuse_existing(path: Path, force: bool) -> None:
    """A UsageError where something is in the way: without force anything, with it a folder that is none of kgdrug's."""
    if path.exists() and not force:
        raise UsageError(f"{path} exists; give another place, or --force to replace it")
    ours = any((path / name).is_file() for name in (GRAPH_FILE, EXPORT_FILE, FOLDS_FILE, VECTORS_FILE))
    foreign = path.is_dir() and not path.is_symlink() and not ours
    if foreign and any(path.iterdir()):
        raise UsageError(f"{path} is a folder that kgdrug did not write; it is never replaced, give another place")


@contextmanager
def fresh_folder(folder: Path, force: bool = False) -> Iterator[Path]:
    """A folder to write into that takes its name when the block ends well, and is gone when it does not.

    One that exists is refused without `force`, and replaced at the end with it.
    """
    refuse_existing(folder, force)
    folder = folder if folder.is_symlink() else folder.resolve()
    made = list(itertools.takewhile(lambda parent: not parent.exists(), folder.parents))
    folder.parent.mkdir(parents=True, exist_ok=True)
    writing = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    writing.chmod(0o777 & ~_umask())  # a temporary folder is for its owner alone
    try:
        yield writing
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        elif folder.exists() or folder.is_symlink():
            folder.unlink()
        writing.rename(folder)
    finally:
        shutil.rmtree(writing, ignore_errors=True)
        for parent in made:
            with contextlib.suppress(OSError):  # not empty: the folder is there
                parent.rmdir()


@contextmanager
def fresh_file(path: Path, force: bool = False, beside: Sequence[str] = ()) -> Iterator[Path]:
    """A place for a file that takes its name when the block ends well, and is gone when it does not.

    beside: names of other files that the block writes into the same folder; they come with it. What exists is refused
    without `force`, and replaced at the end with it.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file")
    places = [path, *(path.with_name(name) for name in beside)]
    for place in places:
        refuse_existing(place, force)
    if not path.parent.is_dir():
        raise UsageError(f"{path} cannot be written: there is no folder {path.parent}")
    with tempfile.TemporaryDirectory(prefix=f".{path.name[:100]}.", dir=path.parent) as folder:
        yield Path(folder) / path.name
        for place in reversed(places):
            (Path(folder) / place.name).replace(place)


def _umask() -> int:
    """The permissions that new files of this process do not get."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def save_graph(graph: KnowledgeGraph, folder: Path) -> None:
    """Write the graph into an existing, empty folder."""
    save_schema(graph, folder)
    save_triples(graph.triples, folder / "triples.npy")


def load_graph_folder(folder: Path) -> KnowledgeGraph:
    """Read what `save_graph` wrote; a missing or damaged file is a BadInputError."""
    graph, triples = load_schema(folder), load_triples(folder / "triples.npy")
    expected = read_json(folder / GRAPH_FILE).get("triples")
    if len(triples) != expected:
        raise BadInputError(folder / "triples.npy", f"holds {len(triples)} triples where {GRAPH_FILE} says {expected}")
    try:
        return replace(graph, triples=triples)
    except ValueError as error:
        raise BadInputError(folder / "triples.npy", str(error)) from None


def save_schema(graph: KnowledgeGraph, folder: Path) -> None:
    """Write everything of the graph but its triples."""
    ids, names, synonyms = graph.entities.ids, graph.entities.names, graph.entities.synonyms
    columns = {"id": ids, "name": names}
    if graph.smiles:
        columns["smiles"] = tuple(graph.smiles.get(i, "") for i in range(len(ids)))
    if synonyms:
        columns["synonyms"] = tuple(join_synonyms(synonyms.get(i, ())) for i in range(len(ids)))
    write_rows(folder / "entities.tsv", tuple(columns), zip(*columns.values(), strict=True))
    if graph.annotations:
        rows = ((ids[a.compound], ids[a.disease], a.status, a.source, a.licence, a.date) for a in graph.annotations)
        write_rows(folder / ANNOTATIONS_FILE, COLUMNS, rows)
    header = {
        "format": FORMAT,
        "name": graph.name,
        "digest": graph.digest,
        "entities": len(graph.entities),
        "triples": len(graph.triples),
        "treats": list(graph.treats),
        "entity_types": [asdict(t) for t in graph.entity_types],
        "metaedges": [asdict(e) for e in graph.metaedges],
        "made": dict(graph.made),
    }
    (folder / GRAPH_FILE).write_text(json.dumps(header, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def load_schema(folder: Path) -> KnowledgeGraph:
    """Read what `save_schema` wrote: a graph without triples."""
    header = read_json(folder / GRAPH_FILE)
    try:
        types = tuple(EntityType(**t) for t in header["entity_types"])
        metaedges = tuple(Metaedge(**e) for e in header["metaedges"])
        if header["format"] != FORMAT:
            raise ValueError(f"format is {header['format']!r}; this kgdrug reads {FORMAT!r}")
        name, treats, entities = header["name"], tuple(header["treats"]), int(header["entities"])
        made = dict(header.get("made", {}))
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(folder / GRAPH_FILE, f"not a kgdrug graph: {error}") from None
    path = folder / "entities.tsv"
    first, rows = read_rows(path)
    known = tuple(name for name in ("id", "name", "smiles", "synonyms") if name in first or name in ("id", "name"))
    if first != known:
        wanted = "id name, then smiles and synonyms where they are known"
        raise BadInputError(path, f"the first line should be {wanted}; {' '.join(first)} came", 1)
    if len(rows) != entities:
        raise BadInputError(path, f"has {len(rows)} entities where {GRAPH_FILE} says {entities}")
    columns = {name: [row[place] for row in rows] for place, name in enumerate(first)}
    synonyms = {i: split_synonyms(text) for i, text in enumerate(columns.get("synonyms", ())) if text}
    vocabulary = Vocabulary(columns["id"], columns["name"], synonyms=synonyms)
    try:
        vocabulary.check()
    except ValueError as error:
        raise BadInputError(path, str(error)) from None
    missing = {t for e in metaedges for t in (e.head_type, e.tail_type)} - {t.name for t in types}
    if missing:
        raise BadInputError(folder / GRAPH_FILE, f"no entity type {min(missing)}")
    smiles = {i: text for i, text in enumerate(columns.get("smiles", ())) if text}
    annotations = _load_annotations(folder / ANNOTATIONS_FILE, vocabulary)
    try:
        return KnowledgeGraph(
            vocabulary, types, metaedges, np.empty((0, 3), np.int64), treats, name, smiles, annotations, made
        )
    except (ValueError, TypeError) as error:
        raise BadInputError(folder / GRAPH_FILE, str(error)) from None


def _load_annotations(path: Path, entities: Vocabulary) -> tuple[Annotation, ...]:
    if not path.is_file():
        return ()
    first, rows = read_rows(path)
    if first != COLUMNS:
        raise BadInputError(path, f"the first line should be {' '.join(COLUMNS)}; {' '.join(first)} came", 1)
    annotations = []
    for line, (compound, disease, *rest) in enumerate(rows, 2):
        unknown = next((entity for entity in (compound, disease) if entity not in entities), None)
        if unknown is not None:
            raise BadInputError(path, f"unknown entity {unknown!r}", line)
        annotations.append(Annotation(entities.index(compound), entities.index(disease), *rest))
    return tuple(sorted(annotations))


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write a tab-separated table; a field that would break it is a BadInputError."""
    lines = ["\t".join(columns) + "\n"]
    for row in rows:
        line = "\t".join(row)
        if line.count("\t") != len(columns) - 1 or "\n" in line or "\r" in line:
            raise BadInputError(path, f"a name holds a tab or a line end: {line!r}")
        lines.append(line + "\n")
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def read_rows(path: Path) -> tuple[tuple[str, ...], list[list[str]]]:
    """The header and the rows of a table that `write_rows` wrote."""
    header, *lines = read_text(path).split("\n")
    columns = tuple(header.split("\t"))
    rows = [line.split("\t") for line in lines[:-1]]
    bad = next((i for i, row in enumerate(rows, 2) if len(row) != len(columns)), None)
    if bad is not None:
        raise BadInputError(path, f"expected {len(columns)} columns, {' '.join(columns)}", bad)
    return columns, rows


def save_triples(triples: Int, path: Path) -> None:
    """Write triples as int32 where that is wide enough."""
    small = not triples.size or triples.max() < 2**31
    np.save(path, triples.astype(np.int32 if small else np.int64), allow_pickle=False)


def load_triples(path: Path) -> Int:
    """Read what `save_triples` wrote, as int64."""
    triples = read_array(path)
    if triples.ndim != 2 or triples.shape[1] != 3 or triples.dtype.kind != "i":
        raise BadInputError(path, f"holds {triples.dtype} {triples.shape}, not integer (t, 3)")
    result: Int = triples.astype(np.int64)
    return result


def read_array(path: Path) -> NDArray[Any]:
    """The array in an `.npy` file; nothing is unpickled."""
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError, SyntaxError, TokenError) as error:
        raise BadInputError(path, f"cannot be read as an array: {error}") from None


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file."""
    try:
        content = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise BadInputError(path, f"is not JSON: {error.msg}", error.lineno) from None
    if not isinstance(content, dict):
        raise BadInputError(path, "does not hold a JSON object")
    return content


def read_text(path: Path) -> str:
    """The UTF-8 text of a file."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise BadInputError(path, "is missing") from None
    except UnicodeDecodeError as error:
        raise BadInputError(path, f"is not UTF-8 text: {error.reason} at byte {error.start}") from None


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, two-space indented, UTF-8."""
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
