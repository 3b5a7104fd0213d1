"""The same models in numpy, read where they lie on disk: what answers questions needs no torch.

torch takes a second and 190 MB to load, and a question of one query and some thousand candidates gains nothing by it.
Every score function but ConvE's is here once more, a line or two each; a test holds them to those that are trained.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import BadInputError, UsageError
from kgdrug.models.files import open_arrays
from kgdrug.models.terms import Term

if TYPE_CHECKING:
    from kgdrug.models.model import Model

Floats = NDArray[np.floating[Any]]
Int = NDArray[np.int64]
TILE = 1_000_000  # numbers of the largest temporary where no product gives the score
METAPATHS = "metapaths"


class Scorer(Protocol):
    """What answering asks of a model; numpy in, numpy out."""

    def scores(self, queries: Int, candidates: slice) -> Floats:
        """`(b, k)`, higher is better; queries: `(b, 2)` head and relation, relation in `[0, 2m)`."""
        ...


def _halves(rows: Floats) -> tuple[Floats, Floats]:
    half = rows.shape[-1] // 2
    return rows[..., :half], rows[..., half:]


def _complex(heads: Floats, relations: Floats) -> Floats:
    (a_re, a_im), (b_re, b_im) = _halves(heads), _halves(relations)
    return np.concatenate([a_re * b_re - a_im * b_im, a_re * b_im + a_im * b_re], -1)


def _rotate(heads: Floats, phases: Floats) -> Floats:
    return _complex(heads, np.concatenate([np.cos(phases), np.sin(phases)], -1))


def _quaternions(heads: Floats, relations: Floats) -> Floats:
    a, b = np.stack(np.split(heads, 4, -1)), np.stack(np.split(relations, 4, -1))
    b = b / np.maximum(np.sqrt((b * b).sum(0)), 1e-12)
    return np.concatenate(
        [
            a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
            a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
            a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
            a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
        ],
        -1,
    )


def _simple(heads: Floats, relations: Floats) -> Floats:
    first, second = _halves(heads * relations)
    return np.concatenate([second, first], -1) / 2


def _rescal(heads: Floats, relations: Floats) -> Floats:
    b, d = heads.shape
    moved: Floats = np.matmul(heads[:, None, :], relations.reshape(b, d, d))[:, 0]
    return moved


# heads (b, d) moved by relations (b, w) into the space of answers; see kgdrug.models.scores for what each is
QUERIES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "transe": lambda heads, relations: heads + relations,
    "transe-l1": lambda heads, relations: heads + relations,
    "transe-l2": lambda heads, relations: heads + relations,
    "rotate": _rotate,
    "distmult": lambda heads, relations: heads * relations,
    "complex": _complex,
    "quate": _quaternions,
    "cp": lambda heads, relations: _halves(heads)[0] * relations,
    "simple": _simple,
    "rescal": _rescal,
}


def products(queries: Floats, rows: Floats) -> Floats:
    """Dot products of queries `(b, v)` with rows `(k, v)`; `(b, k)`.

    BLAS copies its second matrix into an order of its own before it multiplies, which of few queries takes most of the
    time: so one by one, or the other way round. 1,552 rows of 200 numbers, us a query of OpenBLAS 0.3.31 on one core:
    25 instead of 113 for two queries, 14 instead of 25 for eight, 12 instead of 15 for sixteen.
    """
    if len(queries) == 1:
        alone: Floats = (rows @ queries[0])[None]
        return alone
    if len(queries) < 4:
        return np.stack([rows @ query for query in queries]) if len(queries) else np.empty((0, len(rows)), rows.dtype)
    if len(queries) < 64:
        return np.ascontiguousarray((rows @ queries.T).T)
    found: Floats = queries @ rows.T
    return found


def _squares(queries: Floats, rows: Floats) -> Floats:
    norms = (queries * queries).sum(1)[:, None] + (rows * rows).sum(1)
    found: Floats = norms - 2 * products(queries, rows)
    return found


def _tiled(distance: Callable[[Floats], Floats]) -> Callable[[Floats, Floats], Floats]:
    def compare(queries: Floats, rows: Floats) -> Floats:
        scores = np.empty((len(queries), len(rows)), np.float32)
        step = max(1, TILE // max(1, queries.size))
        for start in range(0, len(rows), step):
            tile = slice(start, start + step)
            scores[:, tile] = -distance(queries[:, None, :] - rows[None, tile, :])
        return scores

    return compare


# queries with rows, where it is not the dot product
COMPARISONS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "transe": lambda queries, rows: -_squares(queries, rows),
    "transe-l1": _tiled(lambda differences: np.abs(differences).sum(2)),
    "transe-l2": lambda queries, rows: -np.sqrt(np.maximum(_squares(queries, rows), 1e-16)),
    "rotate": _tiled(lambda differences: np.hypot(*_halves(differences)).sum(2)),
}


MODULI = {"complex": 2, "rotate": 2, "quate": 4}  # numbers of an entity's row that are one: its parts


@dataclass(frozen=True, eq=False)
class ArrayTable:
    """A table model: entities `(n, d)`, relations `(2m, w)`, and the name of the score function between them."""

    score: str
    entity: Floats
    relation: Floats

    @property
    def product(self) -> bool:
        """Whether the score is a dot product of the moved head and the row."""
        return self.score not in COMPARISONS

    def move(self, heads: Floats, relations: Floats) -> Floats:
        """Heads `(b, d)` moved by rows of relations `(b, w)`; `(b, v)`."""
        return QUERIES[self.score](heads, relations)

    def answers(self, rows: Floats) -> Floats:
        """What of the rows `(k, d)` is compared with a moved head; a view."""
        return _halves(rows)[1] if self.score == "cp" else rows

    def moduli(self, rows: Floats) -> Floats:
        """The modulus that each number of entities' rows belongs to, for N3; the shape of rows."""
        parts = MODULI.get(self.score, 1)
        if parts == 1:
            return np.abs(rows)
        return np.tile(np.sqrt(np.square(np.split(rows, parts, -1)).sum(0)), parts)

    def scores(self, queries: Int, candidates: slice) -> Floats:
        """See `Scorer.scores`."""
        moved = self.move(self.entity[queries[:, 0]], self.relation[queries[:, 1]])
        rows = self.answers(self.entity[candidates])
        if self.score in COMPARISONS:
            return COMPARISONS[self.score](moved, rows)
        return products(moved, rows)


