"""Commands that say why: explain."""

import json
from typing import Annotated

import typer

from kgdrug.cli.answers import told_of
from kgdrug.cli.app import Model, app
from kgdrug.cli.screen import new_table, out, print_answers, say


@app.command()
def explain(
    model: Model,
    compound: Annotated[str | None, typer.Option(help="An id or a name; with --disease.")] = None,
    disease: Annotated[str | None, typer.Option(help="An id or a name; with --compound.")] = None,
    head: Annotated[str | None, typer.Option(help="With --relation and --tail, of any types.")] = None,
    relation: Annotated[str | None, typer.Option(help="A metaedge, such as CbG.")] = None,
    tail: Annotated[str | None, typer.Option(help="With --head and --relation.")] = None,
    metapaths: Annotated[int, typer.Option(min=1, help="Of the evidence, at most.")] = 6,
    paths: Annotated[int, typer.Option(min=1, help="Of each metapath, at most.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say what stands behind one answer: supporting context, not proof."""
    from dataclasses import asdict

    from kgdrug import explain, explanation_record, open_model
    from kgdrug.ranking.explaining import NOTE
    from kgdrug.ranking.export import NO_PATH, about_model

    asked = {"compound": compound, "disease": disease, "head": head, "relation": relation, "tail": tail}
    opened = open_model(model)
    found = explain(opened, **asked, metapaths=metapaths, per_metapath=paths)
    if as_json:
        about, record = about_model(opened), explanation_record(found)
        record["note"] = f"{record['note']}; {about['note']}"
        print(json.dumps(about | record, indent=2, ensure_ascii=False, default=asdict))
        return
    print_answers(found.question, [found.answer], "--json")
    for warning in found.warnings:
        say(warning)
    if found.answer.probability is not None:
        say(f"probability: {opened.probability_means}")
    if found.terms:
        table = new_table("what", "score", title="What the score of metapaths is the sum of")
        for term in found.terms:
            table.add_row(term.name, f"{term.contribution:+.3f}")
        out.print(table)
    if found.evidence:
        table = new_table("metapath", "paths", "weight", "what", title="Paths that join the two")
        for evidence in found.evidence:
            for i, path in enumerate(evidence.paths):
                first = (evidence.metapath, f"{evidence.count:,}", f"{evidence.dwpc:.4f}") if i == 0 else ("", "", "")
                table.add_row(*first, path.text())
        out.print(table)
    else:
        say(NO_PATH)
    if found.influences:
        table = new_table(
            "what", "change", title="Facts without which the score would be another, and by how much (first order)"
        )
        for one in found.influences:
            table.add_row(one.text(), f"{one.change:+.3f}")
        out.print(table)
        say(f"Changes are of {found.influences_of}")
    elif found.no_influence:
        say(found.no_influence)
    for site, address in found.links.items():
        out.print(f"{site}: {address}", soft_wrap=True)
    say(NOTE)
    told_of(about_model(opened), "table", None, "")
