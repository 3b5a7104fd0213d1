import re
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.config import (
    EvaluationConfig,
    Experiment,
    GraphConfig,
    ModelConfig,
    SplitConfig,
    TrainingConfig,
    experiment_from,
    flat,
    override,
    read_experiment,
    to_dict,
)
from kgdrug.errors import UsageError

EITHER = "give either graph.source, to be split, or graph.splits, a folder"
BASE = Experiment(graph=GraphConfig(source="essential"))


@pytest.fixture
def toml(tmp_path):
    def write(text: str, graph: str = 'source = "essential"') -> Path:
        path = tmp_path / "experiment.toml"
        path.write_text(f"{text}\n[graph]\n{graph}\n", encoding="utf-8")
        return path

    return write


def fails(path: Path, message: str) -> None:
    """Reading the file is a UsageError that begins with the file's path and has this message."""
    with pytest.raises(UsageError) as caught:
        read_experiment(path)
    assert str(caught.value) == f"{path}: {message}"


def test_a_file_sets_what_it_names_and_leaves_the_rest(toml):
    path = toml('name = "mine"\n[training]\nepochs = 3\nnegatives = "all"\n[model]\nscore = "rotate"')
    experiment = read_experiment(path)
    assert experiment == replace(
        BASE,
        name="mine",
        training=replace(TrainingConfig(), epochs=3, negatives="all"),
        model=replace(ModelConfig(), score="rotate"),
    )


def test_a_file_may_name_nothing_but_a_graph(toml):
    assert read_experiment(toml("")) == BASE


def test_an_experiment_does_not_change_once_made():
    with pytest.raises(FrozenInstanceError):
        BASE.training.epochs = 3


EXPERIMENTS = sorted((Path(__file__).parents[1] / "experiments").glob("*.toml"))


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda path: path.stem)
def test_every_experiment_of_the_project_is_read(path):
    settings = ["graph.splits=FOLDER"] if path.stem == "auto" else []
    assert read_experiment(path, settings).name


@pytest.mark.parametrize("name", ["essential", "hetionet"])
def test_the_shipped_experiments_are_read(name):
    experiment = read_experiment(Path(__file__).parents[1] / "experiments" / f"{name}.toml")
    assert (experiment.name, experiment.graph.source) == (name, name)
    assert experiment.split.kind == "pairs"


@pytest.mark.parametrize(
    ("text", "unknown", "close"),
    [
        ("[training]\nbatchsize = 3", "training.batchsize", "training.batch_size"),
        ("[training]\nlearning-rate = 3", "training.learning-rate", "training.learning_rate"),
        ("[model]\ndimensions = 3", "model.dimensions", "model.dimension"),
        ("[split]\nSeed = 3", "split.Seed", "split.seed"),
        ("batch_size = 3", "batch_size", "training.batch_size"),
        ("sed = 3", "sed", "seed"),
    ],
)
def test_an_unknown_key_names_the_file_and_the_closest_key(toml, text, unknown, close):
    fails(toml(text), f"unknown key {unknown}; did you mean {close}?")


@pytest.mark.parametrize(
    ("text", "section", "hint"),
    [
        ("[trainig]\nepochs = 3", "trainig", "; did you mean [training]?"),
        ("[Model]\ndimension = 3", "Model", "; did you mean [model]?"),
        ("[zzzz]\nepochs = 3", "zzzz", ""),
    ],
)
def test_a_mistyped_section_names_the_closest_section(toml, text, section, hint):
    fails(toml(text), f"unknown section [{section}]{hint}")


def test_a_key_like_no_other_is_named_alone(toml):
    fails(toml("zzzz = 3"), "unknown key zzzz")


def test_a_section_written_as_a_setting_is_refused(toml):
    fails(toml("training = 5"), "training is a section, written [training], not 5")
    fails(toml('[[split]]\nkind = "pairs"'), "split is a section, written [split], not [{'kind': 'pairs'}]")


