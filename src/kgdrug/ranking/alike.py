"""Entities that are like another one of their type: by what a model learned of them, and by their structure."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import UsageError
from kgdrug.models.arrays import Floats

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel, TrainedModel

ORDERS = ("vectors", "structure")


@dataclass(frozen=True, slots=True)
class Similar:
    """An entity that is like another one of its type.

    vectors: the cosine of the angle between theirs, from -1 to 1, the mean over the members that have vectors; None
    where no member has. structure: Tanimoto similarity of their Morgan fingerprints, from 0 to 1; None where the
    structure of either is not known.
    """

    rank: int
    id: str
    name: str
    type: str
    vectors: float | None
    structure: float | None


def similar(model: "TrainedModel | ServedModel", entity: str, top: int = 20, by: str | None = None) -> list[Similar]:
    """The entities of its type that are most like the one of this id or name, best first; ties in the table's order.

    by: one of ORDERS. `structure` leaves out what has no structure that can be read; the default is vectors where the
    model has any. Those of ConvE count as none here: what it compares is what its network makes of them.
    """
    if top < 1:
        raise UsageError(f"top is {top}; it must be at least 1")
    if by not in (None, *ORDERS):
        raise UsageError(f"alike by {by!r}? It is one of {', '.join(ORDERS)}")
    served = model.served
    graph, own = served.graph, served.graph.entities.find(entity)
    kind = graph.type_of(own)
    cosines, alike = _cosines(served, own, kind.range), _tanimotos(served, own, kind.range)
    label = graph.entities.label(own)
    if cosines is None and by != "structure":
        if by == "vectors" or alike is None:
            other = "" if alike is None else "; its structure can be compared, by structure"
            raise UsageError(f"the model {served.name} has no vectors to compare {label} by{other}")
        by = "structure"
    if by == "structure" and alike is None:
        raise UsageError(f"the graph {graph.name} holds no structure of {label} that can be read")
    order = alike if by == "structure" else cosines
    assert order is not None
    order = np.where(np.isnan(order), -np.inf, order)
    order[own - kind.start] = -np.inf
    columns = np.argsort(-order, kind="stable")[:top]
    columns = columns[order[columns] > -np.inf]
    return [
        Similar(
            rank,
            graph.entities.ids[kind.start + column],
            graph.entities.names[kind.start + column],
            kind.name,
            _number(cosines, column),
            _number(alike, column),
        )
        for rank, column in enumerate(columns.tolist(), 1)
    ]


def _number(values: Floats | None, column: int) -> float | None:
    return None if values is None or np.isnan(values[column]) else float(values[column])


def _cosines(model: "ServedModel", own: int, span: range) -> Floats | None:
    """The mean cosine of an entity's vectors with those of a type; `(k,)`. A vector of zeros has 0 with each."""
    each = []
    for member in model.tables:
        rows, row = member.entity[span.start : span.stop], member.entity[own]
        lengths = np.sqrt(np.einsum("kd,kd->k", rows, rows)) * np.sqrt(row @ row)
        each.append(np.divide(rows @ row, lengths, out=np.zeros(len(rows), np.float32), where=lengths > 0))
    return np.mean(each, 0).clip(-1, 1) if each else None


def _tanimotos(model: "ServedModel", own: int, span: range) -> Floats | None:
    """How alike an entity's structure is to those of a type; `(k,)`, NaN for one that is not known; or None."""
    if own not in model.graph.smiles:
        return None
    bits, read = fingerprints_of(model, span)
    if not read[own - span.start]:
        return None
    from kgdrug.sources.molecules import tanimoto

    alike = tanimoto(bits[own - span.start], bits)
    alike[~read] = np.nan
    return alike


def fingerprints_of(model: "ServedModel", span: range) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Packed fingerprints of the entities of a type, `(k, 256)`, and which of them have a structure that can be read.

    They are made once, half a millisecond each, and stay with the model.
    """

    def make() -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
        from kgdrug.sources.molecules import fingerprints

        return fingerprints(model.graph.smiles.get(i, "") for i in span)

    return model.remembered(("fingerprints", span), make, keep=True)
