"""Several graphs to one, by id, with a report of what joined and what clashed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from kgdrug.biolink import curie
from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import KnowledgeGraph, Metaedge
from kgdrug.graph.graph import ABOUT
from kgdrug.graph.known import distinct, triple_keys
from kgdrug.graph.vocabulary import join_synonyms
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.builder import GraphBuilder
from kgdrug.sources.reading import read_utf8
from kgdrug.sources.writing import entity_table, fact_table, synonym_texts

OF_MAPPING = ("ambiguous mapping", "types of a mapping")  # clashes where nothing was joined

# predicates of SSSOM that say that two ids are one thing
EXACT = ("skos:exactMatch", "owl:sameAs", "owl:equivalentClass")


@dataclass(frozen=True)
class Clash:
    """Two graphs disagree about one thing, or a mapping does not fit them.

    kind: `name`, `type`, `smiles`, `ids of one graph`, `ambiguous mapping`, or `types of a mapping`.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class MergeReport:
    """What came of a merge.

    entities, triples: how many each graph brought that none before it had; joined: entities that several graphs have;
    equivalent: those of them that joined only by a mapping; shared: triples that several graphs have; metaedges: those
    that several graphs have; clashes: where the first graph's word was kept, or a pair of the mapping joined nothing;
    mapping: how many pairs stand in a group of which the graphs have two ids or more, and how many do not.
    """

    graphs: tuple[str, ...]
    entities: tuple[int, ...]
    triples: tuple[int, ...]
    joined: int
    equivalent: int
    shared: int
    metaedges: tuple[str, ...]
    clashes: tuple[Clash, ...]
    mapping: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class _Joined:
    """What a mapping does to ids: the id that each gives way to, what did not fit, and pairs used and unused."""

    kept: dict[str, str]
    clashes: tuple[Clash, ...] = ()
    used: tuple[int, int] = (0, 0)


def merge_graphs(
    graphs: Sequence[KnowledgeGraph],
    mapping: Sequence[tuple[str, str]] = (),
    rename_types: Mapping[str, str] | None = None,
    name: str | None = None,
) -> tuple[KnowledgeGraph, MergeReport]:
    """One graph of all triples: entities with the same id are one, and so are those that `mapping` pairs.

    mapping: pairs of ids, or of their CURIEs, which join entities of one type; the id of the earliest graph is kept.
    rename_types: new names of entity types, by old name. A metaedge is the same where abbreviation, relation and types
    are. The first graph's name, type and structure of an entity are kept; a fact whose end changes its type so goes to
    a metaedge of those types. Synonyms of all graphs are kept, and names that gave way are synonyms too. Licences of
    one metaedge are joined, and a graph that names none adds `none stated`.
    """
    unknown = next(
        (t for t in rename_types or {} if not any(t == e.name for g in graphs for e in g.entity_types)), None
    )
    if unknown:
        known = ", ".join(sorted({e.name for g in graphs for e in g.entity_types}))
        raise UsageError(f"no graph has the entity type {unknown!r} to be renamed; the types are {known}")
    joined = _joined(graphs, mapping, rename_types or {})
    kept = joined.kept
    tables = [_entities(graph, kept, rename_types or {}) for graph in graphs]
    nodes, clashes = _nodes(graphs, tables)
    builder = GraphBuilder(nodes, Path("merge"), Reading())
    for graph in graphs:
        facts = fact_table(graph, "relation", *ABOUT)
        plain = {e.abbreviation: _plain(e) for e in graph.metaedges}
        facts = facts.with_columns(
            pl.col("head", "tail").replace(kept),
            pl.col("metaedge").replace(plain).alias("abbreviation"),
        )
        builder.add(facts.with_row_index("record", 1), Path(graph.name))
    merged = builder.graph(name or "+".join(graph.name for graph in graphs))
    treats = {
        merged.metaedges[new].abbreviation
        for graph, part in zip(graphs, builder.parts, strict=True)
        for old, new in np.stack(
            np.divmod(distinct(graph.triples[:, 1] * merged.relations + part[:, 1]), merged.relations), 1
        ).tolist()
        if graph.metaedges[old].abbreviation in graph.treats
    }
    annotations = {
        replace(
            a,
            compound=merged.entities.index(_kept(graph, a.compound, kept)),
            disease=merged.entities.index(_kept(graph, a.disease, kept)),
        )
        for graph in graphs
        for a in graph.annotations
    }
    merged = replace(merged, treats=tuple(sorted(treats)), annotations=tuple(sorted(annotations)), made=_made(graphs))
    return merged, _report(graphs, tables, builder, merged, clashes, joined)


