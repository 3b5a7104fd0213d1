"""Which candidates count: by what the graph says of them, by their structure, or by lists."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kgdrug.errors import UsageError
from kgdrug.models.arrays import Int

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel

# the relations that a target is sought by, where the graph has one of them; else every one that joins the two types
TARGETED = ("binds", "targets", "target", "target_of", "inhibits")


@dataclass(frozen=True)
class Filters:
    """What a candidate must be; each that is given must hold, each by id or name.

    classes: joined with one of these entities, such as a pharmacologic class, by any relation; targets: joined with
    one of these genes by a relation that means binding (`TARGETED`), or by any where the graph has none; approved:
    a treatment of anything in the graph, or annotated as approved; smarts: its structure holds this pattern; only:
    one of these; exclude: none of these.
    """

    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    approved: bool = False
    smarts: str | None = None
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def eligible(self, model: "ServedModel", candidates: range) -> Int | None:
        """The columns of the candidates that count, ascending; None where all do. Remembered for the next question."""
        if self == NO_FILTERS:
            return None
        eligible: Int = model.remembered((self, candidates), lambda: np.flatnonzero(self._holds(model, candidates)))
        return eligible

    def ready(self, model: "ServedModel", candidates: range) -> bool:
        """Whether `eligible` has nothing left to look for."""
        return self == NO_FILTERS or model.remembers((self, candidates))

    def _holds(self, model: "ServedModel", candidates: range) -> np.ndarray:
        graph = model.graph
        holds = np.ones(len(candidates), bool)
        if self.only:
            holds &= _listed(self.only, model, candidates)
        if self.exclude:
            holds &= ~_listed(self.exclude, model, candidates)
        if self.classes:
            holds &= _joined(self.classes, model, candidates, "class", ())
        if self.targets:
            holds &= _joined(self.targets, model, candidates, "target", TARGETED)
        if self.approved:
            holds &= _approved(model, candidates)
        if self.smarts is not None:
            from kgdrug.sources.molecules import Molecules, matches

            known = [i for i in candidates if i in graph.smiles]
            if not known:
                kind = graph.type_of(candidates.start).name
                raise UsageError(
                    f"the graph {graph.name} holds no structure of any {kind}: smarts cannot be looked for"
                )
            structures = model.remembered(
                ("structures", candidates), lambda: Molecules(graph.smiles[i] for i in known), keep=True
            )
            holding = np.zeros(len(candidates), bool)
            holding[np.array(known) - candidates.start] = matches(structures, self.smarts)
            holds &= holding
        return holds


NO_FILTERS = Filters()


def _listed(names: Iterable[str], model: "ServedModel", candidates: range) -> np.ndarray:
    kind = model.graph.type_of(candidates.start).name if model.graph.typed else None
    listed = np.zeros(len(candidates), bool)
    for name in names:
        listed[model.graph.entities.find(name, [candidates], kind) - candidates.start] = True
    return listed


def _joined(
    names: Iterable[str], model: "ServedModel", candidates: range, what: str, preferred: tuple[str, ...]
) -> np.ndarray:
    """Whether a candidate is joined with one of the named entities, by a preferred relation where there is one."""
    graph, m = model.graph, model.graph.relations
    joined = np.zeros(len(candidates), bool)
    ends = [graph.answers(r) for r in range(2 * m) if graph.heads(r) == candidates]
    for name in names:
        entity = graph.entities.find(name, ends, what)
        relations = model.joining[graph.type_of(entity).start, candidates.start]
        meant = [r for r in relations.tolist() if graph.metaedges[r % m].relation.casefold() in preferred]
        queries = np.array([[entity, r] for r in meant or relations.tolist()])
        joined[model.facts.of(queries)[1] - candidates.start] = True
    return joined


def _approved(model: "ServedModel", candidates: range) -> np.ndarray:
    """Whether the graph says that a candidate treats, or is treated, or an annotation that it is approved."""
    graph, m = model.graph, model.graph.relations
    treating = [r for t in graph.treatment_relations for r in (t, t + m) if graph.heads(r) == candidates]
    heads, relations = np.divmod(model.facts.keys, 2 * m)
    noted = [i for a in graph.annotations if a.status == "approved" for i in (a.compound, a.disease)]
    either = np.concatenate([heads[np.isin(relations, treating)], np.array(noted, np.int64)])
    approved = np.zeros(len(candidates), bool)
    approved[either[(either >= candidates.start) & (either < candidates.stop)] - candidates.start] = True
    return approved
