"""The part of the graph around a pair, to be drawn elsewhere."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kgdrug.errors import UsageError
from kgdrug.graph.facts import Facts
from kgdrug.graph.graph import ABOUT
from kgdrug.graph.known import Int, distinct, stretches
from kgdrug.graph.store import fresh_file
from kgdrug.ranking.export import about_model

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel, TrainedModel

ENDING = ".graphml"
FARTHEST = 3  # steps from an end


@dataclass(frozen=True)
class Written:
    """How many entities and facts were written, and how many entities were left out."""

    entities: int
    facts: int
    left_out: int


def write_neighbourhood(
    model: "TrainedModel | ServedModel",
    out: str | Path,
    *,
    compound: str | None = None,
    disease: str | None = None,
    head: str | None = None,
    tail: str | None = None,
    hops: int = 1,
    most: int = 200,
    force: bool = False,
) -> Written:
    """Write what lies between a compound and a disease, or between any head and tail, as GraphML; by ids or names.

    That is both ends, the entities that `between` finds, up to `most` of all of them, and every fact that joins two.
    """
    graph = model.graph
    if compound is not None and disease is not None and head is None and tail is None:
        treatments = graph.treatment_relations
        kinds = {"compound": [graph.heads(r) for r in treatments], "disease": [graph.answers(r) for r in treatments]}
        one, other = (
            graph.entities.find(t, kinds[k] or None, k) for k, t in (("compound", compound), ("disease", disease))
        )
    elif head is not None and tail is not None and compound is None and disease is None:
        one, other = graph.entities.find(head), graph.entities.find(tail)
    else:
        raise UsageError("give compound and disease, or head and tail")
    if most < 2:
        raise UsageError(f"most is {most}; both ends are 2 already")
    found = between(model.served.facts, one, other, hops)
    kept = np.concatenate([[one, other], found[: most - len({one, other})]])
    facts = write_entities(model, kept, out, {one: "end", other: "end"}, force)
    return Written(len(set(kept.tolist())), facts, max(0, len(found) - (most - len({one, other}))))


def between(facts: Facts, one: int, other: int, hops: int = 1) -> Int:
    """The other entities within `hops` steps of both, `(b,)`: with 1 those that are joined with both.

    No way to one of the two leads through the other: what lies behind that is not between them.
    Those that are near come first, by the steps from both ends; of them those with few facts, since what is joined with
    everything says little of a pair; ties in the order of the entity table.
    """
    if not 1 <= hops <= FARTHEST:
        raise UsageError(f"hops is {hops}; it is 1 to {FARTHEST}")
    first, second = _steps(facts, one, hops, other), _steps(facts, other, hops, one)
    both = np.array(sorted((first.keys() & second.keys()) - {one, other}), np.int64)
    steps = np.array([first[i] + second[i] for i in both.tolist()], np.int64)
    return both[np.lexsort([both, _spans(facts, both)[1], steps])]


def write_entities(
    model: "TrainedModel | ServedModel",
    entities: Int,
    out: str | Path,
    roles: Mapping[int, str] | None = None,
    force: bool = False,
) -> int:
    """Write entities `(e,)` and every fact between two of them as GraphML; how many facts they are.

    Nodes have `name`, `type`, `smiles` where one is known, and a `role` where roles say one; edges have `metaedge`,
    `relation`, the `parts` of the split that hold them, `licence`, `source` and `version`. The graph itself says what
    it is of; kgdrug and networkx read it. A name that does not end in `.graphml` is a UsageError: another ending would
    promise another form.
    """
    from kgdrug.graph.views import facts_to_networkx, write_graphml

    if Path(out).suffix.casefold() != ENDING:
        raise UsageError(f"{out}: what is written is GraphML, for which the name should end in {ENDING}")
    served = model.served
    graph, found = served.graph, facts_to_networkx(served.graph, served.facts, entities)
    for entity, role in (roles or {}).items():
        found.nodes[graph.entities.ids[entity]]["role"] = role
    about = about_model(served)
    about |= {name: json.dumps(said, ensure_ascii=False) for name, said in about.items() if isinstance(said, dict)}
    there = [e for e in graph.metaedges if any(key == e.abbreviation for *_, key in found.edges(keys=True))]
    for name in ABOUT:  # as kgdrug's own GraphML has them
        about[name] = json.dumps(
            {e.abbreviation: asdict(e)[name] for e in there if asdict(e)[name]}, ensure_ascii=False
        )
    about["treats"] = json.dumps([e.abbreviation for e in there if e.abbreviation in graph.treats])
    found.graph.update(about)
    with fresh_file(Path(out), force) as path:
        write_graphml(found, path)
    return int(found.number_of_edges())


def _spans(facts: Facts, entities: Int) -> tuple[Int, Int]:
    """Where the facts of each entity begin, and how many they are; `(e,)` each."""
    m2 = 2 * facts.relations
    first, last = (facts.offsets[np.searchsorted(facts.keys, keys)] for keys in (entities * m2, (entities + 1) * m2))
    return first, last - first


def _steps(facts: Facts, entity: int, hops: int, past: int) -> dict[int, int]:
    """The fewest steps to each entity within so many, none of them to or from the one that is passed by."""
    steps, edge = {entity: 0}, np.array([entity])
    for step in range(1, hops + 1):
        starts, counts = _spans(facts, edge)
        joined = distinct(facts.tails[stretches(starts, counts)].astype(np.int64))
        edge = np.array([i for i in joined.tolist() if i not in steps and i != past], np.int64)
        steps |= dict.fromkeys(edge.tolist(), step)
    return steps
