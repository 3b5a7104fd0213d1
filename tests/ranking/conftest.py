"""Models whose scores are small whole numbers, so that ties are many and exact, and any sum is checked by hand."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
import torch

from kgdrug.config import Experiment, GraphConfig, ModelConfig
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.models import TableModel
from kgdrug.splits import Split
from kgdrug.trained import TrainedModel

Fact = tuple[str, str, str]  # head id, abbreviation, tail id
DIMENSION = 3


def _make(
    entities: Mapping[str, Sequence[str]],
    metaedges: Mapping[str, tuple[str, str, str]],
    facts: Mapping[Fact, str],
    treats: tuple[str, ...] = (),
    seed: int = 0,
) -> TrainedModel:
    """A DistMult model of whole numbers from -1 to 1; entities: ids by type; facts: the part that each is in."""
    ids = [i for kind in sorted(entities) for i in sorted(entities[kind])]
    types, start = [], 0
    for kind in sorted(entities):
        types.append(EntityType(kind, start, start + len(entities[kind])))
        start += len(entities[kind])
    edges = tuple(Metaedge(name, *metaedges[name]) for name in sorted(metaedges))
    order = sorted(metaedges)
    triples = sorted((order.index(r), ids.index(h), ids.index(t), part) for (h, r, t), part in facts.items())

    def rows(*parts: str) -> np.ndarray:
        return np.array([(h, r, t) for r, h, t, part in triples if part in parts], np.int64).reshape(-1, 3)

    vocabulary = Vocabulary(ids, [i.split("::")[1] for i in ids])
    graph = KnowledgeGraph(vocabulary, tuple(types), edges, rows("train", "valid", "test", "withheld"), treats, "plain")
    split = Split(graph, *(rows(part) for part in ("train", "valid", "test", "withheld")), {"kind": "by hand"})
    random = np.random.default_rng(seed)
    tables = [random.integers(-1, 2, (n, DIMENSION)).astype(np.float32) for n in (len(ids), 2 * len(edges))]
    model = TableModel("distmult", torch.from_numpy(tables[0]), torch.from_numpy(tables[1]))
    experiment = Experiment("plain", graph=GraphConfig("by hand"), model=ModelConfig("distmult", DIMENSION))
    return TrainedModel([model], split, experiment)


@pytest.fixture(scope="session")
def make() -> Callable[..., TrainedModel]:
    return _make
