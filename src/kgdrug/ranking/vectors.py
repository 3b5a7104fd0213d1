"""What a model learned of entities, for other tools."""

from pathlib import Path
from typing import TYPE_CHECKING

from kgdrug.errors import UsageError, did_you_mean
from kgdrug.models.arrays import ArrayTable, Floats, Scorer, TorchScorer
from kgdrug.ranking.export import about_model

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel, TrainedModel

VECTOR_FORMS = ("parquet", "npy", "word2vec", "projector")


def write_vectors(
    model: "TrainedModel | ServedModel",
    out: str | Path,
    form: str,
    type: str | None = None,
    member: int | None = None,
    force: bool = False,
) -> tuple[int, int]:
    """Write the vectors of all entities, or of those of a type, with id, name and type; how many, and numbers each.

    form: `parquet` and `word2vec` are a file, `npy` and `projector` a folder; see `kgdrug.sources.vectors`. member:
    whose, from 0; of a model where one member has vectors it need not be said, where several have it must be, since
    vectors of two trainings have no common axes.
    """
    if form not in VECTOR_FORMS:
        forms = ", ".join(VECTOR_FORMS)
        raise UsageError(f"unknown form {form!r}{did_you_mean(form, VECTOR_FORMS)}; the forms are {forms}")
    from kgdrug.sources.vectors import WRITERS, Vectors

    served = model.served
    graph, (number, score, rows) = served.graph, _chosen(served, member)
    kinds = graph.entity_types if type is None else (graph.entity_type(type),)
    span = slice(kinds[0].start, kinds[-1].stop)
    about = about_model(served, score=score, member=number, dimension=rows.shape[1])
    types = tuple(kind.name for kind in kinds for _ in kind.range)
    vectors = Vectors(graph.entities.ids[span], graph.entities.names[span], types, rows[span], about)
    WRITERS[form](vectors, Path(out), force)
    return len(vectors.ids), rows.shape[1]


def member_vectors(model: "TrainedModel | ServedModel", member: int | None = None) -> Floats:
    """The vectors `(n, d)` of all entities, in the graph's order; whose is said as to `write_vectors`."""
    return _chosen(model.served, member)[2]


def _chosen(model: "ServedModel", member: int | None) -> tuple[int, str, Floats]:
    """The number of a member, its score function and its vectors `(n, d)`."""
    each = {i: found for i, one in enumerate(model.members) if (found := _of(one)) is not None}
    if member is None and len(each) == 1:
        member = next(iter(each))
    if not each:
        raise UsageError(f"the model {model.name} has no vectors")
    if member not in each:
        numbers = ", ".join(map(str, each))
        said = "several members have vectors" if member is None else f"there is no member {member} with vectors"
        raise UsageError(f"{said} in the model {model.name}; give one of the members {numbers}")
    return member, *each[member]


def _of(member: Scorer) -> tuple[str, Floats] | None:
    """A member's score function and vectors; those of ConvE, which is asked through torch, too."""
    if isinstance(member, ArrayTable):
        return member.score, member.entity
    table = getattr(member.model, "entity", None) if isinstance(member, TorchScorer) else None
    return None if table is None else ("conve", table.cpu().numpy())
