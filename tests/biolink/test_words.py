import pytest

from kgdrug.biolink import ancestors, categories, category, inverse, predicate, qualifiers
from kgdrug.biolink.hierarchy import CATEGORY_PARENTS
from kgdrug.biolink.words import ALSO, CATEGORIES, CODES, SAYINGS
from kgdrug.sources import load_graph
from kgdrug.sources.forms.hetionet import METAEDGES

TYPES = sorted({t for e in METAEDGES.values() for t in (e.head_type, e.tail_type)})


def types_asked_for_by(word):
    return {t for t in TYPES if f"biolink:{word}" in categories(t)}


def metaedges_that_answer(word):
    """Abbreviations, with `<` before one that answers turned round, as an arrow back."""
    found = set()
    for e in METAEDGES.values():
        said = predicate(e.relation, e.head_type, e.tail_type)
        ways = {"": said, "<": inverse(said)}
        found |= {mark + e.abbreviation for mark, way in ways.items() if f"biolink:{word}" in ancestors(way)}
    return found


def test_every_word_of_the_tables_is_one_of_the_model():
    assert set(CATEGORIES.values()) | {name for names in ALSO.values() for name in names} <= CATEGORY_PARENTS.keys()
    assert ALSO.keys() <= CATEGORIES.keys()
    for saying in SAYINGS:
        assert {saying.head, saying.tail} <= CATEGORY_PARENTS.keys()
        assert inverse(f"biolink:{saying.predicate}") is not None
    assert {e.abbreviation: e.relation for e in METAEDGES.values()} == CODES


@pytest.mark.parametrize(
    ("word", "types"),
    [
        ("NamedThing", set(TYPES)),
        ("ChemicalEntity", {"Compound", "Pharmacologic Class"}),
        ("SmallMolecule", {"Compound"}),
        ("Drug", {"Compound"}),
        ("MolecularMixture", {"Compound"}),
        ("ChemicalOrDrugOrTreatment", {"Compound", "Pharmacologic Class"}),
        ("Disease", {"Disease"}),
        ("DiseaseOrPhenotypicFeature", {"Disease", "Side Effect", "Symptom"}),
        ("PhenotypicFeature", {"Side Effect", "Symptom"}),
        ("BiologicalEntity", set(TYPES) - {"Compound", "Pharmacologic Class"}),
        ("BiologicalProcess", {"Biological Process", "Pathway"}),
        ("BiologicalProcessOrActivity", {"Biological Process", "Pathway", "Molecular Function"}),
        ("AnatomicalEntity", {"Anatomy", "Cellular Component"}),
        ("Gene", {"Gene"}),
        ("GeneOrGeneProduct", {"Gene"}),
        ("Protein", set()),
        ("Vitamin", set()),
    ],
)
def test_a_query_for_a_category_finds_the_types_that_are_of_it(word, types):
    assert types_asked_for_by(word) == types
    assert {t for t in TYPES if f"biolink:{word}" in ancestors(category(t))} <= types


@pytest.mark.parametrize(
    ("word", "metaedges"),
    [
        ("treats", {"CtD", "CpD"}),
        ("treated_by", {"<CtD", "<CpD"}),
        ("treats_or_applied_or_studied_to_treat", {"CtD", "CpD"}),
        ("ameliorates_condition", {"CpD"}),
        ("in_clinical_trials_for", set()),
        ("affects", {"CpD", "CcSE", "CuG", "CdG", "Gr>G"}),
        ("affected_by", {"<CpD", "<CcSE", "<CuG", "<CdG", "<Gr>G"}),
        ("regulates", {"Gr>G"}),
        ("has_side_effect", {"CcSE"}),
        ("expresses", {"AeG"}),
        ("expressed_in", {"<AeG"}),
        ("located_in", {"GpCC", "<AeG"}),
        ("gene_associated_with_condition", {"<DaG"}),
        ("condition_associated_with_gene", {"DaG"}),
        ("positively_correlated_with", {"AuG", "<AuG", "DuG", "<DuG"}),
        ("interacts_with", {"CbG", "<CbG", "GiG", "<GiG", "Gr>G", "<Gr>G"}),
        ("directly_physically_interacts_with", {"CbG", "<CbG"}),
        ("has_phenotype", {"DpS"}),
        ("disease_has_location", {"DlA"}),
        ("participates_in", {"GpBP", "GpMF", "GpPW"}),
        ("has_participant", {"<GpBP", "<GpMF", "<GpPW"}),
        ("similar_to", {"CrC", "<CrC", "DrD", "<DrD"}),
        ("chemically_similar_to", {"CrC", "<CrC"}),
        ("member_of", {"<PCiC"}),
        ("related_to", {mark + name for mark in ("", "<") for name in METAEDGES}),
    ],
)
def test_a_query_for_a_predicate_finds_the_metaedges_that_say_it(word, metaedges):
    assert metaedges_that_answer(word) == metaedges