def test_a_setting_written_as_a_section_is_refused(toml):
    fails(toml("[training.epochs]\ncount = 5"), "training.epochs is {'count': 5}; expected a whole number")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[training]\nepochs = true", "training.epochs is True; expected a whole number"),
        ("[training]\nepochs = 3.0", "training.epochs is 3.0; expected a whole number"),
        ('[training]\nepochs = "3"', "training.epochs is '3'; expected a whole number"),
        ("[training]\nepochs = [3]", "training.epochs is [3]; expected a whole number"),
        ("[training]\nn3 = true", "training.n3 is True; expected a number"),
        ('[training]\nn3 = "0.1"', "training.n3 is '0.1'; expected a number"),
        ("name = 5", "name is 5; expected text"),
        ("[training]\nnegatives = true", "training.negatives is True; expected 'all' or a whole number"),
        ("[training]\nnegatives = 2.5", "training.negatives is 2.5; expected 'all' or a whole number"),
        ("[split]\nfolder = 3", "split.folder is 3; expected text"),
    ],
)
def test_a_value_of_another_type_is_refused(toml, text, message):
    fails(toml(text), message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[model]\nscore = "complx"', "model.score is 'complx'; expected 'transe' or 'distmult' or 'complex' or "),
        ('[model]\nscore = "complx"', "; did you mean 'complex'?"),
        ('[split]\nkind = "pair"', "or 'given' or 'triples'; did you mean 'pairs'?"),
        ('[training]\ncandidates = "type"', "expected 'typed' or 'all'; did you mean 'typed'?"),
        ('[training]\nnegatives = "al"', "expected 'all' or a whole number; did you mean 'all'?"),
        ("[model]\nscore = 3", "model.score is 3; expected 'transe' or"),
    ],
)  # fmt: skip
def test_a_word_that_is_no_choice_lists_the_choices_and_the_closest(toml, text, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        read_experiment(toml(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[training]\nepochs = 0", "training.epochs is 0; it must be at least 1"),
        ("[training]\nnegatives = 0", "training.negatives is 0; it must be at least 1"),
        ("[training]\nn3 = -0.1", "training.n3 is -0.1; it must be at least 0"),
        ("[training]\nlearning_rate = 0.0", "training.learning_rate is 0.0; it must be above 0"),
        ("[training]\nlearning_rate = nan", "training.learning_rate is nan; it must be a finite number"),
        ("[split]\nvalid = 0", "split.valid is 0.0; it must be above 0"),
        ("seed = -1", "seed is -1; it must be at least 0"),
        ("[split]\nseed = -1", "split.seed is -1; it must be at least 0"),
    ],
)
def test_a_number_outside_its_range_is_refused(toml, text, message):
    fails(toml(text), message)


def test_the_least_number_is_allowed_and_a_whole_number_is_a_number(toml):
    training = read_experiment(toml("[training]\nepochs = 1\nn3 = 0\nlearning_rate = 1")).training
    assert (training.epochs, training.n3, training.learning_rate) == (1, 0.0, 1.0)
    assert isinstance(training.n3, float)
    assert isinstance(training.learning_rate, float)


def test_a_share_of_all_or_more_is_refused_before_a_graph_is_read(toml):
    for text in ("[split]\nvalid = 1.5", "[split]\nvalid = 0.6\ntest = 0.6"):
        with pytest.raises(UsageError, match=r"split\.valid"):
            read_experiment(toml(text))


@pytest.mark.parametrize(
    ("text", "graph", "message"),
    [
        ("", "", f"{EITHER}; neither is there"),
        ("", 'source = "a"\nsplits = "b"', f"{EITHER}; both are there"),
        ("[split]\nseed = 3", 'splits = "b"', "graph.splits is parted already; remove [split]"),
        ('[split]\nkind = "triples"', 'splits = "b"', "graph.splits is parted already; remove [split]"),
        ('[split]\nkind = "given"', 'source = "a"', "split.kind = 'given' needs split.folder"),
        ('[split]\nkind = "groups"', 'source = "a"', "split.kind = 'groups' needs split.groups"),
        ('[split]\nkind = "time"\ntest_from = "2014"', 'source = "a"', "split.kind = 'time' needs split.valid_from"),
        (
            '[split]\nfolder = "f"',
            'source = "a"',
            "split.folder is for split.kind = 'given', and the kind is 'pairs'",
        ),
        (
            '[split]\nkind = "given"\nfolder = "f"\nvalid = 0.3',
            'source = "a"',
            "split.valid is for split.kind = 'pairs' or 'cold-drug' or 'cold-disease' or 'disease-area' or "
            "'triples' or 'groups', and the kind is 'given'",
        ),
        ("[split]\nfolds = 5", 'source = "a"', "split.folds needs split.fold; fold 0 of folds 5 tests the first fifth"),
        ("[split]\nfold = 5", 'source = "a"', "split.fold needs split.folds; fold 0 of folds 5 tests the first fifth"),
        ("[split]\nfold = 5\nfolds = 5", 'source = "a"', "split.fold is 5; of 5 folds it can be 0 to 4"),
        (
            "[split]\nfold = 1\nfolds = 5\ntest = 0.3",
            'source = "a"',
            "split.test is 0.3, but with split.folds a fold is the test part; leave it out",
        ),
    ],
)  # fmt: skip
def test_settings_that_contradict_each_other_are_refused(toml, text, graph, message):
    fails(toml(text, graph), message)


def test_fixed_parts_and_given_pairs_are_allowed(toml):
    assert read_experiment(toml("", 'splits = "b"')).graph == GraphConfig(splits="b")
    assert read_experiment(toml('[split]\nkind = "given"\nfolder = "f"')).split == SplitConfig(kind="given", folder="f")


def test_an_empty_graph_section_counts_what_was_given(toml):
    fails(
        toml("", 'source = ""\nsplits = "b"'),
        "give either graph.source, to be split, or graph.splits, a folder; both are there",
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(UsageError, match=rf"no such experiment file: {tmp_path}/none\.toml"):
        read_experiment(tmp_path / "none.toml")
    with pytest.raises(UsageError, match=r"as an experiment: it is a folder; give a \.toml file; it holds none"):
        read_experiment(tmp_path)
    (tmp_path / "latin.toml").write_text('name = "Sjögren"', encoding="latin-1")
    with pytest.raises(UsageError, match=r"latin\.toml cannot be read"):
        read_experiment(tmp_path / "latin.toml")
    with pytest.raises(UsageError, match=r"it is a folder; give one of its files: latin\.toml"):
        read_experiment(tmp_path)
    (tmp_path / "broken.toml").write_text("[graph]\nsource = \n")
    with pytest.raises(UsageError, match=r"broken\.toml: .*line 2"):
        read_experiment(tmp_path / "broken.toml")


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("training.epochs=7", "training.epochs", 7),
        ("training.epochs=1_000", "training.epochs", 1000),
        (" training.epochs = 7 ", "training.epochs", 7),
        ("training.n3=1e-3", "training.n3", 0.001),
        ("training.learning_rate=1", "training.learning_rate", 1.0),
        ("training.negatives=all", "training.negatives", "all"),
        ('training.negatives="all"', "training.negatives", "all"),
        ("training.negatives=12", "training.negatives", 12),
        ("name=mine", "name", "mine"),
        ("name='two words'", "name", "two words"),
        ("name=two words", "name", "two words"),
        ('name="5"', "name", "5"),
        ("name=a=b", "name", "a=b"),
        ("name=a # b", "name", "a # b"),
        ("name=Größe", "name", "Größe"),
        ("graph.source=/data/hetionet.v1 (copy)", "graph.source", "/data/hetionet.v1 (copy)"),
        ("model.score=transe", "model.score", "transe"),
    ],
)
def test_a_setting_is_written_as_in_toml_with_quotes_optional(setting, key, value):
    expected = flat(BASE) | {key: value}
    assert flat(override(BASE, [setting])) == expected
    assert type(flat(override(BASE, [setting]))[key]) is type(value)


