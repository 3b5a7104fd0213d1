"""Metapaths: ways from one entity type to another along metaedges, in the words of hetio (Himmelstein et al. 2017)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from kgdrug.graph.graph import KnowledgeGraph, Metaedge

_SHORT = re.compile(r"([A-Z]+)([a-z]+)(>?)([A-Z]+)")  # PCiC, Gr>G: type, kind, direction, type


@dataclass(frozen=True, order=True)
class Step:
    """One metaedge, by its index, walked from head to tail, or back."""

    relation: int
    back: bool = False

    @property
    def reverse(self) -> "Step":
        return Step(self.relation, not self.back)


@dataclass(frozen=True)
class Metapath:
    """Steps that follow each other, and what they are called: `CbGaD`, compound binds gene associates disease.

    types: the entity type before each step and after the last one.
    """

    steps: tuple[Step, ...]
    types: tuple[str, ...]
    abbreviation: str

    def __str__(self) -> str:
        return self.abbreviation

    def __len__(self) -> int:
        return len(self.steps)


def undirected(metaedge: Metaedge) -> bool:
    """Whether a metaedge is walked as one step from either end: both have one type, and no `>` or `<` says a direction.

    So `GiG` (interacts) is one step, whichever way a fact is written down, and `Gr>G` (regulates) is two, with `G<rG`.
    A relation of a graph that does not write arrows, such as `IS_A`, is one step too, though its facts may have a
    direction; see `symmetric`.
    """
    return metaedge.head_type == metaedge.tail_type and not re.search("[<>]", metaedge.abbreviation)


def symmetric(metaedge: Metaedge) -> bool:
    """Whether a fact says the same from tail to head: `undirected`, and spelt as Hetionet does, which writes arrows.

    So `GiG` is, and `Gr>G` is not; nor are `IS_A` or `subclass_of`, of which nothing is known.
    """
    short = _SHORT.fullmatch(metaedge.abbreviation)
    return undirected(metaedge) and short is not None and short[1] == short[4]


def either_way(graph: KnowledgeGraph, relations: Sequence[int]) -> list[int]:
    """Relations in `[0, 2m)`, and those that say the same from the other end: see `symmetric`; each once."""
    m = graph.relations
    back = [(r + m) % (2 * m) for r in relations if symmetric(graph.metaedges[r % m])]
    return list(dict.fromkeys([*relations, *back]))


def steps_from(graph: KnowledgeGraph, entity_type: str) -> list[tuple[Step, str]]:
    """Every step that begins at a type, and the type it leads to; in the order of the metaedges, forward first."""
    found = []
    for relation, metaedge in enumerate(graph.metaedges):
        if metaedge.head_type == entity_type:
            found.append((Step(relation), metaedge.tail_type))
        if metaedge.tail_type == entity_type and not undirected(metaedge):
            found.append((Step(relation, back=True), metaedge.head_type))
    return found


def abbreviation(graph: KnowledgeGraph, steps: tuple[Step, ...], types: tuple[str, ...]) -> str:
    """`CbGaD` where the metaedges are called so that this can be read; else their names, `~` before one walked back."""
    parts = [_SHORT.fullmatch(graph.metaedges[step.relation].abbreviation) for step in steps]
    ends = []
    for step, part in zip(steps, parts, strict=True):
        if part is not None:
            head, kind, arrow, tail = part.groups()
            ends.append((tail, "<" * len(arrow) + kind, head) if step.back else (head, kind + arrow, tail))
    if len(ends) == len(steps) and all(one[2] == other[0] for one, other in pairwise(ends)):
        return ends[0][0] + "".join(kind + tail for _, kind, tail in ends)
    names = [("~" if step.back else "") + graph.metaedges[step.relation].abbreviation for step in steps]
    return f"{types[0]}: " + " ".join(names)
