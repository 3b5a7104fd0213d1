"""The features of every pair of two types: path counts beside what degrees alone would make of them, and degrees.

Each metapath of two steps or more gives one, `arcsinh(DWPC / mean)` less the same of its null, where `mean` is the
metapath's mean DWPC (Himmelstein et al. 2017). Degrees along every step that begins at the first entity, or ends at the
second, are features of their own, as `log(1 + degree)`, and so is a prior: the log-odds of a treatment by both ends'
degrees alone. All of them are of the graph without the pair's own edges, see `own.py`.
"""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kgdrug.config import MetapathConfig
from kgdrug.errors import UsageError
from kgdrug.graph import EntityType, KnowledgeGraph
from kgdrug.graph.metapath import Metapath, Step, abbreviation, steps_from
from kgdrug.models.metapaths.cache import Single, cached_rows
from kgdrug.models.metapaths.metapath import metapaths
from kgdrug.models.metapaths.null import Null, by_swaps, tables
from kgdrug.models.metapaths.own import pair_degrees, take_out_own_edges
from kgdrug.models.metapaths.paths import Float, Steps, path_counts
from kgdrug.models.progress import Progress

MOST = 64e9  # bytes of path counts
PRIOR = "prior"


@dataclass(frozen=True, eq=False)
class Features:
    """Numbers of each pair of an entity of `source` and one of `target`, `(s, t)`, one matrix a name.

    metapaths, counts: `(f,)` and `(f, s, t)`, which may lie on the disk; null: what is expected of each by degrees
    alone; names: of the features, first those of the metapaths.
    """

    steps: Steps
    source: EntityType
    target: EntityType
    treatments: tuple[int, ...]
    metapaths: Sequence[Metapath]
    counts: Single
    null: Null

    @property
    def names(self) -> list[str]:
        ends = [f"{of.name} degree, {self._step_name(step)}" for step, of in self._end_steps]
        return [*map(str, self.metapaths), *ends, PRIOR]

    def column(self, i: int) -> Single:
        """The feature of this place among the names, `(s, t)`."""
        if i < len(self.metapaths):
            counts = self.counts[i]
            mean = counts.mean(dtype=np.float64)
            if not mean:
                return np.zeros(counts.shape, np.float32)
            feature: Single = np.arcsinh(counts * np.float32(1 / mean))
            expected = self.null.expected(i)
            if expected is not None:
                feature -= np.arcsinh(expected * np.float32(1 / mean))
            return feature
        i -= len(self.metapaths)
        if i == len(self._end_steps):
            return self._prior().astype(np.float32)
        step, of = self._end_steps[i]
        heads, other = (True, self.target) if of is self.source else (False, self.source)
        return np.log1p(pair_degrees(step, self.steps, other.name, heads)).astype(np.float32)

    @property
    def _end_steps(self) -> list[tuple[Step, EntityType]]:
        """The steps that begin at the first entity, and those that end at the second."""
        graph = self.steps.graph
        first = [(step, self.source) for step, _ in steps_from(graph, self.source.name)]
        return first + [(step.reverse, self.target) for step, _ in steps_from(graph, self.target.name)]

    def _step_name(self, step: Step) -> str:
        return abbreviation(self.steps.graph, (step,), tuple(t.name for t in self.steps.ends(step)))

    def _prior(self) -> Float:
        """The log-odds of one treatment or more, where their number is Poisson's with a mean by both ends' degrees."""
        treated = self.treated().astype(np.float64)
        first, last = treated.sum(1, keepdims=True) - treated, treated.sum(0, keepdims=True) - treated
        expected = (first + 0.5) * (last + 0.5) / (treated.sum() - treated + 0.5)
        odds: Float = np.log(np.expm1(expected))
        return odds

    def treated(self) -> NDArray[np.bool_]:
        """The pairs that a treatment of the graph joins, `(s, t)`."""
        joined: NDArray[np.bool_] = sum(self.steps.plain(Step(r)) for r in self.treatments).toarray() > 0
        return joined


def treatment_types(graph: KnowledgeGraph) -> tuple[EntityType, EntityType, tuple[int, ...]]:
    """The types that the treatments lead from and to, and the treatments; a UsageError where that is not one pair."""
    relations = graph.treatment_relations
    ends = {(graph.metaedges[r].head_type, graph.metaedges[r].tail_type) for r in relations}
    if len(ends) != 1:
        said = ", ".join(str(graph.metaedges[r]) for r in relations) or "none"
        raise UsageError(f"metapaths need treatments that join one pair of types; those of {graph.name} are: {said}")
    source, target = ends.pop()
    return graph.entity_type(source), graph.entity_type(target), tuple(relations)


def make_features(graph: KnowledgeGraph, config: MetapathConfig, seed: int) -> Generator[Progress, None, Features]:
    """The features of every pair that a treatment could join, from the graph or from the cache.

    graph: with the triples that may be learned from, and no others; seed: of swaps.
    """
    source, target, treatments = treatment_types(graph)
    ways = [way for way in metapaths(graph, source.name, target.name, config.length) if len(way) > 1]
    if not ways:
        raise UsageError(f"no metapath of up to {config.length} steps leads from {source.name} to {target.name}")
    shape = (len(ways), len(source), len(target))
    if 4 * float(np.prod(shape)) > MOST:
        raise UsageError(
            f"{shape[0]:,} metapaths of {shape[1]:,} x {shape[2]:,} pairs are {4 * np.prod(shape) / 1e9:,.0f} GB; "
            "lower metapaths.length, or leave metaedges out of the graph"
        )
    steps = Steps(graph, config.damping)
    about = {"graph": graph.digest, "damping": config.damping, "metapaths": [_key(way) for way in ways]}
    counts = yield from cached_rows({**about, "kind": "own edges out"}, shape, _counts(steps, ways), "metapaths")
    means = None
    if config.null == "swaps":
        width = max(len(first.degrees) * len(last.degrees) for first, last in tables(steps, ways))
        rows = by_swaps(steps, ways, config.permutations, seed)
        about |= {"kind": "swaps", "permutations": config.permutations, "seed": seed}
        means = yield from cached_rows(about, (len(ways), width), rows, "permuted metapaths", config.permutations)
    null = Null(config.null, steps, ways, counts, means)
    return Features(steps, source, target, treatments, ways, counts, null)


def _key(way: Metapath) -> list[list[int]]:
    return [[step.relation, int(step.back)] for step in way.steps]


def _counts(steps: Steps, ways: Sequence[Metapath]) -> Iterator[tuple[int, Float]]:
    for place, paths in path_counts(steps, ways):
        take_out_own_edges(paths, ways[place], steps)
        yield place, paths
