import pytest

from kgdrug.biolink import curie


@pytest.mark.parametrize(
    ("entity", "entity_type", "expected"),
    [
        # Hetionet and the sample graph
        ("Compound::DB00331", "Compound", "DRUGBANK:DB00331"),
        ("Disease::DOID:9352", "Disease", "DOID:9352"),
        ("Gene::154", "Gene", "NCBIGene:154"),
        ("Anatomy::UBERON:0000955", "Anatomy", "UBERON:0000955"),
        ("Symptom::D003371", "Symptom", "MESH:D003371"),
        ("Side Effect::C0018681", "Side Effect", "UMLS:C0018681"),
        ("Pharmacologic Class::N0000175503", "Pharmacologic Class", "NDFRT:N0000175503"),
        ("Biological Process::GO:0071357", "Biological Process", "GO:0071357"),
        ("Pathway::WP2059_r71382", "Pathway", "WIKIPATHWAYS:WP2059_r71382"),
        # DRKG
        ("Compound::CHEMBL410414", "Compound", "CHEMBL.COMPOUND:CHEMBL410414"),
        ("Compound::MESH:C403507", "Compound", "MESH:C403507"),
        ("Compound::chebi:134923", "Compound", "CHEBI:134923"),
        ("Compound::pubchem:10041129", "Compound", "PUBCHEM.COMPOUND:10041129"),
        ("Compound::hmdb:HMDB0000259", "Compound", "HMDB:HMDB0000259"),
        ("Compound::drugcentral:307", "Compound", "DrugCentral:307"),
        ("Disease::MESH:D003924", "Disease", "MESH:D003924"),
        ("Disease::OMIM:125853", "Disease", "OMIM:125853"),
        ("Atc::A10BA02", "Atc", "ATC:A10BA02"),
        ("Tax::9606", "Tax", "NCBITaxon:9606"),
        # PrimeKG
        ("DrugBank:DB00945", "drug", "DRUGBANK:DB00945"),
        ("NCBI:9796", "gene/protein", "NCBIGene:9796"),
        ("MONDO:5044", "disease", "MONDO:0005044"),
        ("GO:6355", "biological_process", "GO:0006355"),
        ("HPO:1250", "effect/phenotype", "HP:0001250"),
        ("UBERON:955", "anatomy", "UBERON:0000955"),
        ("REACTOME:R-HSA-109581", "pathway", "REACT:R-HSA-109581"),
        # OpenBioLink
        ("NCBIGENE:11200", "GENE", "NCBIGene:11200"),
        ("DOID:0050214", "DIS", "DOID:0050214"),
        ("PUBCHEM.COMPOUND:10630", "DRUG", "PUBCHEM.COMPOUND:10630"),
        ("HP:0009919", "PHENOTYPE", "HP:0009919"),
        # KGX
        ("HGNC:11603", "Gene", "HGNC:11603"),
        ("MONDO:0005002", "Disease", "MONDO:0005002"),
    ],
)
def test_an_id_of_each_form_has_its_curie(entity, entity_type, expected):
    assert curie(entity, entity_type) == expected
    assert curie(expected, entity_type) == expected


@pytest.mark.parametrize(
    ("entity", "entity_type"),
    [
        ("3630", "Gene"),  # a number that nothing says to be of NCBI
        ("Gene::2157;2158", "Gene"),
        ("Gene::١٢", "Gene"),
        ("Compound::aspirin", "Compound"),
        ("Compound::DB00331", "Gene"),
        ("Disease::SARS-CoV2 E", "Disease"),
        ("Pathway::PC7_11143", "Pathway"),
        ("MONDO_grouped:13924_12592", "disease"),
        ("MONDO:new", "Disease"),
        ("metformin", "Entity"),
        ("", "Gene"),
        (":", "Gene"),
    ],
)
def test_an_id_of_another_form_stays_what_it_is(entity, entity_type):
    assert curie(entity, entity_type) == entity
