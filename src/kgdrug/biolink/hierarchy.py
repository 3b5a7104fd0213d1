"""What is above what in the Biolink model: categories, and predicates with their inverses.

Facts of Biolink 4.4.4 (https://github.com/biolink/biolink-model, `biolink-model.yaml`, CC0 1.0), limited to what graphs
of medicine are said in and to what is above it. Left out are mixins that name no kind of thing to ask for, such as
`OntologyClass`.

A word that is not here stands for itself alone.
"""

from collections.abc import Iterable
from functools import cache

BIOLINK_VERSION = "4.4.4"
PREFIX = "biolink:"

# category: what it is, by the model's is_a and mixins, without what follows from the others
CATEGORY_PARENTS = {
    "NamedThing": "",
    "ChemicalEntity": "NamedThing ChemicalOrDrugOrTreatment ChemicalEntityOrGeneOrGeneProduct",
    "MolecularEntity": "ChemicalEntity",
    "NucleicAcidEntity": "MolecularEntity GenomicEntity",
    "SmallMolecule": "MolecularEntity",
    "ChemicalMixture": "ChemicalEntity",
    "ComplexMolecularMixture": "ChemicalMixture",
    "Food": "ChemicalMixture",
    "MolecularMixture": "ChemicalMixture",
    "Drug": "MolecularMixture",
    "OrganismTaxon": "NamedThing",
    "ExposureEvent": "NamedThing",
    "ChemicalExposure": "ExposureEvent",
    "EnvironmentalExposure": "ExposureEvent",
    "Treatment": "ExposureEvent ChemicalOrDrugOrTreatment",
    "Procedure": "NamedThing",
    "BiologicalEntity": "NamedThing",
    "Gene": "BiologicalEntity GeneOrGeneProduct GenomicEntity ChemicalEntityOrGeneOrGeneProduct",
    "GeneFamily": "BiologicalEntity MacromolecularMachineMixin ChemicalEntityOrGeneOrGeneProduct",
    "ProteinFamily": "BiologicalEntity ChemicalEntityOrGeneOrGeneProduct",
    "MacromolecularComplex": "BiologicalEntity MacromolecularMachineMixin",
    "SequenceVariant": "BiologicalEntity GenomicEntity",
    "Transcript": "BiologicalEntity",
    "RNAProduct": "Transcript GeneProductMixin",
    "OrganismalEntity": "BiologicalEntity",
    "AnatomicalEntity": "OrganismalEntity",
    "Cell": "AnatomicalEntity",
    "GrossAnatomicalStructure": "AnatomicalEntity",
    "PathologicalAnatomicalStructure": "AnatomicalEntity",
    "CellularComponent": "AnatomicalEntity",
    "CellLine": "OrganismalEntity",
    "Bacterium": "OrganismalEntity",
    "Virus": "OrganismalEntity",
    "BiologicalProcessOrActivity": "BiologicalEntity",
    "BiologicalProcess": "BiologicalProcessOrActivity",
    "PhysiologicalProcess": "BiologicalProcess",
    "PathologicalProcess": "BiologicalProcess",
    "Pathway": "BiologicalProcess",
    "MolecularActivity": "BiologicalProcessOrActivity",
    "Polypeptide": "BiologicalEntity ChemicalEntityOrGeneOrGeneProduct",
    "Protein": "Polypeptide GeneProductMixin",
    "DiseaseOrPhenotypicFeature": "BiologicalEntity",
    "Disease": "DiseaseOrPhenotypicFeature",
    "PhenotypicFeature": "DiseaseOrPhenotypicFeature",
    "ClinicalFinding": "PhenotypicFeature",
    "BehavioralFeature": "PhenotypicFeature",
    "Attribute": "NamedThing",
    "ChemicalRole": "Attribute",
    "ChemicalEntityOrGeneOrGeneProduct": "",
    "ChemicalOrDrugOrTreatment": "",
    "GenomicEntity": "",
    "MacromolecularMachineMixin": "",
    "GeneOrGeneProduct": "MacromolecularMachineMixin",
    "GeneProductMixin": "GeneOrGeneProduct",
}
# predicate: what it is, and its inverse. Of two that are inverse to each other the canonical one stands here; the other
# is below the inverses of what the first is below, which the model itself does not keep to everywhere
PREDICATE_PARENTS = {
    "related_to": ("", "related_to"),
    "disease_has_location": ("related_to", "location_of_disease"),
    "related_to_at_concept_level": ("related_to", "related_to_at_concept_level"),
    "has_chemical_role": ("related_to_at_concept_level", "is_chemical_role_of"),
    "has_member": ("related_to_at_concept_level", "member_of"),
    "subclass_of": ("related_to_at_concept_level", "superclass_of"),
    "related_to_at_instance_level": ("related_to", "related_to_at_instance_level"),
    "active_in": ("related_to_at_instance_level", "has_active_component"),
    "affects": ("related_to_at_instance_level", "affected_by"),
    "ameliorates_condition": ("affects treats", "condition_ameliorated_by"),
    "exacerbates_condition": ("affects promotes_condition", "condition_exacerbated_by"),
    "has_adverse_event": ("affects", "adverse_event_of"),
    "has_side_effect": ("affects", "is_side_effect_of"),
    "regulates": ("affects interacts_with", "regulated_by"),
    "affects_likelihood_of": ("related_to_at_instance_level", "likelihood_affected_by"),
    "predisposes_to_condition": ("affects_likelihood_of promotes_condition", "condition_predisposed_by"),
    "preventative_for_condition": ("affects_likelihood_of treats", "has_preventative_intervention"),
    "promotes_condition": ("affects_likelihood_of", "condition_promoted_by"),
    "applied_to_treat": ("treats_or_applied_or_studied_to_treat", "treatment_applications_from"),
    "associated_with": ("related_to_at_instance_level", "associated_with"),
    "associated_with_likelihood_of": ("associated_with", "likelihood_associated_with"),
    "associated_with_decreased_likelihood_of": (
        "associated_with_likelihood_of",
        "decreased_likelihood_associated_with",
    ),
    "associated_with_increased_likelihood_of": (
        "associated_with_likelihood_of",
        "increased_likelihood_associated_with",
    ),
    "correlated_with": ("associated_with", "correlated_with"),
    "biomarker_for": ("correlated_with", "has_biomarker"),
    "coexpressed_with": ("correlated_with", "coexpressed_with"),
    "negatively_correlated_with": ("correlated_with", "negatively_correlated_with"),
    "occurs_together_in_literature_with": ("correlated_with", "occurs_together_in_literature_with"),
    "positively_correlated_with": ("correlated_with", "positively_correlated_with"),
    "genetically_associated_with": ("associated_with", "genetically_associated_with"),
    "gene_associated_with_condition": ("genetically_associated_with", "condition_associated_with_gene"),
    "coexists_with": ("related_to_at_instance_level", "coexists_with"),
    "colocalizes_with": ("coexists_with", "colocalizes_with"),
    "contraindicated_in": ("related_to_at_instance_level", "has_contraindication"),
    "contributes_to": ("related_to_at_instance_level", "contribution_from"),
    "causes": ("contributes_to", "caused_by"),
    "derives_from": ("related_to_at_instance_level", "derives_into"),
    "disease_has_basis_in": ("related_to_at_instance_level", "occurs_in_disease"),
    "gene_product_of": ("related_to_at_instance_level", "has_gene_product"),
    "has_participant": ("related_to_at_instance_level", "participates_in"),
    "actively_involved_in": ("participates_in", "actively_involves"),
    "capable_of": ("actively_involved_in", "can_be_carried_out_by"),
    "catalyzes": ("participates_in", "has_catalyst"),
    "enables": ("participates_in", "enabled_by"),
    "has_phenotype": ("related_to_at_instance_level", "phenotype_of"),
    "in_taxon": ("related_to_at_instance_level", "taxon_of"),
    "interacts_with": ("related_to_at_instance_level", "interacts_with"),
    "genetically_interacts_with": ("interacts_with", "genetically_interacts_with"),
    "pharmacologically_interacts_with": ("interacts_with", "pharmacologically_interacts_with"),
    "physically_interacts_with": ("interacts_with", "physically_interacts_with"),
    "directly_physically_interacts_with": ("physically_interacts_with", "directly_physically_interacts_with"),
    "binds": ("directly_physically_interacts_with", "binds"),
    "indirectly_physically_interacts_with": ("physically_interacts_with", "indirectly_physically_interacts_with"),
    "located_in": ("related_to_at_instance_level", "location_of"),
    "expressed_in": ("located_in", "expresses"),
    "occurs_in": ("related_to_at_instance_level", "contains_process"),
    "overlaps": ("related_to_at_instance_level", "overlaps"),
    "has_part": ("overlaps", "part_of"),
    "similar_to": ("related_to_at_instance_level", "similar_to"),
    "chemically_similar_to": ("similar_to", "chemically_similar_to"),
    "homologous_to": ("similar_to", "homologous_to"),
    "orthologous_to": ("homologous_to", "orthologous_to"),
    "studied_to_treat": ("treats_or_applied_or_studied_to_treat", "treated_in_studies_by"),
    "in_clinical_trials_for": ("studied_to_treat", "tested_by_clinical_trials_of"),
    "in_preclinical_trials_for": ("studied_to_treat", "tested_by_preclinical_trials_of"),
    "beneficial_in_models_for": ("in_preclinical_trials_for", "models_demonstrating_benefits_for"),
    "target_for": ("related_to_at_instance_level", "has_target"),
    "treats_or_applied_or_studied_to_treat": (
        "related_to_at_instance_level",
        "subject_of_treatment_application_or_study_for_treatment_by",
    ),
    "treats": ("treats_or_applied_or_studied_to_treat", "treated_by"),
}
_INVERSES = {name: turned for name, (_, turned) in PREDICATE_PARENTS.items()}
_INVERSES |= {turned: name for name, turned in _INVERSES.items()}
_NAMES = frozenset(CATEGORY_PARENTS) | frozenset(_INVERSES)


