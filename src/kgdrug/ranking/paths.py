"""Evidence between two entities: the paths that join them, weighed by degree and told by metapath.

A path's weight is that of Rephetio (Himmelstein and Baranzini 2015, doi 10.1371/journal.pcbi.1004259): the product,
over its steps, of both ends' degrees along the metaedge to the power of `-damping`. The sum over a metapath's paths is
its DWPC. All of it is of the graph without the answered edge, which is on no path and in no degree; `models/metapaths`
has the same sums for all pairs at once. Every path counts: none is sampled or cut off.

Metapaths come in the order of their sums, not of their best paths: on Hetionet the largest sum told treatments better
from other pairs of the same drugs and diseases (AUROC 0.88 against 0.85, `docs/evidence.md`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kgdrug.errors import UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.facts import PARTS, Facts
from kgdrug.graph.metapath import Step, abbreviation, symmetric
from kgdrug.ranking.addresses import links
from kgdrug.ranking.walks import LONGEST, Codes, End, Found, Triple, Walks, Way, best_ways, found_metapaths

DIGITS = 12  # of a sum that count in an order: the rest is rounding


@dataclass(frozen=True)
class Named:
    """An entity on a path."""

    id: str
    name: str
    type: str

    @property
    def links(self) -> dict[str, str]:
        """Pages about it, by the name of the site; made anew each time."""
        return links(self.id, self.type, self.name)


@dataclass(frozen=True)
class PathStep:
    """One step: a metaedge, how it is walked, and where its facts are from.

    direction: `forward` from head to tail, `back` from tail to head, `both` where the metaedge has none (`GiG`) or
    the graph has the fact in both; parts: those of the split that hold it, in either direction.
    """

    metaedge: str
    relation: str
    direction: str
    parts: tuple[str, ...]
    licence: str = ""
    source: str = ""
    version: str = ""


@dataclass(frozen=True)
class Path:
    """A path, with the entities before each step and after the last one; weight: above 0, at most 1."""

    weight: float
    entities: tuple[Named, ...]
    steps: tuple[PathStep, ...]

    def text(self) -> str:
        """`Metformin -binds-> PRKAB1 <-associates- type 2 diabetes mellitus`.

        A fact that is not in training has its part beside it: `-binds (test)->`.
        """
        words = [self.entities[0].name]
        for step, entity in zip(self.steps, self.entities[1:], strict=True):
            part = "" if "train" in step.parts else f" ({', '.join(step.parts)})"
            begin, end = "<-" if step.direction == "back" else "-", "->" if step.direction == "forward" else "-"
            words += [f"{begin}{step.relation}{part}{end}", entity.name]
        return " ".join(words)


@dataclass(frozen=True)
class Evidence:
    """The paths of one metapath between two entities.

    metapath: its name, such as `CbGaD`; count: how many paths it has; dwpc: the sum of their weights; paths: the best.
    """

    metapath: str
    count: int
    dwpc: float
    paths: tuple[Path, ...]


def answered(graph: KnowledgeGraph, relations: Sequence[int]) -> tuple[int, ...]:
    """The relations whose facts between the two of a question are its answer, and no evidence for it.

    They are those that were asked over, in `[0, 2m)`, and where one of these is a treatment all that are treatments: a
    graph of several sources says the same treatment in each one's words.
    """
    treats = graph.treatment_relations
    asked = any(r % graph.relations in treats for r in relations)
    return tuple(dict.fromkeys([*relations, *(treats if asked else ())]))


def paths(
    graph: KnowledgeGraph,
    facts: Facts,
    source: int,
    target: int,
    *,
    most_hops: int = LONGEST,
    without: Sequence[int] = (),
    per_metapath: int = 3,
    metapaths: int = 12,
    damping: float = 0.4,
) -> tuple[Evidence, ...]:
    """The metapaths of up to `most_hops` steps that join two entities, those of the largest DWPC first.

    graph: its names, types and metaedges, not its triples; without: relations in `[0, 2m)`, and their reciprocals, that
    do not join the two: those of the answered edge. No entity comes twice on a path. An undirected metaedge (`GiG`) is
    walked in both directions as one step; of one whose facts may have a direction (`IS_A`) each step says which way the
    graph has its fact. The `per_metapath` best paths are told, ties in the order of entities. Of
    metapaths with equal sums the shorter is first, then the order of the metaedges decides.
    Nothing where no path joins the two, or where they are one entity.
    """
    if not 1 <= most_hops <= LONGEST:
        raise UsageError(f"most_hops is {most_hops}; paths have 1 to {LONGEST}")
    if damping < 0:
        raise UsageError(f"damping is {damping}; it must be 0 or more")
    if metapaths < 1 or per_metapath < 1:
        raise UsageError(f"metapaths is {metapaths} and per_metapath {per_metapath}; both must be at least 1")
    if source == target:
        return ()
    walks, m = Walks(graph, facts, damping), graph.relations
    own = walks.codes[[(r + turn) % (2 * m) for r in without for turn in (0, m)]] if without else np.empty(0, int)
    first, last = End.of(walks, source, target, own), End.of(walks, target, source, own)
    found = sorted(found_metapaths(walks, first, last, most_hops), key=lambda one: _order(walks, one))[:metapaths]
    ways = [best_ways(walks, first, last, one.codes, per_metapath) for one in found]
    told = [fact for one, some in zip(found, ways, strict=True) for way in some for fact in one.facts(way)]
    bits = _bits(walks, told)
    return tuple(
        Evidence(
            abbreviation(graph, _steps(walks, one.codes), _types(walks, one.codes)),
            one.count,
            one.dwpc,
            tuple(_told(walks, one, way, bits) for way in some),
        )
        for one, some in zip(found, ways, strict=True)
    )


def _order(walks: Walks, found: Found) -> tuple[float, int, tuple[Step, ...]]:
    return -float(f"{found.dwpc:.{DIGITS}g}"), len(found.codes), _steps(walks, found.codes)


def _steps(walks: Walks, codes: Codes) -> tuple[Step, ...]:
    m = walks.graph.relations
    return tuple(Step(code % m, code >= m) for code in codes)


def _types(walks: Walks, codes: Codes) -> tuple[str, ...]:
    return (*(walks.types(code)[0].name for code in codes), walks.types(codes[-1])[1].name)


def _bits(walks: Walks, facts: list[Triple]) -> dict[Triple, tuple[int, int]]:
    """The parts that hold each fact as it is walked, and those of its reverse where a step goes both ways."""
    triples, m = np.array(facts, np.int64).reshape(-1, 3), walks.graph.relations
    either = np.array([walks.either(code) for code in triples[:, 1].tolist()], bool)
    bits = np.zeros((len(triples), 2), np.uint8)
    bits[:, 0] = walks.facts.bits(triples)
    bits[either, 1] = walks.facts.bits(triples[either] + [0, m, 0])
    return {fact: (one, other) for fact, (one, other) in zip(facts, bits.tolist(), strict=True)}


def _direction(walks: Walks, code: int, along: int, against: int) -> str:
    """along, against: the parts that hold the fact as it is walked, and those of its reverse."""
    if not walks.either(code):
        return "back" if code >= walks.graph.relations else "forward"
    if symmetric(walks.graph.metaedges[code]) or (along and against):
        return "both"
    return "forward" if along else "back"


def _told(walks: Walks, found: Found, way: Way, bits: dict[Triple, tuple[int, int]]) -> Path:
    """The path with the names of all that is on it."""
    graph, steps = walks.graph, []
    for fact in found.facts(way):
        metaedge = graph.metaedges[fact[1] % graph.relations]
        along, against = bits[fact]
        parts = tuple(part for part, bit in PARTS.items() if (along | against) & bit)
        about = parts, metaedge.licence, metaedge.source, metaedge.version
        direction = _direction(walks, fact[1], along, against)
        steps.append(PathStep(metaedge.abbreviation, metaedge.relation, direction, *about))
    named = (Named(graph.entities.ids[e], graph.entities.names[e], graph.type_of(e).name) for e in way.entities)
    return Path(way.degrees**-walks.damping, tuple(named), tuple(steps))
