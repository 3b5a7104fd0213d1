from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import UnknownNameError, UsageError
from kgdrug.graph import KnowledgeGraph, Vocabulary, drop_licences, keep_metaedges
from kgdrug.graph.annotations import Annotation
from kgdrug.graph.subgraph import LICENCE_KINDS, licence_kinds
from kgdrug.sources.forms.hetionet import METAEDGES


def facts_of(graph: KnowledgeGraph) -> set[tuple[str, str, str]]:
    ids = graph.entities.ids
    return {(ids[h], graph.metaedges[r].abbreviation, ids[t]) for h, r, t in graph.triples.tolist()}


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_what_is_kept_are_the_facts_of_these_metaedges_and_the_entities_in_them(data, random_facts, build, metaedges):
    entities, facts = data.draw(random_facts)
    graph = build(entities, metaedges, facts, treats=("CtD", "CpD"))
    ids = graph.entities.ids
    synonyms = {i: (f"{ids[i]} too", "same") for i in range(0, len(ids), 2)}
    graph = replace(
        graph,
        entities=Vocabulary(ids, graph.entities.names, synonyms=synonyms),
        smiles={i: f"C{i}" for i in graph.entity_type("Compound").range},
        annotations=tuple(
            Annotation(c, d, "trial", "NCT1")
            for c in graph.entity_type("Compound").range
            for d in graph.entity_type("Disease").range
        ),
    )
    kept = data.draw(st.sets(st.sampled_from([e.abbreviation for e in metaedges]), min_size=1))
    expected = {fact for fact in facts if fact[1] in kept}
    if not expected:
        with pytest.raises(UsageError, match="nothing would be left of the graph graph"):
            keep_metaedges(graph, sorted(kept))
        return
    part = keep_metaedges(graph, sorted(kept))
    there = {end for h, _, t in expected for end in (h, t)}
    assert facts_of(part) == expected
    assert set(part.entities.ids) == there
    assert [e.abbreviation for e in part.metaedges] == sorted({r for _, r, _ in expected})
    assert part.treats == tuple(name for name in ("CtD", "CpD") if name in {r for _, r, _ in expected})
    names = dict(zip(graph.entities.ids, graph.entities.names, strict=True))
    assert part.entities.names == tuple(names[i] for i in part.entities.ids)
    others = {part.entities.ids[i]: texts for i, texts in part.entities.synonyms.items()}
    assert others == {ids[i]: texts for i, texts in synonyms.items() if ids[i] in there}
    before = {graph.entities.ids[i]: smiles for i, smiles in graph.smiles.items()}
    assert {part.entities.ids[i]: smiles for i, smiles in part.smiles.items()} == {
        i: smiles for i, smiles in before.items() if i in there
    }
    pairs = {(graph.entities.ids[a.compound], graph.entities.ids[a.disease]) for a in graph.annotations}
    assert {(part.entities.ids[a.compound], part.entities.ids[a.disease]) for a in part.annotations} == {
        pair for pair in pairs if set(pair) <= there
    }
    kinds = {i: t for i, _, t in entities}
    assert all(kinds[i] == part.type_of(n).name for n, i in enumerate(part.entities.ids))


def test_metaedges_are_named_by_abbreviation_or_by_a_relation_that_only_one_has(medicines):
    assert keep_metaedges(medicines, ["treats"]).digest == keep_metaedges(medicines, [" CtD "]).digest
    with pytest.raises(UnknownNameError, match=r"unknown relation 'resembles'; did you mean .*CrC"):
        keep_metaedges(medicines, ["resembles"])


# Hetionet's metaedges by the kinds of licence that its authors' words for them say
KINDS = {
    "non-commercial": {"CbG", "CcSE"},
    "share-alike": {"CbG", "CcSE", "DaG"},
    "unstated": {"AdG", "AeG", "AuG", "CbG", "DaG", "GcG", "GiG"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_licences_of_hetionet_are_of_the_kinds_that_their_words_say(kind):
    assert {name for name, e in METAEDGES.items() if kind in licence_kinds(e.licence)} == KINDS[kind]


@pytest.mark.parametrize(
    "licence",
    ["mixed", "mixed, in part non-commercial", "mixed: that of each source", "CC0 1.0; sources keep their terms"],
)
def test_a_licence_that_does_not_say_which_may_be_of_any_kind(licence):
    assert licence_kinds(licence) == set(LICENCE_KINDS)


@pytest.mark.parametrize(
    ("licence", "kinds"),
    [
        ("CC0 1.0", set()),
        ("CC BY 4.0", set()),
        ("Apache 2.0", set()),
        ("public domain", set()),
        ("CC BY-NC 4.0", {"non-commercial"}),
        ("cc-by-nc-sa", {"non-commercial", "share-alike"}),
        ("CC BY-SA 3.0", {"share-alike"}),
        ("GPL-3.0", {"share-alike"}),
        ("ODbL 1.0", {"share-alike"}),
        ("Attribution-NonCommercial-ShareAlike", {"non-commercial", "share-alike"}),
        ("non commercial use only", {"non-commercial"}),
        ("", {"unstated"}),
        ("CC0 1.0; none stated", {"unstated"}),
        ("unknown", {"unstated"}),
        ("NCBI's terms of use", set()),
        ("SABIO, USA", set()),
    ],
)
def test_a_licence_is_of_the_kinds_that_its_words_say(licence, kinds):
    assert {kind for kind, pattern in LICENCE_KINDS.items() if pattern.search(licence)} == kinds


def test_a_metaedge_is_dropped_where_its_licence_is_of_a_kind_even_in_part(medicines):
    licences = {"CtD": "CC0 1.0", "CpD": "CC BY-NC 4.0, in part CC0", "CrC": "CC BY-SA 4.0", "DaG": "", "DrD": ""}
    graph = replace(
        medicines, metaedges=tuple(replace(e, licence=licences[e.abbreviation]) for e in medicines.metaedges)
    )
    for kinds, left in (
        (["non-commercial"], {"CrC", "CtD", "DaG"}),
        (["share-alike", "unstated"], {"CpD", "CtD"}),
        ([], {"CpD", "CrC", "CtD", "DaG"}),
    ):
        assert {e.abbreviation for e in drop_licences(graph, kinds).metaedges} == left
    with pytest.raises(UsageError, match="nothing would be left of the graph medicines"):
        drop_licences(replace(graph, metaedges=tuple(replace(e, licence="") for e in graph.metaedges)), ["unstated"])


def test_an_unknown_kind_of_licence_names_the_closest_and_all(medicines):
    with pytest.raises(
        UsageError, match=r"'sharealike'; did you mean share-alike.*the kinds are non-commercial, share"
    ):
        drop_licences(medicines, ["sharealike"])
