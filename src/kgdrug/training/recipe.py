"""Settings that follow from a graph's size and shape: what `auto` in an experiment asks for.

The rules come from tuning on the valid parts of FB15k-237, CoDEx-S, UMLS, Kinships and Nations, and from the grids
published by Lacroix et al. (2018) and Chen et al. (2021): docs/decisions/0008 says how.
"""

from dataclasses import dataclass, replace
from typing import Any

from kgdrug.config import Experiment, override
from kgdrug.models import SCORES
from kgdrug.splits import Split

SAMPLE = 4000  # negatives of a batch where there are more than twice as many candidates


@dataclass(frozen=True)
class Shape:
    """What the rules look at: entities, relations, training triples, distinct queries, the most candidates of one."""

    entities: int
    relations: int
    triples: int
    queries: int
    candidates: int

    @property
    def degree(self) -> float:
        """Training triples that an entity stands in, on average."""
        return 2 * self.triples / max(1, self.entities)


def shape_of(split: Split, candidates: str) -> Shape:
    """The shape of a split's training part; candidates: `typed` or `all`, which entities an answer competes with."""
    graph = split.graph
    most = len(graph.entities)
    if candidates == "typed":
        most = max((t.stop - t.start for t in graph.entity_types), default=0)
    return Shape(len(graph.entities), graph.relations, len(split.train), len(split.known_in_training.queries), most)


def recipe(shape: Shape) -> dict[str, Any]:
    """Settings for a graph of this shape, by name."""
    small = shape.entities < 1000
    if small:
        n3 = 0.002
    elif shape.degree < 8:
        n3 = 0.1
    else:
        n3 = 0.05 if shape.relations > 100 else 0.02
    return {
        "model.dimension": 256 if small else 1000,
        "training.epochs": 100 if small else 40,
        "training.batch_size": min(1000, max(20, shape.queries // 100)),
        "training.negatives": "all" if shape.candidates <= 2 * SAMPLE else SAMPLE,
        "training.n3": n3,
        "training.relation_prediction": 1.0 if shape.relations > 100 else 0.125 if shape.relations > 20 else 0.05,
        "training.dropout": 0.3 if small else 0.0,
    }


def with_recipe(experiment: Experiment, split: Split) -> Experiment:
    """The experiment with the settings that its `auto` names chosen from the split's graph."""
    if not experiment.auto:
        return experiment
    chosen = recipe(shape_of(split, experiment.training.candidates))
    function = SCORES[experiment.model.score]
    if function.width(chosen["model.dimension"]) > 10 * chosen["model.dimension"]:
        chosen["model.dimension"] = 100  # a relation is a matrix
    chosen["model.dimension"] += -chosen["model.dimension"] % function.multiple
    if not function.linear:
        chosen["training.relation_prediction"] = 0.0
    if not function.product:
        chosen["training.dropout"] = 0.0
    settings = [f"{name}={chosen[name]}" for name in experiment.auto]
    return replace(override(experiment, settings), auto=())
