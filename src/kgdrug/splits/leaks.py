"""The audit of a split: what training gives away of the test part, and what would make its numbers mean little.

Sources: Toutanova and Chen 2015 (inverse relations of FB15k), Akrami et al. 2020, arXiv 2003.08001 (duplicate and
inverse relations: four fifths of both relations' pairs in common).
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgdrug.graph.known import Int, distinct, triple_keys
from kgdrug.splits.split import Split
from kgdrug.splits.treated import pair_keys
from kgdrug.splits.twins import SAME_SKELETON, Twins, find_twins

IN_COMMON, ALMOST_ALL = 0.8, 0.97  # shares of both relations' pairs that make them near-duplicates, and duplicates
SKEWED, POPULAR = 0.5, 0.05  # half of the test answers among the 5 % most frequent training answers
ENOUGH = 20  # test triples of a relation, below which nothing is said about skew
EXAMPLES = 3
_MERGE = "if they are one thing, merge them: kgdrug build --mapping"
_TOGETHER = "if they should be judged as one, hold them out together: --kind groups"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a split.

    kind: what it is; leak: whether test answers can be read off training; relations: metaedges, that of the test
    triples first; count: test triples that it concerns, out of `of`; examples: some in words; advice: what to do;
    rows: which test triples.
    """

    kind: str
    leak: bool
    relations: tuple[str, ...]
    count: int
    of: int
    examples: tuple[str, ...]
    advice: str
    rows: Int = field(repr=False, compare=False)

    @property
    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "rows"}


def audit(split: Split) -> list[Finding]:
    """Everything that the checks find, leaks first, then those that concern most test triples."""
    found = [finding for check in CHECKS for finding in check(split)]
    return sorted(found, key=lambda f: (not f.leak, -f.count, f.kind, f.relations))


def given_away(findings: Iterable[Finding]) -> int:
    """How many test triples some leak gives away."""
    rows = [finding.rows for finding in findings if finding.leak]
    return len(distinct(np.concatenate(rows))) if rows else 0


def repeated_triples(split: Split) -> list[Finding]:
    """Test triples that stand in training or valid too."""
    n, found = len(split.graph.entities), []
    test = triple_keys(split.test, n)
    for part, triples in (("training", split.train), ("valid", split.valid)):
        there = np.isin(test, triple_keys(triples, n))
        advice = f"take them out of {part}"
        found += _by_relation(split, f"test triple in {part}", there, advice, leak=True)
    return found


