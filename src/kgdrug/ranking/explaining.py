"""Why a candidate ranks where it does: what the model says of itself, paths that join the pair, facts that move it."""

from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from kgdrug.errors import UsageError
from kgdrug.models.arrays import METAPATHS, ArrayMetapaths, ArrayTable, Scorer
from kgdrug.models.terms import Term
from kgdrug.ranking.addresses import links, pair_links
from kgdrug.ranking.described import Answer
from kgdrug.ranking.export import NO_PATH, as_record
from kgdrug.ranking.influence import Influence, influences
from kgdrug.ranking.paths import Evidence, Named, answered, paths
from kgdrug.ranking.questions import question
from kgdrug.ranking.scoring import answer_of

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel, TrainedModel

NO_INFLUENCE = "no other fact that training was shown of either end moves the score"
REST = "a constant and all other terms"
NOTE = "supporting context from the graph and the model, not proof that a compound works"


@dataclass(frozen=True)
class Explanation:
    """What stands behind an answer; supporting context, not proof.

    terms: what the score is the sum of, where a member of the model is a regression on metapaths, those that raise it
    most first, and last what is not told apart, `REST`; evidence: paths between the two, by metapath, the answered fact
    never among them; influences: facts of either end whose absence would change the score most, of the first member
    whose scores are dot products; links: pages about the two, by the name of the site; influences_of: the score that
    influences change, empty where there are none; no_influence: why there are none, None where there are some;
    warnings: which of the two training had no fact about, so that the rank means nothing, or that it had no answer to
    the question.
    """

    question: str
    answer: Answer
    terms: tuple[Term, ...]
    evidence: tuple[Evidence, ...]
    influences: tuple[Influence, ...]
    links: dict[str, str]
    influences_of: str = ""
    no_influence: str | None = None
    warnings: tuple[str, ...] = ()


def explain(
    model: "TrainedModel | ServedModel",
    *,
    compound: str | None = None,
    disease: str | None = None,
    head: str | None = None,
    tail: str | None = None,
    relation: str | None = None,
    metapaths: int = 12,
    per_metapath: int = 3,
) -> Explanation:
    """Explain a compound for a disease, or a tail for a head and a relation; ids or names, whatever their rank.

    metapaths: so many, and of each the `per_metapath` best paths.
    """
    served = model.served
    graph = served.graph
    if compound is not None and disease is not None and head is tail is relation is None:
        asked = question(graph, disease=disease)
        candidate = graph.entities.find(compound, [graph.answers(asked.relations[0])], "compound")
    elif head is not None and tail is not None and relation is not None and compound is disease is None:
        asked = question(graph, head=head, relation=relation)
        kind = graph.type_of(graph.answers(asked.relations[0]).start).name if graph.typed else None
        candidate = graph.entities.find(tail, [graph.answers(asked.relations[0])], kind)
    else:
        raise UsageError("give compound and disease, or head, relation and tail")
    first, last = asked.pair(candidate, graph)
    found = paths(
        graph,
        served.facts,
        first,
        last,
        without=answered(graph, asked.relations),
        per_metapath=per_metapath,
        metapaths=metapaths,
    )
    ids, names = graph.entities.ids, graph.entities.names
    of_both = {
        f"{names[i]}: {site}": address
        for i in (first, last)
        for site, address in links(ids[i], graph.type_of(i).name, names[i]).items()
    }
    moving, moved = _influences(served, asked.entity, asked.relations, candidate)
    return Explanation(
        asked.text(graph),
        answer_of(served, asked, candidate),
        _terms(served, first, last),
        found,
        moving,
        of_both | pair_links(names[first], names[last]),
        moved if moving else "",
        None if moving else NO_INFLUENCE if moved else _no_product(served),
        tuple(filter(None, (served.warning(asked.entity, asked.relations), served.arbitrary(candidate)))),
    )


def explanation_record(explanation: Explanation) -> dict[str, Any]:
    """The explanation as JSON has it: with what it is, and is not, and links of each entity on a path or in a fact."""
    return {
        "question": explanation.question,
        "note": NOTE,
        "answer": as_record(explanation.answer),
        "terms": explanation.terms,
        "evidence": [_with_links(one) for one in explanation.evidence],
        "no_path": None if explanation.evidence else NO_PATH,
        "influences": [_with_links(one) for one in explanation.influences],
        "influences_of": explanation.influences_of,
        "no_influence": explanation.no_influence,
        "links": explanation.links,
        **({"warnings": explanation.warnings} if explanation.warnings else {}),
    }


def _with_links(value: Any) -> Any:
    """Dataclasses as mappings, one in another, the entities among them with their links."""
    if isinstance(value, tuple):
        return [_with_links(one) for one in value]
    if not is_dataclass(value):
        return value
    record = {field.name: _with_links(getattr(value, field.name)) for field in fields(value)}
    return record | {"links": value.links} if isinstance(value, Named) else record


def _influences(
    model: "ServedModel", entity: int, relations: tuple[int, ...], candidate: int
) -> tuple[tuple[Influence, ...], str]:
    """Of the first member whose score is a product, over the relation that gives the candidate's best score.

    And what the score is that they change; empty where no member has such a one.
    """
    import numpy as np

    place = next((i for i, one in enumerate(model.members) if isinstance(one, ArrayTable) and one.product), None)
    if place is None:
        return (), ""
    member, training = model.members[place], model.training_of(place)
    assert isinstance(member, ArrayTable)
    queries = np.array([[entity, r] for r in relations])
    best = int(member.scores(queries, slice(candidate, candidate + 1))[:, 0].argmax())
    moved, members = f"the score of {member.score}", len(model.members)
    if members > 1:
        moved = f"{moved}, member {place + 1} of {members}, not of the mean rank score that the answer has"
    found = influences(
        model.graph,
        model.facts,
        member.move,
        member.answers,
        member.entity,
        member.relation,
        (entity, relations[best], candidate),
        n3=training.n3,
        treatment_repeats=training.treatment_repeats,
        left_out=model.left_out(place),
        moduli=member.moduli,
    )
    return found, moved


def _terms(model: "ServedModel", head: int, tail: int) -> tuple[Term, ...]:
    """Those of the first member that has any, and what its score is besides."""
    member = next((member for member in model.members if isinstance(member, ArrayMetapaths)), None)
    if member is None or not (told := member.terms(head, tail)):
        return ()
    score = float(member.table[head - member.sources.start, tail - member.targets.start])
    return *told, Term(REST, score - sum(term.contribution for term in told))


def _kind(member: Scorer) -> str:
    """The name of a member's score function."""
    if isinstance(member, ArrayMetapaths):
        return METAPATHS
    return str(getattr(getattr(member, "model", member), "score", "another model"))


def _no_product(model: "ServedModel") -> str:
    """Why no member says which facts move its score."""
    kinds = dict.fromkeys(map(_kind, model.members))
    return f"the facts that move a score are found for dot products alone, which those of {', '.join(kinds)} are not"