def read_mapping(path: Path) -> tuple[list[tuple[str, str]], int]:
    """The pairs of equivalent ids in an SSSOM table, and how many rows said something weaker than EXACT.

    SSSOM (Matentzoglu et al. 2022, doi 10.1093/database/baac035): tab-separated, with `#` lines above the header.
    """
    lines = [(i, line.rstrip("\r")) for i, line in enumerate(read_utf8(path).split("\n"), 1)]
    rows = [(i, line.split("\t")) for i, line in lines if line and not line.startswith("#")]
    if not rows:
        raise BadInputError(path, "holds only comments")
    (first, header), *rows = rows
    missing = [name for name in ("subject_id", "predicate_id", "object_id") if name not in header]
    if missing:
        raise BadInputError(
            path, f"is no SSSOM table: its header lacks {missing[0]} (it is: {' '.join(header)})", first
        )
    places = [header.index(name) for name in ("subject_id", "predicate_id", "object_id")]
    modifier = header.index("predicate_modifier") if "predicate_modifier" in header else None
    pairs, weaker = [], 0
    for line, row in rows:
        if len(row) <= max(places) or not all(row[i] for i in places):
            raise BadInputError(path, f"{len(row)} fields, one of them needed and not there: {row!r}", line)
        subject, predicate, other = (row[i] for i in places)
        negated = modifier is not None and len(row) > modifier and row[modifier].casefold() == "not"
        if predicate in EXACT and not negated:
            pairs.append((subject, other))
        else:
            weaker += 1
    return pairs, weaker


def _joined(graphs: Sequence[KnowledgeGraph], pairs: Sequence[tuple[str, str]], types: Mapping[str, str]) -> _Joined:
    """What pairs do to the ids of graphs: the first of each group is kept, by graph and by order.

    Only entities of one type come together: each word of a pair stands once for each type.
    """
    if not pairs:
        return _Joined({})
    type_of, named, clashes = _named(graphs, {_word(text) for pair in pairs for text in pair}, types)
    order = {entity: i for i, entity in enumerate(type_of)}
    above: dict[str, str] = {}  # of ids, and of words behind a NUL; the earliest id of a group has nothing above it

    def top(name: str) -> str:
        while name in above:
            if above[name] in above:
                above[name] = above[above[name]]
            name = above[name]
        return name

    def join(one: str, other: str) -> None:
        early, late = sorted((top(one), top(other)), key=lambda name: order.get(name, len(order)))
        if early != late:
            above[late] = early

    for word, by_type in named.items():
        for type_name, entities in by_type.items():
            for entity in entities:
                join(entity, f"\0{word}\0{type_name}")
    met = sorted({type_name for by_type in named.values() for type_name in by_type})
    for one, other in pairs:
        there = [named.get(_word(text), {}) for text in (one, other)]
        if all(there) and not there[0].keys() & there[1].keys():
            said = " and ".join(f"{t} ({', '.join(of)})" for t, of in zip((one, other), there, strict=True))
            clashes.append(Clash("types of a mapping", f"{said} are not of one type, and stay apart"))
        for type_name in met:
            join(f"\0{_word(one)}\0{type_name}", f"\0{_word(other)}\0{type_name}")
    bearers = Counter(top(f"\0{word}\0{t}") for word, by_type in named.items() for t, ids in by_type.items() if ids)
    used = sum(any(bearers[top(f"\0{_word(one)}\0{t}")] > 1 for t in met) for one, _ in pairs)
    kept = {entity: top(entity) for entity in order if entity in above}
    return _Joined(kept, tuple(clashes), (used, len(pairs) - used))