def test_settings_are_put_over_the_file_and_the_last_one_counts(toml):
    path = toml("[training]\nepochs = 3\nbatch_size = 10")
    training = read_experiment(path, ["training.epochs=4", "training.epochs=5"]).training
    assert (training.epochs, training.batch_size) == (5, 10)


def test_settings_that_belong_together_can_be_given_together():
    split = override(BASE, ["split.kind=given", "split.folder=f"]).split
    assert (split.kind, split.folder) == ("given", "f")


def test_a_date_needs_no_quotes(toml):
    text = '[split]\nkind = "time"\nvalid_from = 2012\ntest_from = 2014-05-31'
    for split in (
        read_experiment(toml(text)).split,
        override(BASE, ["split.kind=time", "split.valid_from=2012", "split.test_from=2014-05-31"]).split,
    ):
        assert (split.valid_from, split.test_from) == ("2012", "2014-05-31")


def test_splits_by_hand_take_the_place_of_what_the_file_parts(toml):
    path = toml("[split]\nseed = 3\nvalid = 0.3")
    experiment = read_experiment(path, ["graph.splits=f"])
    assert (experiment.graph, experiment.split) == (GraphConfig(splits="f"), SplitConfig())
    assert read_experiment(toml("", 'splits = "b"'), ["graph.source=a"]).graph == GraphConfig(source="a")
    with pytest.raises(UsageError, match="both are there"):
        read_experiment(path, ["graph.splits=f", "graph.source=a"])
    with pytest.raises(UsageError, match=r"graph\.splits is parted already"):
        read_experiment(path, ["graph.splits=f", "split.seed=4"])


