"""The command line."""

import importlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from typer.main import get_command
from typer.testing import CliRunner

from xmodal_sklearn import (
    CrossModalAttentionClassifier,
    MultiOmicsSelector,
    __version__,
    split_modalities,
)
from xmodal_sklearn.benchmark import Comparison
from xmodal_sklearn.classifier.network import BRANCH_KINDS
from xmodal_sklearn.cli import app
from xmodal_sklearn.persistence import load_model

COMMANDS = ["bench", "paper", "select", "fit", "predict", "report", "demo"]


def xmodal(*arguments):
    return CliRunner().invoke(
        app, [str(argument) for argument in arguments], env={"COLUMNS": "200"}
    )


@pytest.fixture(scope="module")
def source(cohort, tmp_path_factory):
    """Arguments that name the cohort's tables and classes as files."""
    folder = tmp_path_factory.mktemp("tables")
    X, y = cohort
    arguments = ["--target-file", folder / "classes.csv"]
    y.to_csv(folder / "classes.csv")
    for modality, table in split_modalities(X).items():
        table.to_csv(folder / f"{modality}.csv")
        arguments += ["--table", f"{modality}={folder / modality}.csv"]
    return arguments


@pytest.fixture(scope="module")
def model(source, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.xmodal"
    network = ["--n-estimators", 1, "--branches", "mlp"]
    shown = xmodal("fit", *source, "--k", 10, *network, "--out", path)
    assert shown.exit_code == 0, shown.output
    return path


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_an_example_and_the_exit_codes(command):
    shown = xmodal(command, "--help")
    assert shown.exit_code == 0
    assert f"xmodal {command}" in shown.output
    assert "130 interrupted by Ctrl-C" in shown.output


def test_commands_that_read_a_cohort_offer_the_same_options():
    commands = get_command(app).commands
    options = {
        name: [
            (option.name, option.default, option.help)
            for option in commands[name].params
            if getattr(option, "rich_help_panel", None) == "Data" or option.name == "seed"
        ]
        for name in ("bench", "paper", "select", "fit")
    }
    names = [name for name, *_ in options["bench"]]
    assert names == [
        "study", "study_id", "table", "mudata", "target_file", "target", "modalities", "join",
        "seed",
    ]  # fmt: skip
    assert options["select"] == options["fit"] == options["bench"]
    assert options["paper"] == [option for option in options["bench"] if option[0] != "join"]


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [(["--help"], "bench"), (["-h"], "bench"), (["--version"], __version__)]
    + [([command, "--help"], "Examples") for command in ("bench", "paper")]
    + [([command, "--help"], "Example") for command in COMMANDS[2:]],
)
def test_help_and_version_wait_for_no_heavy_import(arguments, shown):
    code = (
        "import sys\nfrom xmodal_sklearn.cli import app\n"
        f"try:\n    app({arguments})\nexcept SystemExit as end:\n    assert not end.code\n"
        "heavy = {'torch', 'skorch', 'numba', 'sklearn', 'scipy', 'pandas', 'numpy', 'joblib',"
        " 'matplotlib', 'jinja2', 'mudata'}\n"
        "sys.exit(str(heavy & set(sys.modules)) if heavy & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert shown in done.stdout


def test_the_short_option_for_help_and_the_completion_of_shells():
    assert "--batch" in xmodal("bench", "-h").output
    assert "--install-completion" in xmodal("--help").output
    asked = {"_XMODAL_COMPLETE": "complete_bash", "COMP_WORDS": "xmodal be", "COMP_CWORD": "1"}
    shown = CliRunner().invoke(app, [], prog_name="xmodal", env=asked)
    assert shown.output.split() == ["bench"]


def test_select_writes_the_rankings_of_the_selector(source, cohort, tmp_path):
    shown = xmodal("select", *source, "--out", tmp_path / "new" / "rankings.csv", "--k", 30)
    assert shown.exit_code == 0, shown.output
    written = pd.read_csv(tmp_path / "new" / "rankings.csv")
    assert written.groupby("modality")["rank"].max().to_dict() == {"cna": 30, "exp": 30, "mut": 20}
    expected = MultiOmicsSelector().fit(*cohort).rankings_
    for modality, rows in written.groupby("modality"):
        assert list(rows["feature"]) == list(expected[modality][:30])
        assert rows["score"].is_monotonic_decreasing
    assert written["feature"][0] in shown.output


def test_names_are_not_read_as_markup(source, tmp_path):
    exp = pd.read_csv(source[3].partition("=")[2], index_col=0)
    exp.columns = [f"[/{name}] :dna:" for name in exp.columns]
    exp.to_csv(tmp_path / "exp.csv")
    table = ["--table", f"exp={tmp_path / 'exp.csv'}"]
    shown = xmodal("select", *source[:2], *table, "--out", tmp_path / "rankings.csv")
    assert shown.exit_code == 0, shown.output
    assert pd.read_csv(tmp_path / "rankings.csv")["feature"][0] in shown.output


def test_gaps_are_filled_with_a_note(source, model, tmp_path):
    path = source[3].partition("=")[2]
    exp = pd.read_csv(path, index_col=0)
    names = load_model(model)[0].get_feature_names_out()
    selected = next(name for name in names if name.startswith("exp__")).partition("__")[2]
    exp.loc[exp.index[3], selected] = np.nan
    exp.to_csv(tmp_path / "exp.csv")
    table = ["--table", f"exp={tmp_path / 'exp.csv'}"]
    shown = xmodal("predict", model, *table, "--out", tmp_path / "out")
    assert shown.exit_code == 0, shown.output
    assert "exp: imputed 1 missing values with training means" in shown.output


def test_predict_writes_the_probabilities_of_the_saved_model(source, model, cohort, tmp_path):
    out = tmp_path / "predictions.csv"
    shown = xmodal("predict", model, *source[2:], "--out", out)
    assert shown.exit_code == 0, shown.output
    fitted, written = load_model(model), pd.read_csv(out, index_col="sample")
    X = cohort[0].astype(float)
    assert list(written.index) == list(X.index)
    assert list(written["predicted"]) == list(fitted.predict(X))
    np.testing.assert_allclose(written.iloc[:, 1:], fitted.predict_proba(X), atol=1e-6)
    assert list(written.columns[1:]) == [f"p: {label}" for label in fitted.classes_]


def test_predict_takes_samples_that_lack_a_modality(source, model, tmp_path):
    out = tmp_path / "predictions.csv"
    shown = xmodal("predict", model, *source[2:4], "--out", out)
    assert shown.exit_code == 0, shown.output
    assert "cna was not passed" in shown.output
    assert len(pd.read_csv(out)) == 120


@pytest.fixture
def predict(source, model, tmp_path):
    """Predict from tables that were changed; returns what was shown, and the predictions."""

    def run(change, *options):
        arguments = []
        for named in source[3::2]:
            modality, _, path = named.partition("=")
            table = change(modality, pd.read_csv(path, index_col=0))
            table.to_csv(tmp_path / f"{modality}.csv")
            arguments += ["--table", f"{modality}={tmp_path / modality}.csv"]
        out = tmp_path / "predictions.csv"
        shown = xmodal("predict", model, *arguments, "--out", out, *options)
        return shown, pd.read_csv(out) if out.exists() else None

    return run


@pytest.fixture
def selected(model):
    names = load_model(model)[0].get_feature_names_out()
    return {m: [n.partition("__")[2] for n in names if n.startswith(m)] for m in ("exp", "mut")}


def test_predict_needs_the_selected_features_only(predict, selected):
    _, whole = predict(lambda modality, table: table)
    shown, few = predict(
        lambda modality, table: table[selected[modality]] if modality == "exp" else table
    )
    assert shown.exit_code == 0, shown.output
    pd.testing.assert_frame_equal(few, whole)


def test_missing_features_are_an_error_imputed_or_make_the_modality_absent(predict, selected):
    def without_a_feature(modality, table):
        return table.drop(columns=selected["mut"][0]) if modality == "mut" else table

    shown, _ = predict(without_a_feature)
    assert shown.exit_code == 2
    assert f"'mut' 1 of 10, the first is 'mut__{selected['mut'][0]}'" in shown.output
    shown, filled = predict(without_a_feature, "--missing", "impute")
    assert shown.exit_code == 0, shown.output
    assert "Warning: X lacks columns that the model needs: 'mut' 1 of 10" in shown.output
    shown, absent = predict(without_a_feature, "--missing", "absent")
    assert "Treated as absent: ['mut']" in " ".join(shown.output.split())
    assert not filled.equals(absent)


def test_predict_maps_names_of_genes(predict, selected, tmp_path):
    _, whole = predict(lambda modality, table: table)
    old = {gene: f"OLD{index}" for index, gene in enumerate(selected["exp"])}
    entries = [*((new, gene) for gene, new in old.items()), ("UNUSED", "TP53"), ("NONE", "")]
    path = tmp_path / "aliases.csv"
    pd.DataFrame(entries, columns=["alias", "symbol"]).to_csv(path, index=False)
    shown, mapped = predict(
        lambda modality, table: table.rename(columns=old) if modality == "exp" else table,
        "--feature-map", path,
    )  # fmt: skip
    assert shown.exit_code == 0, shown.output
    pd.testing.assert_frame_equal(mapped, whole)
    for what in ("columns renamed (10)", "not used (1)", "without a name, left out (1)"):
        assert f"--feature-map: {what}" in shown.output.replace("entries ", "")
    path.write_text("alias,symbol,id\nA,B,1\n")
    shown, _ = predict(lambda modality, table: table, "--feature-map", path)
    assert "it must have two" in " ".join(shown.output.replace("│", " ").split())


def test_a_modality_that_the_model_does_not_have_is_an_error(source, model, tmp_path):
    table = source[3].partition("=")[2]
    shown = xmodal("predict", model, "--table", f"rna={table}", "--out", tmp_path / "out")
    assert shown.exit_code == 2
    assert "has the modalities ['exp', 'cna', 'mut'], not 'rna'" in shown.output


def test_predict_counts_features_that_the_model_does_not_have(predict):
    shown, _ = predict(lambda modality, table: table.assign(NEW=1.0))
    for modality in ("exp", "cna", "mut"):
        assert f"{modality}: columns that the model does not have, left out (1)" in shown.output


def test_bench_compares_all_models_on_a_study(data_dir, tmp_path):
    shown = xmodal(
        "bench", "--study", data_dir / "metabric", "--modalities", "exp,mut", "--k", 20,
        "--folds", 2, "--jobs", 1, "--out", tmp_path, "--models", "logistic regression",
        "--fusion", "late", "--n-estimators", 1, "--branches", "mlp",
    )  # fmt: skip
    assert shown.exit_code == 0, shown.output
    for word in ("macro-F1", "ROC AUC", "logistic regression, late", "attention against"):
        assert word in shown.output
    assert "237 samples" in shown.output
    scores = pd.read_csv(tmp_path / "scores.csv")
    assert set(scores["fold"]) == {0, 1}


@pytest.fixture
def quick_classifier(monkeypatch):
    """Make the classifier a stand-in, and keep what it is made with."""
    from xmodal_sklearn import classifier
    from xmodal_sklearn.cli import _models

    made = []

    def stand_in(**parameters):
        made.append(parameters)
        return DummyClassifier(strategy="prior")

    for module in (classifier, _models):
        monkeypatch.setattr(module, "CrossModalAttentionClassifier", stand_in)
    monkeypatch.setattr(_models, "check_settings", lambda classifier: None)
    return made


NETWORK = {
    "branches": ["attention", "mlp"],
    "n_heads": 2,
    "embed_dim": 16,
    "tokenizer": "feature",
    "attention": "linear",
    "n_estimators": 3,
    "device": "cpu",
}


def test_help_names_every_branch_of_the_network():
    (option,) = [p for p in get_command(app).commands["fit"].params if p.name == "branches"]
    assert all(kind in option.help for kind in BRANCH_KINDS)


@pytest.mark.parametrize("command", ["bench", "paper", "fit"])
def test_the_network_is_set_as_in_python(quick_classifier, source, tmp_path, command):
    options = [
        (f"--{name.replace('_', '-')}", ",".join(value) if name == "branches" else value)
        for name, value in NETWORK.items()
    ]
    run = [] if command == "fit" else ["--folds", 2]
    run += ["--models", "nearest shrunken centroid"] if command == "bench" else []
    out = tmp_path / ("m.joblib" if command == "fit" else "out")
    shown = xmodal(
        command, *source[:4], "--k", 5, "--jobs", 1, "--out", out, *run, *sum(options, ())
    )
    assert shown.exit_code == 0, shown.output
    assert quick_classifier[0] == {"random_state": 0, **NETWORK}


@pytest.mark.parametrize("command", ["bench", "paper", "fit"])
def test_the_network_has_the_defaults_of_python(command):
    defaults = CrossModalAttentionClassifier().get_params()
    options = {option.name: option.default for option in get_command(app).commands[command].params}
    assert {name: options[name] for name in NETWORK} == {name: defaults[name] for name in NETWORK}


def test_bench_keeps_groups_together_and_warns_of_a_batch(quick_classifier, cohort, tmp_path):
    X, y = cohort
    split_modalities(X)["exp"].to_csv(tmp_path / "exp.csv")
    patients = [f"p{index // 3}" for index in range(len(y))]
    table = pd.DataFrame({"subtype": y, "patient": patients, "site": pd.factorize(y)[0]})
    table.to_csv(tmp_path / "classes.csv")
    data = ["--table", f"exp={tmp_path / 'exp.csv'}", "--target-file", tmp_path / "classes.csv"]
    options = ["--k", 5, "--folds", 2, "--jobs", 1, "--out", tmp_path / "out"]
    models = ["--models", "nearest shrunken centroid", "--fusion", "early", "--target", "subtype"]
    columns = ["--groups", "patient", "--batch", "site"]
    shown = xmodal("bench", *data, *options, *models, *columns)
    assert shown.exit_code == 0, shown.output
    result = Comparison.load(tmp_path / "out")
    assert any("batch" in warning for warning in result.warnings)
    tested = result.predictions.assign(
        patient=result.predictions["sample"].map(dict(enumerate(patients)))
    )
    assert len(tested[["patient", "fold"]].drop_duplicates()) == len(set(patients))
    shown = xmodal("bench", *data, *options, *models, "--batch", "Site")
    assert shown.exit_code == 2
    assert "did you mean 'site'" in " ".join(shown.output.replace("│", " ").split())


def test_groups_and_batches_of_a_study_are_clinical_columns(data_dir):
    from xmodal_sklearn.cli._options import read_cohort

    study = data_dir / "metabric"
    cohort = read_cohort(study=study, modalities="mut", groups="PATIENT_ID", batch="COHORT")
    assert list(cohort.groups) == list(cohort.data.index)
    assert cohort.batch.notna().all()
    assert len(set(cohort.batch)) > 1


def test_bench_compares_with_the_paper_s_network(quick_classifier, source, tmp_path):
    shown = xmodal(
        "bench", *source[:4], "--k", 5, "--folds", 2, "--jobs", 1, "--out", tmp_path,
        "--models", "paper",
    )  # fmt: skip
    assert shown.exit_code == 0, shown.output
    models = set(Comparison.load(tmp_path).scores["estimator"])
    assert models == {"cross-modal attention", "the paper's network", "dummy"}


def test_a_quick_bench_takes_fewer_models_and_folds_unless_they_are_given(
    quick_classifier, source, tmp_path
):
    shown = xmodal(
        "bench", "--quick", "--k", 5, *source[:4], "--jobs", 1, "--out", tmp_path,
    )  # fmt: skip
    assert shown.exit_code == 0, shown.output
    assert "K = 5 per modality" in shown.output
    assert "3 models × 3 folds = 9 fits" in shown.output
    output = "".join(shown.output.split())
    assert f"Open{tmp_path / 'report.html'}inabrowser" in output
    assert "over 3 folds" in shown.output
    models = Comparison.load(tmp_path).summary().index
    assert set(models) == {"cross-modal attention", "logistic regression, early", "dummy"}
    assert quick_classifier[0]["n_estimators"] == 4
    options = [
        "--n-estimators",
        2,
        "--models",
        "nearest shrunken centroid",
        "--out",
        tmp_path / "two",
    ]
    xmodal("bench", "--quick", *source[:4], "--jobs", 1, *options)
    assert quick_classifier[-1]["n_estimators"] == 2


def test_demo_writes_tables_and_a_command_that_runs(quick_classifier, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shown = xmodal("demo")
    assert shown.exit_code == 0, shown.output
    names = {path.name for path in (tmp_path / "xmodal-demo").iterdir()}
    assert names == {"exp.csv", "mut.csv", "classes.csv"}
    program, *arguments = shlex.split(shown.output.splitlines()[-1])
    assert program == "xmodal"
    shown = xmodal(*arguments, "--jobs", 1, "--models", "paper")
    assert shown.exit_code == 0, shown.output
    assert (tmp_path / "xmodal-demo/comparison/report.html").exists()
    again = xmodal("demo")
    assert again.exit_code == 2
    assert "exp.csv exists. Choose another --out" in again.output


def test_json_of_a_comparison_is_all_that_is_on_the_output(quick_classifier, source, tmp_path):
    fast = ["--k", 5, "--folds", 2, "--models", "paper", "--jobs", 1]
    bench = xmodal("bench", *source[:4], *fast, "--json", "--out", tmp_path / "bench")
    assert bench.exit_code == 0, bench.output
    result = json.loads(bench.stdout)
    assert Path(result["report"]).exists()
    names = {row["estimator"] for row in result["summary"]}
    assert names == {row["other"] for row in result["pairwise"]}
    assert {"f1_macro", "roc_auc_ovr"} <= {row["metric"] for row in result["summary"]}


def test_json_of_samples_is_all_that_is_on_the_output(source, model, cohort, tmp_path):
    rank = xmodal("select", *source, "--k", 2, "--json", "--out", tmp_path / "ranks.csv")
    rows = json.loads(rank.stdout)["rankings"]
    assert rows == pd.read_csv(tmp_path / "ranks.csv").to_dict("records")
    tables = source[2:]
    predict = xmodal("predict", model, *tables, "--json", "--out", tmp_path / "out.csv")
    assert predict.exit_code == 0, predict.output
    predicted = json.loads(predict.stdout)
    assert len(predicted["predictions"]) == len(cohort[0])
    assert {row["modality"] for row in predicted["drift"]} == {"exp", "cna", "mut"}
    shown = xmodal("explain", model, *tables, "--sample", cohort[0].index[3], "--json")
    assert shown.exit_code == 0, shown.output
    explain = json.loads(shown.stdout)
    of_sample = predicted["predictions"][3]
    assert explain["prediction"] == of_sample["predicted"]
    for label, probability in explain["probabilities"].items():
        assert probability == pytest.approx(of_sample[f"p: {label}"], rel=1e-6)
    assert "rank" in xmodal("select", *source, "--out", tmp_path / "r.csv").stdout


def test_k_above_the_number_of_features_is_mentioned(quick_classifier, source, tmp_path):
    fast = ["--k", 55, "--folds", 2, "--models", "paper", "--jobs", 1]
    shown = xmodal("bench", *source[:6], *fast, "--out", tmp_path)
    assert "--k 55 keeps all 50 features of cna" in shown.output
    assert "features of exp" not in shown.output


def test_a_wrong_target_lists_few_columns(source, tmp_path):
    classes = pd.read_csv(source[1], index_col=0)
    others = pd.DataFrame(0, classes.index, [f"c{i}" for i in range(200)])
    pd.concat([classes, others], axis=1).to_csv(tmp_path / "wide.csv")
    files = ["--target-file", tmp_path / "wide.csv", *source[2:]]
    shown = xmodal("select", *files, "--target", "subtyp", "--out", tmp_path / "r.csv")
    assert shown.exit_code == 2
    output = " ".join(shown.output.replace("│", " ").split())
    assert "'c6'] and 193 more" in output
    assert "c7" not in output


def test_bench_adds_controls_and_learning_curves(quick_classifier, source, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/usr/bin/xmodal", "bench", "--k", "5"])
    shown = xmodal(
        "bench", *source[:4], "--k", 5, "--folds", 2, "--jobs", 1, "--out", tmp_path,
        "--models", "nearest shrunken centroid", "--fusion", "early", "--controls",
        "--learning-curves",
    )  # fmt: skip
    assert shown.exit_code == 0, shown.output
    result = Comparison.load(tmp_path)
    attention, centroid = "cross-modal attention", "nearest shrunken centroid, early"
    controls = {f"{attention}, labels permuted", f"{attention}, exp as noise"}
    assert set(result.scores["estimator"]) == {attention, centroid, "dummy", *controls}
    assert set(result.learning["estimator"]) == {attention, centroid, "dummy"}
    assert result.info["command"] == "xmodal bench --k 5"
    assert (tmp_path / "report.html").stat().st_size > 10_000


def test_paper_compares_modalities_and_k(quick_classifier, source, tmp_path):
    ks = ["--k", 5, 10, "--seed", 0]
    shown = xmodal("paper", *source, "--folds", 2, "--jobs", 1, "--out", tmp_path, *ks)
    assert shown.exit_code == 0, shown.output
    rows = [line.split()[:2] for line in shown.output.splitlines() if line.startswith("EXP")]
    sets = ["EXP", "EXP+CNA", "EXP+MUT", "EXP+CNA+MUT"]
    assert rows == [[name, k] for name in sets for k in ("5", "10")]
    assert re.search(r"^paper's network +5 +[01]\.", shown.output, re.MULTILINE)
    assert "The paper's figures" not in shown.output


def test_paper_runs_on_a_dask_cluster(quick_classifier, source, tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs the extra distributed")
    command = ["paper", *source[:4], "--folds", 2, "--jobs", 2, "--k", 5, "--out"]
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0", protocol="tcp"
    ) as cluster:
        address = cluster.scheduler_address
        shown = xmodal(*command, tmp_path / "cluster", "--scheduler", address)
    assert shown.exit_code == 0, shown.output
    assert xmodal(*command, tmp_path / "here", "--jobs", 1).exit_code == 0
    cluster, here = (
        pd.read_csv(tmp_path / name / "predictions.csv") for name in ("cluster", "here")
    )
    pd.testing.assert_frame_equal(cluster.drop(columns="run"), here.drop(columns="run"))


def test_paper_shows_the_papers_figures_for_metabric(quick_classifier, data_dir, tmp_path):
    shown = xmodal(
        "paper", "--study", data_dir / "metabric", "--modalities", "mut", "--folds", 2,
        "--k", 5, "--k", 300, "--jobs", 1, "--out", tmp_path,
    )  # fmt: skip
    assert shown.exit_code == 0, shown.output
    assert "10.23950/jcmk/18568" in shown.output


def test_results_are_kept_if_what_follows_fails(quick_classifier, source, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise ValueError("odd")

    for part in (
        "learning.learning_curves",
        "cli._models.measure_importance",
        "report.write_report",
    ):
        monkeypatch.setattr(f"xmodal_sklearn.{part}", fail)
    shown = xmodal(
        "bench", *source[:4], "--k", 5, "--folds", 2, "--jobs", 1, "--out", tmp_path,
        "--models", "nearest shrunken centroid", "--fusion", "early", "--learning-curves",
        "--inspect",
    )  # fmt: skip
    assert shown.exit_code == 1
    for part in ("learning curves", "importance of modalities", "report.html"):
        assert f"{part}: ValueError('odd')" in str(shown.exception)
    assert "macro-F1" in shown.output
    assert Comparison.load(tmp_path).info["n_folds"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bench", "--study", "/nowhere"], "nowhere"),
        (["bench", "--k", "0"], "--k"),
        (["bench", "--folds", "1"], "--folds"),
        (["bench", "--folds", "60"], "'Normal' has"),
        (["bench", "--join", "left"], "--join"),
        (["bench", "--batch", "site"], "--batch need a data source"),
        (["bench", "--n-heads", "3"], "multiple of --n-heads"),
        (["bench", "--branches", "MLP"], "did you mean 'mlp'"),
        (["bench", "--device", "abacus"], "--device='abacus'"),
        (["bench", "--models", "Random Forest"], "did you mean 'random forest'"),
        (["fit", "--tokenizer", "word", "--out", "x"], "--tokenizer"),
        (["bench", "--table", "exp=exp.csv"], "needs --target-file"),
        (["paper", "--k", "300", "many"], "valid integer"),
        (["paper", "--k", "300", "0"], "greater than or equal to 1"),
        (["select", "--study", "/nowhere", "--out", "x.csv"], "nowhere"),
        (["select"], "--out"),
        (["fit", "--study-id", "../etc", "--out", "x"], "--study-id"),
        (["predict", "nowhere.joblib", "--table", "exp=x.csv", "--out", "x"], "x.csv"),
        (["predict", "nowhere.joblib", "--out", "x"], "--table or --mudata"),
        (["report", "/nowhere"], "nowhere"),
        (["dance"], "dance"),
    ],
)
def test_wrong_options_end_with_exit_code_2(arguments, message):
    shown = xmodal(*arguments)
    assert shown.exit_code == 2
    assert message in shown.output
    assert "Traceback" not in shown.output


@pytest.mark.parametrize("content", [b"sample,class\n", b""])
def test_a_file_that_is_no_model_is_an_error(source, tmp_path, content):
    path = tmp_path / "model.joblib"
    path.write_bytes(content)
    predict = ["predict", path, *source[2:], "--out", tmp_path / "out.csv"]
    shown = xmodal(*predict, "--allow-pickle")
    assert shown.exit_code == 2
    assert "which xmodal fit should have saved" in shown.output
    joblib.dump({"a": 1}, path)
    assert "holds a dict" in xmodal(*predict, "--allow-pickle").output


class Payload:
    def __reduce__(self):
        return pytest.fail, ("code of a file was run",)


def test_a_pickle_is_loaded_only_with_allow_pickle(source, cohort, tmp_path):
    path = tmp_path / "model.joblib"
    predict = ["predict", path, *source[2:], "--out", tmp_path / "out.csv"]
    joblib.dump(Payload(), path)
    shown = xmodal(*predict)
    assert shown.exit_code == 2
    output = " ".join(shown.output.replace("│", " ").split())
    assert "runs any code in it" in output
    assert "--allow-pickle" in output
    network = ["--n-estimators", 1, "--branches", "mlp"]
    assert xmodal("fit", *source, "--k", 5, *network, "--out", path).exit_code == 0
    shown = xmodal(*predict, "--allow-pickle")
    assert shown.exit_code == 0, shown.output
    written = pd.read_csv(tmp_path / "out.csv")
    assert list(written["predicted"]) == list(joblib.load(path).predict(cohort[0].astype(float)))


def test_a_damaged_model_is_an_error(source, model, tmp_path):
    path = tmp_path / "model.xmodal"
    path.write_bytes(model.read_bytes()[:-100])
    shown = xmodal("predict", path, *source[2:], "--out", tmp_path / "out.csv")
    assert shown.exit_code == 2
    assert "damaged" in shown.output


def test_an_output_that_cannot_be_written_is_an_error(source, model, tmp_path):
    (tmp_path / "file").touch()
    absent = ["--table", "exp=absent.csv"]
    for command in (["predict", model, *absent], ["fit", *absent], ["bench", *absent]):
        shown = xmodal(*command, "--out", tmp_path / "file" / "out")
        assert shown.exit_code == 2
        # Before any work: the table is missed later.
        assert "Can't write" in shown.output


SLOW = """
import os, sys, time
from pathlib import Path
from sklearn.dummy import DummyClassifier
class SlowClassifier(DummyClassifier):
    def __init__(
        self, *, branches=None, n_heads=None, embed_dim=None, tokenizer=None, attention=None,
        enrichment=None, n_estimators=None, device=None, random_state=None,
    ):
        super().__init__(strategy="stratified", random_state=random_state)
        self.n_heads, self.embed_dim, self.device = n_heads, embed_dim, device
        self.branches, self.tokenizer, self.attention = branches, tokenizer, attention
        self.enrichment, self.n_estimators = enrichment, n_estimators
    def fit(self, X, y):
        out = Path(os.environ["XMODAL_TEST_OUT"])
        while len(list(out.glob("folds/*.fold"))) >= 3 and not (out / "go").exists():
            (out / f"waiting-{os.getpid()}").touch()
            time.sleep(0.05)
        return super().fit(X, y)
if __name__ == "__main__":
    import slow, xmodal_sklearn.cli, xmodal_sklearn.classifier
    xmodal_sklearn.classifier.CrossModalAttentionClassifier = slow.SlowClassifier
    xmodal_sklearn.cli.app()
"""


def accept_ctrl_c():
    # A shell starts what runs in the background with Ctrl-C ignored, and pytest hands that on.
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_keeps_finished_folds_and_explains_how_to_resume(source, tmp_path, monkeypatch):
    # After three folds both workers wait for the file "go", so that Ctrl-C meets both in a fit.
    (tmp_path / "slow.py").write_text(SLOW)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    monkeypatch.setenv("XMODAL_TEST_OUT", str(tmp_path / "out"))
    command = ["paper", *source[:4], "--folds", 6, "--k", 5, "--out", tmp_path / "out", "--jobs"]
    folds = tmp_path / "out" / "folds"
    # A group of its own, as a terminal's Ctrl-C goes to the workers too.
    running = subprocess.Popen(
        [sys.executable, tmp_path / "slow.py", *map(str, command), "2"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True, text=True,
        preexec_fn=accept_ctrl_c, env=os.environ | {"PYTHONPATH": path},
    )  # fmt: skip
    while running.poll() is None and len(list(folds.parent.glob("waiting-*"))) < 2:
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    _, output = running.communicate(timeout=60)
    assert running.returncode == 130, output
    assert "Stopped. Finished folds are kept" in output
    assert "Traceback" not in output
    kept = {path: path.stat().st_mtime_ns for path in folds.glob("*.fold")}
    assert 3 <= len(kept) < 12

    (tmp_path / "out" / "go").touch()
    monkeypatch.syspath_prepend(tmp_path)
    slow = importlib.import_module("slow")
    for module in ("xmodal_sklearn.classifier", "xmodal_sklearn.cli._models"):
        monkeypatch.setattr(f"{module}.CrossModalAttentionClassifier", slow.SlowClassifier)
    again = xmodal(*command, 1)
    assert again.exit_code == 0, again.output
    log = again.stderr.splitlines()
    assert log[0] == "Loading PyTorch …"
    assert any(re.fullmatch(r"Fitting: 0/12, 00:00 so far, \? left", line) for line in log)
    assert any(re.fullmatch(r"Fitting: 12/12, [\d:]+ so far, 00:00 left", line) for line in log)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(list(folds.glob("*.fold"))) == 12
