"""Results on treatments: models and baselines side by side on one split, with intervals, over seeds, splits or folds.

    python experiments/results.py ctd ctd-ensemble rephetio later cold covid      # any of these parts

Each job, one split and seed, trains in a process of its own with one thread; there are as many at once as cores.
"""

import csv
import functools
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import kgdrug
from kgdrug.evaluation import metrics_by_side, over_folds, rank_triples
from kgdrug.models import Model, TableModel
from kgdrug.splits import Split
from kgdrug.training import fit_metapaths

HERE = Path(__file__).parent
COMPLEX, METAPATHS, BOTH = "ComplEx", "metapaths", "ComplEx and metapaths"
POLO = ("split.kind=given", "split.folder=hetionet/ctd_splits_polo")
AS_LARGE = ("split.kind=pairs", "split.valid=0.1603", "split.test=0.2")  # 121 and 151 of 755 pairs
Report = dict[str, Any]
LACKS = (
    "Hetionet is as rebuilt from its public sources, 2,138,842 of its 2,250,197 triples (AeG to 86 %, GpBP, GpCC and "
    "GpMF "
    "approximate)."
)


def models_of(split: Split, seed: int) -> dict[str, Model]:
    """A ComplEx of `treatments.toml`, a metapath regression, and the mean of their rank scores."""
    experiment, best = kgdrug.read_experiment(HERE / "treatments.toml", [f"seed={seed}"]), complex_of(split, seed)
    paths = fit_metapaths(split, experiment.metapaths, seed)
    return {COMPLEX: best, METAPATHS: paths, BOTH: kgdrug.TrainedModel([best, paths], split, experiment)}


def judged(settings: Sequence[str], seed: int, corrected: bool = False) -> dict[str, Report]:
    """What `evaluate` says of each model and baseline on one split, without the details of each disease.

    corrected: and of each model without what its scores owe to degree, see `DegreeCorrected`.
    """
    experiment = kgdrug.read_experiment(HERE / "treatments.toml", settings)
    split = kgdrug.make_split(experiment)
    found: dict[str, Report] = {}
    models = models_of(split, seed)
    if corrected:
        models |= {f"{name}, degree-corrected": kgdrug.DegreeCorrected(model, split) for name, model in models.items()}
    for name, model in models.items():
        report = kgdrug.evaluate(model, split)
        found[name] = _slim(report["head"], report["tail"], report["pairs"], report["popularity"])
        if name == COMPLEX:
            for other in report["baselines"]:
                sides = (report["baselines_by_side"][side][other] for side in ("head", "tail"))
                of = report["pairs"]["baselines"][other], report["popularity"]["baselines"][other]
                found[f"baseline {other.replace('_', ' ')}"] = _slim(*sides, *of)
    return {"": {"split": split.digest[:12], "graph": split.graph.digest[:12]}, **found}


def _slim(head: Report, tail: Report, pairs: Report, popularity: Report) -> Report:
    flat = {f"{part}.{key}": value for part, values in (("head", head), ("tail", tail), ("pairs", pairs))
            for key, value in values.items() if isinstance(value, int | float)}  # fmt: skip
    return flat | {f"popularity.{key}": value for key, value in popularity.items() if isinstance(value, float)}


def all_of(jobs: Iterable[tuple[Any, ...]], work: Callable[..., Any] = judged) -> list[Any]:
    """Every job's result, in their order."""
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=spawn) as pool:
        return list(pool.map(functools.partial(_apply, work), jobs))