def test_another_kind_by_hand_keeps_only_the_settings_that_it_has(toml):
    path = toml("[split]\nseed = 3\nvalid = 0.3\ntest = 0.3")
    assert read_experiment(path, ["split.kind=cold-drug"]).split == SplitConfig("cold-drug", 0.3, 0.3, 3)
    given = read_experiment(path, ["split.kind=given", "split.folder=f"]).split
    assert given == SplitConfig("given", folder="f")
    folds = read_experiment(path, ["split.folds=5", "split.fold=0"]).split
    assert folds == SplitConfig(valid=0.3, seed=3, folds=5, fold=0)


def test_another_source_and_another_kind_by_hand_keep_only_the_settings_that_the_kind_has(toml):
    path = toml('[split]\nkind = "given"\nfolder = "f"')
    experiment = read_experiment(path, ["graph.source=a", "split.kind=pairs"])
    assert (experiment.graph.source, experiment.split) == ("a", SplitConfig())


def test_a_share_by_hand_takes_the_place_of_folds(toml):
    path = toml("[split]\nfolds = 5\nfold = 1\nseed = 3")
    assert read_experiment(path, ["split.test=0.3"]).split == SplitConfig(test=0.3, seed=3)
    with pytest.raises(UsageError, match=r"split\.test is 0\.3, but with split\.folds"):
        read_experiment(path, ["split.test=0.3", "split.folds=3"])


