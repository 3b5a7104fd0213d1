"""One page about a graph: what `describe` counts, with plots and the metagraph drawn."""

from kgdrug.graph import KnowledgeGraph, describe
from kgdrug.reports import words
from kgdrug.sources.molecules import unreadable


def graph_page(graph: KnowledgeGraph) -> str:
    """A self-contained HTML page: it has no script and asks for nothing from outside. Equal graphs have equal pages."""
    # jinja2 and matplotlib load when a page is made, not for the words
    from kgdrug.reports import metagraph, plots
    from kgdrug.reports.pages import render
    from kgdrug.reports.svg import drawing

    about, unread = describe(graph), unreadable(graph)
    with drawing():
        pictures = {
            "metagraph": metagraph.draw_metagraph(graph) if graph.entity_types else "",
            "metaedges": plots.triples_per_metaedge(about) if graph.metaedges else "",
            "degrees": plots.degrees_by_type(graph) if len(graph.triples) else "",
            "treatments": plots.treatments_per_side(graph) if about["treatments"] else "",
        }
    limits = {
        "lines": metagraph.MOST_LINES,
        "drawn_types": metagraph.MOST_TYPES,
        "metaedges": plots.MOST_METAEDGES,
        "plotted_types": plots.MOST_TYPES,
    }
    return render(
        "graph.html.j2",
        about=about,
        pictures=pictures,
        limits=limits,
        words=words.overview(about, len(unread)),
        unread=[{"id": graph.entities.ids[i], "name": graph.entities.names[i]} for i in unread],
        short_labels=any(metagraph.short_label(e) != e.abbreviation for e in graph.metaedges),
    )