def known(word: str) -> bool:
    """Whether this is a category or predicate of the tables above, with its prefix."""
    return word.removeprefix(PREFIX) in _NAMES and word.startswith(PREFIX)


def ancestors(word: str) -> frozenset[str]:
    """A category or predicate and all that it is: `biolink:Drug` is a `biolink:ChemicalEntity`."""
    return frozenset(PREFIX + name for name in _above(word.removeprefix(PREFIX))) if known(word) else frozenset({word})


def inverse(predicate: str) -> str | None:
    """The predicate that says the same with subject and object exchanged, itself where it is symmetric; else None."""
    turned = _INVERSES.get(predicate.removeprefix(PREFIX)) if known(predicate) else None
    return turned and PREFIX + turned


def narrowest(words: Iterable[str]) -> str:
    """The narrowest predicate that all of these are; `biolink:related_to` where they share none."""
    shared = frozenset.intersection(*map(ancestors, words))
    return max(sorted(shared), key=lambda word: len(ancestors(word)), default=f"{PREFIX}related_to")


@cache
def _above(name: str) -> frozenset[str]:
    return frozenset({name}).union(*(_above(parent) for parent in _parents(name)))


def _parents(name: str) -> list[str]:
    if name in CATEGORY_PARENTS:
        return CATEGORY_PARENTS[name].split()
    if name in PREDICATE_PARENTS:
        return PREDICATE_PARENTS[name][0].split()
    return [_INVERSES[parent] for parent in PREDICATE_PARENTS[_INVERSES[name]][0].split()]
