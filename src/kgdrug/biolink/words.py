"""Types and relations of graphs in the words of Biolink: categories, predicates, qualifiers.

The words of Hetionet, DRKG, PrimeKG and OpenBioLink have their counterparts below. A type or relation that is a word of
Biolink itself, as in KGX, stays it; any other is `NamedThing` or `related_to`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from kgdrug.biolink.hierarchy import CATEGORY_PARENTS, PREFIX, ancestors, inverse

CATEGORIES = {
    "Anatomy": "AnatomicalEntity",
    "Atc": "ChemicalEntity",
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
    "Tax": "OrganismTaxon",
    # PrimeKG
    "anatomy": "AnatomicalEntity",
    "biological_process": "BiologicalProcess",
    "cellular_component": "CellularComponent",
    "disease": "Disease",
    "drug": "ChemicalEntity",
    "effect/phenotype": "PhenotypicFeature",
    "exposure": "ExposureEvent",
    "gene/protein": "Gene",
    "molecular_function": "MolecularActivity",
    "pathway": "Pathway",
    # OpenBioLink
    "ANATOMY": "AnatomicalEntity",
    "DIS": "Disease",
    "DRUG": "ChemicalEntity",
    "GENE": "Gene",
    "PATHWAY": "Pathway",
    "PHENOTYPE": "PhenotypicFeature",
}
# in Biolink 4 a drug is a mixture and no small molecule; a type that holds both answers queries for either
ALSO = dict.fromkeys(("Compound", "drug", "DRUG"), ("Drug", "SmallMolecule"))

_CHEMICAL, _GENE, _DISEASE, _ANATOMY = "ChemicalEntity", "Gene", "Disease", "AnatomicalEntity"
_FEATURE, _CONDITION = "PhenotypicFeature", "DiseaseOrPhenotypicFeature"
_PROCESS, _COMPONENT, _ANY = "BiologicalProcessOrActivity", "CellularComponent", "NamedThing"


def _causes(direction: str, aspect: str) -> dict[str, str]:
    qualifiers = {"qualified_predicate": "biolink:causes", "object_aspect_qualifier": aspect}
    return qualifiers | {"object_direction_qualifier": direction}


_BINDING = {"causal_mechanism_qualifier": "binding"}
_OF_EXPRESSION = {"object_aspect_qualifier": "expression"}


@dataclass(frozen=True)
class Saying:
    """A relation between two categories, and what Biolink says for it."""

    relation: str
    head: str
    tail: str
    predicate: str
    qualifiers: Mapping[str, str] = field(default_factory=dict)


SAYINGS = (  # of a relation the first that fits
    Saying("associates", _DISEASE, _GENE, "condition_associated_with_gene"),
    Saying("associates", _GENE, _DISEASE, "gene_associated_with_condition"),
    Saying("associates", _ANY, _ANY, "associated_with"),
    Saying("binds", _ANY, _ANY, "directly_physically_interacts_with", _BINDING),  # `binds` itself is deprecated
    Saying("causes", _CHEMICAL, _FEATURE, "has_side_effect"),
    Saying("covaries", _ANY, _ANY, "correlated_with"),
    Saying("downregulates", _CHEMICAL, _GENE, "affects", _causes("decreased", "expression")),
    Saying("upregulates", _CHEMICAL, _GENE, "affects", _causes("increased", "expression")),
    Saying("downregulates", _GENE, _GENE, "regulates", _causes("decreased", "expression")),
    Saying("upregulates", _GENE, _GENE, "regulates", _causes("increased", "expression")),
    # a gene that is low or high in a disease or an organ: measured together, not caused
    Saying("downregulates", _ANY, _GENE, "negatively_correlated_with", _OF_EXPRESSION),
    Saying("upregulates", _ANY, _GENE, "positively_correlated_with", _OF_EXPRESSION),
    Saying("includes", _CHEMICAL, _CHEMICAL, "has_member"),
    Saying("interacts", _GENE, _GENE, "physically_interacts_with"),
    Saying("interacts", _ANY, _ANY, "interacts_with"),
    Saying("localizes", _DISEASE, _ANATOMY, "disease_has_location"),
    Saying("palliates", _CHEMICAL, _CONDITION, "ameliorates_condition"),
    Saying("participates", _GENE, _COMPONENT, "located_in"),
    Saying("participates", _ANY, _PROCESS, "participates_in"),
    Saying("presents", _ANY, _FEATURE, "has_phenotype"),
    Saying("resembles", _CHEMICAL, _CHEMICAL, "chemically_similar_to"),
    Saying("resembles", _ANY, _ANY, "similar_to"),
    # DRKG, beside Hetionet's
    Saying("T", _CHEMICAL, _DISEASE, "treats_or_applied_or_studied_to_treat"),  # of GNBR: treatment, or a trial of one
    Saying("ddi-interactor-in", _CHEMICAL, _CHEMICAL, "interacts_with"),
    Saying("in_tax", _GENE, "OrganismTaxon", "in_taxon"),
    # PrimeKG; what DrugBank says of targets DRKG has too
    Saying("associated with", _DISEASE, _GENE, "condition_associated_with_gene"),
    Saying("associated with", _FEATURE, _GENE, "condition_associated_with_gene"),
    Saying("associated with", _GENE, _CONDITION, "gene_associated_with_condition"),
    Saying("carrier", _CHEMICAL, _GENE, "physically_interacts_with"),
    Saying("contraindication", _CHEMICAL, _CONDITION, "contraindicated_in"),
    Saying("enzyme", _CHEMICAL, _GENE, "physically_interacts_with"),
    Saying("expression present", _ANATOMY, _GENE, "expresses"),
    Saying("expression present", _GENE, _ANATOMY, "expressed_in"),
    Saying("indication", _CHEMICAL, _CONDITION, "treats"),
    Saying("interacts with", _COMPONENT, _GENE, "location_of"),
    Saying("interacts with", _GENE, _COMPONENT, "located_in"),
    Saying("interacts with", _GENE, _PROCESS, "participates_in"),
    Saying("interacts with", _PROCESS, _GENE, "has_participant"),
    Saying("linked to", _ANY, _ANY, "associated_with"),
    Saying("off-label use", _CHEMICAL, _CONDITION, "applied_to_treat"),
    Saying("phenotype present", _DISEASE, _FEATURE, "has_phenotype"),
    Saying("phenotype present", _FEATURE, _DISEASE, "phenotype_of"),
    Saying("ppi", _GENE, _GENE, "physically_interacts_with"),
    Saying("side effect", _CHEMICAL, _FEATURE, "has_side_effect"),
    Saying("synergistic interaction", _CHEMICAL, _CHEMICAL, "interacts_with"),
    Saying("target", _CHEMICAL, _GENE, "physically_interacts_with"),
    Saying("transporter", _CHEMICAL, _GENE, "physically_interacts_with"),
    # OpenBioLink
    Saying("DIS_DRUG", _CHEMICAL, _DISEASE, "treats"),
    Saying("DIS_PHENOTYPE", _DISEASE, _FEATURE, "has_phenotype"),
    Saying("DRUG_ACTIVATION_GENE", _CHEMICAL, _GENE, "affects", _causes("increased", "activity")),
    Saying("DRUG_BINDING_GENE", _CHEMICAL, _GENE, "directly_physically_interacts_with", _BINDING),
    Saying("DRUG_INHIBITION_GENE", _CHEMICAL, _GENE, "affects", _causes("decreased", "activity")),
    Saying("DRUG_PHENOTYPE", _CHEMICAL, _FEATURE, "has_side_effect"),
    Saying("GENE_ACTIVATION_GENE", _GENE, _GENE, "affects", _causes("increased", "activity")),
    Saying("GENE_BINDING_GENE", _GENE, _GENE, "directly_physically_interacts_with", _BINDING),
    Saying("GENE_DIS", _GENE, _DISEASE, "gene_associated_with_condition"),
    Saying("GENE_DRUG", _GENE, _CHEMICAL, "interacts_with"),
    Saying("GENE_EXPRESSED_ANATOMY", _GENE, _ANATOMY, "expressed_in"),
    Saying("GENE_GENE", _GENE, _GENE, "interacts_with"),
    Saying("GENE_INHIBITION_GENE", _GENE, _GENE, "affects", _causes("decreased", "activity")),
    Saying("GENE_PATHWAY", _GENE, "Pathway", "participates_in"),
    Saying("GENE_PHENOTYPE", _GENE, _FEATURE, "has_phenotype"),
    Saying("IS_A", _ANY, _ANY, "subclass_of"),
    Saying("PART_OF", _ANY, _ANY, "part_of"),
)
CODES = {  # DRKG keeps Hetionet's abbreviations as relations
    "AdG": "downregulates", "AeG": "expresses", "AuG": "upregulates", "CbG": "binds", "CcSE": "causes",
    "CdG": "downregulates", "CpD": "palliates", "CrC": "resembles", "CtD": "treats", "CuG": "upregulates",
    "DaG": "associates", "DdG": "downregulates", "DlA": "localizes", "DpS": "presents", "DrD": "resembles",
    "DuG": "upregulates", "GcG": "covaries", "GiG": "interacts", "GpBP": "participates", "GpCC": "participates",
    "GpMF": "participates", "GpPW": "participates", "Gr>G": "regulates", "PCiC": "includes",
}  # fmt: skip


def category(entity_type: str) -> str:
    """The Biolink category of an entity type, with its prefix."""
    name = entity_type.removeprefix(PREFIX)
    return PREFIX + CATEGORIES.get(entity_type, name if name in CATEGORY_PARENTS else "NamedThing")


@cache
def categories(entity_type: str) -> frozenset[str]:
    """Every category by which the entities of a type may be asked for: what they may be, and all above it."""
    may_be = (category(entity_type), *(PREFIX + name for name in ALSO.get(entity_type, ())))
    return frozenset().union(*map(ancestors, may_be))


def predicate(relation: str, head_type: str, tail_type: str) -> str:
    """The Biolink predicate, with its prefix, of a relation from one entity type to another."""
    return PREFIX + _saying(relation, head_type, tail_type).predicate


def qualifiers(relation: str, head_type: str, tail_type: str) -> dict[str, str]:
    """What the predicate alone leaves out, by qualifier type: that an effect is on expression, and increases it."""
    return {PREFIX + name: value for name, value in _saying(relation, head_type, tail_type).qualifiers.items()}


@cache
def _saying(relation: str, head_type: str, tail_type: str) -> Saying:
    word, heads, tails = CODES.get(relation, relation), categories(head_type), categories(tail_type)
    for saying in SAYINGS:
        if saying.relation == word and PREFIX + saying.head in heads and PREFIX + saying.tail in tails:
            return saying
    plain = word.removeprefix(PREFIX).replace(" ", "_")
    return Saying(relation, _ANY, _ANY, plain if inverse(PREFIX + plain) else "related_to")
