"""What is known, outside the graph, about a compound and a disease: tried, refuted, contraindicated.

Annotations travel with the graph and into every model folder, as `annotations.tsv`. They are no triples: nothing
learns from them, and no split holds them out.
"""

from dataclasses import dataclass

STATUSES = ("approved", "symptomatic", "contraindicated", "refuted", "trial")
COLUMNS = ("compound", "disease", "status", "source", "licence", "date")


@dataclass(frozen=True, order=True)
class Annotation:
    """One statement about a pair of entities, given by index.

    status: one of STATUSES: approved or symptomatic use, contraindicated, refuted by evidence, in a trial;
    date: as exact as the source has it, in ISO 8601 order (`2014`, `2014-05`), or empty.
    """

    compound: int
    disease: int
    status: str
    source: str
    licence: str = ""
    date: str = ""
