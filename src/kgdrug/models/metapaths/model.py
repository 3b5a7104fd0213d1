"""Metapath regressions: a score for every pair that a treatment could join, and what it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kgdrug.errors import BadInputError, UsageError
from kgdrug.models.files import write_tensors
from kgdrug.models.model import Candidates
from kgdrug.models.terms import Term

SCORE = "metapaths"
KEPT = 12  # terms that are kept of each pair


@dataclass(frozen=True, eq=False)
class MetapathModel:
    """The log-odds of every pair of two types, as a table.

    sources, targets: the ranges of entities; relations: `m`, of the graph; treatments: the relations that are answered;
    table: `(s, t)`; names: of the features with a coefficient; coefficients: `(j,)` of standardised features; places,
    contributions: `(s, t, KEPT)` the terms of each pair with the largest contributions, up or down; about: of the fit.
    """

    sources: range
    targets: range
    relations: int
    treatments: tuple[int, ...]
    table: Tensor
    names: tuple[str, ...]
    coefficients: Tensor
    places: Tensor
    contributions: Tensor
    about: Mapping[str, Any] = field(default_factory=dict)

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        """See `Model.scores`. A candidate of a type that cannot answer has the score `-inf`."""
        heads, relations = queries.cpu().unbind(1)
        if isinstance(candidates, slice):
            candidates = torch.arange(candidates.start or 0, candidates.stop)
        candidates = candidates.cpu()
        result = torch.full((len(heads), len(candidates)), -torch.inf)
        answered = torch.zeros(len(heads), dtype=torch.bool)
        for table, own, other, shift in (
            (self.table, self.sources, self.targets, 0),
            (self.table.T, self.targets, self.sources, self.relations),
        ):
            rows = torch.isin(relations, torch.tensor([r + shift for r in self.treatments]))
            rows &= (heads >= own.start) & (heads < own.stop)
            columns = (candidates >= other.start) & (candidates < other.stop)
            if rows.any():
                cells = table[heads[rows] - own.start][:, candidates[columns] - other.start]
                result[rows.nonzero(), columns.nonzero().T] = cells
            answered |= rows
        if not answered.all():
            raise UsageError(
                "the model, or a member of it, is one of metapaths, which answer treatments alone: ask with disease or "
                "compound, or over a relation that means treatment"
            )
        return result

    def terms(self, head: int, tail: int) -> list[Term]:
        """The terms of the pair's score that change it most, up or down, those that raise it most first.

        head, tail: entities that a treatment leads from and to.
        """
        row, column = head - self.sources.start, tail - self.targets.start
        places, contributions = self.places[row, column].tolist(), self.contributions[row, column].tolist()
        found = [Term(self.names[i], c) for i, c in zip(places, contributions, strict=True) if c]
        return sorted(found, key=lambda term: -term.contribution)


def save_metapath_model(model: MetapathModel, path: Path) -> None:
    """Write the tables and what they are of."""
    tensors = {name: getattr(model, name) for name in ("table", "coefficients", "places", "contributions")}
    ranges = {name: [getattr(model, name).start, getattr(model, name).stop] for name in ("sources", "targets")}
    rest = {name: list(getattr(model, name)) for name in ("treatments", "names")}
    about = {"score": SCORE, "relations": model.relations, **ranges, **rest, "about": dict(model.about)}
    write_tensors(path, tensors, about)


def metapath_model_of(tensors: Mapping[str, Tensor], about: Mapping[str, Any], path: Path) -> MetapathModel:
    """The model that `save_metapath_model` wrote, from what lies in the file."""
    try:
        sources, targets = range(*about["sources"]), range(*about["targets"])
        names, shape = tuple(about["names"]), (len(sources), len(targets))
        due = {"table": shape, "coefficients": (len(names),)}
        for name in ("places", "contributions"):
            due[name] = (*shape, tensors[name].shape[-1])
        for name, expected in due.items():
            if tensors[name].shape != expected:
                raise BadInputError(path, f"has {name} of shape {tuple(tensors[name].shape)} where {expected} is due")
        if tensors["places"].numel() and not 0 <= int(tensors["places"].max()) < max(1, len(names)):
            raise BadInputError(path, "has terms of features that it does not name")
        return MetapathModel(
            sources, targets, int(about["relations"]), tuple(about["treatments"]), tensors["table"], names,
            tensors["coefficients"], tensors["places"], tensors["contributions"], about["about"],
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BadInputError(path, f"is no model of metapaths: {error}") from None
