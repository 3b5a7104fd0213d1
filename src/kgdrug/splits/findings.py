"""What an audit says: one `Finding` for each thing that is wrong with a split."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kgdrug.graph.known import Int, distinct
from kgdrug.splits.split import Split

EXAMPLES = 3


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a split.

    kind: what it is; leak: whether test answers can be read off training; relations: metaedges, that of the test
    triples first; count: test triples that it concerns; of: how many test triples there are of the first relation, or
    of any where a finding is about entities (twins); examples: some in words; advice: what to do; rows: which test
    triples.
    """

    kind: str
    leak: bool
    relations: tuple[str, ...]
    count: int
    of: int
    examples: tuple[str, ...]
    advice: str
    rows: Int = field(repr=False, compare=False)

    def as_json(self, split: Split) -> dict[str, Any]:
        """All of it; `triples` are the test triples, each as the ids `head relation tail`, tabs between."""
        ids, names = split.graph.entities.ids, [e.abbreviation for e in split.graph.metaedges]
        triples = [f"{ids[h]}\t{names[r]}\t{ids[t]}" for h, r, t in split.test[self.rows].tolist()]
        return {key: value for key, value in asdict(self).items() if key != "rows"} | {"triples": triples}


def given_away(findings: Iterable[Finding]) -> int:
    """How many test triples some leak gives away."""
    rows = [finding.rows for finding in findings if finding.leak]
    return len(distinct(np.concatenate(rows))) if rows else 0


def by_relation(split: Split, kind: str, there: NDArray[np.bool_], advice: str, leak: bool) -> list[Finding]:
    """A finding for each relation of the test triples that are there, `(test,)`."""
    of, found = np.bincount(split.test[:, 1], minlength=split.graph.relations), []
    for r, rows in rows_of_relations(split.test, np.flatnonzero(there)):
        examples = tuple(split.graph.text(split.test[row]) for row in rows[:EXAMPLES])
        name = split.graph.metaedges[r].abbreviation
        found.append(Finding(kind, leak, (name,), len(rows), int(of[r]), examples, advice, rows))
    return found


def about_entities(
    split: Split, kind: str, rows: Int, examples: Iterable[str], advice: str, leak: bool = False
) -> Finding:
    """A finding about entities: it may concern test triples `(r,)` of any relation."""
    names = tuple(split.graph.metaedges[r].abbreviation for r in distinct(split.test[rows, 1]).tolist())
    return Finding(kind, leak, names, len(rows), len(split.test), tuple(examples), advice, rows)


def rows_of_relations(triples: Int, rows: Int) -> Iterator[tuple[int, Int]]:
    """Each relation of the triples in these ascending rows `(r,)`, and the rows that have it, ascending."""
    relations = triples[rows, 1]
    order = np.argsort(relations, kind="stable")
    starts = np.flatnonzero(np.diff(relations[order], prepend=-1)).tolist()
    for start, stop in itertools.pairwise([*starts, len(rows)]):
        yield int(relations[order[start]]), rows[order[start:stop]]