@pytest.mark.parametrize(
    ("text", "graph", "message"),
    [
        ("[split]\nseed = 0", 'splits = "b"', "graph.splits is parted already; remove [split]"),
        ('[split]\nkind = "pairs"', 'splits = "b"', "graph.splits is parted already; remove [split]"),
        (
            '[split]\nkind = "given"\nfolder = "f"\nseed = 0',
            'source = "a"',
            "split.seed is for split.kind = 'pairs' or",
        ),
        (
            "[split]\nfolds = 5\nfold = 1\ntest = 0.2",
            'source = "a"',
            "split.test is 0.2, but with split.folds a fold is the test part; leave it out",
        ),
    ],
)
def test_a_setting_that_is_not_used_is_refused_though_it_is_as_by_default(toml, text, graph, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        read_experiment(toml(text, graph))


def test_a_setting_by_hand_that_is_not_used_is_refused_though_it_is_as_by_default(toml):
    with pytest.raises(UsageError, match=r"split\.seed is for"):
        read_experiment(toml('[split]\nkind = "given"\nfolder = "f"'), ["split.seed=0"])
    with pytest.raises(UsageError, match=r"graph\.splits is parted already"):
        read_experiment(toml("", 'splits = "b"'), ["split.seed=0"])


def test_an_override_leaves_the_experiment_as_it_was():
    override(BASE, ["training.epochs=7"])
    assert Experiment(graph=GraphConfig(source="essential")) == BASE
    assert override(BASE, []) == BASE


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.epochs", "--set training.epochs: write KEY=VALUE, such as training.epochs=50"),
        ("training.epoch=5", "--set: unknown key training.epoch; did you mean training.epochs?"),
        ("seed.x=5", "--set seed.x=5: unknown key seed.x; did you mean seed?"),
        ("training.epochs=many", "--set: training.epochs is 'many'; expected a whole number"),
        ("training.epochs=", "--set: training.epochs is ''; expected a whole number"),
        ("training=5", "--set: training is a section, written [training], not 5"),
        ("split.kind=given", "--set: split.kind = 'given' needs split.folder"),
        ("split.fold=1", "--set: split.fold needs split.folds; fold 0 of folds 5 tests the first fifth"),
        ("qqq.www=1", "--set: unknown key qqq.www"),
        ("trainig.epochs=5", "--set: unknown key trainig.epochs; did you mean training.epochs?"),
    ],
)  # fmt: skip
def test_a_setting_that_does_not_fit_is_refused(setting, message):
    with pytest.raises(UsageError) as caught:
        override(BASE, [setting])
    assert str(caught.value) == message


words = st.text(min_size=1, max_size=8)
positive = st.floats(0, 1e6, exclude_min=True, allow_subnormal=False)
experiments = st.builds(
    Experiment,
    name=words,
    seed=st.integers(0, 2**40),
    device=words,
    graph=st.builds(GraphConfig, source=words),
    split=st.builds(
        SplitConfig,
        kind=st.sampled_from(["pairs", "triples"]),
        valid=st.floats(0.01, 0.4),
        test=st.floats(0.01, 0.4),
        seed=st.integers(0, 99),
    )
    | st.builds(SplitConfig, kind=st.just("given"), folder=words),
    model=st.builds(ModelConfig, score=st.sampled_from(["transe", "rotate"]), dimension=st.integers(1, 999)),
    training=st.builds(
        TrainingConfig,
        epochs=st.integers(1, 99),
        negatives=st.just("all") | st.integers(1, 999),
        learning_rate=positive,
        n3=st.just(0.0) | positive,
    ),
    evaluation=st.builds(EvaluationConfig, candidates=st.sampled_from(["typed", "all"])),
)


@settings(max_examples=60, deadline=None)
@given(experiment=experiments)
def test_an_experiment_comes_back_from_its_mapping(experiment):
    assert experiment_from(to_dict(experiment), "mapping") == experiment


@settings(max_examples=60, deadline=None)
@given(experiment=experiments)
def test_flat_settings_are_those_of_the_mapping_by_dotted_name(experiment):
    nested: dict = {}
    for key, value in flat(experiment).items():
        section = nested
        *parts, last = key.split(".")
        for part in parts:
            section = section.setdefault(part, {})
        section[last] = value
    assert nested == to_dict(experiment)
    assert not any(value is None or isinstance(value, dict) for value in flat(experiment).values())


def test_a_prefix_stands_before_every_flat_setting():
    assert flat(ModelConfig(), "model.") == {"model.score": "complex", "model.dimension": 200}


def test_fixed_parts_come_back_from_their_mapping():
    experiment = Experiment(graph=GraphConfig(splits="folder"))
    assert to_dict(experiment)["graph"] == {"splits": "folder"}
    assert experiment_from(to_dict(experiment), "mapping") == experiment
