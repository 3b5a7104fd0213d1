"""GraphML, as kgdrug, networkx and others write it: directed edges, with the names of nodes and relations as data.

A node's type is its data `type`, `kind` or `label`, an edge's metaedge its data `metaedge`, else `relation`, `label` or
the edge's own id (where networkx keeps the key).
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

import polars as pl

from kgdrug.errors import BadInputError, first_line
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.graph import ABOUT
from kgdrug.sources import packed
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder
from kgdrug.sources.forms.triples import UNTYPED
from kgdrug.sources.packed import open_binary, read_bytes, unpacking_errors
from kgdrug.sources.records import table_of
from kgdrug.sources.writing import entity_table, fact_table

ENDINGS = tuple(".graphml" + ending for ending in packed.ENDINGS)
_TYPE, _METAEDGE = ("type", "kind", "label"), ("metaedge", "relation", "label")
_UNFIT = re.compile("[^\t -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Keys(NamedTuple):
    """The kinds of data that a node, an edge or a graph can have: names by their ids, and defaults by name."""

    names: dict[str, str]
    defaults: dict[str, str]


def read(path: Path, reading: Reading) -> KnowledgeGraph:
    nodes: list[tuple[str, ...]] = []
    edges: list[tuple[str, ...]] = []
    about: dict[str, str] = {}
    numbers = Counter[str]()
    for tag, attributes, data in _records(path):
        numbers[tag] += 1
        record = f"{numbers[tag]} of {tag}s"
        if tag == "graph":
            about |= data
        elif tag == "node":
            type_name = next((data[name] for name in _TYPE if data.get(name)), UNTYPED)
            row = attributes.get("id", ""), data.get("name", ""), type_name, data.get("smiles", ""), record
            if row[0]:
                nodes.append(row)
            else:
                reading.bad(path, None, "node", f"record {record}: has no id", " ".join(row[:4]))
        else:
            label = next((data[name] for name in _METAEDGE if data.get(name)), attributes.get("id", ""))
            ends = attributes.get("source", ""), attributes.get("target", "")
            if label and all(ends):
                edges.append((ends[0], label, data.get("relation") or label, ends[1], record))
            else:
                missing = "source or target" if label else f"relation: it has no data {_METAEDGE[0]}"
                message = f"record {record} ({ends[0]} to {ends[1]}): names no {missing}"
                reading.bad(path, None, "edge", message, f"{ends[0]} {label} {ends[1]}")
    if not nodes or not edges:
        raise BadInputError(path, f"holds no GraphML {'edge' if nodes else 'node'} that fits")
    builder = GraphBuilder(table_of(nodes, ("id", "name", "type", "smiles", "record"), path, reading), path, reading)
    facts = table_of(edges, ("head", "abbreviation", "relation", "tail", "record"), path, reading)
    builder.add(facts.with_columns(_said(about.get(name, "")).alias(name) for name in ABOUT), path)
    return builder.graph(path.name.split(".graphml")[0], _treats(path, about))


def _said(text: str) -> pl.Expr:
    """What the graph says about its metaedges: of each, as a JSON object, or in other files one text for all."""
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return pl.lit(text)
    words = {name: word for name, word in said.items() if isinstance(word, str)}
    return pl.col("abbreviation").replace_strict(words, default="", return_dtype=pl.String)


def _treats(path: Path, about: Mapping[str, str]) -> list[str] | None:
    """The metaedges that mean treatment; None where the graph does not say it."""
    if "treats" not in about:
        return None
    try:
        treats = json.loads(about["treats"])
    except ValueError:
        treats = None
    if not isinstance(treats, list):
        raise BadInputError(path, f"treats of the graph should be a JSON list of metaedges, not {about['treats']!r}")
    return [str(name) for name in treats]


def write(graph: KnowledgeGraph, path: Path) -> None:
    keys = [("node", "name"), ("node", "type"), ("node", "smiles"), ("edge", "metaedge"), ("edge", "relation")]
    keys += [("graph", name) for name in (*ABOUT, "treats")]
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write('<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n')
        for of, name in keys:
            file.write(f'<key id="{of}.{name}" for="{of}" attr.name="{name}" attr.type="string"/>\n')
        file.write(f'<graph id={quoteattr(_content(path, graph.name, raw=True))} edgedefault="directed">\n')
        for name in ABOUT:
            said = {e.abbreviation: getattr(e, name) for e in graph.metaedges if getattr(e, name)}
            file.write(f'<data key="graph.{name}">{escape(json.dumps(said, ensure_ascii=False))}</data>\n')
        file.write(f'<data key="graph.treats">{escape(json.dumps(graph.treats, ensure_ascii=False))}</data>\n')
        for entity, name, type_name, smiles in entity_table(graph).iter_rows():
            structure = f'<data key="node.smiles">{_content(path, smiles)}</data>' if smiles else ""
            data = f'<data key="node.name">{_content(path, name)}</data>'
            data += f'<data key="node.type">{_content(path, type_name)}</data>'
            file.write(f"<node id={quoteattr(_content(path, entity, raw=True))}>{data}{structure}</node>\n")
        kinds = {
            e.abbreviation: f'<data key="edge.metaedge">{_content(path, e.abbreviation)}</data>'
            f'<data key="edge.relation">{_content(path, e.relation)}</data></edge>\n'
            for e in graph.metaedges
        }
        ids = {entity: quoteattr(entity) for entity in graph.entities.ids}
        for head, metaedge, tail in fact_table(graph).iter_rows():
            file.write(f"<edge source={ids[head]} target={ids[tail]}>{kinds[metaedge]}")
        file.write("</graph>\n</graphml>\n")


def _content(path: Path, text: str, raw: bool = False) -> str:
    """Text as XML has it; what XML has no room for is a BadInputError."""
    if _UNFIT.search(text):
        raise BadInputError(path, f"GraphML has no room for the control character in {text!r}")
    return text if raw else escape(text)


def _records(path: Path) -> Iterator[tuple[str, dict[str, str], dict[str, str]]]:
    """Each node, edge and the graph itself: its tag, its attributes, and its data by name."""
    keys = {tag: _Keys({}, {}) for tag in ("node", "edge", "graph")}
    try:
        with open_binary(path) as file:
            parents: list[ElementTree.Element] = []
            for event, element in ElementTree.iterparse(file, ("start", "end")):
                tag = element.tag.rpartition("}")[2]
                if event == "start":
                    parents.append(element)
                    continue
                parents.pop()
                if tag == "key":
                    name = element.get("attr.name", element.get("id", ""))
                    default = next((c.text for c in element if c.tag.rpartition("}")[2] == "default"), None)
                    for of in keys.keys() & {element.get("for", "all")} or keys:
                        keys[of].names[element.get("id", "")] = name
                        keys[of].defaults.update({name: default} if default else {})
                elif tag in keys:
                    yield tag, dict(element.attrib), _data(element, keys[tag])
                    if parents:
                        parents[-1].remove(element)  # a graph of millions of edges is not kept as a tree
    except ElementTree.ParseError as error:
        read_bytes(path)  # where the packed data end too early, that is what is wrong
        raise BadInputError(path, f"is not XML: {error}", error.position[0]) from None
    except (LookupError, ValueError) as error:
        raise BadInputError(path, f"is not XML that can be read: {first_line(error)}", 1) from None  # its encoding
    except unpacking_errors() as error:
        read_bytes(path)  # says what is wrong with the file
        raise BadInputError(path, f"cannot be unpacked: {first_line(error)}") from None


def _data(element: ElementTree.Element, keys: _Keys) -> dict[str, str]:
    """The data of an element by name; what it has none of has its default."""
    data = dict(keys.defaults)
    for child in element:
        if child.tag.rpartition("}")[2] == "data":
            key = child.get("key", "")
            data[keys.names.get(key, key)] = child.text or ""
    return data
