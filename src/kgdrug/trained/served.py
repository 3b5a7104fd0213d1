"""A trained model as it answers questions: numpy alone, its files read where they lie.

`TrainedModel` is what training makes and evaluation judges; a service, and a single question on the command line, need
neither its split nor torch. Opening a folder takes what its names take to read.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from kgdrug.config import Experiment, TrainingConfig, experiment_from
from kgdrug.errors import UnknownNameError, UsageError
from kgdrug.graph import Annotation, KnowledgeGraph
from kgdrug.graph.facts import PARTS, Facts, open_facts
from kgdrug.graph.known import stretches
from kgdrug.graph.metapath import either_way
from kgdrug.graph.store import GRAPH_FILE, load_schema, load_triples, read_array, read_json, sha256_of
from kgdrug.models.arrays import ArrayMetapaths, ArrayTable, Floats, Int, Scorer, open_scorer, scorer_of
from kgdrug.models.terms import Term
from kgdrug.trained.calibrated import Calibrated, open_calibrated
from kgdrug.trained.manifest import (
    EXPERIMENTS,
    FACTS,
    MANIFEST,
    WEIGHTS,
    check_manifest,
    read_experiments,
    read_weights,
)
from kgdrug.trained.memory import Memory

if TYPE_CHECKING:
    from kgdrug.trained.folder import TrainedModel

T = TypeVar("T")
KEPT, KEPT_SIZE = 64, 4_000_000  # things that a model remembers for questions to come, and their size; see `Memory`
MOST_QUESTIONS, MOST_SCORES = 500, 4_000_000  # that a candidate's usual place is the mean over


@dataclass(frozen=True, eq=False)
class ServedModel:
    """What answering needs of a trained model.

    graph: entities, types, metaedges, annotations; its triples are left on the disk, where `facts` finds them;
    members, weights, experiments: see `TrainedModel`; digest: SHA-256 of the folder's manifest; graph_digest: the
    graph's own.
    """

    graph: KnowledgeGraph
    facts: Facts
    members: Sequence[Scorer]
    experiment: Experiment
    metrics: Mapping[str, Any]
    digest: str
    graph_digest: str
    weights: tuple[int, ...] = ()
    calibrated: Calibrated | None = None
    experiments: tuple[Experiment, ...] = ()
    # what follows is the model's own: one that is made of it by `replace` begins without
    _passing: Memory = field(init=False, repr=False, default_factory=lambda: Memory(KEPT, KEPT_SIZE))
    _lasting: Memory = field(init=False, repr=False, default_factory=Memory)

    @classmethod
    def of(cls, model: "TrainedModel") -> "ServedModel":
        """The model that is in memory; its tables are shared."""
        graph = replace(model.graph, triples=np.empty((0, 3), np.int64))
        parts = {bit: getattr(model.split, part) for part, bit in PARTS.items()}
        facts = Facts.of_parts(parts, len(graph.entities), graph.relations)
        members = [scorer_of(member) for member in model.members]
        about = model.experiment, model.metrics, model.digest, model.graph.digest, model.weights, model.calibrated
        return cls(graph, facts, members, *about, model.experiments)

    def __repr__(self) -> str:
        """What it is and how large: its tables and names would fill a screen a hundred times."""
        members = f"{len(self.members)} member{'' if len(self.members) == 1 else 's'}"
        graph = f"{self.graph.name}: {len(self.graph.entities):,} entities, {len(self.facts):,} facts"
        return f"ServedModel({self.name}, {members}, of {graph})"

    @property
    def name(self) -> str:
        return self.experiment.name

    @property
    def served(self) -> "ServedModel":
        """Itself: what `TrainedModel.served` gives."""
        return self

    @property
    def tables(self) -> list[ArrayTable]:
        """The members that keep vectors of entities."""
        return [member for member in self.members if isinstance(member, ArrayTable)]

    @property
    def table(self) -> Floats:
        """The vectors of the first member that has any, `(n, d)`."""
        if not self.tables:
            raise UsageError(f"the model {self.name} keeps no vectors of entities that can be read as they are")
        return self.tables[0].entity

    @property
    def dimension(self) -> int | None:
        """Numbers per entity of the first member that has any."""
        return self.tables[0].entity.shape[1] if self.tables else None

    def remembered(self, key: Hashable, make: Callable[[], T], keep: bool = False) -> T:
        """What was made under this key, for questions that share it; whoever comes while it is being made waits.

        The `KEPT` that were used last stay, or fewer that are large. keep: for good, since it is few and takes long, as
        structures do.
        """
        return (self._lasting if keep else self._passing).of(key, make)

    def remembers(self, key: Hashable) -> bool:
        """Whether `remembered` has nothing left to make."""
        return key in self._passing or key in self._lasting

    def work(self, relations: tuple[int, ...]) -> int:
        """How many numbers a question over these relations looks at."""
        each = (member.entity.shape[1] if isinstance(member, ArrayTable) else 1000 for member in self.members)
        return sum(each) * len(relations) * len(self.graph.answers(relations[0]))

    def vote(self, each: Floats) -> Floats:
        """One score of those that each member gives: `(b, k)` of `(members, b, k)`; see `mean_rank_scores`."""
        if len(each) == 1:
            only: Floats = each[0]
            return only
        weights = self.weights or (1,) * len(each)
        total: Int = np.zeros(each.shape[1:], np.int64)
        for weight, of_member in zip(weights, each, strict=True):
            for row, scores in zip(total, of_member, strict=True):
                row += weight * twice_below(scores)
        places = 2 * sum(weights) * max(1, total.shape[1] - 1)
        voted: Floats = total.astype(np.float32) / np.float32(places)
        voted[np.isnan(each).any((0, 2))] = np.nan
        return voted

    @cached_property
    def has_terms(self) -> bool:
        """Whether a member says what its scores are sums of."""
        return any(isinstance(member, ArrayMetapaths) for member in self.members)

    def terms(self, head: int, tail: int) -> list[Term]:
        """What the score of a treatment is the sum of, of the first member that says so; see `MetapathModel.terms`."""
        found = (member.terms(head, tail) for member in self.members if isinstance(member, ArrayMetapaths))
        return next(found, [])

    def usual_ready(self, relations: tuple[int, ...]) -> bool:
        """Whether `usual` has nothing left to make."""
        return self.remembers(("usual", relations))

    def usual(self, relations: tuple[int, ...]) -> Floats:
        """The mean percentile of each candidate over the questions that have known answers by these relations; `(k,)`.

        Of more than `MOST_QUESTIONS`, or `MOST_SCORES` scores, as many, evenly drawn.
        """
        return self.remembered(("usual", relations), lambda: self._usual(relations), keep=True)

    def _usual(self, relations: tuple[int, ...]) -> Floats:
        span = self.graph.answers(relations[0])
        keys = self.facts.keys
        heads = np.unique(keys[np.isin(keys % (2 * self.facts.relations), relations)] // (2 * self.facts.relations))
        if not len(heads):
            heads = np.array(self.graph.heads(relations[0]), np.int64)
        most = max(1, min(MOST_QUESTIONS, MOST_SCORES // max(1, len(span))))
        heads = heads[np.linspace(0, len(heads) - 1, min(most, len(heads))).round().astype(np.int64)]
        total = np.zeros(len(span), np.int64)
        for block in np.array_split(heads, max(1, len(heads) * len(span) // 1_000_000)):
            for scores in self.best_of(block, relations)[0]:
                total += twice_below(scores)
        mean: Floats = (50 * total / max(1, len(heads)) / max(1, len(span) - 1)).astype(np.float32)
        return mean

    def best_of(self, entities: Int, relations: tuple[int, ...]) -> tuple[Floats, Floats]:
        """The best over relations of each entity's scores: `(b, k)`, and `(members, b, k)` of each member."""
        span = self.graph.answers(relations[0])
        candidates = slice(span.start, span.stop)
        queries = np.array([(entity, r) for entity in entities.tolist() for r in relations], np.int64)
        each = [member.scores(queries, candidates) for member in self.members]
        if len(relations) > 1:
            each = [one.reshape(len(entities), len(relations), -1).max(1) for one in each]
        best = each[0][None] if len(each) == 1 else np.stack(each)
        return self.vote(best), best

    def training_of(self, member: int) -> TrainingConfig:
        """How a member was trained, by its place among the members."""
        return (self.experiments[member] if self.experiments else self.experiment).training

    def left_out(self, member: int) -> frozenset[int]:
        """The relations in `[0, m)` whose facts a member was not shown; a regression on metapaths sees all."""
        if isinstance(self.members[member], ArrayMetapaths):
            return frozenset()
        found = set()
        for name in self.training_of(member).without:
            with suppress(UnknownNameError):  # the graph may have lost it since
                found.add(self.graph.relation(name))
        return frozenset(found)

    @cached_property
    def hidden(self) -> frozenset[int]:
        """The relations in `[0, m)` whose facts no member was shown; none where an older ensemble does not say."""
        if len(self.members) > 1 and not self.experiments and "ensemble" in self.metrics:
            return frozenset()
        return frozenset[int].intersection(*map(self.left_out, range(len(self.members))))

    def seen_in_training(self, entity: int) -> bool:
        """Whether training had a fact about the entity, or the model does not say what it was trained on."""
        return bool(self._seen[entity])

    def warning(self, entity: int, relations: tuple[int, ...]) -> str | None:
        """What to say of a ranking over relations in `[0, 2m)` for an entity; None where training had an answer to it.

        That training had no fact about the entity, or none that would have been an answer.
        """
        start, answered = self.remembered(("answered", relations), lambda: self._answered(relations), keep=True)
        if answered[entity - start]:
            return None
        label, m = self.graph.entities.label(entity), self.graph.relations
        words = [(r < m, self.graph.metaedges[r % m].relation) for r in relations]
        asked = dict.fromkeys(f"{label} {word} ?" if ahead else f"? {word} {label}" for ahead, word in words)
        no_answer = f"training had no answer to {' or '.join(asked)}: this ranking rests on other facts"
        return self.arbitrary(entity) or no_answer

    def _answered(self, relations: tuple[int, ...]) -> tuple[int, NDArray[np.bool_]]:
        """The first entity that can be asked about, and of each, `(h,)`, whether a member was shown an answer.

        All of them where it is not known what training had.
        """
        facts, span, m2 = self.facts, self.graph.heads(relations[0]), 2 * self.graph.relations
        first, last = facts.keys.searchsorted([span.start * m2, span.stop * m2]).tolist()
        shown = [r for r in either_way(self.graph, relations) if r % self.graph.relations not in self.hidden]
        of = np.flatnonzero(np.isin(facts.keys[first:last] % m2, shown)) + first
        starts, counts = facts.offsets[of], facts.offsets[of + 1] - facts.offsets[of]
        trained = facts.parts[stretches(starts, counts)] & PARTS["train"] > 0
        answered = np.zeros(len(span), bool)
        answered[facts.keys[of].repeat(counts)[trained] // m2 - span.start] = True
        unknown = not answered.any() and not (facts.parts & PARTS["train"]).any()
        return span.start, ~answered if unknown else answered

    def arbitrary(self, entity: int) -> str | None:
        """What to say of any ranking for an entity that training had no fact about; None where it had some."""
        if self.seen_in_training(entity):
            return None
        return f"{self.graph.entities.label(entity)} stands in no training triple: this ranking is arbitrary"

    @cached_property
    def _seen(self) -> NDArray[np.bool_]:
        """Whether a member was shown a fact about each entity, `(n,)`; all of them where no training is known."""
        bits = np.bitwise_or.reduceat(self.facts.parts, self.facts.offsets[:-1])  # of each query; none is empty
        of_query = (bits & PARTS["train"]) > 0
        of_query &= ~np.isin(self.facts.keys % self.facts.relations, list(self.hidden))
        seen = np.zeros(len(self.graph.entities), bool)
        seen[self.facts.keys[of_query] // (2 * self.facts.relations)] = True
        return seen if seen.any() else ~seen

    def probabilities(self, entity: int, relations: tuple[int, ...], candidates: Int) -> Floats | None:
        """How likely it is that the graph holds the pair of the entity with each candidate `(p,)`; see `Calibrated`.

        None where the model has no calibration, or one of other relations than those that are asked over.
        """
        if self.calibrated is None:
            return None
        return self.calibrated.probabilities(self.members, self.weights, entity, relations, candidates)

    @property
    def probability_means(self) -> str | None:
        """What its probabilities are of, to stand wherever one is shown; None where it has no calibration."""
        if self.calibrated is None:
            return None
        share = f"{100 * self.calibrated.curve.share:.3g} %"
        return f"that the graph holds the pair, among pairs of which {share} are treatments; not that it works"

    @cached_property
    def joining(self) -> dict[tuple[int, int], Int]:
        """The relations in `[0, 2m)` that lead from one entity type to another, by the starts of the two."""
        found = defaultdict(list)
        for r in range(2 * self.graph.relations):
            found[self.graph.heads(r).start, self.graph.answers(r).start].append(r)
        return {ends: np.array(relations, np.int64) for ends, relations in found.items()}

    @cached_property
    def annotated(self) -> dict[tuple[int, int], list[Annotation]]:
        """What is noted about each pair of compound and disease."""
        ordered = sorted(self.graph.annotations, key=lambda a: (a.compound, a.disease))
        pairs = itertools.groupby(ordered, key=lambda a: (a.compound, a.disease))
        return {pair: list(notes) for pair, notes in pairs}


def twice_below(scores: Floats) -> Int:
    """Of each score of `(k,)` twice how many others are lower, and once how many others are equal."""
    order = np.argsort(scores)
    ascending = scores[order]
    starts = np.flatnonzero(np.append(True, ascending[1:] != ascending[:-1])[: len(scores)])  # of equal scores
    counts = np.diff(np.append(starts, len(scores)))
    below: Int = np.empty(len(scores), np.int64)
    below[order] = np.repeat(2 * starts + counts - 1, counts)
    return below


def open_served(folder: Path, check: bool = True) -> ServedModel:
    """Open a trained-model folder to ask it; with check, every file is compared with its SHA-256 meanwhile."""
    with ThreadPoolExecutor(1) as other:  # sums take as long as names, and another core
        checked = other.submit(check_manifest, folder, check)
        try:
            return _opened(folder)
        finally:
            checked.result()  # of what is not as it was saved, that is what is told, whatever came of reading it


def _opened(folder: Path) -> ServedModel:
    graph = load_schema(folder)
    m = graph.relations
    if (folder / FACTS).is_dir():
        facts = open_facts(folder / FACTS, m)
    else:  # written before facts were kept
        triples, bits = load_triples(folder / "triples.npy"), read_array(folder / "parts.npy")
        parts = {bit: triples[bits & bit > 0] for bit in PARTS.values()}
        facts = Facts.of_parts(parts, len(graph.entities), m)
    files = sorted((folder / "members").glob("*.safetensors"), key=lambda path: int(path.stem))
    return ServedModel(
        graph,
        facts,
        [open_scorer(path) for path in files],
        experiment_from(read_json(folder / "experiment.json"), str(folder / "experiment.json")),
        read_json(folder / "metrics.json"),
        sha256_of(folder / MANIFEST),
        read_json(folder / GRAPH_FILE)["digest"],
        read_weights(folder / WEIGHTS, len(files)),
        open_calibrated(folder),
        read_experiments(folder / EXPERIMENTS, len(files)),
    )