def test_an_effect_on_a_gene_is_qualified_by_what_and_which_way():
    up = qualifiers("upregulates", "Compound", "Gene")
    assert up == {
        "biolink:qualified_predicate": "biolink:causes",
        "biolink:object_aspect_qualifier": "expression",
        "biolink:object_direction_qualifier": "increased",
    }
    assert qualifiers("downregulates", "Compound", "Gene") == up | {"biolink:object_direction_qualifier": "decreased"}
    assert qualifiers("CuG", "Compound", "Gene") == up
    # what is measured beside each other is not caused
    assert qualifiers("upregulates", "Disease", "Gene") == {"biolink:object_aspect_qualifier": "expression"}
    assert qualifiers("binds", "Compound", "Gene") == {"biolink:causal_mechanism_qualifier": "binding"}
    assert qualifiers("treats", "Compound", "Disease") == {}


@pytest.mark.parametrize(
    ("relation", "head_type", "tail_type", "expected"),
    [
        ("associates", "Gene", "Disease", "gene_associated_with_condition"),
        ("associates", "Gene", "Gene", "associated_with"),
        ("causes", "Gene", "Disease", "causes"),
        ("interacts", "Compound", "Gene", "interacts_with"),
        ("resembles", "Gene", "Gene", "similar_to"),
        ("localizes", "Gene", "Anatomy", "related_to"),
        # DRKG
        ("CtD", "Compound", "Disease", "treats"),
        ("CtD", "Gene", "Gene", "treats"),
        ("T", "Compound", "Disease", "treats_or_applied_or_studied_to_treat"),
        ("T", "Gene", "Disease", "related_to"),
        ("target", "Compound", "Gene", "physically_interacts_with"),
        ("in_tax", "Gene", "Tax", "in_taxon"),
        ("HumGenHumGen", "Gene", "Gene", "related_to"),
        # PrimeKG
        ("indication", "drug", "disease", "treats"),
        ("off-label use", "drug", "disease", "applied_to_treat"),
        ("contraindication", "drug", "disease", "contraindicated_in"),
        ("associated with", "gene/protein", "disease", "gene_associated_with_condition"),
        ("associated with", "effect/phenotype", "gene/protein", "condition_associated_with_gene"),
        ("interacts with", "biological_process", "gene/protein", "has_participant"),
        ("interacts with", "gene/protein", "cellular_component", "located_in"),
        ("interacts with", "exposure", "gene/protein", "interacts_with"),
        ("expression present", "anatomy", "gene/protein", "expresses"),
        ("expression absent", "anatomy", "gene/protein", "related_to"),
        ("ppi", "gene/protein", "gene/protein", "physically_interacts_with"),
        # OpenBioLink
        ("DIS_DRUG", "DRUG", "DIS", "treats"),
        ("GENE_PHENOTYPE", "GENE", "PHENOTYPE", "has_phenotype"),
        ("DRUG_INHIBITION_GENE", "DRUG", "GENE", "affects"),
        ("IS_A", "ANATOMY", "ANATOMY", "subclass_of"),
        # KGX, and words of nobody
        ("gene_associated_with_condition", "Gene", "Disease", "gene_associated_with_condition"),
        ("biolink:treats", "SmallMolecule", "Disease", "treats"),
        ("treated_by", "Disease", "SmallMolecule", "treated_by"),
        ("has friend", "Gene", "Gene", "related_to"),
        ("Gene", "Gene", "Gene", "related_to"),
        ("", "", "", "related_to"),
    ],
)
def test_a_relation_is_said_as_its_types_have_it(relation, head_type, tail_type, expected):
    assert predicate(relation, head_type, tail_type) == f"biolink:{expected}"


@pytest.mark.parametrize(
    ("entity_type", "expected"),
    [
        ("Compound", "ChemicalEntity"),
        ("drug", "ChemicalEntity"),
        ("gene/protein", "Gene"),
        ("PHENOTYPE", "PhenotypicFeature"),
        ("SmallMolecule", "SmallMolecule"),  # KGX
        ("biolink:Protein", "Protein"),
        ("GO", "NamedThing"),  # of OpenBioLink: processes, activities and components
        ("treats", "NamedThing"),
        ("Planet", "NamedThing"),
        ("", "NamedThing"),
    ],
)
def test_a_type_is_of_its_category(entity_type, expected):
    assert category(entity_type) == f"biolink:{expected}"
    assert f"biolink:{expected}" in categories(entity_type)
    assert "biolink:NamedThing" in categories(entity_type)


def test_the_sample_graph_is_said_without_a_vague_word():
    graph = load_graph("essential")
    assert "biolink:NamedThing" not in {category(t.name) for t in graph.entity_types}
    assert "biolink:related_to" not in {predicate(e.relation, e.head_type, e.tail_type) for e in graph.metaedges}
