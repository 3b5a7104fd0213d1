"""Why a candidate ranks where it does: what the model says of itself, paths that join the pair, facts that move it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kgdrug.errors import UsageError
from kgdrug.models.terms import Term
from kgdrug.ranking.addresses import links, pair_links
from kgdrug.ranking.described import Answer
from kgdrug.ranking.export import NO_PATH, as_record
from kgdrug.ranking.influence import Influence, influences
from kgdrug.ranking.paths import Evidence, paths
from kgdrug.ranking.questions import question
from kgdrug.ranking.scoring import answer_of

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel, TrainedModel

NOTE = "supporting context from the graph and the model, not proof that a compound works"


@dataclass(frozen=True)
class Explanation:
    """What stands behind an answer; supporting context, not proof.

    terms: what the score is the sum of, where a member of the model is a regression on metapaths, those that raise it
    most first; evidence: paths between the two, by metapath, the answered fact never among them; influences: facts of
    either end whose absence would change the score most, where the model has vectors whose product is the score;
    links: pages about the two, by the name of the site.
    """

    question: str
    answer: Answer
    terms: tuple[Term, ...]
    evidence: tuple[Evidence, ...]
    influences: tuple[Influence, ...]
    links: dict[str, str]


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
        without=asked.relations,
        per_metapath=per_metapath,
        metapaths=metapaths,
    )
    ids, names = graph.entities.ids, graph.entities.names
    of_both = {
        f"{names[i]}: {site}": address
        for i in (first, last)
        for site, address in links(ids[i], graph.type_of(i).name, names[i]).items()
    }
    return Explanation(
        asked.text(graph),
        answer_of(served, asked, candidate),
        tuple(served.terms(first, last)),
        found,
        _influences(served, asked.entity, asked.relations, candidate),
        of_both | pair_links(names[first], names[last]),
    )


def explanation_record(explanation: Explanation) -> dict[str, Any]:
    """The explanation as JSON has it: with what it is, and is not; dataclasses inside stay what they are."""
    return {
        "question": explanation.question,
        "note": NOTE,
        "answer": as_record(explanation.answer),
        "terms": explanation.terms,
        "evidence": explanation.evidence,
        "no_path": None if explanation.evidence else NO_PATH,
        "influences": explanation.influences,
        "links": explanation.links,
    }


def _influences(model: "ServedModel", entity: int, relations: tuple[int, ...], candidate: int) -> tuple[Influence, ...]:
    """Of the first member whose score is a product, over the relation that gives the candidate's best score."""
    import numpy as np

    member = next((one for one in model.tables if one.product), None)
    if member is None:
        return ()
    queries = np.array([[entity, r] for r in relations])
    best = int(member.scores(queries, slice(candidate, candidate + 1))[:, 0].argmax())
    training = model.experiment.training
    return influences(
        model.graph,
        model.facts,
        member.move,
        member.answers,
        member.entity,
        member.relation,
        (entity, relations[best], candidate),
        n3=training.n3,
        treatment_repeats=training.treatment_repeats,
        moduli=member.moduli,
    )