def _named(
    graphs: Sequence[KnowledgeGraph], mentioned: set[str], types: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, dict[str, list[str]]], list[Clash]]:
    """The type of each id, and by word and type the ids that a word names.

    A word that names several entities of one type in one graph names the one whose id it is, or else none.
    """
    type_of: dict[str, str] = {}
    named: dict[str, dict[str, list[str]]] = {}
    clashes = []
    for graph in graphs:
        here: dict[tuple[str, str], list[str]] = {}
        for t in graph.entity_types:
            for entity in graph.entities.ids[t.start : t.stop]:
                kind = type_of.setdefault(entity, types.get(t.name, t.name))
                for word in {_word(entity), _word(curie(entity, t.name))} & mentioned:
                    here.setdefault((word, kind), []).append(entity)
        for (word, kind), entities in here.items():
            exact = [entity for entity in entities if _word(entity) == word] if len(entities) > 1 else entities
            if len(exact) == 1:
                named.setdefault(word, {}).setdefault(kind, []).extend(exact)
            else:
                named.setdefault(word, {}).setdefault(kind, [])
                ids = ", ".join(entities)
                clashes.append(
                    Clash("ambiguous mapping", f"{word} may be any of {ids} of {graph.name}, and joins none")
                )
    return type_of, named, clashes


def _word(text: str) -> str:
    """An id to be compared: the prefix of a CURIE is the same in any case."""
    prefix, colon, rest = text.partition(":")
    return f"{prefix.casefold()}{colon}{rest}" if colon else text


def _entities(graph: KnowledgeGraph, kept: Mapping[str, str], types: Mapping[str, str]) -> pl.DataFrame:
    """`id name type smiles synonyms own_id` of a graph, by the ids that are kept."""
    table = entity_table(graph).with_columns(synonym_texts(graph), own_id=pl.col("id"))
    blank = pl.when(pl.col("name") == pl.col("own_id")).then(pl.lit("")).otherwise("name")
    return table.with_columns(
        pl.col("id").replace(dict(kept)), pl.col("type").replace(dict(types)), blank.alias("name")
    )


def _nodes(graphs: Sequence[KnowledgeGraph], tables: Sequence[pl.DataFrame]) -> tuple[pl.DataFrame, list[Clash]]:
    """Each entity once, with the first word about it, and what else was said."""
    together = pl.concat(t.with_columns(graph=pl.lit(i)) for i, t in enumerate(tables))
    said = {c: pl.col(c).filter(pl.col(c) != "").first().fill_null("").alias(c) for c in ("name", "type", "smiles")}
    nodes = together.group_by("id", maintain_order=True).agg(*said.values())
    clashes, names = [], []
    several = together.filter(pl.col("id").is_duplicated())
    first = several.join(nodes, on="id", suffix="_kept", maintain_order="left")
    for kind in ("type", "name", "smiles"):
        differ = first.filter((pl.col(kind) != "") & (pl.col(kind) != pl.col(f"{kind}_kept")))
        for row in differ.iter_rows(named=True):
            where = graphs[row["graph"]].name
            clashes.append(Clash(kind, f"{row['id']}: {row[kind + '_kept']!r} is kept, {where} has {row[kind]!r}"))
            names += [(row["id"], join_synonyms([row["name"]]))] if kind == "name" else []
    within = several.filter(pl.struct("id", "graph").is_duplicated())
    for (entity, graph), rows in within.group_by("id", "graph", maintain_order=True):
        ids = ", ".join(rows["own_id"])
        clashes.append(Clash("ids of one graph", f"{entity}: {graphs[int(str(graph))].name} tells {ids} apart"))
    gave_way = pl.DataFrame(names, schema={"id": pl.String, "synonyms": pl.String}, orient="row")
    synonyms = pl.concat([together.select("id", "synonyms"), gave_way]).filter(pl.col("synonyms") != "")
    synonyms = synonyms.group_by("id").agg(pl.col("synonyms").str.join("|"))
    nodes = nodes.join(synonyms, on="id", how="left", maintain_order="left")
    return nodes.with_columns(pl.col("synonyms").fill_null("")), clashes


