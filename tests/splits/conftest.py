"""Graphs by plain sorting, and a folder of triples written from plain tuples."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pytest

from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary

METAEDGES = (
    Metaedge("CpD", "Compound", "palliates", "Disease"),
    Metaedge("CrC", "Compound", "resembles", "Compound"),
    Metaedge("CtD", "Compound", "treats", "Disease"),
    Metaedge("DiC", "Disease", "is caused by", "Compound"),  # joins the same pairs from the other side
    Metaedge("DrD", "Disease", "resembles", "Disease"),
)


@pytest.fixture(scope="session")
def build() -> Callable[..., KnowledgeGraph]:
    """The graph of triples `(head, abbreviation, tail)`, with heads and tails such as `C0` and `D2`."""

    def graph_of(facts: Iterable[Sequence[str]], treats: tuple[str, ...] = ("CtD",), size: int = 6) -> KnowledgeGraph:
        ids = [kind + str(i) for kind in "CD" for i in range(size)]
        relation = [e.abbreviation for e in METAEDGES]
        triples = sorted({(relation.index(r), ids.index(h), ids.index(t)) for h, r, t in facts})
        return KnowledgeGraph(
            Vocabulary(ids),
            (EntityType("Compound", 0, size), EntityType("Disease", size, 2 * size)),
            METAEDGES,
            np.array([(h, r, t) for r, h, t in triples], np.int64).reshape(-1, 3),
            treats,
            "toy",
        )

    return graph_of


@pytest.fixture
def parts_folder(tmp_path: Path) -> Callable[..., Path]:
    """A folder with a file for each part, of triples written as `C0 CtD D1`."""

    def folder(**parts: Iterable[str]) -> Path:
        for part, lines in parts.items():
            text = "".join("\t".join(line.split()) + "\n" for line in lines)
            (tmp_path / f"{part}.tsv").write_text("head\tmetaedge\ttail\n" + text)
        return tmp_path

    return folder
