"""Ids of entities as CURIEs, whose prefixes are spelled as in Biolink (`id_prefixes` of its categories).

Three that Biolink lacks are Bioregistry's (https://bioregistry.io): `ATC`, `NDFRT` and `CTD`.
"""

import re

# what stands behind `Type::` in Hetionet and DRKG, which write no prefix
PREFIXES = {
    "Atc": (("ATC", r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?"),),
    "Compound": (("DRUGBANK", r"DB\d+"), ("CHEMBL.COMPOUND", r"CHEMBL\d+")),
    "Gene": (("NCBIGene", r"\d+"),),
    "Pathway": (("WIKIPATHWAYS", r"WP\d+(_r\d+)?"),),
    "Pharmacologic Class": (("NDFRT", r"N\d+"),),
    "Side Effect": (("UMLS", r"C\d+"),),
    "Symptom": (("MESH", r"[CD]\d+"),),
    "Tax": (("NCBITaxon", r"\d+"),),
}
# prefixes as other graphs spell them: DRKG, PrimeKG, OpenBioLink, and the lower case of Bioregistry
SPELLINGS = {
    "CHEMBL": "CHEMBL.COMPOUND",
    "DrugBank": "DRUGBANK",
    "HPO": "HP",
    "NCBI": "NCBIGene",
    "NCBIGENE": "NCBIGene",
    "Orphanet": "orphanet",
    "REACTOME": "REACT",
    "UNIPROT": "UniProtKB",
    "chebi": "CHEBI",
    "doid": "DOID",
    "drugbank": "DRUGBANK",
    "drugcentral": "DrugCentral",
    "ensembl": "ENSEMBL",
    "go": "GO",
    "hgnc": "HGNC",
    "hmdb": "HMDB",
    "hp": "HP",
    "mesh": "MESH",
    "mondo": "MONDO",
    "ncbigene": "NCBIGene",
    "omim": "OMIM",
    "pubchem": "PUBCHEM.COMPOUND",
    "pubchem.compound": "PUBCHEM.COMPOUND",
    "reactome": "REACT",
    "uberon": "UBERON",
    "umls": "UMLS",
    "uniprot": "UniProtKB",
}
SEVEN_DIGITS = frozenset({"CL", "EFO", "GO", "HP", "MONDO", "UBERON"})  # PrimeKG leaves out the zeros in front


def curie(entity: str, entity_type: str) -> str:
    """The CURIE of an entity: `Compound::DB00331` is `DRUGBANK:DB00331`; an id of another form stays what it is."""
    bare = entity.removeprefix(f"{entity_type}::")
    prefix, colon, local = bare.partition(":")
    if colon:
        prefix = SPELLINGS.get(prefix, prefix)
        if prefix in SEVEN_DIGITS and re.fullmatch(r"\d{1,6}", local, re.ASCII):
            local = local.zfill(7)
        return f"{prefix}:{local}"
    forms = PREFIXES.get(entity_type, ()) if bare != entity else ()
    return next((f"{prefix}:{bare}" for prefix, form in forms if re.fullmatch(form, bare, re.ASCII)), entity)
