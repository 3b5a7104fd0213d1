"""A graph out into any of FORMS, and what the form had no room for."""

import bz2
import gzip
import lzma
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from kgdrug.errors import BadInputError, KgdrugError, UnknownNameError, UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.graph import ABOUT
from kgdrug.graph.store import EXPORT_FILE, fresh_folder, read_json, refuse_existing, write_json
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.forms import FORMS, form_named
from kgdrug.sources.reading import PACKED
from kgdrug.sources.writing import fact_table


def write_graph(graph: KnowledgeGraph, path: str | Path, form: str, force: bool = False) -> list[str]:
    """Write a graph as a file or folder of a form, and say what is not as it was when it is read back.

    An empty list means that nothing was lost. The path is there when the graph was written whole and could be read; it
    is never there half-written. A file that ends with one of PACKED is packed. A folder also has `export.json`, which
    names the graph, its digest, and licence, source and version of each metaedge.
    """
    written = [name for name, other in FORMS.items() if other.write]
    if form not in FORMS:
        raise UnknownNameError("form", form, choices=written)
    path, about = Path(path), FORMS[form]
    if about.write is None:
        raise UsageError(f"the form {form} is for reading only; written are {', '.join(written)}")
    if about.folder:
        with fresh_folder(path, force) as folder:
            about.write(graph, folder)
            if form != "kgdrug":
                write_json(folder / EXPORT_FILE, _about(graph, form))
            return differences(graph, _read_back(folder, form))
    refuse_existing(path, force)
    if path.is_dir():
        raise UsageError(f"{path} is a folder; the form {form} is one file")
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=path.name + ".writing", dir=path.parent) as place:
        plain, writing = Path(place) / "graph", Path(place) / path.name
        about.write(graph, plain)
        if path.suffix in PACKED:
            writing.write_bytes(_pack(plain.read_bytes(), path.suffix))
        else:
            plain.replace(writing)
        lost = differences(graph, _read_back(writing, form))
        writing.replace(path)
    return lost


def _about(graph: KnowledgeGraph, form: str) -> dict[str, object]:
    """What an exported folder says of itself."""
    said = ("head_type", "relation", "tail_type", *ABOUT)
    return {
        "form": form,
        "graph": graph.name,
        "digest": graph.digest,
        "made": dict(graph.made),
        "metaedges": {e.abbreviation: {name: getattr(e, name) for name in said} for e in graph.metaedges},
    }


def with_exported(graph: KnowledgeGraph, folder: Path) -> KnowledgeGraph:
    """The graph with what `export.json` says of its metaedges, where there is one and they do not say it themselves."""
    if not (folder / EXPORT_FILE).is_file():
        return graph
    about = read_json(folder / EXPORT_FILE).get("metaedges")
    metaedges = []
    for e in graph.metaedges:
        said = about.get(e.abbreviation) if isinstance(about, dict) else None
        said = said if isinstance(said, dict) else {}
        fields = {name: getattr(e, name) or str(said.get(name, "")) for name in ABOUT}
        metaedges.append(replace(e, **fields))
    return replace(graph, metaedges=tuple(metaedges))


def differences(before: KnowledgeGraph, after: KnowledgeGraph) -> list[str]:
    """What two graphs, of which the second should be the first, do not have in common; in words."""
    result = []
    if before.digest != after.digest:
        result += _differing_facts(before, after)
    names = dict(zip(before.entities.ids, before.entities.names, strict=True))
    there = dict(zip(after.entities.ids, after.entities.names, strict=True))
    unnamed = sum(entity in there and there[entity] != name for entity, name in names.items())
    result += [f"names of {unnamed:,} entities"] if unnamed else []
    synonyms = len(_synonyms(before) - _synonyms(after))
    result += [f"synonyms of {synonyms:,} entities"] if synonyms else []
    structures = len(_structures(before) - _structures(after))
    result += [f"structures of {structures:,} entities"] if structures else []
    annotations = len(_annotations(before) - _annotations(after))
    result += [f"{annotations:,} annotations"] if annotations else []
    about = {e.abbreviation: e for e in after.metaedges}
    for field in ABOUT:
        said = {getattr(e, field) for e in after.metaedges}  # by metaedges that go by other names there
        lost = sum(
            getattr(about[e.abbreviation], field) != getattr(e, field)
            if e.abbreviation in about
            else bool(getattr(e, field)) and getattr(e, field) not in said
            for e in before.metaedges
        )
        result += [f"{field} of {lost:,} metaedges"] if lost else []
    if set(before.treats) & about.keys() != set(after.treats) & {e.abbreviation for e in before.metaedges}:
        result.append(f"which metaedges are treatments ({', '.join(before.treats) or 'none'})")
    return result


def _synonyms(graph: KnowledgeGraph) -> set[tuple[str, tuple[str, ...]]]:
    return {(graph.entities.ids[i], texts) for i, texts in graph.entities.synonyms.items()}


def _structures(graph: KnowledgeGraph) -> set[tuple[str, str]]:
    return {(graph.entities.ids[i], smiles) for i, smiles in graph.smiles.items()}


def _annotations(graph: KnowledgeGraph) -> set[tuple[str, ...]]:
    ids = graph.entities.ids
    return {(ids[a.compound], ids[a.disease], a.status, a.source, a.licence, a.date) for a in graph.annotations}


def _differing_facts(before: KnowledgeGraph, after: KnowledgeGraph) -> list[str]:
    result = []
    missing = len(set(before.entities.ids) - set(after.entities.ids))
    if missing:
        degree = np.bincount(before.triples[:, [0, 2]].ravel(), minlength=len(before.entities))
        isolated = sum(int(degree[i] == 0) for i, e in enumerate(before.entities.ids) if e not in after.entities)
        result += [f"{isolated:,} entities without a triple"] if isolated else []
        result += [f"ids of {missing - isolated:,} entities"] if missing > isolated else []
    types = [t.name for t in before.entity_types if t.name not in {other.name for other in after.entity_types}]
    result += [f"types of entities ({', '.join(types)})"] if types else []
    metaedges = {e.abbreviation: e.relation for e in after.metaedges}
    renamed = [e for e in before.metaedges if metaedges.get(e.abbreviation) != e.relation]
    result += [f"names of {len(renamed):,} metaedges, such as {renamed[0]}"] if renamed else []
    if len(before.triples) != len(after.triples):
        result.append(f"{len(before.triples) - len(after.triples):,} triples")
    elif not result and not fact_table(before).equals(fact_table(after)):
        result.append("the direction of triples")
    return result or ["the order or types of entities"]


def _read_back(path: Path, form: str) -> KnowledgeGraph:
    try:
        return with_exported(form_named(form).read(path, Reading()), path)
    except BadInputError as error:
        raise KgdrugError(f"the form {form} cannot hold this graph; what was written does not read: {error}") from None


def _pack(content: bytes, ending: str) -> bytes:
    """The content as the ending says."""
    import zstandard

    packers: dict[str, Callable[[bytes], bytes]] = {
        ".gz": partial(gzip.compress, mtime=0), ".zst": zstandard.compress, ".bz2": bz2.compress, ".xz": lzma.compress,
    }  # fmt: skip
    return packers[ending](content)
