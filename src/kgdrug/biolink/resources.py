"""Where facts are from, in the words of Translator: information resources, levels of knowledge, kinds of agents.

The ids are those of the Information Resource Registry (https://github.com/biolink/information-resource-registry),
limited to what graphs of medicine name as their sources; the levels and agents are Biolink's.
"""

import re

from kgdrug.biolink.hierarchy import PREFIX, ancestors

RESOURCES = {
    "bgee": "bgee",
    "bindingdb": "bindingdb",
    "ctd": "ctd",
    "dgidb": "dgidb",
    "diseases": "diseases",
    "disgenet": "disgenet",
    "doaf": "doaf",
    "drugbank": "drugbank",
    "drugbank structures": "drugbank",
    "drugcentral": "drugcentral",
    "gene ontology": "goa",
    "gnbr": "gnbr",
    "gwas catalog": "gwas-catalog",
    "hetionet": "hetionet",
    "intact": "intact",
    "lincs l1000": "lincs",
    "pharmacotherapydb": "pharmacotherapydb",
    "primekg": "primekg",
    "reactome": "reactome",
    "sider": "sider",
    "sider 4.1": "sider",
    "string": "string",
    "tissues": "tissues",
    "wikipathways": "wikipathways",
}
MINED = {  # by programs, from texts
    "diseases": "prediction",
    "gnbr": "not_provided",
    "medline co-occurrence": "text_co_occurrence",
}


def resources(source: str) -> tuple[str, ...]:
    """The information resource of each source that a text names, empty of one that is not known.

    `DrugBank, textbook` are `infores:drugbank` and nothing; what has the form of an id is one.
    """
    return tuple(_resource(name.strip()) for name in re.split(r"[,;|]", source) if name.strip())


def knowledge(predicate: str, source: str) -> tuple[str, str]:
    """The level of knowledge and the kind of agent of facts with this predicate from these sources.

    Without a better word facts are assertions, by nobody knows whom: so the registry has most sources.
    """
    if source.casefold() in MINED:
        return MINED[source.casefold()], "text_mining_agent"
    if PREFIX + "correlated_with" in ancestors(predicate):
        return "statistical_association", "data_analysis_pipeline"
    return "knowledge_assertion", "not_provided"


def _resource(name: str) -> str:
    if re.fullmatch(r"infores:[a-z0-9._-]+", name):
        return name
    known = RESOURCES.get(name.casefold())
    return f"infores:{known}" if known else ""
