import string
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgdrug.ranking import links, pair_links
from kgdrug.ranking.addresses import PAGES
from kgdrug.sources import load_graph

REAL = [
    # Hetionet and the sample graph
    ("Compound::DB00331", "Compound", "DrugBank", "https://go.drugbank.com/drugs/DB00331"),
    ("Disease::DOID:9352", "Disease", "Disease Ontology", "https://purl.obolibrary.org/obo/DOID_9352"),
    ("Gene::154", "Gene", "NCBI Gene", "https://www.ncbi.nlm.nih.gov/gene/154"),
    ("Anatomy::UBERON:0000955", "Anatomy", "Uberon", "https://purl.obolibrary.org/obo/UBERON_0000955"),
    ("Symptom::D003371", "Symptom", "MeSH", "https://meshb.nlm.nih.gov/record/ui?ui=D003371"),
    ("Side Effect::C0018681", "Side Effect", "UMLS", "https://uts.nlm.nih.gov/uts/umls/concept/C0018681"),
    ("Pathway::WP2059_r71382", "Pathway", "WikiPathways", "https://www.wikipathways.org/pathways/WP2059.html"),
    (
        "Biological Process::GO:0071357",
        "Biological Process",
        "Gene Ontology",
        "https://purl.obolibrary.org/obo/GO_0071357",
    ),
    # DRKG
    (
        "Compound::CHEMBL410414",
        "Compound",
        "ChEMBL",
        "https://www.ebi.ac.uk/chembl/explore/compound/CHEMBL410414",
    ),
    ("Compound::chebi:134923", "Compound", "ChEBI", "https://www.ebi.ac.uk/chebi/CHEBI:134923"),
    ("Compound::pubchem:10041129", "Compound", "PubChem", "https://pubchem.ncbi.nlm.nih.gov/compound/10041129"),
    ("Compound::hmdb:HMDB0000259", "Compound", "HMDB", "https://hmdb.ca/metabolites/HMDB0000259"),
    ("Compound::drugcentral:307", "Compound", "DrugCentral", "https://drugcentral.org/drugcard/307"),
    ("Disease::MESH:D000086382", "Disease", "MeSH", "https://meshb.nlm.nih.gov/record/ui?ui=D000086382"),
    ("Disease::OMIM:125853", "Disease", "OMIM", "https://omim.org/entry/125853"),
    ("Atc::A10BA02", "Atc", "ATC", "https://atcddd.fhi.no/atc_ddd_index/?code=A10BA02"),
    ("Atc::A", "Atc", "ATC", "https://atcddd.fhi.no/atc_ddd_index/?code=A"),
    ("Tax::9606", "Tax", "NCBI Taxonomy", "https://purl.obolibrary.org/obo/NCBITaxon_9606"),
    # PrimeKG
    ("DrugBank:DB00945", "drug", "DrugBank", "https://go.drugbank.com/drugs/DB00945"),
    ("MONDO:5044", "disease", "MONDO", "https://purl.obolibrary.org/obo/MONDO_0005044"),
    ("HPO:1250", "effect/phenotype", "Human Phenotype Ontology", "https://purl.obolibrary.org/obo/HP_0001250"),
    ("REACTOME:R-HSA-109581", "pathway", "Reactome", "https://reactome.org/content/detail/R-HSA-109581"),
    # OpenBioLink, KGX
    ("NCBIGENE:11200", "GENE", "NCBI Gene", "https://www.ncbi.nlm.nih.gov/gene/11200"),
    ("CL:0000001", "ANATOMY", "Cell Ontology", "https://purl.obolibrary.org/obo/CL_0000001"),
    ("KEGG:hsa05200", "PATHWAY", "KEGG", "https://www.kegg.jp/entry/hsa05200"),
    ("HGNC:11603", "Gene", "HGNC", "https://www.genenames.org/data/gene-symbol-report/#!/hgnc_id/HGNC:11603"),
    ("ENSEMBL:ENSG00000254647.7", "Gene", "Ensembl", "https://www.ensembl.org/id/ENSG00000254647"),
    ("UniProtKB:P01308", "Protein", "UniProt", "https://www.uniprot.org/uniprotkb/P01308"),
    ("UniProtKB:A0A024R161", "Protein", "UniProt", "https://www.uniprot.org/uniprotkb/A0A024R161"),
    ("OMIM.PS:PS125853", "Disease", "OMIM", "https://omim.org/phenotypicSeries/PS125853"),
    ("OMIM.PS:125853", "Disease", "OMIM", "https://omim.org/phenotypicSeries/PS125853"),
    ("Orphanet:508093", "Disease", "Orphanet", "https://www.orpha.net/en/disease/detail/508093"),
    (
        "EFO:0000400",
        "Disease",
        "Experimental Factor Ontology",
        "https://www.ebi.ac.uk/efo/EFO_0000400",
    ),
    ("PUBCHEM.SUBSTANCE:135", "Drug", "PubChem", "https://pubchem.ncbi.nlm.nih.gov/substance/135"),
]
HOSTILE = [
    'the "best" drug',
    "rise & shine=1#top",
    "Sjögren's syndrome",
    "猫 ✓",
    "a/b\\c?d",
    "100 % <b>bold</b>",
    "x+y",
    "tab\tand\nline",
    "half \ud800 letter",
    "NUL \0",
    "x" * 5000,
]


def fields(url):
    """What a search is asked, as a browser reads it."""
    return parse_qs(urlsplit(url).query, strict_parsing=True)


