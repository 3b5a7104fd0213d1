"""Questions of one step, compared with a scan of all triples."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgdrug.biolink import ancestors, categories, curie, predicate, qualifiers
from kgdrug.biolink.hierarchy import inverse
from kgdrug.errors import UsageError
from kgdrug.ranking import Found, Hop, infer, look_up, meta_graph, predict
from kgdrug.ranking.paths import paths
from kgdrug.ranking.statements import meanings
from kgdrug.trained import TrainedModel

METAEDGES = {
    "CbG": ("Compound", "binds", "Gene"),
    "CcSE": ("Compound", "causes", "Side Effect"),
    "CiD": ("Compound", "indicated for", "Disease"),
    "CpD": ("Compound", "palliates", "Disease"),
    "CtD": ("Compound", "treats", "Disease"),
    "CuG": ("Compound", "upregulates", "Gene"),
    "DaG": ("Disease", "associates", "Gene"),
    "DpS": ("Disease", "presents", "Symptom"),
    "DrD": ("Disease", "resembles", "Disease"),
    "DuG": ("Disease", "upregulates", "Gene"),
}
ENTITIES = {
    "Compound": [f"Compound::DB{i}" for i in range(4)],
    "Disease": ["Disease::DOID:1", "Disease::DOID:2", "Disease::MESH:D1"],
    "Gene": ["Gene::1", "Gene::2"],
    "Side Effect": ["Side Effect::C1"],
    "Symptom": ["Symptom::D1", "Symptom::D2"],  # the first has the CURIE of the third disease
}
PARTS = ("train", "valid", "test", "withheld")
CURIES = [*sorted({curie(i, kind) for kind, ids in ENTITIES.items() for i in ids}), "Compound::DB1", "DOID:99"]
CATEGORIES = [
    "biolink:NamedThing", "biolink:Drug", "biolink:ChemicalEntity", "biolink:Disease",
    "biolink:DiseaseOrPhenotypicFeature", "biolink:Gene", "biolink:PhenotypicFeature", "biolink:Cell",
]  # fmt: skip
PREDICATES = [
    "biolink:related_to", "biolink:treats", "biolink:treated_by", "biolink:ameliorates_condition", "biolink:affects",
    "biolink:affected_by", "biolink:similar_to", "biolink:correlated_with", "biolink:has_phenotype",
    "biolink:gene_associated_with_condition", "biolink:physically_interacts_with", "biolink:causes",
    "biolink:treats_or_applied_or_studied_to_treat", "biolink:is_like",
]  # fmt: skip
QUALIFIERS = [
    {"biolink:object_aspect_qualifier": "expression"},
    {"biolink:object_aspect_qualifier": "abundance", "biolink:object_direction_qualifier": "increased"},
    {"biolink:subject_aspect_qualifier": "expression"},
    {"biolink:qualified_predicate": "biolink:causes"},
    {"biolink:causal_mechanism_qualifier": "binding"},
]
Maker = Callable[..., TrainedModel]
Pair = tuple[str, str]


def some(of: list, most: int = 3) -> st.SearchStrategy[tuple]:
    return st.lists(st.sampled_from(of), max_size=most, unique_by=str).map(tuple)


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, object]:
    possible = [(h, r, t) for r, (a, _, b) in METAEDGES.items() for h in ENTITIES[a] for t in ENTITIES[b]]
    facts = draw(st.dictionaries(st.sampled_from(possible), st.sampled_from(PARTS), min_size=1, max_size=40))
    treats = draw(st.sampled_from([("CtD",), ("CiD", "CtD"), ("CiD",), ("CpD", "CtD")]))
    return {
        "entities": ENTITIES,
        "metaedges": METAEDGES,
        "facts": facts,
        "treats": treats,
        "seed": draw(st.integers(0, 9)),
    }


@st.composite
def hops(draw: st.DrawFn) -> Hop:
    subjects, objects = draw(some(CURIES)), draw(some(CURIES))
    if not subjects and not objects:
        subjects = (draw(st.sampled_from(CURIES)),)
    return Hop(
        subjects, objects, draw(some(CATEGORIES, 2)), draw(some(CATEGORIES, 2)), draw(some(PREDICATES, 2)),
        draw(st.one_of(st.just(()), some(QUALIFIERS, 2))),
    )  # fmt: skip


def said_of(metaedge: str, treats: tuple[str, ...]) -> tuple[str, dict[str, str]]:
    head, relation, tail = METAEDGES[metaedge]
    said = predicate(relation, head, tail)
    if metaedge == "CiD" and metaedge in treats:  # a relation without a word in Biolink
        said = "biolink:treats"
    return said, qualifiers(relation, head, tail)


def fits(said: str, asked: str) -> tuple[bool, bool]:
    """Whether a statement with the predicate `said` answers a query with `asked`: as it stands, and turned round."""
    turned = inverse(said)
    return asked in ancestors(said), turned is not None and asked in ancestors(turned)


def turned_by_hand(of: dict[str, str]) -> dict[str, str]:
    named = {
        name.replace("object", "?").replace("subject", "object").replace("?", "subject"): v for name, v in of.items()
    }
    return {name: inverse(v) if name == "biolink:qualified_predicate" else v for name, v in named.items()}


ABOVE = {"expression": {"expression", "abundance"}, "biolink:causes": {"biolink:causes"}}


def has(own: dict[str, str], asked: dict[str, str]) -> bool:
    return all(name in own and value in ABOVE.get(own[name], {own[name]}) for name, value in asked.items())


def plain_ways(metaedge: str, hop: Hop, treats: tuple[str, ...]) -> list[bool]:
    """Whether facts of this metaedge are asked for as they stand, and turned round; without regard to ids."""
    head, _, tail = METAEDGES[metaedge]
    said, own = said_of(metaedge, treats)
    ways = []
    for turned in (False, True):
        subject, object_ = (tail, head) if turned else (head, tail)
        held = turned_by_hand(own) if turned else own
        answers = not hop.predicates or any(fits(said, asked)[turned] for asked in hop.predicates)
        if hop.qualifiers and "biolink:qualified_predicate" in held:
            answers |= any(fits(held["biolink:qualified_predicate"], asked)[0] for asked in hop.predicates)
        if hop.qualifiers:
            answers &= bool(held) and any(has(held, asked) for asked in hop.qualifiers)
        for kind, asked in ((subject, hop.subject_categories), (object_, hop.object_categories)):
            answers &= not asked or any(category in categories(kind) for category in asked)
        ways.append(answers)
    return ways


def plain_curie(entity: str) -> str:
    return curie(entity, entity.split("::")[0])


def plain_look_up(facts: dict, hop: Hop, treats: tuple[str, ...]) -> dict[Pair, set[str]]:
    """The statements, by the CURIEs of subject and object, from a scan of all facts."""

    def given(asked: tuple[str, ...], entity: str) -> bool:
        return not asked or entity in asked or plain_curie(entity) in asked

    found: dict[Pair, set[str]] = {}
    for head, metaedge, tail in facts:
        for turned, answers in enumerate(plain_ways(metaedge, hop, treats)):
            subject, object_ = (tail, head) if turned else (head, tail)
            if answers and given(hop.subjects, subject) and given(hop.objects, object_):
                pair = plain_curie(subject), plain_curie(object_)
                found.setdefault(pair, set()).add(f"{head} {metaedge} {tail}")
    return found


def by_pair(found: Found) -> dict[Pair, set[str]]:
    return {(hit.subject.curie, hit.object.curie): {one.id for one in hit.statements} for hit in found.hits}


@given(graphs(), hops())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_looked_up_is_what_a_scan_of_all_facts_finds(make: Maker, graph: dict, hop: Hop) -> None:
    found = look_up(make(**graph), hop)
    assert by_pair(found) == plain_look_up(graph["facts"], hop, graph["treats"])
    assert len(by_pair(found)) == len(found.hits)
    assert set(found.unknown) == {"DOID:99"} & {*hop.subjects, *hop.objects}
    assert found.readable == any(any(plain_ways(metaedge, hop, graph["treats"])) for metaedge in METAEDGES)
    assert found.complete


@given(graphs(), hops(), st.integers(1, 3))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_more_pairs_are_told_than_there_is_room_for(make: Maker, graph: dict, hop: Hop, most: int) -> None:
    model = make(**graph)
    whole, part = by_pair(look_up(model, hop)), look_up(model, hop, most)
    assert len(part.hits) == min(most, len(whole))
    assert part.complete == (len(whole) <= most)
    assert all(said == whole[pair] for pair, said in by_pair(part).items())


def test_a_statement_says_what_the_graph_does_whichever_way_it_is_asked_for(make: Maker) -> None:
    facts = {("Compound::DB1", "CuG", "Gene::1"): "test", ("Disease::DOID:1", "DrD", "Disease::DOID:2"): "train"}
    model = make(ENTITIES, METAEDGES, facts)
    (hit,) = look_up(model, Hop(subjects=("NCBIGene:1",), predicates=("biolink:affected_by",))).hits
    (said,) = hit.statements
    assert (hit.subject.curie, hit.object.curie) == ("NCBIGene:1", "DRUGBANK:DB1")
    assert (said.subject.curie, said.predicate, said.object.curie) == ("DRUGBANK:DB1", "biolink:affects", "NCBIGene:1")
    assert said.qualifiers["biolink:object_direction_qualifier"] == "increased"
    assert said.parts == ("test",)
    for asked in (Hop(subjects=("DOID:1",)), Hop(subjects=("DOID:2",)), Hop(objects=("DOID:2",))):
        (hit,) = look_up(model, asked).hits
        assert [one.id for one in hit.statements] == ["Disease::DOID:1 DrD Disease::DOID:2"]


def test_an_end_whose_ids_are_all_unknown_answers_nothing(make: Maker) -> None:
    model = make(ENTITIES, METAEDGES, {("Compound::DB1", "CtD", "Disease::DOID:1"): "train"}, ("CtD",))
    for asked in (Hop(("DRUGBANK:DB1",), ("DOID:99",)), Hop(("DRUGBANK:DB1", "DRUGBANK:DB2"), ("DOID:99",))):
        for found in (look_up(model, asked), infer(model, asked)):
            assert (found.hits, found.unknown, found.readable) == ((), ("DOID:99",), True)
    found = infer(model, Hop(("DRUGBANK:DB99",), ("DOID:1",)))
    assert (found.hits, found.unknown) == ((), ("DRUGBANK:DB99",))


def test_what_a_drug_causes_is_said_by_qualifiers_and_asked_for_with_them(make: Maker) -> None:
    model = make(ENTITIES, METAEDGES, {("Compound::DB1", "CuG", "Gene::1"): "train"})
    expression = {"biolink:object_aspect_qualifier": "expression"}
    asked = Hop(subjects=("DRUGBANK:DB1",), predicates=("biolink:causes",), qualifiers=(expression,))
    assert by_pair(look_up(model, asked)) == {("DRUGBANK:DB1", "NCBIGene:1"): {"Compound::DB1 CuG Gene::1"}}
    assert not look_up(model, Hop(subjects=("DRUGBANK:DB1",), predicates=("biolink:causes",))).readable


def test_a_pair_that_is_told_is_told_whole_though_others_are_left_out(make: Maker) -> None:
    facts = {("Compound::DB1", name, gene): "train" for name in ("CbG", "CuG") for gene in ENTITIES["Gene"]}
    facts |= {("Compound::DB2", name, "Gene::1"): "train" for name in ("CbG", "CuG")}
    facts |= {("Disease::MESH:D1", "DaG", "Gene::2"): "train", ("Disease::DOID:1", "DpS", "Symptom::D1"): "train"}
    model = make(ENTITIES, METAEDGES, facts)
    for asked in (
        Hop(subjects=("DRUGBANK:DB1", "DRUGBANK:DB2")),
        Hop(subjects=("Disease::MESH:D1", "DRUGBANK:DB1", "Symptom::D1")),
        Hop(objects=("NCBIGene:1", "NCBIGene:2")),
    ):
        whole = by_pair(look_up(model, asked))
        for most in range(1, len(whole) + 1):
            part = look_up(model, asked, most)
            assert all(said == whole[pair] for pair, said in by_pair(part).items())
            assert (len(part.hits), part.complete) == (most, most == len(whole))


def test_a_set_of_no_qualifiers_asks_nothing(make: Maker) -> None:
    facts = {("Compound::DB1", "CuG", "Gene::1"): "train", ("Compound::DB1", "CtD", "Disease::DOID:1"): "train"}
    model, expression = make(ENTITIES, METAEDGES, facts), {"biolink:object_aspect_qualifier": "expression"}
    drug = ("DRUGBANK:DB1",)
    everything = by_pair(look_up(model, Hop(drug)))
    assert len(everything) == 2
    assert by_pair(look_up(model, Hop(drug, qualifiers=({},)))) == everything
    found = by_pair(look_up(model, Hop(drug, qualifiers=({}, expression))))
    assert found == by_pair(look_up(model, Hop(drug, qualifiers=(expression,)))) != everything


def test_one_end_must_be_known() -> None:
    with pytest.raises(UsageError, match="one end of a step must be known"):
        Hop(predicates=("biolink:treats",))


# inferences


@given(graphs(), hops(), st.integers(1, 5))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_inferred_is_what_the_model_predicts_of_each_given_end(
    make: Maker, graph: dict, hop: Hop, top: int
) -> None:
    model, treats = make(**graph), graph["treats"]
    found = infer(model, hop, top, explained=0)
    asked_for = {name: plain_ways(name, hop, treats) for name in treats}
    assert found.readable == any(any(ways) for ways in asked_for.values())
    expected: list[tuple[str, str, str]] = []
    given, others = (hop.objects, hop.subjects) if hop.objects else (hop.subjects, ())
    starts = [i for text in given for ids in ENTITIES.values() for i in ids if text in (i, plain_curie(i))]
    for start in dict.fromkeys(starts):
        kind = start.split("::")[0]
        if kind not in ("Compound", "Disease"):
            continue
        # asked from the objects, a fact answers as it stands where the start is a tail, and turned where it is a head
        turned = (kind == "Compound") == bool(hop.objects)
        metaedges = [name for name in treats if asked_for[name][turned]]
        answers = []
        if len(metaedges) == len(treats):
            answers = predict(model, **{kind.lower(): start}, top=99)
        elif metaedges:
            side = "head" if kind == "Compound" else "tail"
            answers = predict(model, **{side: start}, relation=metaedges[0], top=99)
        if others:
            answers = [one for one in answers if one.id in others or plain_curie(one.id) in others]
        for one in answers[:top]:
            pair = (
                (plain_curie(one.id), plain_curie(start)) if hop.objects else (plain_curie(start), plain_curie(one.id))
            )
            expected.append((*pair, f"{one.score} {one.percentile}"))
    assert [
        (hit.subject.curie, hit.object.curie, f"{hit.prediction.answer.score} {hit.prediction.answer.percentile}")
        for hit in found.hits
    ] == expected
    said = plain_look_up(graph["facts"], hop, treats)
    for hit in found.hits:
        of_pair = said.get((hit.subject.curie, hit.object.curie), set())  # which a symptom may share with the disease
        of_both = {text for text in of_pair if {hit.subject.id, hit.object.id} <= set(text.split())}
        assert {one.id for one in hit.statements} == of_both


@pytest.mark.parametrize(
    ("treats", "asked", "said"),
    [
        (("CtD",), (), "biolink:treats"),
        (("CtD",), ("biolink:treated_by",), "biolink:treats"),
        (("CtD",), ("biolink:related_to",), "biolink:treats"),
        (("CpD", "CtD"), (), "biolink:treats"),
        (("CpD", "CtD"), ("biolink:ameliorates_condition",), "biolink:ameliorates_condition"),
        (("CiD",), (), "biolink:treats"),
        (("CtD",), ("biolink:ameliorates_condition",), None),
        (("CtD",), ("biolink:affects",), None),
    ],
)
def test_a_prediction_is_said_as_narrowly_as_all_of_its_relations_allow(
    make: Maker, treats: tuple[str, ...], asked: tuple[str, ...], said: str | None
) -> None:
    facts = {("Compound::DB1", name, "Disease::DOID:1"): "train" for name in ("CiD", "CpD", "CtD")}
    model = make(ENTITIES, METAEDGES, facts, treats)
    given = {"subjects": ("DOID:1",)} if asked == ("biolink:treated_by",) else {"objects": ("DOID:1",)}
    found = infer(model, Hop(**given, predicates=asked))
    predicted = {(hit.prediction.statement.predicate, hit.prediction.statement.object.curie) for hit in found.hits}
    assert predicted == ({(said, "DOID:1")} if said else set())
    assert found.readable == bool(said)
    assert {hit.prediction.statement.provenance.level for hit in found.hits} <= {"prediction"}


@given(graphs())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_paths_beside_a_prediction_are_those_between_its_ends_in_statements_of_the_graph(
    make: Maker, graph: dict
) -> None:
    model = make(**graph)
    found = infer(model, Hop(objects=("DOID:1", "DOID:2")), explained=4)
    by_disease: dict[str, list] = {}
    for hit in found.hits:
        by_disease.setdefault(hit.object.curie, []).append(hit)
    for hits in by_disease.values():
        assert [bool(hit.prediction.supports) for hit in hits[2:]] == [False] * len(hits[2:])
        for hit in hits[:2]:
            ends = [model.graph.entities.index(one.id) for one in (hit.subject, hit.object)]
            expected = paths(
                model.graph, model.served.facts, *ends, without=model.graph.treatment_relations, per_metapath=2,
                metapaths=5,
            )  # fmt: skip
            assert [(s.metapath, s.weight) for s in hit.prediction.supports] == [
                (one.metapath, path.weight) for one in expected for path in one.paths
            ]
            for support in hit.prediction.supports:
                assert {one.id for one in support.statements} <= {" ".join(fact) for fact in graph["facts"]}
                assert not {
                    one.metaedge.abbreviation for one in support.statements
                    if {one.subject.id, one.object.id} == {hit.subject.id, hit.object.id}
                } & set(graph["treats"])  # fmt: skip
                here = hit.subject.id
                seen = {here}
                for one in support.statements:
                    if {one.subject.id, one.object.id} <= seen:  # the same step, said in the other direction too
                        continue
                    assert here in (one.subject.id, one.object.id)
                    here = one.object.id if here == one.subject.id else one.subject.id
                    seen.add(here)
                assert here == hit.object.id


@pytest.mark.parametrize("predicates", [(), ("biolink:related_to",)])
@pytest.mark.parametrize("side", ["subjects", "objects"])
def test_on_a_graph_of_one_type_what_treats_and_what_is_treated_are_ranked_apart(
    make: Maker, predicates: tuple[str, ...], side: str
) -> None:
    entities = {"entity": [f"entity::{i}" for i in range(5)]}
    facts = {("entity::0", "treats", "entity::1"): "train", ("entity::2", "treats", "entity::0"): "train"}
    model = make(entities, {"treats": ("entity", "treats", "entity")}, facts, ("treats",), seed=3)
    found = infer(model, Hop(**{side: ("entity::0",)}, predicates=predicates), explained=0)
    told = []
    for hit in found.hits:
        assert hit.prediction
        said = hit.prediction.statement
        told.append((said.subject.id, said.object.id, hit.prediction.answer.score))
    expected = [(one.id, "entity::0", one.score) for one in predict(model, tail="entity::0", relation="treats")]
    expected += [("entity::0", one.id, one.score) for one in predict(model, head="entity::0", relation="treats")]
    assert sorted(told) == sorted(expected)


def test_no_more_answers_than_asked_for_have_paths_the_best_of_each_question_first(make: Maker) -> None:
    facts = {(c, "CbG", "Gene::1"): "train" for c in ENTITIES["Compound"]}
    facts |= {(d, "DaG", "Gene::1"): "train" for d in ENTITIES["Disease"]}
    model = make(ENTITIES, METAEDGES, facts | {("Compound::DB1", "CtD", "Disease::DOID:1"): "train"}, ("CtD",))
    for explained, expected in ((0, []), (1, [0]), (2, [0, 4]), (3, [0, 4, 8]), (7, [0, 1, 4, 5, 8, 9])):
        hits = infer(model, Hop(objects=("DOID:1", "DOID:2", "MESH:D1")), explained=explained).hits
        assert [i for i, hit in enumerate(hits) if hit.prediction.supports] == expected


def test_a_ranking_to_which_training_had_no_answer_is_warned_of(make: Maker) -> None:
    facts = {("Compound::DB1", "CtD", "Disease::DOID:1"): "train", ("Compound::DB2", "CtD", "Disease::DOID:2"): "test"}
    of_genes = {("Disease::DOID:2", "DaG", "Gene::1"): "train"}
    for known, said in (
        (facts, "DOID:2 (Disease::DOID:2) stands in no training triple: this ranking is arbitrary"),
        (
            facts | of_genes,
            "training had no answer to ? treats DOID:2 (Disease::DOID:2): this ranking rests on other facts",
        ),
    ):
        model = make(ENTITIES, METAEDGES, known, ("CtD",))
        assert infer(model, Hop(objects=("DOID:1", "DOID:2"))).warnings == (said,)


# the meta graph


@given(graphs())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_meta_graph_has_the_words_of_every_metaedge_and_no_others(make: Maker, graph: dict) -> None:
    meta = meta_graph(make(**graph).graph)
    expected: dict[tuple[str, str, str], tuple[dict[str, set[str]], bool]] = {}
    names = {"Compound": "ChemicalEntity", "Side Effect": "PhenotypicFeature", "Symptom": "PhenotypicFeature"}
    for name, (head, _, tail) in METAEDGES.items():
        said, own = said_of(name, graph["treats"])
        kind = f"biolink:{names.get(head, head)}", said, f"biolink:{names.get(tail, tail)}"
        values, inferred = expected.get(kind, ({}, False))
        for key, value in own.items():
            values.setdefault(key, set()).add(value)
        expected[kind] = values, inferred or name in graph["treats"]
    found = {(one.subject, one.predicate, one.object): one for one in meta.statements}
    assert list(found) == sorted(expected)
    for kind, (values, inferred) in expected.items():
        assert {key: set(of) for key, of in found[kind].qualifiers.items()} == values
        assert found[kind].inferred == inferred
    assert meta.prefixes == {
        "biolink:ChemicalEntity": ("DRUGBANK",),
        "biolink:Disease": ("DOID", "MESH"),
        "biolink:Gene": ("NCBIGene",),
        "biolink:PhenotypicFeature": ("MESH", "UMLS"),
    }


def test_a_category_whose_ids_are_no_curies_is_left_out_with_what_is_said_of_it(make: Maker) -> None:
    entities = {"Compound": ["Compound::aspirin"], "Disease": ["Disease::DOID:1"], "Symptom": ["Symptom::D1"]}
    metaedges = {name: METAEDGES[name] for name in ("CtD", "DpS")}
    facts = {
        ("Compound::aspirin", "CtD", "Disease::DOID:1"): "train",
        ("Disease::DOID:1", "DpS", "Symptom::D1"): "train",
    }
    meta = meta_graph(make(entities, metaedges, facts, ("CtD",)).graph)
    assert set(meta.prefixes) == {"biolink:Disease", "biolink:PhenotypicFeature"}
    assert [one.predicate for one in meta.statements] == ["biolink:has_phenotype"]


def test_a_reciprocal_means_the_inverse(make: Maker) -> None:
    graph = make(ENTITIES, METAEDGES, {("Compound::DB1", "CuG", "Gene::1"): "train"}).graph
    m = graph.relations
    for forth, back in zip(meanings(graph)[:m], meanings(graph)[m:], strict=True):
        assert (forth.subject, forth.object, back.relation) == (back.object, back.subject, forth.relation + m)
        assert back.predicate == inverse(forth.predicate)
