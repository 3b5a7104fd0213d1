"""Ranked answers, compared with a slow, obvious ranking over Python lists."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgdrug.errors import AmbiguousNameError, UnknownNameError, UsageError
from kgdrug.graph import Annotation
from kgdrug.graph.annotations import STATUSES
from kgdrug.ranking import Answer, Filters, KnownFact, answer, answer_columns, described, predict, question, score
from kgdrug.ranking.export import known_text
from kgdrug.ranking.filters import NO_FILTERS
from kgdrug.trained import TrainedModel

METAEDGES = {
    "CbG": ("Compound", "binds", "Gene"),
    "CiD": ("Compound", "indicated for", "Disease"),
    "CpD": ("Compound", "palliates", "Disease"),
    "CtD": ("Compound", "treats", "Disease"),
    "DrD": ("Disease", "resembles", "Disease"),
    "Gr>G": ("Gene", "regulates", "Gene"),
}
UNDIRECTED = {"DrD"}
PARTS = ("train", "valid", "test", "withheld")
Maker = Callable[..., TrainedModel]


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, object]:
    """Some compounds, diseases and genes, some facts between them, each in one part, and whole-number tables."""
    entities = {
        kind: [f"{kind}::{kind[0]}{i}" for i in range(draw(st.integers(1, 6)))] for kind in ("Compound", "Disease")
    }
    entities["Gene"] = ["Gene::G0", "Gene::G1"]
    possible = [(h, r, t) for r, (a, _, b) in METAEDGES.items() for h in entities[a] for t in entities[b]]
    facts = draw(st.dictionaries(st.sampled_from(possible), st.sampled_from(PARTS), min_size=1, max_size=30))
    treats = draw(st.sampled_from([("CtD",), ("CiD", "CtD")]))
    return {
        "entities": entities,
        "metaedges": METAEDGES,
        "facts": facts,
        "treats": treats,
        "seed": draw(st.integers(0, 99)),
    }


def plain_score(model: TrainedModel, entity: int, relation: int, candidate: int) -> float:
    table = model.members[0]
    rows = (table.entity[entity], table.relation[relation], table.entity[candidate])
    return float(sum(h * r * t for h, r, t in zip(*(row.tolist() for row in rows), strict=True)))


def plain_answers(
    model: TrainedModel, facts: dict[tuple[str, str, str], str], asked: dict[str, str], top: int, novel: bool
) -> list[tuple[int, str, str, float, float, set[tuple[str, str, str]]]]:
    """The same answers from the definitions: rank, id, type, score, percentile, and known (metaedge, part)."""
    graph, (side, entity) = model.graph, next(iter(asked.items()))
    names = [asked["relation"]] if "relation" in asked else list(graph.treats)
    asks_tail = side in ("head", "compound")
    kind = METAEDGES[names[0]][2 if asks_tail else 0]

    about_treatments = not set(names).isdisjoint(graph.treats)

    def answers(name: str, candidate: str) -> bool:
        fact = (entity, name, candidate) if asks_tail else (candidate, name, entity)
        return fact in facts or (name in UNDIRECTED and fact[::-1] in facts)

    candidates = []
    for i, candidate in enumerate(graph.entities.ids):
        if candidate.split("::")[0] != kind:
            continue
        relations = [graph.relation(name) + (0 if asks_tail else graph.relations) for name in names]
        score = max(plain_score(model, graph.entities.index(entity), r, i) for r in relations)
        known = {
            (r, part, "both" if r in UNDIRECTED else direction if METAEDGES[r][0] == METAEDGES[r][2] else "")
            for (h, r, t), part in facts.items()
            for direction, joins in (
                ("forward", (h, t) == (entity, candidate)),
                ("back", (t, h) == (entity, candidate)),
            )
            if joins
        }
        taken = any(answers(name, candidate) for name in names) or (about_treatments and bool(known))
        candidates.append((candidate, score, known, taken))
    scores = [score for _, score, _, _ in candidates]
    left = [c for c in candidates if not (novel and c[3]) and (c[0] != entity or c[3])]  # itself only where known
    left.sort(key=lambda c: -c[1])  # stable: ties stay in the order of the table
    others = max(1, len(scores) - 1)
    return [
        (
            rank,
            candidate,
            kind,
            score,
            100 * (sum(s < score for s in scores) + (sum(s == score for s in scores) - 1) / 2) / others,
            known,
        )
        for rank, (candidate, score, known, _) in enumerate(left[:top], 1)
    ]


def as_plain(answers: list[Answer]) -> Iterator[tuple[int, str, str, float, float, set[tuple[str, str, str]]]]:
    for a in answers:
        known = {(fact.metaedge, fact.part, fact.direction) for fact in a.known}
        assert len(known) == len(a.known), "a fact is named twice"
        yield a.rank, a.id, a.type, a.score, pytest.approx(a.percentile), known


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graphs(), st.integers(1, 8), st.booleans())
def test_every_question_is_answered_as_the_definitions_say(
    make: Maker, drawn: dict[str, object], top: int, novel: bool
) -> None:
    model, entities = make(**drawn), drawn["entities"]
    for asked in (
        {"disease": entities["Disease"][0]},
        {"compound": entities["Compound"][-1]},
        {"head": entities["Compound"][0], "relation": "CbG"},
        {"tail": "Gene::G1", "relation": "CbG"},
        {"tail": entities["Disease"][-1], "relation": "CpD"},
    ):
        expected = plain_answers(model, drawn["facts"], asked, top, novel)
        assert list(as_plain(predict(model, **asked, top=top, novel=novel))) == expected


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graphs(), st.integers(1, 8), st.booleans())
def test_a_relation_within_one_type_is_ranked_in_both_directions(
    make: Maker, drawn: dict[str, object], top: int, novel: bool
) -> None:
    model = make(**drawn)
    for side in ("head", "tail"):
        for entity, relation in ((drawn["entities"]["Disease"][0], "DrD"), ("Gene::G1", "Gr>G")):
            asked = {side: entity, "relation": relation}
            expected = plain_answers(model, drawn["facts"], asked, top, novel)
            assert list(as_plain(predict(model, **asked, top=top, novel=novel))) == expected


@pytest.fixture
def clinic(make: Maker) -> TrainedModel:
    """Two ways to say "treats"; aspirin is known for fever in the one, ibuprofen in the other, both palliate pain."""
    compounds = ["Compound::aspirin", "Compound::ibuprofen", "Compound::codeine", "Compound::cold"]
    facts = {
        ("Compound::aspirin", "CtD", "Disease::fever"): "train",
        ("Compound::ibuprofen", "CiD", "Disease::fever"): "test",
        ("Compound::ibuprofen", "CpD", "Disease::fever"): "withheld",
        ("Compound::codeine", "CpD", "Disease::fever"): "valid",
        ("Compound::codeine", "CtD", "Disease::pain"): "train",
        ("Disease::fever", "DrD", "Disease::flu"): "train",
        ("Compound::aspirin", "CbG", "Gene::G0"): "train",
    }
    entities = {
        "Compound": compounds,
        "Disease": ["Disease::fever", "Disease::pain", "Disease::flu"],
        "Gene": ["Gene::G0"],
    }
    return make(entities, METAEDGES, facts, ("CiD", "CtD"))


def test_novel_leaves_out_treatments_that_any_fact_joins_in_any_part_and_nothing_else(clinic: TrainedModel) -> None:
    assert {a.name for a in predict(clinic, disease="fever", novel=True)} == {"cold"}
    assert {a.name for a in predict(clinic, tail="fever", relation="CtD", novel=True)} == {"cold"}
    assert {a.name for a in predict(clinic, compound="aspirin", novel=True)} == {"pain", "flu"}


def test_novel_leaves_out_what_holds_over_the_asked_relation_alone_where_it_is_no_treatment(
    clinic: TrainedModel,
) -> None:
    assert {a.name for a in predict(clinic, tail="fever", relation="CpD", novel=True)} == {"aspirin", "cold"}


def test_facts_of_other_relations_stay_and_are_marked_with_their_part(clinic: TrainedModel) -> None:
    known = {a.name: a.known for a in predict(clinic, disease="fever")}
    assert known["aspirin"] == (KnownFact("CtD", "treats", "train"),)
    assert set(known["ibuprofen"]) == {
        KnownFact("CiD", "indicated for", "test"),
        KnownFact("CpD", "palliates", "withheld"),
    }
    assert known["codeine"] == (KnownFact("CpD", "palliates", "valid"),)
    assert known["cold"] == ()
    assert predict(clinic, compound="aspirin", top=1, filters=Filters(only=("fever",)))[0].known == (
        KnownFact("CtD", "treats", "train"),
    )


def test_a_known_fact_of_a_directed_relation_says_its_direction(make: Maker) -> None:
    metaedges = {"GiG": ("Gene", "interacts", "Gene"), "Gr>G": ("Gene", "regulates", "Gene")}
    metaedges["CbG"] = METAEDGES["CbG"]
    facts = {
        ("Gene::A", "Gr>G", "Gene::B"): "train",
        ("Gene::A", "Gr>G", "Gene::C"): "train",
        ("Gene::C", "Gr>G", "Gene::A"): "test",
        ("Gene::B", "GiG", "Gene::A"): "valid",
        ("Gene::C", "GiG", "Gene::B"): "train",
        ("Gene::B", "GiG", "Gene::C"): "train",
        ("Compound::x", "CbG", "Gene::B"): "train",
    }
    model = make({"Gene": ["Gene::A", "Gene::B", "Gene::C"], "Compound": ["Compound::x"]}, metaedges, facts)

    def known(**asked: str) -> dict[str, str]:
        return {a.name: known_text(a.known) for a in predict(model, **asked) if a.known}

    of_a = {"B": "Gr>G forward (train); GiG (valid)", "C": "Gr>G forward (train); Gr>G back (test)"}
    for side in ("head", "tail"):  # whatever is asked, it is said from A
        for relation in ("Gr>G", "GiG"):
            assert known(**{side: "A"}, relation=relation) == of_a
    assert known(head="B", relation="Gr>G") == {"A": "GiG (valid); Gr>G back (train)", "C": "GiG (train)"}
    assert known(tail="B", relation="CbG") == {"x": "CbG (train)"}


def test_a_graph_without_types_says_the_direction_of_each_fact(make: Maker) -> None:
    facts = {("Entity::A", "treats", "Entity::B"): "train"}
    model = make({"Entity": ["Entity::A", "Entity::B"]}, {"treats": ("Entity", "treats", "Entity")}, facts)
    told = {(a.name, known_text(a.known)) for a in predict(model, head="B", relation="treats") if a.known}
    assert told == {("A", "treats back (train)")}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graphs(), st.data())
def test_novel_leaves_out_treatments_that_an_annotation_settles(
    make: Maker, drawn: dict[str, object], data: st.DataObject
) -> None:
    compounds, diseases = (drawn["entities"][kind] for kind in ("Compound", "Disease"))
    pairs = st.tuples(st.sampled_from(compounds), st.sampled_from(diseases))
    noted = data.draw(st.sets(st.tuples(pairs, st.sampled_from(STATUSES)), max_size=10))
    model = make(**drawn)
    index = model.graph.entities.index
    notes = tuple(sorted(Annotation(index(c), index(d), status, "X") for (c, d), status in noted))
    model = replace(model, split=replace(model.split, graph=replace(model.graph, annotations=notes)))
    settled = {pair for pair, status in noted if status != "trial"}
    facts = {*drawn["facts"]}
    for side, asked, pair in (
        ("disease", diseases[0], lambda other: (other, diseases[0])),
        ("compound", compounds[0], lambda other: (compounds[0], other)),
    ):
        told = {a.id for a in predict(model, **{side: asked}, top=100, novel=True)}
        for other in compounds if side == "disease" else diseases:
            c, d = pair(other)
            assert (other in told) == ((c, d) not in settled and not any((c, r, d) in facts for r in METAEDGES))
    # what is known of a treatment says nothing of another relation
    everything = predict(model, tail=diseases[0], relation="CpD", top=100)
    new = predict(model, tail=diseases[0], relation="CpD", top=100, novel=True)
    assert {a.id for a in everything} - {a.id for a in new} == {
        c for c in compounds if (c, "CpD", diseases[0]) in facts
    }


def test_what_is_settled_among_entities_of_another_type_changes_nothing(make: Maker) -> None:
    metaedges = {"CtD": METAEDGES["CtD"], "CtS": ("Compound", "treats too", "Symptom")}
    entities = {"Compound": ["Compound::a"], "Disease": ["Disease::d"], "Symptom": ["Symptom::s", "Symptom::t"]}
    model = make(entities, metaedges, {("Compound::a", "CtS", "Symptom::s"): "train"}, ("CtD", "CtS"))
    note = Annotation(0, 3, "approved", "X")  # a for t
    model = replace(model, split=replace(model.split, graph=replace(model.graph, annotations=(note,))))
    assert [a.name for a in predict(model, compound="a", novel=True)] == ["d"]
    assert predict(model, head="a", relation="CtS", novel=True) == []


def test_what_has_no_direction_is_known_whichever_way_it_is_written(clinic: TrainedModel) -> None:
    for side in ("head", "tail"):  # the graph holds fever DrD flu
        for entity, other in (("fever", "flu"), ("flu", "fever")):
            asked = {side: entity, "relation": "DrD"}
            assert other in {a.name for a in predict(clinic, **asked)}
            assert other not in {a.name for a in predict(clinic, **asked, novel=True)}


@pytest.mark.parametrize(("name", "both"), [("regulates", False), ("GiG", True)])
def test_in_a_graph_without_types_a_relation_has_a_direction_unless_its_name_denies_it(
    make: Maker, name: str, both: bool
) -> None:
    facts = {("Gene::A", name, "Gene::B"): "train"}
    model = make({"Gene": ["Gene::A", "Gene::B", "Gene::C"]}, {name: ("Gene", "regulates", "Gene")}, facts)
    assert "B" not in {a.name for a in predict(model, head="A", relation=name, novel=True)}
    assert ("A" not in {a.name for a in predict(model, head="B", relation=name, novel=True)}) is both


def test_an_answer_known_the_other_way_round_is_still_novel(make: Maker) -> None:
    facts = {("Gene::A", "Gr>G", "Gene::B"): "train"}
    model = make({"Gene": ["Gene::A", "Gene::B", "Gene::C"]}, {"Gr>G": ("Gene", "regulates", "Gene")}, facts)
    assert "A" not in {a.name for a in predict(model, tail="B", relation="Gr>G", novel=True)}
    # that A regulates B says nothing of B regulating A
    assert "A" in {a.name for a in predict(model, head="B", relation="Gr>G", novel=True)}


def test_nothing_is_its_own_answer_unless_the_graph_says_so(make: Maker) -> None:
    facts = {("Disease::a", "DrD", "Disease::b"): "train", ("Disease::b", "DrD", "Disease::b"): "test"}
    diseases = ["Disease::a", "Disease::b", "Disease::c"]
    metaedges = {name: METAEDGES[name] for name in ("DrD", "CtD")}
    model = make({"Disease": diseases, "Compound": ["Compound::x"]}, metaedges, facts)
    for side in ("head", "tail"):
        assert {a.name for a in predict(model, **{side: "a"}, relation="DrD")} == {"b", "c"}
        assert {a.name for a in predict(model, **{side: "b"}, relation="DrD")} == {"a", "b", "c"}
        for filters, names in ((Filters(exclude=("b",)), {"c"}), (Filters(only=("a",)), set())):
            assert {a.name for a in predict(model, **{side: "a"}, relation="DrD", filters=filters)} == names


def test_ranks_start_at_one_where_known_answers_were_left_out(clinic: TrainedModel) -> None:
    assert [a.rank for a in predict(clinic, disease="fever", novel=True)] == [1]


def test_the_percentile_of_an_answer_is_the_same_with_and_without_the_known_ones(clinic: TrainedModel) -> None:
    everything = {a.id: a.percentile for a in predict(clinic, disease="fever")}
    for a in predict(clinic, disease="fever", novel=True):
        assert a.percentile == everything[a.id]


def test_with_several_treatment_relations_a_candidate_has_its_best_score(clinic: TrainedModel) -> None:
    best = {a.id: a.score for a in predict(clinic, disease="fever")}
    each = [{a.id: a.score for a in predict(clinic, tail="fever", relation=r)} for r in ("CtD", "CiD")]
    assert best == {i: max(scores[i] for scores in each) for i in best}


def test_no_answer_is_left_when_all_are_known(make: Maker) -> None:
    facts = {("Compound::a", "CtD", "Disease::d"): "train"}
    model = make({"Compound": ["Compound::a"], "Disease": ["Disease::d"]}, {"CtD": METAEDGES["CtD"]}, facts, ("CtD",))
    assert predict(model, disease="d", novel=True) == []
    assert [a.rank for a in predict(model, disease="d")] == [1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graphs(), st.integers(1, 4), st.booleans(), st.integers(1, 5))
def test_several_members_answer_with_their_mean_rank_score_and_say_how_many_agree(
    make: Maker, drawn: dict[str, object], top: int, novel: bool, alike: int
) -> None:
    seeds = [make(**{**drawn, "seed": seed}) for seed in (1, 2, 3)]
    model = replace(seeds[0], members=[seed.members[0] for seed in seeds])
    filters = Filters(exclude=("Compound::C0",))
    for asked, kept in (
        ({"disease": drawn["entities"]["Disease"][0]}, NO_FILTERS),
        (
            {"disease": drawn["entities"]["Disease"][0]},
            filters if len(drawn["entities"]["Compound"]) > 1 else NO_FILTERS,
        ),
        ({"head": "Compound::C0", "relation": "CbG"}, NO_FILTERS),
    ):
        everything = [{a.id: a for a in predict(seed, **asked, top=100)} for seed in seeds]
        own = [{a.id: a.rank for a in predict(seed, **asked, top=100, novel=novel, filters=kept)} for seed in seeds]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(described, "ALIKE", alike)
            answers = predict(model, **asked, top=top, novel=novel, filters=kept)
        for a in answers:
            assert a.score == pytest.approx(sum(each[a.id].percentile for each in everything) / 3 / 100)
            shared = sum(ranks[a.id] <= max(alike, a.rank) for ranks in own) / 3
            assert a.agreement == (shared if len(own[0]) > alike else None)
        assert [a.score for a in answers] == sorted((a.score for a in answers), reverse=True)
        assert len(answers) == min(top, len(own[0]))


def test_an_answer_is_agreed_to_alike_on_every_page(make: Maker) -> None:
    compounds = [f"Compound::C{i:02}" for i in range(60)]
    facts = {(compounds[0], "CtD", "Disease::d"): "train"}
    seeds = [make({"Compound": compounds, "Disease": ["Disease::d"]}, {"CtD": METAEDGES["CtD"]}, facts, ("CtD",), seed)
             for seed in range(3)]  # fmt: skip
    model = replace(seeds[0], members=[seed.members[0] for seed in seeds])
    whole = predict(model, disease="d", top=100)
    assert len({a.agreement for a in whole}) > 1
    asked = question(model.graph, disease="d")
    for offset, top in ((0, 5), (5, 7), (25, 10), (40, 1), (0, 60)):
        (page,) = answer_columns(model, [asked], top, offset=offset)
        assert page["id"] == [a.id for a in whole[offset : offset + top]]
        assert page["agreement"] == [a.agreement for a in whole[offset : offset + top]]
    told = score(model, [(a.id, "d") for a in whole])
    assert [a.agreement for a in told] == [a.agreement for a in whole]


def test_a_model_of_one_member_speaks_of_no_agreement(clinic: TrainedModel) -> None:
    assert {a.agreement for a in predict(clinic, disease="fever")} == {None}


def test_the_question_is_put_in_words(clinic: TrainedModel) -> None:
    def words(**asked: str) -> str:
        return question(clinic.graph, **asked).text(clinic.graph)

    assert words(tail="fever", relation="CpD") == "? palliates fever"
    assert words(head="ASPIRIN", relation="cbg") == "aspirin binds ?"
    assert words(disease="Disease::pain") == "? indicated for pain or ? treats pain"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, "give one of disease, compound, head or tail; none came"),
        ({"relation": "CtD"}, "none came"),
        ({"disease": "fever", "compound": "aspirin"}, "disease and compound came"),
        ({"head": "aspirin", "tail": "fever", "relation": "CtD"}, "head and tail came"),
        ({"head": "aspirin"}, "head needs a relation: one of CbG, CiD, CpD, CtD, DrD, Gr>G"),
        ({"tail": "fever"}, "tail needs a relation"),
        ({"disease": "fever", "relation": "CtD"}, "with relation give head or tail"),
    ],
)
def test_a_question_that_cannot_be_asked_says_what_is_missing(
    clinic: TrainedModel, asked: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        predict(clinic, **asked)


def test_an_unknown_drug_names_its_close_matches(clinic: TrainedModel) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown compound 'asprin'; did you mean aspirin") as error:
        predict(clinic, compound="asprin")
    assert error.value.close == ("aspirin (Compound::aspirin)",)


def test_an_unknown_relation_names_the_relations_there_are(clinic: TrainedModel) -> None:
    with pytest.raises(UnknownNameError, match="unknown relation 'CtG'") as error:
        predict(clinic, head="aspirin", relation="CtG")
    assert set(error.value.close) <= set(METAEDGES)
    assert error.value.close


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"disease": "aspirin"}, "disease"),
        ({"compound": "fever"}, "compound"),
        ({"head": "fever", "relation": "CtD"}, "Compound"),
        ({"tail": "aspirin", "relation": "CtD"}, "Disease"),
    ],
)
def test_an_entity_of_the_wrong_type_is_unknown_to_the_question(
    clinic: TrainedModel, asked: dict[str, str], kind: str
) -> None:
    with pytest.raises(UnknownNameError, match=f"unknown {kind} "):
        predict(clinic, **asked)


def test_a_name_of_another_type_says_what_it_is_and_how_to_ask(clinic: TrainedModel) -> None:
    with pytest.raises(
        UnknownNameError, match=r"^unknown disease 'aspirin': that is .* of type Compound; ask with compound$"
    ):
        predict(clinic, disease="aspirin")
    with pytest.raises(
        UnknownNameError, match=r"^unknown compound 'fever': that is .* of type Disease; ask with disease$"
    ):
        predict(clinic, compound="fever")


def test_a_name_of_several_other_types_says_each_type_and_every_way_to_ask(make: Maker) -> None:
    entities = {
        "Compound": ["Compound::headache"],
        "Disease": ["Disease::headaches", "Disease::fever"],
        "Side Effect": ["Side Effect::headache"],
        "Symptom": ["Symptom::fever", "Symptom::headache"],
    }
    metaedges = {
        "CcSE": ("Compound", "causes", "Side Effect"),
        "CtD": ("Compound", "treats", "Disease"),
        "DpS": ("Disease", "presents", "Symptom"),
        "SrS": ("Symptom", "resembles", "Symptom"),
    }
    model = make(entities, metaedges, {("Compound::headache", "CtD", "Disease::fever"): "train"}, ("CtD",))
    with pytest.raises(UnknownNameError) as error:
        predict(model, disease="headache")
    assert str(error.value) == (
        "unknown disease 'headache': that is headache (Compound::headache) of type Compound or "
        "headache (Side Effect::headache) of type Side Effect or headache (Symptom::headache) of type Symptom; "
        "ask with compound, or with head and relation SrS, or with tail and relation CcSE or DpS or SrS; "
        "did you mean headaches (Disease::headaches)?"
    )
    assert error.value.close == ("headaches (Disease::headaches)",)


def test_a_name_borne_by_two_asks_for_an_id(make: Maker) -> None:
    entities = {"Compound": ["Compound::a", "Compound::A"], "Disease": ["Disease::d"]}
    facts = {("Compound::a", "CtD", "Disease::d"): "train"}
    model = make(entities, {"CtD": METAEDGES["CtD"]}, facts, ("CtD",))
    with pytest.raises(AmbiguousNameError, match="ambiguous; give one of these ids") as error:
        predict(model, compound="COMPOUND::A")
    assert len(error.value.matches) == 2
    assert predict(model, compound="Compound::a")[0].id == "Disease::d"


def test_a_graph_without_treatments_is_asked_by_relation_only(make: Maker) -> None:
    facts = {("Compound::a", "CtD", "Disease::d"): "train"}
    model = make({"Compound": ["Compound::a"], "Disease": ["Disease::d"]}, {"CtD": METAEDGES["CtD"]}, facts)
    with pytest.raises(UsageError, match="names no treatment relation"):
        predict(model, disease="d")
    assert predict(model, tail="d", relation="CtD")[0].id == "Compound::a"


@pytest.mark.parametrize("top", [0, -1])
def test_fewer_than_one_answer_is_refused(clinic: TrainedModel, top: int) -> None:
    with pytest.raises(UsageError, match=f"top is {top}; it must be at least 1"):
        answer(clinic, question(clinic.graph, disease="fever"), top)


def test_an_entity_without_training_triples_is_warned_of(
    clinic: TrainedModel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        predict(clinic, compound="aspirin")
        assert not caplog.records
        predict(clinic, compound="ibuprofen")  # its facts are all held out
    assert "ibuprofen (Compound::ibuprofen) stands in no training triple" in caplog.text


def test_scores_are_plain_numbers_of_the_language(clinic: TrainedModel) -> None:
    first = predict(clinic, disease="fever")[0]
    assert type(first.score) is float
    assert type(first.percentile) is float
    assert type(first.rank) is int
    assert not np.isnan(first.score)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graphs())
def test_a_ranking_to_which_training_had_no_answer_says_so(make: Maker, drawn: dict[str, object]) -> None:
    model = make(**drawn)
    trained = {fact for fact, part in drawn["facts"].items() if part == "train"}
    for asked, names in (
        *(({"disease": d}, drawn["treats"]) for d in drawn["entities"]["Disease"]),
        *(({"compound": c}, drawn["treats"]) for c in drawn["entities"]["Compound"]),
        ({"head": "Disease::D0", "relation": "DrD"}, ["DrD"]),
        ({"tail": "Disease::D0", "relation": "DrD"}, ["DrD"]),
        ({"head": "Gene::G0", "relation": "Gr>G"}, ["Gr>G"]),
        ({"tail": "Gene::G0", "relation": "Gr>G"}, ["Gr>G"]),
    ):
        (entity,) = (value for key, value in asked.items() if key != "relation")
        ends = {"head": (0,), "compound": (0,), "tail": (2,), "disease": (2,)}[next(iter(asked))]
        answered = any(
            fact[1] in names and any(fact[end] == entity for end in (ends if fact[1] != "DrD" else (0, 2)))
            for fact in trained
        )
        one = question(model.graph, **asked)
        warning = model.served.warning(one.entity, one.relations)
        if answered or not trained:  # of a model that does not say what it was trained on nothing is known
            assert warning is None
        elif any(entity in fact for fact in trained):
            label, words = model.graph.entities.label(one.entity), [METAEDGES[name][1] for name in sorted(names)]
            said = [f"{label} {word} ?" if 0 in ends else f"? {word} {label}" for word in words]
            assert warning == f"training had no answer to {' or '.join(said)}: this ranking rests on other facts"
        else:
            label = model.graph.entities.label(one.entity)
            assert warning == f"{label} stands in no training triple: this ranking is arbitrary"


def test_an_answer_that_no_member_was_shown_is_none(clinic: TrainedModel) -> None:
    asked = question(clinic.graph, disease="fever")
    assert clinic.served.warning(asked.entity, asked.relations) is None
    experiment = replace(clinic.experiment, training=replace(clinic.experiment.training, without=("CtD", "CiD")))
    hidden = replace(clinic, experiment=experiment).served
    assert hidden.warning(asked.entity, asked.relations) == (
        "training had no answer to ? indicated for fever (Disease::fever) or ? treats fever (Disease::fever): "
        "this ranking rests on other facts"
    )