@dataclass(frozen=True, eq=False)
class ArrayMetapaths:
    """A metapath regression; fields as those of `MetapathModel`."""

    sources: range
    targets: range
    relations: int
    treatments: tuple[int, ...]
    table: Floats
    names: tuple[str, ...]
    places: NDArray[Any]
    contributions: Floats

    def scores(self, queries: Int, candidates: slice) -> Floats:
        """See `MetapathModel.scores`."""
        result = np.full((len(queries), candidates.stop - candidates.start), -np.inf, np.float32)
        for row, (head, relation) in enumerate(queries.tolist()):
            forth = (self.table, self.sources, self.targets)
            table, own, other = forth if relation < self.relations else (self.table.T, self.targets, self.sources)
            if relation % self.relations not in self.treatments or head not in own:
                raise UsageError(
                    "the model, or a member of it, is one of metapaths, which answer treatments alone: ask with "
                    "disease or compound, or over a relation that means treatment"
                )
            first, last = max(other.start, candidates.start), min(other.stop, candidates.stop)
            cells = table[head - own.start, first - other.start : max(first, last) - other.start]
            result[row, first - candidates.start :][: len(cells)] = cells
        return result

    def terms(self, head: int, tail: int) -> list[Term]:
        """See `MetapathModel.terms`."""
        if head not in self.sources or tail not in self.targets:
            return []
        cell = head - self.sources.start, tail - self.targets.start
        each = zip(self.places[cell].tolist(), self.contributions[cell].tolist(), strict=True)
        return sorted((Term(self.names[i], c) for i, c in each if c), key=lambda term: -term.contribution)


@dataclass(frozen=True, eq=False)
class TorchScorer:
    """Any other model, asked through torch."""

    model: "Model"

    def scores(self, queries: Int, candidates: slice) -> Floats:
        """See `Scorer.scores`."""
        import torch

        found: Floats = self.model.scores(torch.from_numpy(queries), candidates).float().cpu().numpy()
        return found


def open_scorer(path: Path) -> Scorer:
    """The model that `save_model` wrote, read where it lies; one that needs torch is loaded whole."""
    arrays, about = open_arrays(path)
    found = _of_arrays(arrays, about, path)
    if found is not None:
        return found
    from kgdrug.models.saved import load_model_file

    return TorchScorer(load_model_file(path))


def scorer_of(model: "Model") -> Scorer:
    """A model that is in memory already, in numpy where that can be; its numbers are shared, not copied."""
    from kgdrug.models.metapaths.model import MetapathModel
    from kgdrug.models.model import TableModel

    if isinstance(model, TableModel) and model.score in QUERIES:
        return ArrayTable(model.score, model.entity.cpu().numpy(), model.relation.cpu().numpy())
    if isinstance(model, MetapathModel):
        tables = (model.table, model.places, model.contributions)
        table, places, contributions = (tensor.cpu().numpy() for tensor in tables)
        about = model.sources, model.targets, model.relations, model.treatments
        return ArrayMetapaths(*about, table, model.names, places, contributions)
    return TorchScorer(model)


def _of_arrays(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, Any], path: Path) -> Scorer | None:
    score = about.get("score")
    try:
        if score == METAPATHS:
            sources, targets = (range(*about[name]) for name in ("sources", "targets"))
            rest = int(about["relations"]), tuple(about["treatments"]), arrays["table"], tuple(about["names"])
            return ArrayMetapaths(sources, targets, *rest, arrays["places"], arrays["contributions"])
        if score in QUERIES and arrays["entity"].dtype == arrays["relation"].dtype == np.float32:
            return ArrayTable(score, arrays["entity"], arrays["relation"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadInputError(path, f"is no model that can be read: {error}") from None
    return None