def joined_pairs(split: Split) -> list[Finding]:
    """Test triples whose two ends training joins by another relation, or by the same one the other way round."""
    graph = split.graph
    keys = pair_keys(graph, split.train)
    order = np.argsort(keys, kind="stable")
    keys, training = keys[order], split.train[order]
    wanted = pair_keys(graph, split.test)
    start, stop = np.searchsorted(keys, wanted), np.searchsorted(keys, wanted, side="right")
    rows = np.repeat(np.arange(len(wanted)), stop - start)
    places = np.arange(len(rows)) - np.repeat(np.cumsum(stop - start) - (stop - start), stop - start)
    joining = training[np.repeat(start, stop - start) + places]
    test = split.test[rows]
    turned = (joining[:, 0] == test[:, 2]) & (joining[:, 0] != joining[:, 2])
    itself = (joining[:, 1] == test[:, 1]) & ~turned  # the triple itself, or a self-loop: `repeated_triples` has it
    code = ((test[:, 1] * graph.relations + joining[:, 1]) * 2 + turned)[~itself]
    if not len(code):
        return []
    rows, joining = rows[~itself], joining[~itself]
    order = np.argsort(code, kind="stable")
    cases, starts = np.unique(code[order], return_index=True)
    found, overlap = [], _Overlap(split)
    for case, of_case in zip(cases.tolist(), np.split(order, starts[1:]), strict=True):
        (r, s), reverse = divmod(case // 2, graph.relations), bool(case % 2)
        share = overlap.share(r, s, reverse)
        if reverse and share >= IN_COMMON:
            kind = "symmetric relation" if r == s else "inverse relation"
        elif share >= IN_COMMON:
            kind = "duplicate relation" if share >= ALMOST_ALL else "near-duplicate relation"
        else:
            kind = "same pair the other way round" if reverse else "same pair under another relation"
        names = tuple(dict.fromkeys(graph.metaedges[i].abbreviation for i in (r, s)))
        concerned, first = np.unique(rows[of_case], return_index=True)
        shown = zip(split.test[concerned[:EXAMPLES]], joining[of_case[first[:EXAMPLES]]], strict=True)
        examples = tuple(f"{graph.text(t)} (test), {graph.text(j)} (training)" for t, j in shown)
        of, advice = int((split.test[:, 1] == r).sum()), _held_out_advice(split, r)
        found.append(Finding(kind, True, names, len(concerned), of, examples, advice, concerned))
    return found


def twin_answers(split: Split) -> list[Finding]:
    """Test triples that training holds for a twin of an end, and twins among the ends of test triples.

    That two entities have a name or a whole structure in common makes a leak; a skeleton in common does not, since
    stereoisomers may be two drugs (quinine and quinidine).
    """
    graph = split.graph
    ends = distinct(split.test[:, [0, 2]])
    types = {t.name for t in graph.entity_types if ((ends >= t.start) & (ends < t.stop)).any()}
    inside = set(ends.tolist())
    twins = [pair for pair in find_twins(graph, types) if pair.one in inside or pair.other in inside]
    found = []
    for kind, leak, those, advice in (
        ("test triple of a twin", True, [p for p in twins if p.why != SAME_SKELETON], _MERGE),
        ("test triple of a stereoisomer", False, [p for p in twins if p.why == SAME_SKELETON], _TOGETHER),
    ):
        known = _held_for_twins(split, those)
        rows = np.array(list(known), np.int64)
        examples = [
            f"{graph.text(split.test[row])} (test), {graph.entities.label(h)} and {graph.entities.label(t)} (training)"
            for row, (h, t) in list(known.items())[:EXAMPLES]
        ]
        if len(rows):
            names, of = _relations(split, rows), len(split.test)
            found.append(Finding(kind, leak, names, len(rows), of, tuple(examples), advice, rows))
    for why in dict.fromkeys(pair.why for pair in twins):
        pairs = [pair for pair in twins if pair.why == why]
        members = sorted({i for pair in pairs for i in (pair.one, pair.other)})
        rows = np.flatnonzero(np.isin(split.test[:, [0, 2]], members).any(1))
        examples = [f"{graph.entities.label(p.one)} and {graph.entities.label(p.other)}" for p in pairs[:EXAMPLES]]
        advice = _TOGETHER if why == SAME_SKELETON else _MERGE
        names, of = _relations(split, rows), len(split.test)
        found.append(Finding(f"two ids with {why}", False, names, len(rows), of, tuple(examples), advice, rows))
    return found


def _held_for_twins(split: Split, twins: list[Twins]) -> dict[int, tuple[int, int]]:
    """Rows of test triples that training holds with a twin in place of an end or both, and the ends that it has."""
    n, found = len(split.graph.entities), {}
    others: dict[int, list[int]] = {}
    for pair in twins:
        others.setdefault(pair.one, []).append(pair.other)
        others.setdefault(pair.other, []).append(pair.one)
    for row in np.flatnonzero(np.isin(split.test[:, [0, 2]], list(others)).any(1)).tolist():
        head, relation, tail = split.test[row].tolist()
        alike = [(h, t) for h in [head, *others.get(head, [])] for t in [tail, *others.get(tail, [])]][1:]
        keys = triple_keys(np.array([(h, relation, t) for h, t in alike]), n)
        there = np.isin(keys, triple_keys(split.train[split.train[:, 1] == relation], n))
        if there.any():
            found[row] = alike[int(there.argmax())]
    return found


def unseen_entities(split: Split) -> list[Finding]:
    """Test triples with an end that stands in no training triple."""
    seen = np.zeros(len(split.graph.entities), bool)
    seen[split.train[:, [0, 2]]] = True
    there: NDArray[np.bool_] = np.any(~seen[split.test[:, [0, 2]]], axis=1)
    advice = "no table model can rank them: give their entities other facts, or take them out of test"
    return _by_relation(split, "entity unseen in training", there, advice, leak=False)


def skewed_answers(split: Split) -> list[Finding]:
    """Relations whose test answers are mostly those that are most frequent in training anyway."""
    graph, found = split.graph, []
    for r in distinct(split.test[:, 1]).tolist():
        test, train = (part[part[:, 1] == r] for part in (split.test, split.train))
        rows = np.flatnonzero(split.test[:, 1] == r)
        for side, column, span in (("tail", 2, graph.relation_ranges[0][r]), ("head", 0, graph.relation_ranges[1][r])):
            size = int(span[1] - span[0])
            popular = max(1, round(POPULAR * size))
            if len(test) < ENOUGH or 2 * popular > size:
                continue
            counts = np.bincount(train[:, column] - span[0], minlength=size)
            most = np.argsort(-counts, kind="stable")[:popular] + span[0]
            covered = np.isin(test[:, column], most)
            if covered.mean() < SKEWED:
                continue
            frequent = ", ".join(graph.entities.label(int(i)) for i in most[:EXAMPLES])
            example = f"the {popular:,} most frequent of {size:,} {side}s answer {covered.mean():.0%}: {frequent}"
            advice = "read each side beside the baselines; --kind cold-disease asks without popularity"
            kind = f"skewed {side}s"
            found.append(
                Finding(
                    kind,
                    False,
                    (graph.metaedges[r].abbreviation,),
                    int(covered.sum()),
                    len(test),
                    (example,),
                    advice,
                    rows[covered],
                )
            )
    return found


CHECKS: tuple[Callable[[Split], list[Finding]], ...] = (
    repeated_triples,
    joined_pairs,
    twin_answers,
    unseen_entities,
    skewed_answers,
)


class _Overlap:
    """Shares of pairs that two relations have in common, each relation's pairs sorted once."""

    def __init__(self, split: Split) -> None:
        self.split, self.n = split, len(split.graph.entities)
        self.pairs: dict[tuple[int, bool, bool], Int] = {}

    def share(self, r: int, s: int, reverse: bool) -> float:
        """The lesser of: the share of r's pairs (training and test) that s has in training, and the share of s's."""
        ours = self._pairs(r, True, False)
        theirs = self._pairs(s, r == s, reverse)
        if r == s:  # the same triples the other way round
            return float(np.isin(ours, theirs).mean())
        common = int(np.isin(ours, theirs).sum())
        return min(common / len(ours), common / len(theirs))

    def _pairs(self, relation: int, with_test: bool, reverse: bool) -> Int:
        key = (relation, with_test, reverse)
        if key not in self.pairs:
            parts = [self.split.train, self.split.test] if with_test else [self.split.train]
            triples = np.concatenate([part[part[:, 1] == relation] for part in parts])
            head, tail = (triples[:, 2], triples[:, 0]) if reverse else (triples[:, 0], triples[:, 2])
            self.pairs[key] = distinct(head * self.n + tail)
        return self.pairs[key]


def _by_relation(split: Split, kind: str, there: NDArray[np.bool_], advice: str, leak: bool) -> list[Finding]:
    """A finding for each relation of the test triples that are there, `(test,)`."""
    found = []
    for r in distinct(split.test[there, 1]).tolist():
        of_relation = split.test[:, 1] == r
        rows = np.flatnonzero(there & of_relation)
        examples = tuple(split.graph.text(split.test[row]) for row in rows[:EXAMPLES])
        name = split.graph.metaedges[r].abbreviation
        found.append(Finding(kind, leak, (name,), len(rows), int(of_relation.sum()), examples, advice, rows))
    return found


def _held_out_advice(split: Split, relation: int) -> str:
    if relation in split.graph.treatment_relations:
        return "hold out whole pairs: kgdrug split GRAPH --kind pairs"
    return "take these pairs out of training over all relations: kgdrug split GRAPH --kind given --folder FOLDER"


def _relations(split: Split, rows: Int) -> tuple[str, ...]:
    return tuple(split.graph.metaedges[r].abbreviation for r in distinct(split.test[rows, 1]).tolist())
