"""What kgdrug's ids, types and relations are called in the Biolink model: CURIEs, categories and predicates."""

from kgdrug.biolink.curies import curie
from kgdrug.biolink.hierarchy import VERSION, ancestors, descendants, fits, inverse
from kgdrug.biolink.words import categories, category, predicate, qualifiers

__all__ = [
    "VERSION",
    "ancestors",
    "categories",
    "category",
    "curie",
    "descendants",
    "fits",
    "inverse",
    "predicate",
    "qualifiers",
]