def _report(
    graphs: Sequence[KnowledgeGraph],
    tables: Sequence[pl.DataFrame],
    builder: GraphBuilder,
    merged: KnowledgeGraph,
    clashes: Sequence[Clash],
    mapped: _Joined,
) -> MergeReport:
    seen: set[str] = set()
    entities, equivalent = [], 0
    bearers: Counter[str] = Counter()
    for table in tables:
        ids = set(table["id"])
        entities.append(len(ids - seen))
        seen |= ids
        bearers.update(ids)
    several = {entity for entity, count in bearers.items() if count > 1}
    by_id: Counter[str] = Counter(entity for table in tables for entity in set(table["own_id"]))
    equivalent = sum(by_id[entity] < 2 for entity in several)
    facts, triples, shared = np.empty(0, np.int64), [], 0
    for part in builder.parts:
        keys = distinct(triple_keys(part, len(merged.entities)))
        together = distinct(np.concatenate([facts, keys]))
        triples.append(len(together) - len(facts))
        shared += len(facts) + len(keys) - len(together)
        facts = together
    users = Counter(r for part in builder.parts for r in distinct(part[:, 1]).tolist())
    common = tuple(merged.metaedges[r].abbreviation for r, count in sorted(users.items()) if count > 1)
    names = tuple(graph.name for graph in graphs)
    together_with = (*clashes, *mapped.clashes)
    return MergeReport(
        names, tuple(entities), tuple(triples), len(several), equivalent, shared, common, together_with, mapped.used
    )


def _plain(e: Metaedge) -> str:
    """The abbreviation without the types that a builder put behind it."""
    return e.abbreviation.removesuffix(f":{e.head_type}-{e.tail_type}")


def _kept(graph: KnowledgeGraph, index: int, kept: Mapping[str, str]) -> str:
    entity = graph.entities.ids[index]
    return kept.get(entity, entity)


def _made(graphs: Sequence[KnowledgeGraph]) -> dict[str, object]:
    """Where the graphs came from, and what was left out of all of them together."""
    if len(graphs) == 1:
        return {"sources": _sources(graphs[0]), **graphs[0].made}
    forms = dict.fromkeys(form for graph in graphs for form in _forms(graph))
    bad_lines: Counter[str] = Counter()
    for graph in graphs:
        found = graph.made.get("bad_lines")
        bad_lines.update(found if isinstance(found, Mapping) else {})
    made: dict[str, object] = {
        "sources": [source for graph in graphs for source in _sources(graph)],
        "forms": list(forms),
        "merged": len(graphs),
        "duplicates": sum(count for graph in graphs if isinstance(count := graph.made.get("duplicates"), int)),
    }
    return made | ({"bad_lines": dict(sorted(bad_lines.items()))} if bad_lines else {})


def _forms(graph: KnowledgeGraph) -> list[str]:
    forms, form = graph.made.get("forms"), graph.made.get("form")
    return [str(f) for f in forms] if isinstance(forms, list) else [str(form)] if form else []


def _sources(graph: KnowledgeGraph) -> list[str]:
    sources = graph.made.get("sources")
    return [str(s) for s in sources] if isinstance(sources, list) else [graph.name]
