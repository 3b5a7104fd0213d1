"""Given rows, against a question for each of them."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgdrug import Run, with_calibration
from kgdrug.errors import AmbiguousNameError, KgdrugError, UnknownNameError, UsageError
from kgdrug.graph import Annotation
from kgdrug.ranking import answer_of, answers, predict, question, score
from kgdrug.trained import TrainedModel

Maker = Callable[..., TrainedModel]
METAEDGES = {
    "CbG": ("Compound", "binds", "Gene"),
    "CiD": ("Compound", "indicated for", "Disease"),
    "CtD": ("Compound", "treats", "Disease"),
    "DrD": ("Disease", "resembles", "Disease"),
}
ENTITIES = {
    "Compound": [f"Compound::C{i}" for i in range(5)],
    "Disease": [f"Disease::D{i}" for i in range(3)],
    "Gene": ["Gene::G0", "Gene::G1"],
}
POSSIBLE = [(h, r, t) for r, (a, _, b) in METAEDGES.items() for h in ENTITIES[a] for t in ENTITIES[b]]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_each_row_is_told_what_its_own_question_tells(make: Maker, data: st.DataObject) -> None:
    parts = st.sampled_from(("train", "valid", "test"))
    facts = data.draw(st.dictionaries(st.sampled_from(POSSIBLE), parts, min_size=1, max_size=20))
    treats = data.draw(st.sampled_from([("CtD",), ("CiD", "CtD")]))
    seeds = [make(ENTITIES, METAEDGES, facts, treats, seed) for seed in range(data.draw(st.integers(1, 3)))]
    notes = tuple(Annotation(c, 5, "trial", "X") for c in sorted(data.draw(st.sets(st.integers(0, 4)))))
    split = replace(seeds[0].split, graph=replace(seeds[0].graph, annotations=notes))
    model = replace(seeds[0], members=[seed.members[0] for seed in seeds], split=split)
    pairs = st.tuples(st.sampled_from(ENTITIES["Compound"]), st.sampled_from(ENTITIES["Disease"]))
    rows = data.draw(st.lists(st.one_of(st.sampled_from(POSSIBLE), pairs), max_size=25))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(answers, "AT_ONCE", data.draw(st.sampled_from([1, 10, 10**6])))
        found = score(model, rows)
    graph = model.graph
    for row, told in zip(rows, found, strict=True):
        if len(row) == 3:
            asked, candidate = question(graph, head=row[0], relation=row[1]), row[2]
            whole = predict(model, head=row[0], relation=row[1], top=100)
        else:
            asked, candidate = question(graph, disease=row[1]), row[0]
            whole = predict(model, disease=row[1], top=100)
        if row[0] != candidate or row in facts:
            (expected,) = (a for a in whole if a.id == candidate)
            assert told == expected
        else:  # no answer to the question, but it was asked for
            before = [a for a in whole if (-a.score, graph.entities.index(a.id))
                      < (-told.score, graph.entities.index(told.id))]  # fmt: skip
            assert (told.id, told.rank) == (candidate, 1 + len(before))
        assert told == answer_of(model, asked, graph.entities.index(candidate))


def test_every_pair_of_a_graph_is_told_what_predict_tells(trained_run: Run) -> None:
    model = with_calibration(trained_run.model)
    graph = model.graph
    compounds, diseases = (graph.entity_type(name) for name in ("Compound", "Disease"))
    ids = graph.entities.ids
    rows = [(ids[c], ids[d]) for c in compounds.range for d in diseases.range]
    found = dict(zip(rows, score(model, rows), strict=True))
    for d in diseases.range:
        for a in predict(model, disease=ids[d], top=100):
            told = found[a.id, ids[d]]
            assert (told.score, told.probability) == pytest.approx((a.score, a.probability), abs=1e-6)  # other products
            assert replace(told, score=a.score, probability=a.probability) == a


@pytest.fixture
def clinic(make: Maker) -> TrainedModel:
    facts = {("Compound::C0", "CtD", "Disease::D0"): "train", ("Disease::D0", "DrD", "Disease::D1"): "test"}
    return make(ENTITIES, METAEDGES, facts, ("CtD",))


def test_entities_are_found_by_id_bare_id_or_name_in_any_case(make: Maker) -> None:
    entities = {"Compound": ["Compound::DB1", "Compound::DB2"], "Disease": ["Disease::DOID:1"]}
    model = make(entities, {"CtD": METAEDGES["CtD"]}, {("Compound::DB1", "CtD", "Disease::DOID:1"): "train"}, ("CtD",))
    names = type(model.graph.entities)(model.graph.entities.ids, ["Aspirin", "Cold", "fever"])
    model = replace(model, split=replace(model.split, graph=replace(model.graph, entities=names)))
    rows = [("Compound::DB1", "Disease::DOID:1"), ("DB1", "DOID:1"), ("aspirin", "FEVER"), ("db1", "doid:1")]
    assert len(set(score(model, rows))) == 1
    assert score(model, [("ASPIRIN", "Treats", "doid:1")])[0].id == "Disease::DOID:1"


def test_entities_are_found_by_synonyms_after_names(make: Maker) -> None:
    facts = {("Compound::C0", "CtD", "Disease::D0"): "train"}
    model = make(ENTITIES, METAEDGES, facts, ("CtD",))
    old = model.graph.entities
    entities = type(old)(old.ids, old.names, synonyms={0: ["aspirin", "twice"], 1: ["Twice", "c2"], 5: ["grippe"]})
    model = replace(model, split=replace(model.split, graph=replace(model.graph, entities=entities)))
    assert [a.id for a in score(model, [("Aspirin", "Grippe"), ("C2", "D0"), ("aspirin", "CtD", "grippe")])] == [
        "Compound::C0",
        "Compound::C2",
        "Disease::D0",
    ]
    with pytest.raises(AmbiguousNameError, match="'twice' is ambiguous"):
        score(model, [("twice", "D0")])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("Compound::C9", "D0"), "unknown compound 'Compound::C9'"),
        (("C0", "Disease::D9"), "unknown disease 'Disease::D9'"),
        (("C0", "C1"), "unknown disease 'C1'"),
        (("D0", "D0"), "unknown compound 'D0'"),
        (("C0", "CxD", "D0"), "unknown relation 'CxD'"),
        (("C9", "CtD", "D0"), "unknown Compound 'C9'"),
        (("C0", "CtD", "G0"), "unknown Disease 'G0'"),
        (("C0", "", "D0"), "unknown relation ''"),
    ],
)
def test_what_is_unknown_is_named(clinic: TrainedModel, row: tuple[str, ...], message: str) -> None:
    with pytest.raises(UnknownNameError, match=message):
        score(clinic, [("C0", "D0"), row])


def test_what_is_unknown_is_named_with_close_matches(trained_run: Run) -> None:
    for row in (("Metformin", "astma"), ("Metformin", "CtD", "astma")):
        with pytest.raises(UnknownNameError, match=r"'astma'; did you mean asthma \(Disease::DOID:2841\)"):
            score(trained_run.model, [row])


def test_a_name_of_several_is_not_taken_for_one_of_them(make: Maker) -> None:
    entities = {"Compound": ["Compound::a", "Compound::A"], "Disease": ["Disease::d"]}
    model = make(entities, {"CtD": METAEDGES["CtD"]}, {("Compound::a", "CtD", "Disease::d"): "train"}, ("CtD",))
    assert [a.id for a in score(model, [("a", "d"), ("A", "d"), ("Compound::A", "d")])] == [
        "Compound::a",
        "Compound::A",
        "Compound::A",
    ]
    with pytest.raises(AmbiguousNameError, match="give one of these ids"):
        score(model, [("COMPOUND::a", "d")])


@pytest.mark.parametrize(
    "row", [("C0", "x", "CtD", "D0"), ("C0",), (), "C0", "xy", ("C0", 3), 3, {"C0": "D0", "x": ""}]
)
def test_a_row_that_is_no_pair_and_no_triple_is_named_with_its_place(clinic: TrainedModel, row: Any) -> None:
    message = re.escape(f"rows[1] is {row!r}; give a pair of compound and disease, or a triple of head, relation and")
    with pytest.raises(UsageError, match=message):
        score(clinic, [("C0", "D0"), row])


def test_nothing_is_said_of_no_rows(clinic: TrainedModel) -> None:
    assert score(clinic, []) == []


def test_what_cannot_be_asked_is_refused(clinic: TrainedModel) -> None:
    bare = replace(clinic, split=replace(clinic.split, graph=replace(clinic.graph, treats=())))
    with pytest.raises(UsageError, match="names no treatment relation; give head, relation and tail"):
        score(bare, [("C0", "D0")])
    assert score(bare, [("C0", "CtD", "D0")])


def test_scores_that_are_no_numbers_are_said_to_be(clinic: TrainedModel) -> None:
    clinic.members[0].entity[0] = float("nan")
    with pytest.raises(KgdrugError, match="not numbers"):
        score(clinic, [("C0", "D0")])
    asked = question(clinic.graph, disease="D0")
    with pytest.raises(KgdrugError, match="not numbers"):
        answer_of(clinic, asked, 1)


def test_a_candidate_of_another_type_cannot_answer(clinic: TrainedModel) -> None:
    with pytest.raises(UsageError, match=r"cannot answer \? treats D0: answers are of type Compound"):
        answer_of(clinic, question(clinic.graph, disease="D0"), clinic.graph.entities.index("Disease::D1"))


def test_a_question_is_scored_once(clinic: TrainedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    served, asked = clinic.served, []
    served.usual(question(clinic.graph, disease="D0").relations)
    made = type(served).best_of
    monkeypatch.setattr(type(served), "best_of", lambda self, e, r: asked.extend(e.tolist()) or made(self, e, r))
    score(served, [(c, d) for c in ENTITIES["Compound"] for d in ENTITIES["Disease"]] * 3)
    assert sorted(asked) == list(clinic.graph.entity_type("Disease").range)
