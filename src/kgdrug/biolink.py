"""What kgdrug's ids, types and relations are called in the Biolink model: CURIEs, categories and predicates.

Categories and predicates are of Biolink 4 (https://w3id.org/biolink); a word that has no counterpart falls back on
`NamedThing` and `related_to`.
"""

CATEGORIES = {
    "Anatomy": "AnatomicalEntity",
    "Biological Process": "BiologicalProcess",
    "Cellular Component": "CellularComponent",
    "Compound": "ChemicalEntity",
    "Disease": "Disease",
    "Gene": "Gene",
    "Molecular Function": "MolecularActivity",
    "Pathway": "Pathway",
    "Pharmacologic Class": "ChemicalEntity",
    "Side Effect": "PhenotypicFeature",
    "Symptom": "PhenotypicFeature",
}
PREDICATES = {
    "associates": "condition_associated_with_gene",
    "binds": "binds",
    "causes": "has_side_effect",
    "covaries": "correlated_with",
    "downregulates": "affects",
    "expresses": "expresses",
    "interacts": "interacts_with",
    "localizes": "disease_has_location",
    "palliates": "ameliorates_condition",
    "participates": "participates_in",
    "presents": "has_phenotype",
    "regulates": "regulates",
    "resembles": "similar_to",
    "treats": "treats",
    "upregulates": "affects",
}
_PREFIXES = {
    "Compound": "DRUGBANK",
    "Gene": "NCBIGene",
    "Pharmacologic Class": "NDFRT",
    "Side Effect": "UMLS",
    "Symptom": "MESH",
}


def curie(entity: str, entity_type: str) -> str:
    """The CURIE of an entity: `Compound::DB00331` is `DRUGBANK:DB00331`; an id of another form stays what it is."""
    bare = entity.removeprefix(f"{entity_type}::")
    if bare == entity or ":" in bare:
        return bare
    prefix = _PREFIXES.get(entity_type)
    return f"{prefix}:{bare}" if prefix else entity


def category(entity_type: str) -> str:
    """The Biolink category of an entity type, with its prefix."""
    return "biolink:" + CATEGORIES.get(entity_type, "NamedThing")


def predicate(relation: str) -> str:
    """The Biolink predicate of a relation, with its prefix."""
    return "biolink:" + PREDICATES.get(relation, "related_to")
