"""Hetionet's JSON (hetio/hetnetpy): `metanode_kinds`, `metaedge_tuples`, `kind_to_abbrev`, `nodes` and `edges`.

A node's id is `kind::identifier`, as in Hetionet's tables. `.gz`, `.bz2` and `.xz` are read as hetnetpy reads them.
What hetnetpy's form has no room for stands in `data`, which is free there: `smiles`, and the `id` and `metaedge` of a
graph whose names are made in another way. The whole file is held in memory: about 4 GB for Hetionet.
"""

import itertools
import json
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kgdrug.errors import BadInputError
from kgdrug.graph import KnowledgeGraph
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder
from kgdrug.sources.packed import packed
from kgdrug.sources.reading import read_utf8
from kgdrug.sources.records import parse_json, table_of
from kgdrug.sources.writing import entity_table, fact_table

NAME = "hetionet-v1.0.json"
_SIGNS = {"both": "", "forward": ">"}
_ABOUT = {"licence": ("license", "licence"), "source": ("source", "sources"), "version": ("version",)}
_NODE = ("id", "name", "type", "smiles", "identifier", "record")
_EDGE = ("head", "abbreviation", "relation", "tail", *_ABOUT, "record")

Kind = tuple[str, str, str, str]  # head type, tail type, relation, direction


def find(folder: Path) -> Path | None:
    """Hetionet's JSON file in a folder."""
    return packed(folder, (NAME,))


def read(path: Path, reading: Reading) -> KnowledgeGraph:
    file = find(path) if path.is_dir() else path
    if file is None:
        raise BadInputError(path, f"has no {NAME}")
    content = _content(file)
    kinds = _kinds(file, content["metaedge_tuples"])
    nodes = table_of(_nodes(file, reading, content["nodes"]), _NODE, file, reading)
    # the ids of other forms stand in the nodes' data
    ids = {(kind, number): entity for entity, kind, number in nodes.select("id", "type", "identifier").iter_rows()}
    short = _abbreviations((end for kind in kinds for end in kind[:2]), (kind[2] for kind in kinds))
    short |= {name: str(word) for name, word in content["kind_to_abbrev"].items()}
    edges = table_of(_edges(file, reading, content["edges"], kinds, short, ids), _EDGE, file, reading)
    treats = [str(name) for name in content["treats"]] if "treats" in content else None
    builder = GraphBuilder(nodes.drop("identifier"), file, reading)
    builder.add(edges, file)
    return builder.graph(file.name.split(".json")[0].replace("hetionet-v1.0", "hetionet"), treats)


def write(graph: KnowledgeGraph, path: Path) -> None:
    abbreviations = _abbreviations((t.name for t in graph.entity_types), (e.relation for e in graph.metaedges))
    kinds = [(e.head_type, e.tail_type, e.relation, _direction(e.abbreviation)) for e in graph.metaedges]
    head = {
        "metanode_kinds": [t.name for t in graph.entity_types],
        "metaedge_tuples": sorted(set(kinds)),
        "kind_to_abbrev": abbreviations,
        "treats": list(graph.treats),
    }
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps(head, ensure_ascii=False)[:-1] + ',\n"nodes": [\n')
        ends, lines = {}, []
        for entity, name, kind, smiles in entity_table(graph).iter_rows():
            bare = entity.removeprefix(f"{kind}::")
            identifier = entity if bare in graph.entities else bare  # no two nodes may have the same
            ends[entity] = _text([kind, identifier])
            data = ({"smiles": smiles} if smiles else {}) | ({"id": entity} if identifier == entity else {})
            lines.append(_text({"kind": kind, "identifier": identifier, "name": name, "data": data}))
        file.write(",\n".join(lines) + '\n],\n"edges": [\n')
        rest = {}
        for e, kind in zip(graph.metaedges, kinds, strict=True):
            about = {"license": e.licence, "source": e.source, "version": e.version}
            about |= {} if _derived(abbreviations, kind) == e.abbreviation else {"metaedge": e.abbreviation}
            data = {key: value for key, value in about.items() if value}
            rest[e.abbreviation] = _text({"kind": e.relation, "direction": kind[3], "data": data})[1:]
        comma = ""
        for source, metaedge, target in fact_table(graph).iter_rows():
            file.write(f'{comma}{{"source_id": {ends[source]}, "target_id": {ends[target]}, {rest[metaedge]}')
            comma = ",\n"
        file.write("\n]}\n")


def _content(file: Path) -> dict[str, Any]:
    """The sections of the file, of which `kind_to_abbrev` may be missing."""
    try:
        content: dict[str, Any] = parse_json(read_utf8(file))
    except json.JSONDecodeError as error:
        raise BadInputError(file, f"is not JSON: {error.msg}", error.lineno) from None
    except ValueError as error:
        raise BadInputError(file, f"is not JSON: {error}") from None
    for name in ("metaedge_tuples", "nodes", "edges"):
        if not isinstance(content, dict) or name not in content:
            raise BadInputError(file, f"is no graph in Hetionet's JSON: it has no {name}")
    content.setdefault("kind_to_abbrev", {})
    for name, kind in (("nodes", list), ("edges", list), ("kind_to_abbrev", dict), ("treats", list)):
        if name in content and not isinstance(content[name], kind):
            said = "an object" if kind is dict else "a list"
            raise BadInputError(file, f"{name} should be {said}; came {str(content[name])[:200]!r}")
    return content


