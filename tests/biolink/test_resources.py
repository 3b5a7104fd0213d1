import pytest

from kgdrug.biolink import knowledge, predicate, resources
from kgdrug.sources.forms.hetionet import METAEDGES


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("DrugBank", ("infores:drugbank",)),
        ("BindingDB, DrugBank, DrugCentral", ("infores:bindingdb", "infores:drugbank", "infores:drugcentral")),
        ("SIDER 4.1", ("infores:sider",)),
        ("Gene Ontology", ("infores:goa",)),
        ("infores:semmeddb", ("infores:semmeddb",)),
        ("infores:a|infores:b", ("infores:a", "infores:b")),
        ("textbook knowledge", ("",)),
        ("Reactome, PID", ("infores:reactome", "")),
        ("", ()),
        (" , ", ()),
    ],
)
def test_sources_that_the_registry_knows_are_named_by_their_ids(source, named):
    assert resources(source) == named


def test_facts_are_assertions_unless_programs_counted_or_read_them():
    counted, read = {"DdG", "DuG", "AdG", "AuG", "GcG"}, {"DlA", "DpS", "DrD"}
    for name, e in METAEDGES.items():
        expected = ("knowledge_assertion", "not_provided")
        if name in counted:
            expected = ("statistical_association", "data_analysis_pipeline")
        if name in read:
            expected = ("text_co_occurrence", "text_mining_agent")
        assert knowledge(predicate(e.relation, e.head_type, e.tail_type), e.source) == expected, name
    assert knowledge("biolink:treats", "GNBR") == ("not_provided", "text_mining_agent")
