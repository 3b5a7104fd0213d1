"""COVID-19 as the authors of DRKG asked for it: which candidate drugs stand first, and how many of them went to trials?

    kgdrug import dglke embed --graph drkg.tsv --out models/drkg     # DRKG's vectors, or train on its triples
    python experiments/covid.py models/drkg
    python experiments/covid.py --hetionet OUT        # Hetionet with the genes of coronavirus hosts, trained here

A drug's score is the best over the relations that mean treatment and over all diseases asked for; DRKG's authors took
logsigmoid(gamma - ||h + r - t||) of it, which keeps the order (gnn4dr/DRKG, drug_repurpose/COVID-19_drug_repurposing).
Candidates, diseases, and the drugs in trials of 2020 are files of the `drkg` data set, under KGDRUG_DATA. A fact of
training that already joins a candidate and an asked disease by treatment is a leak: such pairs are counted, and have no
score.
"""

import argparse
import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

import kgdrug
from kgdrug.evaluation import baselines
from kgdrug.models import Model
from kgdrug.sources import locate

TREATMENTS = ("Hetionet::CtD::Compound:Disease", "GNBR::T::Compound:Disease")  # as DRKG names them
TOP = 100


@dataclass(frozen=True)
class Lists:
    """Ids of the files of the data set `drkg`: candidates, the diseases asked for, and drugs in trials."""

    candidates: tuple[str, ...]
    diseases: tuple[str, ...]
    trials: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> "Lists":
        return cls(
            tuple(row[0] for row in _rows(folder / "infer_drug.tsv")),
            tuple(row[0] for row in _rows(folder / "covid_disease_entities.txt")),
            tuple(f"Compound::{row[2]}" for row in _rows(folder / "COVID19_clinical_trial_drugs.tsv")),
        )


@dataclass(frozen=True)
class Ranking:
    """Candidates that the graph has, best first; which asked diseases it has; known treatments that were left out."""

    drugs: tuple[str, ...]
    scores: tuple[float, ...]
    diseases: tuple[str, ...]
    leaked: tuple[tuple[str, str], ...]


