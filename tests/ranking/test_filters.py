"""Which candidates count, against a look at every fact."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgdrug.errors import UnknownNameError, UsageError
from kgdrug.graph import Annotation
from kgdrug.ranking import Filters, answer_all, predict, question, similar
from kgdrug.trained import TrainedModel
from kgdrug.trained.served import KEPT

Maker = Callable[..., TrainedModel]
METAEDGES = {
    "CbG": ("Compound", "binds", "Gene"),
    "CdG": ("Compound", "downregulates", "Gene"),
    "CtD": ("Compound", "treats", "Disease"),
    "PCiC": ("Pharmacologic Class", "includes", "Compound"),
}
ENTITIES = {
    "Compound": [f"Compound::C{i}" for i in range(5)],
    "Disease": ["Disease::D0", "Disease::D1"],
    "Gene": ["Gene::G0", "Gene::G1"],
    "Pharmacologic Class": ["Pharmacologic Class::P0", "Pharmacologic Class::P1"],
}
POSSIBLE = [(h, r, t) for r, (a, _, b) in METAEDGES.items() for h in ENTITIES[a] for t in ENTITIES[b]]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_each_filter_holds_and_ranks_are_among_what_is_left(make: Maker, data: st.DataObject) -> None:
    facts = data.draw(st.dictionaries(st.sampled_from(POSSIBLE), st.sampled_from(("train", "test")), min_size=1))
    model = make(ENTITIES, METAEDGES, facts, ("CtD",))
    noted = data.draw(st.sets(st.integers(0, 4)))
    annotations = tuple(Annotation(i, 5, "approved" if i % 2 else "trial", "label") for i in sorted(noted))
    model = replace(model, split=replace(model.split, graph=replace(model.graph, annotations=annotations)))

    def some(kind: str) -> tuple[str, ...]:
        return tuple(data.draw(st.lists(st.sampled_from(ENTITIES[kind]), max_size=2)))

    filters = Filters(
        some("Pharmacologic Class"),
        some("Gene"),
        data.draw(st.booleans()),
        None,
        some("Compound") or None,
        some("Compound"),
    )
    joined = {(h, r, t) for h, r, t in facts}

    def fits(c: str) -> bool:
        treats = any((c, "CtD", d) in joined for d in ENTITIES["Disease"])
        number = int(c[-1])
        return all(
            [
                not filters.classes or any((p, "PCiC", c) in joined for p in filters.classes),
                not filters.targets or any((c, "CbG", g) in joined for g in filters.targets),  # binding alone
                not filters.approved or treats or (number in noted and number % 2 == 1),
                filters.only is None or c in filters.only,
                c not in filters.exclude,
            ]
        )

    everything = predict(model, disease="Disease::D0", top=10)
    left = [a for a in everything if fits(a.id)]
    found = predict(model, disease="Disease::D0", top=10, filters=filters)
    assert found == [replace(a, rank=rank) for rank, a in enumerate(left, 1)]


def test_among_entities_of_one_type_the_question_says_who_treats(make: Maker) -> None:
    entities = {"Entity": [f"Entity::{name}" for name in ("asthma", "cold", "codeine", "fever", "salbutamol")]}
    facts = {
        ("Entity::salbutamol", "CtD", "Entity::asthma"): "train",
        ("Entity::codeine", "CtD", "Entity::cold"): "test",
        ("Entity::salbutamol", "binds", "Entity::cold"): "train",
    }
    metaedges = {name: ("Entity", relation, "Entity") for name, relation in (("CtD", "treats"), ("binds", "binds"))}
    model = make(entities, metaedges, facts, ("CtD",))
    note = Annotation(4, 3, "approved", "label")  # salbutamol for fever
    model = replace(model, split=replace(model.split, graph=replace(model.graph, annotations=(note,))))
    approved = Filters(approved=True)

    def told(**asked: str) -> set[str]:
        return {a.name for a in predict(model, **asked, filters=approved)}

    assert told(disease="fever") == told(tail="fever", relation="CtD") == {"codeine", "salbutamol"}
    assert told(compound="codeine") == told(head="codeine", relation="CtD") == {"asthma", "cold", "fever"}
    assert told(head="fever", relation="binds") == {"codeine", "salbutamol"}


def small(make: Maker) -> TrainedModel:
    facts = {("Compound::C0", "CtD", "Disease::D0"): "train", ("Compound::C1", "CdG", "Gene::G0"): "train"}
    return make(ENTITIES, METAEDGES, facts, ("CtD",))


def test_where_nothing_binds_every_relation_to_the_gene_counts(make: Maker) -> None:
    without = {name: about for name, about in METAEDGES.items() if name != "CbG"}
    facts = {("Compound::C0", "CtD", "Disease::D0"): "train", ("Compound::C1", "CdG", "Gene::G0"): "train"}
    model = make(ENTITIES, without, facts, ("CtD",))
    assert [a.id for a in predict(model, disease="D0", filters=Filters(targets=("G0",)))] == ["Compound::C1"]


@pytest.mark.parametrize(
    ("filters", "kind"),
    [
        (Filters(only=("C9",)), "Compound"),
        (Filters(exclude=("D0",)), "Compound"),
        (Filters(classes=("P7",)), "class"),
        (Filters(targets=("G7",)), "target"),
    ],
)
def test_an_unknown_name_in_a_filter_is_an_error(make: Maker, filters: Filters, kind: str) -> None:
    with pytest.raises(UnknownNameError, match=f"unknown {kind} "):
        predict(small(make), disease="D0", filters=filters)


def test_a_list_that_came_out_empty_is_no_wish_for_all(make: Maker) -> None:
    with pytest.raises(UsageError, match=r"^only names nothing, so that nothing could answer"):
        predict(small(make), disease="D0", filters=Filters(only=()))


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (Filters(targets=("D1",)), "^'D1' is of type Disease; a target is of type Gene$"),
        (Filters(classes=("G0",)), "^'G0' is of type Gene; a class is of type Pharmacologic Class$"),
    ],
)
def test_a_class_and_a_target_are_of_their_own_types(make: Maker, filters: Filters, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        predict(small(make), disease="D0", filters=filters)


def test_in_a_graph_of_other_types_a_class_is_of_any_that_is_joined(make: Maker) -> None:
    entities = {"Compound": ["Compound::a", "Compound::b"], "Disease": ["Disease::d"], "Family": ["Family::f"]}
    metaedges = {"CtD": METAEDGES["CtD"], "CiF": ("Compound", "is in", "Family")}
    model = make(entities, metaedges, {("Compound::b", "CiF", "Family::f"): "train"}, ("CtD",))
    assert [a.id for a in predict(model, disease="d", filters=Filters(classes=("f",)))] == ["Compound::b"]


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (Filters(classes=("P0",)), "the class 'P0': no relation .* joins type Gene with type Pharmacologic Class$"),
        (
            Filters(classes=("C1", "P0")),
            "the class 'P0': no relation .* joins type Gene with type Pharmacologic Class$",
        ),
        (Filters(targets=("G0",)), "the target 'G0': no relation of the graph plain joins type Gene with type Gene$"),
        (Filters(smarts="CC"), "holds no structure of any Gene: smarts cannot be looked for"),
        (
            Filters(approved=True),
            "approved holds of what treats or is treated, and nothing .* says either of type Gene",
        ),
    ],
)
def test_a_filter_that_no_candidate_can_pass_is_refused(make: Maker, filters: Filters, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        predict(small(make), head="C0", relation="CdG", filters=filters)


def test_diseases_are_filtered_by_what_joins_them_with_a_gene_and_by_whether_they_are_treated(make: Maker) -> None:
    metaedges = {**METAEDGES, "DaG": ("Disease", "associates", "Gene")}
    facts = {("Compound::C0", "CtD", "Disease::D0"): "train", ("Disease::D1", "DaG", "Gene::G0"): "train"}
    model = make(ENTITIES, metaedges, facts, ("CtD",))
    assert [a.id for a in predict(model, compound="C1", filters=Filters(targets=("G0",)))] == ["Disease::D1"]
    assert [a.id for a in predict(model, compound="C1", filters=Filters(approved=True))] == ["Disease::D0"]


def test_genes_are_filtered_by_what_they_are_joined_with(make: Maker) -> None:
    entities = {**ENTITIES, "Pathway": ["Pathway::W0", "Pathway::W1"]}
    metaedges = {**METAEDGES, "GpPW": ("Gene", "participates", "Pathway")}
    facts = {("Compound::C0", "CtD", "Disease::D0"): "train", ("Gene::G1", "GpPW", "Pathway::W0"): "train"}
    model = make(entities, metaedges, facts, ("CtD",))
    asked = {"head": "C0", "relation": "CbG"}
    assert [a.id for a in predict(model, **asked, filters=Filters(classes=("W0",)))] == ["Gene::G1"]
    assert predict(model, **asked, filters=Filters(classes=("W1",))) == []
    with pytest.raises(UsageError, match=r"no relation .* joins type Disease with type Pathway$"):
        predict(model, compound="C0", filters=Filters(classes=("W0",)))


def test_annotations_alone_say_what_is_approved(make: Maker) -> None:
    metaedges = {**METAEDGES, "DaG": ("Disease", "associates", "Gene")}
    model = make(ENTITIES, metaedges, {("Compound::C1", "CbG", "Gene::G0"): "train"})
    notes = (Annotation(2, 6, "approved", "label"), Annotation(3, 5, "trial", "label"))
    model = replace(model, split=replace(model.split, graph=replace(model.graph, annotations=notes)))
    approved = Filters(approved=True)
    assert [a.id for a in predict(model, tail="G0", relation="CbG", filters=approved)] == ["Compound::C2"]
    assert [a.id for a in predict(model, tail="G0", relation="DaG", filters=approved)] == ["Disease::D1"]
    with pytest.raises(UsageError, match="says either of type Gene; leave it out here"):
        predict(model, head="C0", relation="CbG", filters=approved)


@pytest.mark.parametrize("field", ["only", "exclude", "targets"])
def test_names_with_commas_between_are_said_to_be_several(make: Maker, field: str) -> None:
    one, other = ("G0", "gene::g1") if field == "targets" else ("C0", "compound::c1")
    with pytest.raises(UnknownNameError, match=rf"^unknown .*: give each name by itself: '{one}', '{other}'$"):
        predict(small(make), disease="D0", filters=Filters(**{field: (f"{one}, {other}",)}))
    with pytest.raises(UnknownNameError, match=r"^unknown .* '[^']*,nobody'") as error:
        predict(small(make), disease="D0", filters=Filters(**{field: (f"{one},nobody",)}))
    assert "by itself" not in str(error.value)


def test_a_pattern_needs_structures(make: Maker) -> None:
    with pytest.raises(UsageError, match="holds no structure of any Compound: smarts cannot be looked for"):
        predict(small(make), disease="D0", filters=Filters(smarts="c1ccccc1"))


def test_a_pattern_holds_for_structures_that_hold_it(make: Maker) -> None:
    model = small(make)
    graph = replace(model.graph, smiles={0: "c1ccccc1O", 2: "CCO", 3: "not a structure"})
    model = replace(model, split=replace(model.split, graph=graph))
    assert [a.id for a in predict(model, disease="D0", filters=Filters(smarts="c1ccccc1"))] == ["Compound::C0"]
    assert {a.id for a in predict(model, disease="D0", filters=Filters(smarts="[OX2H]"))} == {
        "Compound::C0",
        "Compound::C2",
    }
    with pytest.raises(UsageError, match="c1cc"):
        predict(model, disease="D0", filters=Filters(smarts="c1cc"))


def test_filters_are_remembered_but_not_without_end(make: Maker) -> None:
    model = small(make)
    filters = [Filters(only=("C0",) * (i + 1)) for i in range(KEPT + 5)]
    for one in filters:
        predict(model, disease="D0", filters=one)
    asked = question(model.graph, disease="D0").relations
    assert [one.ready(model.served, asked) for one in filters] == [False] * 5 + [True] * KEPT


def test_filters_do_not_push_structures_out(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    model = small(make)
    graph = replace(model.graph, smiles={0: "c1ccccc1O", 1: "CCO"})
    served = replace(model, split=replace(model.split, graph=graph)).served
    expected = predict(served, disease="D0", filters=Filters(smarts="c1ccccc1"))
    alike = similar(served, "C0", by="structure")
    for i in range(KEPT + 5):
        predict(served, disease="D0", filters=Filters(only=("C0",) * (i + 1)))
    for name in ("_molecule", "fingerprints"):  # what reads a structure
        monkeypatch.setattr(f"kgdrug.sources.molecules.{name}", None)
    assert predict(served, disease="D0", filters=Filters(smarts="c1ccccc1")) == expected
    assert similar(served, "C0", by="structure") == alike


def test_a_model_that_is_made_of_another_remembers_nothing_of_it(make: Maker) -> None:
    served, filters = small(make).served, Filters(only=("C0",))
    predict(served, disease="D0", filters=filters)
    asked = question(served.graph, disease="D0").relations
    assert filters.ready(served, asked)
    other = replace(served, weights=())
    assert not filters.ready(other, asked)
    assert other.usual(asked) is not served.usual(asked)


def test_many_questions_are_answered_in_their_order_as_one_is(make: Maker) -> None:
    model = small(make)
    asked = [
        question(model.graph, **q)
        for q in ({"disease": "D0"}, {"disease": "D1"}, {"compound": "C0"}, {"disease": "D0"})
    ]
    expected = [predict(model, disease="D0"), predict(model, disease="D1"), predict(model, compound="C0")]
    assert list(answer_all(model, asked)) == [*expected, expected[0]]
