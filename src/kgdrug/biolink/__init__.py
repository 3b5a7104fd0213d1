"""What kgdrug's ids, types and relations are called in the Biolink model: CURIEs, categories and predicates."""

from kgdrug.biolink.curies import curie
from kgdrug.biolink.hierarchy import BIOLINK_VERSION, ancestors, inverse, narrowest
from kgdrug.biolink.qualified import QUALIFIED, meets, turned
from kgdrug.biolink.resources import knowledge, resources
from kgdrug.biolink.words import categories, category, predicate, qualifiers

__all__ = [
    "QUALIFIED",
    "BIOLINK_VERSION",
    "ancestors",
    "categories",
    "category",
    "curie",
    "inverse",
    "knowledge",
    "meets",
    "narrowest",
    "predicate",
    "qualifiers",
    "resources",
    "turned",
]