def rank_drugs(
    model: kgdrug.TrainedModel, candidates: Sequence[str], diseases: Sequence[str], scorer: Model | None = None
) -> Ranking:
    """Every candidate with its best score over the treatment relations and the diseases.

    scorer: scores instead of the model, such as a baseline.
    """
    graph = model.graph
    relations = [graph.relation(e.abbreviation) for e in graph.metaedges if e.abbreviation in TREATMENTS]
    relations = relations or graph.treatment_relations
    drugs = [c for c in dict.fromkeys(candidates) if c in graph.entities]
    asked = [d for d in dict.fromkeys(diseases) if d in graph.entities]
    if not (drugs and asked and relations):
        raise SystemExit(
            f"{graph.name} has {len(drugs)} candidates, {len(asked)} diseases, {len(relations)} treatments"
        )
    columns = np.array([graph.entities.index(drug) for drug in drugs])
    queries = np.array([(graph.entities.index(d), r + graph.relations) for d in asked for r in relations])
    scores = (scorer or model).scores(torch.from_numpy(queries), torch.from_numpy(columns)).double().cpu().numpy()
    rows, tails = model.split.known_in_training.of(queries)
    place = {int(column): i for i, column in enumerate(columns)}
    known = [(row, place[tail]) for row, tail in zip(rows.tolist(), tails.tolist(), strict=True) if tail in place]
    for row, column in known:
        scores[row, column] = -math.inf
    best = scores.max(0)
    order = np.argsort(-best, kind="stable")
    leaked = {(drugs[column], asked[row // len(relations)]) for row, column in known}
    return Ranking(tuple(drugs[i] for i in order), tuple(best[order].tolist()), tuple(asked), tuple(sorted(leaked)))


def summary(ranking: Ranking, trials: Sequence[str], top: int = TOP) -> dict[str, Any]:
    """How many drugs in trials stand among the first, where, and how likely that is by chance (hypergeometric)."""
    n, there = len(ranking.drugs), [drug for drug in dict.fromkeys(trials) if drug in ranking.drugs]
    places = sorted(ranking.drugs.index(drug) for drug in there)
    hits, drawn = sum(place < top for place in places), min(top, n)
    chance = sum(
        math.comb(len(there), k) * math.comb(n - len(there), drawn - k) / math.comb(n, drawn)
        for k in range(hits, min(len(there), drawn) + 1)
    )
    return {
        "candidates": n,
        "diseases": len(ranking.diseases),
        "trial_drugs": len(there),
        "top": top,
        "hits": hits,
        "expected": len(there) * drawn / n,
        "p": chance,
        "places": places,
        "left_out": len(ranking.leaked),
    }


def with_host_genes(folder: Path) -> kgdrug.KnowledgeGraph:
    """Hetionet with the virus's proteins, and other coronaviruses, as diseases that associate with host genes."""
    import pandas

    rows = [
        {"head": head, "metaedge": "DaG", "relation": "associates", "tail": gene}
        for file in ("covid19-host-genes.tsv", "coronavirus-related-host-genes.tsv")
        for head, _, gene in _rows(folder / file)
    ]
    hosts = kgdrug.from_pandas(pandas.DataFrame(rows).assign(head_type="Disease", tail_type="Gene"), name="host genes")
    return kgdrug.merge_graphs([kgdrug.load_graph("hetionet"), hosts], name="hetionet with host genes")[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", help="a model of DRKG's entities")
    parser.add_argument(
        "--hetionet", metavar="OUT", type=Path, help="build and train here instead; OUT is a new folder"
    )
    parser.add_argument("--experiment", type=Path, default=Path(__file__).with_name("treatments.toml"))
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path, help="write the figures there")
    given = parser.parse_args()
    if (given.model is None) == (given.hetionet is None):
        parser.error("give a model, or --hetionet OUT")
    folder = locate("drkg", "data set")
    lists = Lists.read(folder)
    if given.hetionet is not None:
        graph = with_host_genes(folder)
        given.hetionet.mkdir(parents=True)
        (given.hetionet / "graph").mkdir()
        kgdrug.save_graph(graph, given.hetionet / "graph")
        settings = [f"graph.source={given.hetionet / 'graph'}", "name=covid", *given.settings]
        experiment = kgdrug.read_experiment(given.experiment, settings)
        model = kgdrug.run(experiment, given.hetionet / "model").model
    else:
        model = kgdrug.load_model(given.model)
    ranking = rank_drugs(model, lists.candidates, lists.diseases)
    found = summary(ranking, lists.trials)
    places = ", ".join(str(place) for place in found["places"] if place < TOP) or "-"
    among = f"the first {TOP} of {found['candidates']:,} candidates"
    print(
        f"{found['hits']} of {found['trial_drugs']} drugs in trials are among {among}, at places {places} (from 0); "
        f"by chance {found['expected']:.1f} would be (p = {found['p']:.2g})."
    )
    print(f"Asked for {found['diseases']} diseases; {found['left_out']} known treatments were left out.")
    train, graph = model.split.train, model.graph
    if len(train):
        found["baselines"] = {
            name: summary(rank_drugs(model, lists.candidates, lists.diseases, other), lists.trials)
            for name, other in baselines(train, len(graph.entities), graph.relations).items()
        }
        hits = (f"{name.replace('_', ' ')} {one['hits']}" for name, one in found["baselines"].items())
        print(f"Baselines: {', '.join(hits)}.")
    names = {drug: model.graph.entities.names[model.graph.entities.index(drug)] for drug in ranking.drugs[:20]}
    for place, drug in enumerate(ranking.drugs[:20]):
        print(f"{place:3} {names[drug]:30} {ranking.scores[place]:9.3f} {'in trials' if drug in lists.trials else ''}")
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE) if row]


if __name__ == "__main__":
    main()
