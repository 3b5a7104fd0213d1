"""Graphs made in the plainest way, by sorting Python lists, to compare the fast ways with."""

from collections.abc import Callable, Iterable

import numpy as np
import pytest
from hypothesis import strategies as st

from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary

Fact = tuple[str, str, str]  # head id, abbreviation, tail id

METAEDGES = (
    Metaedge("CpD", "Compound", "palliates", "Disease", "CC0 1.0", "textbook"),
    Metaedge("CrC", "Compound", "resembles", "Compound", "CC BY 4.0", "structures"),
    Metaedge("CtD", "Compound", "treats", "Disease", "CC0 1.0", "textbook"),
    Metaedge("DaG", "Disease", "associates", "Gene"),
    Metaedge("DrD", "Disease", "resembles", "Disease"),
)


def _build(
    entities: Iterable[tuple[str, str, str]],
    metaedges: Iterable[Metaedge],
    facts: Iterable[Fact],
    treats: tuple[str, ...] = (),
    name: str = "graph",
) -> KnowledgeGraph:
    """The graph of entities `id name type` and facts, in the order that `KnowledgeGraph` asks for."""
    entities = sorted(entities, key=lambda e: (e[2], e[0]))
    ids, types = [e[0] for e in entities], [e[2] for e in entities]
    edges = tuple(sorted(metaedges, key=lambda e: e.abbreviation))
    relation = [e.abbreviation for e in edges]
    triples = sorted({(relation.index(r), ids.index(h), ids.index(t)) for h, r, t in facts})
    return KnowledgeGraph(
        Vocabulary(ids, [e[1] for e in entities]),
        tuple(EntityType(t, types.index(t), types.index(t) + types.count(t)) for t in sorted(set(types))),
        edges,
        np.array([(h, r, t) for r, h, t in triples], np.int64).reshape(-1, 3),
        treats,
        name,
    )


@pytest.fixture(scope="session")
def build() -> Callable[..., KnowledgeGraph]:
    return _build


@pytest.fixture(scope="session")
def metaedges() -> tuple[Metaedge, ...]:
    return METAEDGES


@pytest.fixture(scope="session")
def random_facts() -> st.SearchStrategy[tuple[list[tuple[str, str, str]], list[Fact]]]:
    """Entities `id name type` of three types, in any order, and some facts between them, some of them twice."""

    @st.composite
    def draw_facts(draw: st.DrawFn) -> tuple[list[tuple[str, str, str]], list[Fact]]:
        by_type = {t: [f"{t}::{i}" for i in range(draw(st.integers(1, 4)))] for t in ("Compound", "Disease", "Gene")}
        possible = [
            (h, e.abbreviation, t) for e in METAEDGES for h in by_type[e.head_type] for t in by_type[e.tail_type]
        ]
        entities = [(i, i.split("::")[1], t) for t, ids in by_type.items() for i in ids]
        return draw(st.permutations(entities)), draw(st.lists(st.sampled_from(possible), max_size=25))

    return draw_facts()


@pytest.fixture(scope="session")
def medicines() -> KnowledgeGraph:
    """Three compounds, three diseases, a gene; "ER" is a disease and a gene; two compounds are called Insulin."""
    entities = [
        ("Compound::DB00030", "Insulin", "Compound"),
        ("Compound::DB00331", "Metformin", "Compound"),
        ("Compound::DB00071", "Insulin", "Compound"),
        ("Disease::1", "type 2 diabetes mellitus", "Disease"),
        ("Disease::2", "Sjögren's syndrome", "Disease"),
        ("Disease::3", "ER", "Disease"),
        ("Gene::3630", "INS", "Gene"),
        ("Gene::2099", "ER", "Gene"),
    ]
    facts = [
        ("Compound::DB00331", "CtD", "Disease::1"),
        ("Compound::DB00030", "CtD", "Disease::1"),
        ("Compound::DB00030", "CpD", "Disease::1"),
        ("Compound::DB00030", "CrC", "Compound::DB00071"),
        ("Disease::1", "DaG", "Gene::3630"),
    ]
    return _build(entities, METAEDGES, facts, treats=("CtD",), name="medicines")