def _apply(work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    import torch

    torch.set_num_threads(1)
    return work(*arguments)


SIDES = {"tail": "compound to disease", "head": "disease to compound"}
COLUMNS = {"tail.mrr": "MRR", "tail.hits_at_10": "Hits@10", "head.mrr": "MRR", "head.hits_at_10": "Hits@10",
           "pairs.auroc": "AUROC", "pairs.auprc": "AUPRC", "pairs.auroc_matched": "AUROC, matched"}  # fmt: skip


def table(results: Sequence[Mapping[str, Report]], columns: Mapping[str, str], repeats: str) -> list[str]:
    """A row a model: of each number the mean over the results and an interval.

    repeats: `seeds`, of one split, where the interval is the mean of the bootstrap's; `splits`, where it is the t
    interval over the results.
    """
    titles = [f"{SIDES[key.partition('.')[0]]} {title}" if key.partition(".")[0] in SIDES else title
              for key, title in columns.items()]  # fmt: skip
    lines = ["| model | " + " | ".join(titles) + " |", "| --- |" + " ---: |" * len(columns)]
    for name in (name for name in results[0] if name):
        cells = []
        for key in columns:
            values = [result[name][key] for result in results]
            if repeats == "splits":
                mean, low, high = over_folds(values)
            else:
                ends = ([result[name].get(f"{key}_{end}", np.nan) for result in results] for end in ("low", "high"))
                mean, (low, high) = float(np.mean(values)), (float(np.mean(end)) for end in ends)
            cells.append(f"{mean:.3f} ({low:.2f} to {high:.2f})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def ctd() -> list[str]:
    """Result 1: the fixed split of PoLo with five seeds, and ten other hold-outs of the same size."""
    fixed = all_of((POLO, seed) for seed in range(5))
    drawn = all_of(((*AS_LARGE, f"split.seed={i}"), 0) for i in range(10))
    first = fixed[0][""]
    spread = []
    for name in (COMPLEX, METAPATHS, BOTH):
        ends = [f"{SIDES[side]} {min(v):.3f} to {max(v):.3f}" for side in SIDES
                for v in [[result[name][f"{side}.mrr"] for result in fixed]]]  # fmt: skip
        spread.append(f"{name}: {', '.join(ends)}")
    return [
        "Treatments of Hetionet (CtD), candidates of the answer's type (137 diseases, 1,552 compounds), filtered "
        "realistic "
        f"ranks. {LACKS}",
        "",
        f"The split of Liu et al. 2021 (483/121/151 pairs; split {first['split']}, graph {first['graph']}), mean "
        f"over seeds "
        "0 to 4, with the 95 % interval of a bootstrap over the 151 pairs:",
        "",
        *table(fixed, COLUMNS, "seeds"),
        "",
        f"MRR of the five seeds, least to most: {'; '.join(spread)}.",
        "",
        "Published there on the full graph, with candidates of their own: PoLo MRR 0.40 to 0.43, Hits@10 0.61 to 0.64 "
        "(compound to disease).",
        "",
        "Ten other hold-outs of the same size (pairs, split seeds 0 to 9, model seed 0), mean and 95 % t interval "
        "over the "
        "ten:",
        "",
        *table(drawn, COLUMNS, "splits"),
    ]


MANY, MANY_BOTH = "five ComplEx", "five ComplEx and metapaths"


def complex_of(split: Split, seed: int) -> TableModel:
    """A ComplEx of `treatments.toml`, as it was when valid was best."""
    experiment = kgdrug.read_experiment(HERE / "treatments.toml", [f"seed={seed}"])
    graph, config = split.graph, experiment.model
    model = TableModel.create(config.score, len(graph.entities), graph.relations, config.dimension, seed)
    best = model.clone()
    for epoch in kgdrug.train(kgdrug.State.fresh(model), split, experiment.training, seed):
        best = model.clone() if epoch.best else best
    return best


def ctd_ensemble() -> list[str]:
    """Result 1, of what votes together: five seeds of ComplEx, and these with a metapath regression."""
    experiment = kgdrug.read_experiment(HERE / "treatments.toml", POLO)
    split = kgdrug.make_split(experiment)
    members = all_of(((seed,) for seed in range(5)), _polo_complex)
    five = kgdrug.TrainedModel(members, split, experiment)
    paths = fit_metapaths(split, experiment.metapaths, 0)
    both = kgdrug.TrainedModel([*members, paths], split, experiment, weights=(1,) * 5 + (5,))
    result: dict[str, Report] = {}
    for name, model in ((MANY, five), (METAPATHS, paths), (MANY_BOTH, both)):
        report = kgdrug.evaluate(model, split)
        result[name] = _slim(report["head"], report["tail"], report["pairs"], report["popularity"])
    valid = {
        name: metrics_by_side(rank_triples(model, split.valid, split.known, split.graph))
        for name, model in ((MANY, five), (METAPATHS, paths), (MANY_BOTH, both))
    }
    chosen = "; ".join(f"{name} {sides['both']['mrr']:.3f}" for name, sides in valid.items())
    return [
        f"The fixed split of Liu et al. 2021 (split {split.digest[:12]}), models that vote by rank: seeds 0 to 4 of "
        f"ComplEx, and "
        "these together with a metapath regression that counts as much as all five. Intervals are of the bootstrap "
        "over the "
        f"151 pairs. Valid MRR, both sides: {chosen}. {LACKS}",
        "",
        *table([result], COLUMNS, "seeds"),
    ]


def _polo_complex(seed: int) -> TableModel:
    return complex_of(kgdrug.make_split(kgdrug.read_experiment(HERE / "treatments.toml", POLO)), seed)


COLD_READ = (
    "Asked which diseases a compound treats, every model as it is stands below what needs no learning: it has",
    "learned that diseases without a treatment are no answers, and the diseases of test compete with all that",
    "have some. Taking degree out of the scores, treatments in training among it, at least doubles the MRR there:",
    "ComplEx comes above the degree product and near shared neighbours, inside their intervals, so that no",
    "model is shown to know more than they. For metapaths asked the other way round it costs two fifths of the",
    "MRR; ComplEx it costs nothing. It is an option, tried when the other rows were known already.",
    "",
    "Asked which compounds treat a cold disease, metapaths keep most, twice the MRR of the popular drugs, and",
    "ComplEx keeps nothing that they do not have. Between folds the baselines vary as much as the models: which",
    "diseases are held out decides.",
)


def cold() -> list[str]:
    """Result 5: five folds of diseases without any treatment in training."""
    folds = [("split.kind=cold-disease", "split.valid=0.15", "split.folds=5", f"split.fold={i}") for i in range(5)]
    results = all_of((fold, 0, True) for fold in folds)
    return [
        f"No treatment of a test disease is in training; each disease is tested in one of five folds. {LACKS} Mean and "
        "95 % t interval over the folds:",
        "",
        *table(results, COLUMNS, "splits"),
        "",
        *COLD_READ,
    ]


def _nearly_all(seed: int) -> tuple[Split, dict[str, Model]]:
    """Models that learned from all treatments but the 38 that choose them and one."""
    settings = ["split.kind=pairs", "split.valid=0.05", "split.test=0.0014"]
    split = kgdrug.make_split(kgdrug.read_experiment(HERE / "treatments.toml", settings))
    return split, models_of(split, seed)


def rephetio_job(seed: int, files: Mapping[str, str]) -> dict[str, Report]:
    split, models = _nearly_all(seed)
    return _on_pairs(split, models, files["trials"], files["universe"], files["gold"])


def _on_pairs(split: Split, models: Mapping[str, Model], positives: str, universe: str, gold: str) -> dict[str, Report]:
    found: dict[str, Report] = {"": {"split": split.digest[:12], "graph": split.graph.digest[:12]}}
    for name, model in models.items():
        report = kgdrug.evaluate_pairs(model, split, positives, universe, gold)
        found[name] = {f"pairs.{k}": v for k, v in report.items() if isinstance(v, int | float)}
        found[""] |= report["counts"]
        if name == COMPLEX:
            for other, values in report["baselines"].items():
                rest = {f"pairs.{k}": v for k, v in values.items() if isinstance(v, int | float)}
                found[f"baseline {other.replace('_', ' ')}"] = rest
    return found


PAIRS = {"pairs.auroc": "AUROC", "pairs.auprc": "AUPRC", "pairs.recall_at_1000": "recall@1000",
         "pairs.macro_auroc": "AUROC, mean over diseases", "pairs.auroc_matched": "AUROC, matched"}  # fmt: skip


def rephetio() -> list[str]:
    """Result 2: pairs in clinical trials that PharmacotherapyDB does not list, in the universe of Project Rephetio."""
    with tempfile.TemporaryDirectory() as folder:
        files = rephetio_files(Path(folder))
        results = all_of(((seed, files) for seed in range(3)), rephetio_job)
        prior = degree_prior_auroc(files)
    counts = results[0][""]
    return [
        f"{counts['positives']:,} pairs in clinical trials outside PharmacotherapyDB against {counts['negatives']:,} "
        f"others "
        "of 1,538 compounds and 136 diseases (those that Hetionet joins to anything), all pairs of PharmacotherapyDB "
        "left "
        f"out as by Himmelstein et al. 2017; models trained on all treatments but 39, seeds 0 to 2. {LACKS} A pair's "
        f"score is "
        "the mean over both directions (`PairScores`); intervals are of the bootstrap over diseases.",
        "",
        *table(results, PAIRS, "seeds"),
        "",
        f"Published: Rephetio 0.700 (AUPRC 0.093), its degree prior 0.625; that prior from its published table, here "
        f"{prior:.3f}.",
        "",
        "Its 208 indications found later are not at hand: `kgdrug evaluate MODEL --pairs FILE --universe FILE "
        "--exclude FILE` "
        "asks them in the same way (published AUROC 0.855, the prior 0.541).",
    ]


def rephetio_files(folder: Path) -> dict[str, str]:
    """The universe, the pairs of PharmacotherapyDB, and the pairs in trials, as tables `compound disease`."""
    graph = kgdrug.load_graph("hetionet")
    degree = np.bincount(graph.triples[:, [0, 2]].ravel(), minlength=len(graph.entities))
    joined = {t.name: [graph.entities.ids[i] for i in t.range if degree[i]] for t in graph.entity_types}
    data = Path(os.environ["KGDRUG_DATA"])
    gold = _rows(data / "pharmacotherapydb" / "indications.tsv")
    trials = _rows(data / "temporal" / "clinicaltrials_pairs.tsv")
    tables = {
        "universe": itertools.product(joined["Compound"], joined["Disease"]),
        "gold": ((row["drugbank_id"], row["doid_id"]) for row in gold),
        "trials": ((row["compound_id"], row["disease_id"]) for row in trials if not row["pharmacotherapydb_category"]),
    }
    for name, pairs in tables.items():
        lines = "".join(f"{compound}\t{disease}\n" for compound, disease in pairs)
        (folder / f"{name}.tsv").write_text("compound\tdisease\n" + lines)
    return {name: str(folder / f"{name}.tsv") for name in tables}


def degree_prior_auroc(files: Mapping[str, str]) -> float:
    """The AUROC of Rephetio's published prior, by treatments of compound and disease, on the same pairs."""
    data = Path(os.environ["KGDRUG_DATA"])
    table = {
        (int(row["compound_treats"]), int(row["disease_treats"])): float(row["prior_perm"])
        for row in _rows(data / "temporal" / "rephetio_degree_prior.tsv")
    }
    graph = kgdrug.load_graph("hetionet")
    ids = graph.entities.ids
    treats = graph.triples[np.isin(graph.triples[:, 1], graph.treatment_relations)]
    counts = np.bincount(treats[:, [0, 2]].ravel(), minlength=len(ids))
    degree = {i: int(counts[k]) for k, i in enumerate(ids)}

    def pairs(name: str) -> set[tuple[str, str]]:
        prefixed = ((row["compound"], row["disease"]) for row in _rows(Path(files[name])))
        return {(c if "::" in c else f"Compound::{c}", d if "::" in d else f"Disease::{d}") for c, d in prefixed}

    universe, gold, trials = pairs("universe"), pairs("gold"), pairs("trials")
    asked = sorted(universe - gold)
    scores = np.array([table.get((degree[c], degree[d]), 0.0) for c, d in asked])
    positive = np.array([pair in trials for pair in asked])
    _, row, count = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[row]
    n = positive.sum()
    return float((ranks[positive].sum() - n * (n + 1) / 2) / (n * (~positive).sum()))


FROM = ("NCT00100000", "NCT00200000")  # trial numbers rise with the day of registration


def later_job(seed: int, files: Mapping[str, str]) -> list[dict[str, Report]]:
    settings = [
        "split.kind=time",
        f"split.dates={files['dates']}",
        f"split.valid_from={FROM[0]}",
        f"split.test_from={FROM[1]}",
    ]
    found = judged(settings, seed)
    return [found]


def later() -> list[str]:
    """Result 3: treatments whose first trial was registered later than those that the models learned from."""
    data = Path(os.environ["KGDRUG_DATA"])
    with tempfile.TemporaryDirectory() as folder:
        dates = Path(folder) / "dates.tsv"
        rows = _rows(data / "temporal" / "clinicaltrials_pairs.tsv")
        lines = (f"{row['compound_id']}\t{row['disease_id']}\t{row['first_nct_id']}\n" for row in rows)
        dates.write_text("compound\tdisease\tdate\n" + "".join(lines))
        results = [
            found for each in all_of(((seed, {"dates": str(dates)}) for seed in range(3)), later_job) for found in each
        ]
    for result in results:
        for name in (name for name in result if name):
            for share, of in (("1pct", 0.01), ("5pct", 0.05)):
                for end in ("", "_low", "_high"):
                    key = f"pairs.macro_enrichment_{share}{end}"
                    result[name][f"pairs.top_{share}{end}"] = of * (result[name].get(key) or 0)
    columns = {"pairs.top_1pct": "in the top 1 % of its disease", "pairs.top_5pct": "in the top 5 %",
               "pairs.macro_auroc": "AUROC, mean over diseases", "tail.mrr": "MRR", "head.mrr": "MRR"}  # fmt: skip
    return [
        f"Treatments whose first trial has a number from {FROM[1]} on are test, from {FROM[0]} on valid; those of "
        f"earlier trials "
        f"and those without a trial are known. The share of later treatments that stand in the first 1 % and 5 % of "
        f"all "
        f"compounds that are not known to treat the disease, a mean over diseases; seeds 0 to 2. {LACKS}",
        "",
        *table(results, columns, "seeds"),
        "",
        "The first trial is no first evidence: older drugs were in use long before there was a register, and what "
        "has no "
        "trial there is mostly old.",
    ]


def covid() -> list[str]:
    """Result 4: the experiment of DRKG's authors on Hetionet and the genes of coronavirus hosts."""
    lines = []
    for name, experiment in ((COMPLEX, "treatments"), (METAPATHS, "hetionet-whole")):
        found, printed = _covid(experiment)
        lines += [
            f"{name} (`{experiment}.toml`): {found['hits']} of the {found['trial_drugs']} drugs in trials that "
            f"Hetionet has are "
            f"among the first {found['top']} of its {found['candidates']:,} candidates of DRKG's list, where "
            f"chance would have "
            f"{found['expected']:.1f} (p = {found['p']:.2g}).",
            "",
            "```",
            *printed.splitlines()[:14],
            "```",
            "",
        ]
    return [
        "Hetionet and the 461 associations of coronaviruses with genes of their host, which are the only facts "
        "about these "
        f"{found['diseases']} diseases; known treatments of them among the candidates, left out: {found['left_out']}. "
        f"{LACKS}",
        "",
        *lines,
        *COVID_READ,
        "",
        "Published for DRKG's vectors: 6 of 32 among the first 100 of 8,104. DRKG's triples and vectors are not at "
        "hand here; "
        "whoever has them runs `python experiments/covid.py MODEL`.",
    ]


COVID_READ = (
    "Read critically: the most treating drugs alone have 5 of the 12, so the 6 of metapaths are mostly",
    "popularity, and what stands first there are chemotherapies, which join more genes than other drugs. ComplEx",
    "puts drugs first of which Hetionet knows next to nothing: a disease that one kind of fact joins to genes",
    "gets no direction from it in which treatments would lie.",
)


def _covid(experiment: str) -> tuple[dict[str, Any], str]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "covid"
        environment = os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db"}
        words = [sys.executable, str(HERE / "covid.py"), "--hetionet", str(out), "--json", f"{folder}/found.json"]
        words += ["--experiment", str(HERE / f"{experiment}.toml")]
        printed = subprocess.run(words, env=environment, capture_output=True, text=True, check=True, cwd=folder).stdout
        return json.loads((Path(folder) / "found.json").read_text()), printed


PARTS: dict[str, Callable[[], list[str]]] = {
    "ctd": ctd,
    "ctd-ensemble": ctd_ensemble,
    "rephetio": rephetio,
    "later": later,
    "cold": cold,
    "covid": covid,
}


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))