def check(url):
    parts = urlsplit(url)
    assert parts.scheme == "https"
    assert "." in parts.hostname
    assert parts.port is None
    assert set(url) <= set(string.ascii_letters + string.digits + "-._~:/?#@!$&'()*+,;=%")


@pytest.mark.parametrize(("entity", "entity_type", "label", "url"), REAL)
def test_an_id_of_each_form_leads_to_its_page(entity, entity_type, label, url):
    assert links(entity, entity_type, entity) == {label: url}
    check(url)


def test_each_page_is_led_to_by_a_real_id():
    assert {label for _, _, label, _ in REAL} == {label for label, _, _ in PAGES.values()}
    assert len({url for _, _, _, url in REAL}) >= len(PAGES)


@pytest.mark.parametrize(
    ("entity", "entity_type"),
    [
        ("Pathway::PC7_11143", "Pathway"),
        ("Pharmacologic Class::N0000175503", "Pharmacologic Class"),  # NDF-RT is no more
        ("Gene::2157;2158", "Gene"),
        ("Disease::SARS-CoV2 E", "Disease"),
        ("MONDO_grouped:13924_12592", "disease"),
        ("Compound::zinc:ZINC03995845", "Compound"),
        ("Compound::DB1", "Compound"),
        ("DRUGBANK:DB00331/../..", "Compound"),
        ("DOID:9352?x=1", "Disease"),
        ("DOID:९३५२", "Disease"),
        ("DOID:", "Disease"),
        ("DOID:9352\n", "Disease"),
        ("MONDO:{0.__class__}", "Disease"),
        ("javascript:alert(1)", "Compound"),
        ("https://example.org", "Compound"),
        ("metformin", "Entity"),
        ("", ""),
    ],
)
def test_an_id_of_another_form_has_no_page(entity, entity_type):
    assert links(entity, entity_type, entity) == {}


def test_a_medicine_and_a_condition_are_searched_for_by_name():
    found = links("Compound::DB00331", "Compound", "Metformin")
    assert found == {
        "DrugBank": "https://go.drugbank.com/drugs/DB00331",
        "PubMed": "https://pubmed.ncbi.nlm.nih.gov/?term=Metformin",
        "ClinicalTrials.gov": "https://clinicaltrials.gov/search?intr=Metformin",
    }
    found = links("Disease::DOID:9352", "Disease", "type 2 diabetes mellitus")
    assert found["ClinicalTrials.gov"] == "https://clinicaltrials.gov/search?cond=type%202%20diabetes%20mellitus"
    assert links("D1", "disease", "asthma").keys() == {"PubMed", "ClinicalTrials.gov"}
    assert links("Gene::154", "Gene", "ADRB2").keys() == {"NCBI Gene"}


def test_a_pair_is_searched_for_together():
    assert pair_links("Metformin", "type 2 diabetes mellitus") == {
        "PubMed": "https://pubmed.ncbi.nlm.nih.gov/?term=%28Metformin%29%20AND%20%28type%202%20diabetes%20mellitus%29",
        "ClinicalTrials.gov": "https://clinicaltrials.gov/search?intr=Metformin&cond=type%202%20diabetes%20mellitus",
    }


@pytest.mark.parametrize(("compound", "disease"), [("", "asthma"), ("Metformin", ""), ("  ", "asthma"), ('"', "\0")])
def test_what_has_no_name_is_not_searched_for(compound, disease):
    assert pair_links(compound, disease) == {}
    assert links("Compound::DB1", "Compound", "") == links("Compound::DB1", "Compound", "()") == {}


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_makes_a_sound_address(name):
    one, pair = links("Compound::DB00331", "Compound", name), pair_links(name, name)
    for url in (*one.values(), *pair.values()):
        check(url)
    words = fields(one["PubMed"])["term"]
    assert fields(one["ClinicalTrials.gov"]) == {"intr": words}
    assert fields(pair["PubMed"]) == {"term": [f"({words[0]}) AND ({words[0]})"]}
    assert fields(pair["ClinicalTrials.gov"]) == {"intr": words, "cond": words}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ('the "best" drug', "the best drug"),
        ("rise & shine=1#top", "rise & shine=1#top"),
        ("poly(ADP-ribose) [INN]", "poly ADP-ribose INN"),
        ("cold OR flu AND NOT fever*", "cold or flu and not fever"),
        ("NOTCH ANDROGEN", "NOTCH ANDROGEN"),
        ("tab\tand\nline\0", "tab and line"),
    ],
)
def test_what_a_search_would_take_for_its_own_sign_is_left_out(name, words):
    assert fields(pair_links(name, "asthma")["ClinicalTrials.gov"])["intr"] == [words]


@given(st.text(), st.sampled_from(["Compound", "Disease", "Gene", "drug", ""]), st.text())
def test_whatever_comes_no_address_is_broken(entity, entity_type, name):
    for url in (*links(entity, entity_type, name).values(), *pair_links(name, entity).values()):
        check(url)


def test_all_of_the_sample_graph_but_some_pathways_and_classes_have_a_page():
    graph = load_graph("essential")
    without = [
        graph.entities.ids[i]
        for t in graph.entity_types
        for i in t.range
        if not links(graph.entities.ids[i], t.name, graph.entities.ids[i])
    ]
    assert {entity.rstrip(string.digits) for entity in without} == {"Pathway::PC7_", "Pharmacologic Class::N"}
