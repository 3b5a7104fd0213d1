"""Where to read on about an entity or a pair: addresses made from ids and names alone; nothing is asked for them.

An id leads to the page about it; a name, to what is written and tried. Where ontologies have no page of their own the
address is the OBO Foundry's, which leads on to the current one.
"""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from kgdrug.biolink import categories, curie

# prefix of a CURIE: what the page is called, the form of what stands behind the prefix, and the address, whose {} is
# that, or the first group of the form where it has one
PAGES = {
    "ATC": ("ATC", r"[A-Z](?:\d\d(?:[A-Z](?:[A-Z](?:\d\d)?)?)?)?", "https://atcddd.fhi.no/atc_ddd_index/?code={}"),
    "CHEBI": ("ChEBI", r"\d+", "https://www.ebi.ac.uk/chebi/CHEBI:{}"),
    "CHEMBL.COMPOUND": ("ChEMBL", r"CHEMBL\d+", "https://www.ebi.ac.uk/chembl/explore/compound/{}"),
    "CL": ("Cell Ontology", r"\d{7}", "https://purl.obolibrary.org/obo/CL_{}"),
    "DOID": ("Disease Ontology", r"\d+", "https://purl.obolibrary.org/obo/DOID_{}"),
    "DRUGBANK": ("DrugBank", r"DB\d{5}", "https://go.drugbank.com/drugs/{}"),
    "DrugCentral": ("DrugCentral", r"\d+", "https://drugcentral.org/drugcard/{}"),
    "EFO": ("Experimental Factor Ontology", r"\d{7}", "https://www.ebi.ac.uk/efo/EFO_{}"),
    "ENSEMBL": ("Ensembl", r"(ENS[A-Z]*[GTP]\d{11})(?:\.\d+)?", "https://www.ensembl.org/id/{}"),
    "GO": ("Gene Ontology", r"\d{7}", "https://purl.obolibrary.org/obo/GO_{}"),
    "HGNC": ("HGNC", r"\d+", "https://www.genenames.org/data/gene-symbol-report/#!/hgnc_id/HGNC:{}"),
    "HMDB": ("HMDB", r"HMDB(?:\d{5}|\d{7})", "https://hmdb.ca/metabolites/{}"),
    "HP": ("Human Phenotype Ontology", r"\d{7}", "https://purl.obolibrary.org/obo/HP_{}"),
    "KEGG": ("KEGG", r"[CDHR]\d{5}|[a-z]{2,4}\d{5}", "https://www.kegg.jp/entry/{}"),
    "MESH": ("MeSH", r"[CD]\d{6}(?:\d{3})?", "https://meshb.nlm.nih.gov/record/ui?ui={}"),
    "MONDO": ("MONDO", r"\d{7}", "https://purl.obolibrary.org/obo/MONDO_{}"),
    "NCBIGene": ("NCBI Gene", r"\d+", "https://www.ncbi.nlm.nih.gov/gene/{}"),
    "NCBITaxon": ("NCBI Taxonomy", r"\d+", "https://purl.obolibrary.org/obo/NCBITaxon_{}"),
    "OMIM": ("OMIM", r"\d{6}", "https://omim.org/entry/{}"),
    "OMIM.PS": ("OMIM", r"(?:PS)?(\d{6})", "https://omim.org/phenotypicSeries/PS{}"),
    "PUBCHEM.COMPOUND": ("PubChem", r"\d+", "https://pubchem.ncbi.nlm.nih.gov/compound/{}"),
    "PUBCHEM.SUBSTANCE": ("PubChem", r"\d+", "https://pubchem.ncbi.nlm.nih.gov/substance/{}"),
    "REACT": ("Reactome", r"R-[A-Z]{3}-\d+", "https://reactome.org/content/detail/{}"),
    "UBERON": ("Uberon", r"\d{7}", "https://purl.obolibrary.org/obo/UBERON_{}"),
    "UMLS": ("UMLS", r"C\d{7}", "https://uts.nlm.nih.gov/uts/umls/concept/{}"),
    "UniProtKB": (
        "UniProt",
        r"[OPQ]\d[A-Z0-9]{3}\d|[A-NR-Z]\d(?:[A-Z][A-Z0-9]{2}\d){1,2}",
        "https://www.uniprot.org/uniprotkb/{}",
    ),
    "WIKIPATHWAYS": ("WikiPathways", r"(WP\d+)(?:_r\d+)?", "https://www.wikipathways.org/pathways/{}.html"),
    "orphanet": ("Orphanet", r"\d+", "https://www.orpha.net/en/disease/detail/{}"),
}
_SEARCH_SIGNS = re.compile(r'["()\[\]{}*\x00-\x1f\x7f]')
_SEARCH_WORDS = re.compile(r"\b(?:AND|OR|NOT)\b")


def links(id: str, entity_type: str, name: str) -> dict[str, str]:
    """Addresses for one entity, by what they are called: the page of its id, and searches for a medicine or condition.

    An id of another form than PAGES knows has no page, and an entity that is named after its id no search.
    """
    found = {}
    prefix, _, local = curie(id, entity_type).partition(":")
    if prefix in PAGES:
        label, form, address = PAGES[prefix]
        match = re.fullmatch(form, local, re.ASCII)
        if match is not None:
            found[label] = address.format(match[1] if match.re.groups else match[0])
    words, kinds = _search_words(name), categories(entity_type)
    for kind, field in (("biolink:ChemicalEntity", "intr"), ("biolink:DiseaseOrPhenotypicFeature", "cond")):
        if kind in kinds and words and name != id:
            found |= {"PubMed": _pubmed(words), "ClinicalTrials.gov": _trials({field: words})}
    return found


def pair_links(compound_name: str, disease_name: str) -> dict[str, str]:
    """Addresses of searches for a medicine and a disease together; none where one has no name."""
    compound, disease = _search_words(compound_name), _search_words(disease_name)
    if not compound or not disease:
        return {}
    return {
        "PubMed": _pubmed(f"({compound}) AND ({disease})"),
        "ClinicalTrials.gov": _trials({"intr": compound, "cond": disease}),
    }


def _search_words(name: str) -> str:
    """A name without what searches take for a sign of their own."""
    words = _SEARCH_WORDS.sub(lambda match: match[0].lower(), _SEARCH_SIGNS.sub(" ", name))
    return " ".join(words.split())


def _pubmed(term: str) -> str:
    return "https://pubmed.ncbi.nlm.nih.gov/?" + _query({"term": term})


def _trials(fields: Mapping[str, str]) -> str:
    return "https://clinicaltrials.gov/search?" + _query(fields)


def _query(fields: Mapping[str, str]) -> str:
    return urlencode(fields, quote_via=quote, errors="replace")