def _kinds(file: Path, metaedges: object) -> set[Kind]:
    """The kinds of edges, each that points backward turned round."""
    kinds = set()
    for row in metaedges if isinstance(metaedges, list) else [metaedges]:
        if not isinstance(row, list) or len(row) != 4 or not all(isinstance(word, str) for word in row):
            message = (
                f"metaedge_tuples is a list of [source kind, target kind, kind, direction]; came {str(row)[:200]!r}"
            )
            raise BadInputError(file, message)
        kinds.add(_forward(*row)[0])
    return kinds


def _forward(head: str, tail: str, relation: str, direction: str) -> tuple[Kind, bool]:
    """The kind of an edge so that it does not point backward, and whether it had to be turned round for that."""
    if direction == "backward":
        return (tail, head, relation, "forward"), True
    return (head, tail, relation, direction), False


def _nodes(file: Path, reading: Reading, nodes: Iterable[Any]) -> Iterator[tuple[str, ...]]:
    for number, node in enumerate(nodes, 1):
        if not isinstance(node, dict) or not node.get("kind") or node.get("identifier") in (None, ""):
            message = f"record {number} of nodes: has no kind and identifier"
            reading.bad(file, None, "node", message, repr(node)[:200])
            continue
        data, kind, identifier = _data(node), str(node["kind"]), str(node["identifier"])
        entity = str(data.get("id") or f"{kind}::{identifier}")
        smiles = str(data.get("smiles") or "")
        yield entity, str(node.get("name") or ""), kind, smiles, identifier, f"{number} of nodes"


def _edges(
    file: Path,
    reading: Reading,
    edges: Iterable[Any],
    kinds: set[Kind],
    abbreviations: Mapping[str, str],
    ids: Mapping[tuple[str, str], str],
) -> Iterator[tuple[str, ...]]:
    for number, edge in enumerate(edges, 1):
        try:
            (head_type, head), (tail_type, tail) = (map(str, edge[end]) for end in ("source_id", "target_id"))
            kind, turned = _forward(head_type, tail_type, str(edge["kind"]), str(edge["direction"]))
        except (TypeError, KeyError, ValueError):
            message = f"record {number} of edges: needs source_id, target_id, kind and direction"
            reading.bad(file, None, "edge", message, repr(edge)[:200])
            continue
        if kind not in kinds and kind[3] == "both":
            kind, turned = (tail_type, head_type, *kind[2:]), True
        if kind not in kinds:
            words = [head_type, tail_type, edge["kind"], edge["direction"]]
            message = f"record {number} of edges: {words} is not in metaedge_tuples"
            reading.bad(file, None, "unknown metaedge", message, repr(edge)[:200])
            continue
        data = _data(edge)
        ends = [ids.get(end, "::".join(end)) for end in ((head_type, head), (tail_type, tail))]
        head, tail = reversed(ends) if turned else ends
        said = (_word(data, keys) for keys in _ABOUT.values())
        yield (
            head,
            str(data.get("metaedge") or _derived(abbreviations, kind)),
            kind[2],
            tail,
            *said,
            f"{number} of edges",
        )


def _data(record: Any) -> dict[str, Any]:
    data = record.get("data") if isinstance(record, dict) else None
    return data if isinstance(data, dict) else {}


def _word(data: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    value = next((data[key] for key in keys if data.get(key)), "")
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _derived(abbreviations: Mapping[str, str], kind: Kind) -> str:
    """hetnetpy's abbreviation of a metaedge: `CtD`, or `Gr>G` where it has a direction."""
    head, tail, middle = (abbreviations.get(name, name) for name in kind[:3])
    return f"{head}{middle}{_SIGNS.get(kind[3], '')}{tail}"


def _direction(abbreviation: str) -> str:
    return "forward" if ">" in abbreviation else "both"


def _abbreviations(types: Iterable[str], relations: Iterable[str]) -> dict[str, str]:
    """A short word for each kind of node and of edge, all different, as hetnetpy asks for them.

    A node's is in capitals, and may end with a digit; an edge's has small letters alone.
    """
    result, taken = {}, set()
    for kinds, is_type in ((sorted(set(types)), True), (sorted(set(relations)), False)):
        for kind in kinds:
            initials = "".join(re.findall(r"(?:^|[ _])([A-Za-z])", kind)) or "x"
            short = initials.upper() if is_type else initials.lower()
            endings = _endings("23456789" if is_type else string.ascii_lowercase)
            result[kind] = next(short + end for end in endings if short + end not in taken)
            taken.add(result[kind])
    return result


def _endings(letters: str) -> Iterator[str]:
    """Nothing, each letter, each two letters, and so on."""
    for length in itertools.count():
        yield from map("".join, itertools.product(letters, repeat=length))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
