"""The audit of a split: what training gives away of the test part, and what would make its numbers mean little."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kgdrug.graph.known import Int, distinct, triple_keys, within
from kgdrug.splits.findings import EXAMPLES, Finding, about_entities, by_relation, rows_of_relations
from kgdrug.splits.joined import joined_pairs
from kgdrug.splits.split import Split
from kgdrug.splits.treated import is_turned, pair_keys
from kgdrug.splits.twins import (
    CROWD,
    SAME_KEY,
    SAME_NAME,
    SAME_SKELETON,
    Alike,
    Twins,
    find_alike,
    not_comparable,
    twins_among,
)

SKEWED, POPULAR = 0.5, 0.05  # half of the test answers among the 5 % most frequent training answers
ENOUGH = 20  # test triples of a relation, and distinct training answers, below which nothing is said about skew
_CANDIDATES = 1 << 22  # pairs of twins that are looked up at a time, which bounds the memory
_MERGE = "if they are one thing, merge them: kgdrug build --mapping"
_TOGETHER = "if they should be judged as one, hold them out together: --kind groups"


def audit(split: Split) -> list[Finding]:
    """Everything that the checks find, leaks first, then those that concern most test triples."""
    found = [finding for check in CHECKS for finding in check(split)]
    return sorted(found, key=lambda f: (not f.leak, -f.count, f.kind, f.relations))


def given_away_rows(split: Split) -> Int:
    """Rows of the test triples that some leak of `audit` gives away, ascending, without saying which leak.

    Whatever training holds of a pair gives it away, be it the triple itself or another relation.
    """
    alike = find_alike(split.graph, _types_of_ends(split), (SAME_KEY, SAME_NAME))
    joined = _held(pair_keys(split.graph, split.test), pair_keys(split.graph, split.train))
    return distinct(np.concatenate([np.flatnonzero(joined), _held_for_twins(split, twins_among(alike))[0]]))


def not_looked_for(split: Split) -> list[str]:
    """By what the audit could not look for twins, since no entity has it: `names`, `structures`."""
    return not_comparable(split.graph, _types_of_ends(split)) if len(split.test) else []


def repeated_triples(split: Split) -> list[Finding]:
    """Test triples that stand in training too, and those that stand in valid, which training does not see."""
    n, found = len(split.graph.entities), []
    test = triple_keys(split.test, n)
    for part, triples, leak in (("training", split.train, True), ("valid", split.valid, False)):
        there = _held(test, triple_keys(triples, n))
        found += by_relation(split, f"test triple in {part}", there, f"take them out of {part}", leak)
    return found


def twin_answers(split: Split) -> list[Finding]:
    """Test pairs that training joins with a twin in place of an end, and twins among the ends of test triples.

    That two entities have a name or a whole structure in common makes a leak; a skeleton in common does not, since
    stereoisomers may be two drugs (quinine and quinidine).
    """
    graph, label = split.graph, split.graph.entities.label
    inside = set(distinct(split.test[:, [0, 2]]).tolist())
    alike = [a for a in find_alike(graph, _types_of_ends(split)) if not inside.isdisjoint(a.members)]
    twins = [pair for pair in twins_among(alike) if pair.one in inside or pair.other in inside]
    found = []
    for kind, leak, those, advice in (
        ("test triple of a twin", True, [p for p in twins if p.why != SAME_SKELETON], _MERGE),
        ("test triple of a stereoisomer", False, [p for p in twins if p.why == SAME_SKELETON], _TOGETHER),
    ):
        rows, joining = _held_for_twins(split, those)
        examples = []
        for row, (h, r, t) in zip(rows[:EXAMPLES], split.train[joining[:EXAMPLES]].tolist(), strict=True):
            held = f"{label(h)} {graph.metaedges[r].relation} {label(t)}"
            examples.append(f"{graph.text(split.test[row])} (test), {held} (training)")
        if len(rows):
            found.append(about_entities(split, kind, rows, examples, advice, leak))
    for why in dict.fromkeys(pair.why for pair in twins):
        pairs = [pair for pair in twins if pair.why == why]
        rows = _rows_about(split, [i for pair in pairs for i in (pair.one, pair.other)])
        examples = [f"{label(p.one)} and {label(p.other)}" for p in pairs[:EXAMPLES]]
        advice = _TOGETHER if why == SAME_SKELETON else _MERGE
        found.append(about_entities(split, f"two ids with {why}", rows, examples, advice))
    return found + _crowds(split, alike)


def unseen_entities(split: Split) -> list[Finding]:
    """Test triples with an end that stands in no training triple."""
    seen = np.zeros(len(split.graph.entities), bool)
    seen[split.train[:, [0, 2]]] = True
    there: NDArray[np.bool_] = np.any(~seen[split.test[:, [0, 2]]], axis=1)
    advice = "no table model can rank them: give their entities other facts, or take them out of test"
    return by_relation(split, "entity unseen in training", there, advice, leak=False)


def skewed_answers(split: Split) -> list[Finding]:
    """Relations whose test answers are mostly the few that are most frequent in training anyway."""
    graph, found = split.graph, []
    trained = dict(rows_of_relations(split.train, np.arange(len(split.train))))
    for r, rows in rows_of_relations(split.test, np.arange(len(split.test))):
        if len(rows) < ENOUGH or r not in trained:
            continue
        for side, column in (("tail", 2), ("head", 0)):
            answers = split.train[trained[r], column]
            counts = np.bincount(answers)
            seen = np.flatnonzero(counts)
            if len(seen) < ENOUGH:
                continue
            popular = max(1, round(POPULAR * len(seen)))
            most = seen[np.argsort(-counts[seen], kind="stable")[:popular]]
            covered = np.isin(split.test[rows, column], most)
            if covered.mean() < SKEWED:
                continue
            frequent = ", ".join(graph.entities.label(int(i)) for i in most[:EXAMPLES])
            share = f"the {popular:,} most frequent of {len(seen):,} {side}s in training"
            examples, names = (f"{share} answer {covered.mean():.0%}: {frequent}",), (graph.metaedges[r].abbreviation,)
            advice, concerned = _skew_advice(split, r, side), rows[covered]
            found.append(
                Finding(f"skewed {side}s", False, names, len(concerned), len(rows), examples, advice, concerned)
            )
    return found


CHECKS: tuple[Callable[[Split], list[Finding]], ...] = (
    repeated_triples,
    joined_pairs,
    twin_answers,
    unseen_entities,
    skewed_answers,
)


def _skew_advice(split: Split, relation: int, side: str) -> str:
    """What to do where the heads, or tails, of a relation are skewed."""
    advice = "read each side beside the baselines"
    if relation not in split.graph.treatment_relations:
        return advice
    of_diseases = (side == "head") == is_turned(split.graph.metaedges[relation])
    kind = "cold-disease" if of_diseases else "cold-drug"
    return advice if split.made.get("kind") == kind else f"{advice}; --kind {kind} asks without popularity"


def _held(wanted: Int, keys: Int) -> NDArray[np.bool_]:
    """Whether each wanted key `(w,)` is among the keys `(k,)`; `(w,)`."""
    if not len(keys):
        return np.zeros(len(wanted), bool)
    keys = np.sort(keys)
    found: NDArray[np.bool_] = keys[np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)] == wanted
    return found


def _held_for_twins(split: Split, twins: list[Twins]) -> tuple[Int, Int]:
    """Rows of test triples, ascending, whose pair training joins with a twin in place of an end or both.

    And for each such row `(w,)` the row of a training triple, of any relation and direction, that does so `(w,)`.
    """
    n, graph = len(split.graph.entities), split.graph
    if not twins or not len(split.train):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    both = np.array([(p.one, p.other) for p in twins], np.int64)
    itself = np.arange(n)
    owner = np.concatenate([itself, both[:, 0], both[:, 1]])
    stand_in = np.concatenate([itself, both[:, 1], both[:, 0]])[np.argsort(owner, kind="stable")]
    counts = np.bincount(owner, minlength=n)
    starts = np.cumsum(counts) - counts  # of each entity: itself, then its twins

    keys = pair_keys(graph, split.train)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    ends = split.test[:, [0, 2]]
    ways = counts[ends].prod(1)
    concerned = np.flatnonzero(ways > 1)
    found, joining = [], []
    for rows in np.array_split(concerned, int(ways[concerned].sum()) // _CANDIDATES + 1):
        row = np.repeat(rows, ways[rows])
        way = within(ways[rows])
        i, j = np.divmod(way, counts[ends[row, 1]])
        head, tail = stand_in[starts[ends[row, 0]] + i], stand_in[starts[ends[row, 1]] + j]
        wanted = pair_keys(graph, np.stack([head, row, tail], 1))
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        there = (keys[place] == wanted) & (wanted != pair_keys(graph, split.test[row]))
        first = np.flatnonzero(np.diff(row[there], prepend=-1))
        found.append(row[there][first])
        joining.append(order[place[there]][first])
    return np.concatenate(found), np.concatenate(joining)


def _crowds(split: Split, alike: list[Alike]) -> list[Finding]:
    """A finding for each thing that so many entities of test triples have in common that it names none of them."""
    found = []
    for why in dict.fromkeys(group.why for group in alike):
        crowds = [group for group in alike if group.why == why and len(group.members) > CROWD]
        crowds.sort(key=lambda group: -len(group.members))
        rows = _rows_about(split, [i for group in crowds for i in group.members])
        examples = [
            f"{len(group.members):,} entities, such as {split.graph.entities.label(group.members[0])}"
            for group in crowds[:EXAMPLES]
        ]
        if crowds:
            advice = f"more than {CROWD} of one type are not taken for one thing, and not looked at: name them apart"
            found.append(about_entities(split, f"{why} of many ids", rows, examples, advice))
    return found


def _rows_about(split: Split, entities: list[int]) -> Int:
    """Rows of test triples with one of these ends."""
    there = np.zeros(len(split.graph.entities), bool)
    there[entities] = True
    return np.flatnonzero(there[split.test[:, [0, 2]]].any(1))


def _types_of_ends(split: Split) -> set[str]:
    """The types of the entities of test triples."""
    ends = distinct(split.test[:, [0, 2]])
    return {t.name for t in split.graph.entity_types if ((ends >= t.start) & (ends < t.stop)).any()}
