"""Small graphs of every kind of metaedge, and path counts by walking them in plain Python."""

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
from hypothesis import strategies as st

from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.models.metapaths import Metapath, Step

METAEDGES = (
    Metaedge("CbG", "Compound", "binds", "Gene"),
    Metaedge("CpD", "Compound", "palliates", "Disease"),
    Metaedge("CrC", "Compound", "resembles", "Compound"),
    Metaedge("CtD", "Compound", "treats", "Disease"),
    Metaedge("DaG", "Disease", "associates", "Gene"),
    Metaedge("DrD", "Disease", "resembles", "Disease"),
    Metaedge("GiG", "Gene", "interacts", "Gene"),
    Metaedge("Gr>G", "Gene", "regulates", "Gene"),
)
TYPES = {"Compound": 4, "Disease": 3, "Gene": 3}
Facts = Sequence[tuple[str, int, int]]  # metaedge, head and tail counted within their types


def graph_of(facts: Facts, types: dict[str, int] = TYPES) -> KnowledgeGraph:
    """The graph of these facts, whose ids are such as `Gene2`; `CtD` means that a compound treats a disease."""
    starts = dict(zip(types, np.cumsum([0, *types.values()]).tolist(), strict=False))
    relation = {e.abbreviation: i for i, e in enumerate(METAEDGES)}
    triples = []
    for name, head, tail in set(facts):
        metaedge = METAEDGES[relation[name]]
        triples.append((relation[name], starts[metaedge.head_type] + head, starts[metaedge.tail_type] + tail))
    return KnowledgeGraph(
        Vocabulary([f"{name}{i}" for name, size in types.items() for i in range(size)]),
        tuple(EntityType(name, starts[name], starts[name] + size) for name, size in types.items()),
        METAEDGES,
        np.array([(h, r, t) for r, h, t in sorted(triples)], np.int64).reshape(-1, 3),
        ("CtD",),
        "toy",
    )


def every_fact(types: dict[str, int] = TYPES) -> list[tuple[str, int, int]]:
    """All facts that the metaedges allow, an entity joined with itself among them."""
    return [
        (e.abbreviation, head, tail)
        for e in METAEDGES
        for head in range(types[e.head_type])
        for tail in range(types[e.tail_type])
    ]


class Walker:
    """Paths by plain sets of neighbours."""

    def __init__(self, graph: KnowledgeGraph) -> None:
        self.neighbours: dict[Step, dict[int, set[int]]] = {}
        for relation, metaedge in enumerate(graph.metaedges):
            facts = [(h, t) for h, r, t in graph.triples.tolist() if r == relation and h != t]
            if metaedge.head_type == metaedge.tail_type and ">" not in metaedge.abbreviation:
                facts += [(t, h) for h, t in facts]
            for back in (False, True):
                ways: dict[int, set[int]] = {}
                for h, t in facts:
                    one, other = (t, h) if back else (h, t)
                    ways.setdefault(one, set()).add(other)
                self.neighbours[Step(relation, back)] = ways

    def degree(self, entity: int, step: Step) -> int:
        return len(self.neighbours[step].get(entity, ()))

    def paths(self, steps: Sequence[Step], begun: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if not steps:
            yield begun
            return
        for entity in self.neighbours[steps[0]].get(begun[-1], ()):
            if entity not in begun:
                yield from self.paths(steps[1:], (*begun, entity))

    def dwpc(self, metapath: Metapath, head: int, tail: int, damping: float) -> float:
        """The sum over paths of the product of all degrees along them, to the power of `-damping`."""
        total = 0.0
        for path in self.paths(metapath.steps, (head,)):
            if path[-1] == tail:
                degrees = 1
                for step, one, other in zip(metapath.steps, path, path[1:], strict=False):
                    degrees *= self.degree(one, step) * self.degree(other, Step(step.relation, not step.back))
                total += math.pow(degrees, -damping)
        return total


def dwpc_matrix(graph: KnowledgeGraph, metapath: Metapath, damping: float) -> np.ndarray:
    """The DWPC of every pair of the metapath's ends, by walking."""
    walker, ends = Walker(graph), (graph.entity_type(metapath.types[i]).range for i in (0, -1))
    heads, tails = ends
    return np.array([[walker.dwpc(metapath, head, tail, damping) for tail in tails] for head in heads])


@pytest.fixture(scope="session")
def toy() -> Callable[..., KnowledgeGraph]:
    """The graph of facts such as `("CtD", 0, 2)`."""
    return graph_of


@pytest.fixture(scope="session")
def graphs() -> st.SearchStrategy[KnowledgeGraph]:
    """Graphs of four compounds, three diseases and three genes, dense enough for paths to come back."""
    facts = st.sets(st.sampled_from(every_fact()), min_size=8, max_size=60)
    return facts.map(lambda drawn: graph_of(sorted(drawn)))


@pytest.fixture(scope="session")
def walked() -> Callable[[KnowledgeGraph, Metapath, float], np.ndarray]:
    """The DWPC of every pair, by walking."""
    return dwpc_matrix
