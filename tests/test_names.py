"""Names of classes, features, models and studies are data: whole and harmless in every output."""

import dataclasses
import io
import random
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sklearn.dummy import DummyClassifier
from sklearn.neighbors import NearestCentroid
from sklearn.utils import Bunch

from xmodal_sklearn._text import visible
from xmodal_sklearn.benchmark import Comparison, compare
from xmodal_sklearn.cli._tables import (
    cohort_text,
    prediction_table,
    ranking_table,
    summary_table,
    tabulate_predictions,
    write_table,
)
from xmodal_sklearn.inspection import ModalityImportance
from xmodal_sklearn.persistence import load_model, read_manifest, save_model
from xmodal_sklearn.report import write_report
from xmodal_sklearn.report._models import CURVES, draw_confusion, draw_curve

PIECES = [
    "<script>alert(1)</script>", "</style>", "<img src=x onerror=alert(1)>", "&lt;", "&", "'", '"',
    "{{ 7 * 7 }}", "{% include 'x' %}", "{0}", "%s", "\n", "\r", "\r\n", "\t", "\u202e", "\u200f",
    "\u2066", "=1+1", "+1", "-1", "@SUM(A1)", "/", "..", "../../etc/passwd", "C:\\x", "\\", "\\n",
    "$", "$\\frac{1}$", "$x$", "\x1b[31m", "\x1b]0;x\x07", "\x9b1m", "[bold]", "[/]", ":smile:",
    "_", "_a", "#", ",", ";",
    ' id="x"', "url(#a)", "#0b62a4", "font: 9px", "`", "|", " ", "NA", "nan",
    "None", "ä", "β", "p: ", "run", "1e5", "\u2028", "\x85", "\x01", "\x7f",
]  # fmt: skip


def hostile_names(n):
    """The pieces, each alone and beside others, all different."""
    draw = random.Random(0)
    names = dict.fromkeys(PIECES)
    while len(names) < n:
        names["".join(draw.choices(PIECES, k=draw.randint(2, 4)))] = None
    return list(names)[:n]


NAMES = hostile_names(80)
MEASURES = ["shapley", "permutation", "gradients", "stacking"]
MODELS = ["<script>alert(1)</script>", "$\\frac{1}$ a\rb", "../=1+1\u202e"]


@pytest.fixture(scope="module")
def comparison():
    """Of models, classes, modalities and features with such names."""
    y = np.repeat(np.array(NAMES, dtype=object), 2)
    models = {name: DummyClassifier() for name in MODELS}
    # Not all pairs of 80 classes, which take long.
    scoring = ["f1_macro", "accuracy", "roc_auc_ovr"]
    X = pd.DataFrame(0.0, hostile_names(len(y)), ["$\\frac{1}$<b>__a", "=1+1\u202e__\r"])
    result = compare(models, X, y, cv=2, scoring=scoring, batch=np.resize(NAMES[:9], len(y)))
    rows = [
        {"estimator": name, "repeat": 0, "fold": fold, "modality": modality, "feature": feature}
        for name in MODELS
        for fold in (0, 1)
        for modality in ("$\\frac{1}$", "_a<b>\n")
        for feature in NAMES
    ]
    return dataclasses.replace(result, selected=pd.DataFrame(rows))


class Page(HTMLParser):
    """The elements, attributes and texts of a page."""

    def __init__(self):
        super().__init__()
        self.elements, self.attributes, self.texts = [], set(), []

    def handle_starttag(self, tag, attributes):
        self.elements.append(tag)
        self.attributes |= {name for name, _ in attributes}

    def handle_data(self, data):
        self.texts.append(data)


def test_a_stored_comparison_is_read_back(comparison, tmp_path):
    comparison.save(tmp_path)
    loaded = Comparison.load(tmp_path)
    assert loaded.classes.tolist() == sorted(NAMES)
    for column in ("target", "predicted", "estimator"):
        assert loaded.predictions[column].tolist() == comparison.predictions[column].tolist()
    assert loaded.selected["feature"].tolist() == comparison.selected["feature"].tolist()
    assert loaded.selected["modality"].tolist() == comparison.selected["modality"].tolist()
    assert loaded.scores["metric"].tolist() == comparison.scores["metric"].tolist()
    assert {path.parent for path in tmp_path.rglob("*")} == {tmp_path}


# There is no room for so many or so long names, which is not the matter here.
@pytest.mark.filterwarnings("ignore:constrained_layout not applied:UserWarning")
def test_a_report_shows_names_unchanged_and_runs_none(
    comparison, without_figures, tmp_path, monkeypatch
):
    # Figures of 80 classes have up to 6,400 texts, which take long; some are drawn below.
    monkeypatch.setattr("xmodal_sklearn.report._models.draw_confusion", lambda *_: "")
    for figure in ("roc", "precision_recall", "calibration"):
        monkeypatch.delitem(CURVES, figure)
    comparison.info["command"] = "xmodal bench '</script><script>alert(1)</script>'"
    table = pd.DataFrame(np.eye(len(NAMES)), NAMES, NAMES)
    parts = pd.MultiIndex.from_product([MEASURES, NAMES[:40]])
    path = write_report(
        comparison,
        tmp_path / "report.html",
        title="<b>\r{{ 1 }}",
        importance=ModalityImportance(
            pd.DataFrame(0.1, [0, 1], parts),
            pd.DataFrame(0.1, [0, 1], NAMES),
            pd.Series([0.5, 0.6]),
            pd.concat([table, table], keys=[0, 1], names=["fold", "feature"]),
        ),
        features=table,
        maps=dict.fromkeys(NAMES[:40], table),
    )
    text = path.read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert page.elements.count("script") == 1
    assert page.elements.count("b") == page.elements.count("img") == 0
    assert not any(name.startswith("on") for name in page.attributes)
    shown = " ".join("".join(page.texts).split())
    for name in [*NAMES, *MODELS]:
        assert " ".join(visible(name).split()) in shown, name
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200f\u202e\u2066\u2028]", text)


@pytest.mark.filterwarnings("ignore:constrained_layout not applied:UserWarning")
def test_figures_show_names_unchanged():
    from xmodal_sklearn.report._figures import draw_ablation, draw_frequencies

    classes = [*PIECES[:4], *PIECES[24:42]]
    predictions = pd.DataFrame({"target": classes, "predicted": classes})
    for name in classes:
        predictions[f"p: {name}"] = np.where(predictions["target"] == name, 0.9, 0.1)
    shares = {name: np.array([0.5, 1.0]) for name in PIECES}
    losses = dict.fromkeys(PIECES, pd.DataFrame({"mean": 0.1, "std": 0.2}, classes))
    title = "<script>$\\frac{1}$\n"
    few = classes[:4] + classes[-8:]  # as many as curves are drawn of
    chosen = predictions[predictions["target"].isin(few)]
    figures = {
        "confusion": (classes, draw_confusion(title, predictions, classes)),
        "roc": (few, draw_curve("roc", title, chosen, few)),
        "precision": (few, draw_curve("precision_recall", title, chosen, few)),
        "calibration": (few, draw_curve("calibration", title, chosen, few)),
        "frequencies": (PIECES, draw_frequencies(title, shares)),
        "ablation": (PIECES, draw_ablation(losses, "accuracy", classes)),
    }
    for figure, (names, svg) in figures.items():
        page = Page()
        page.feed(svg)
        assert "script" not in page.elements
        # Long names are broken into lines.
        shown = "".join("".join(page.texts).split())
        for name in names:
            assert "".join(visible(name).split()) in shown, (figure, name)


def test_fold_files_have_harmless_names(tmp_path):
    models = {name: DummyClassifier(random_state=n) for n, name in enumerate(NAMES)}
    store = tmp_path / "store"
    compare(models, np.zeros((8, 1)), [0, 1] * 4, cv=2, scoring=["accuracy"], store=store)
    files = list((tmp_path / "store").rglob("*"))
    assert len(files) == 2 * len(NAMES)
    assert all(re.fullmatch(r"[0-9A-Za-z_-]+\.fold", path.name) for path in files)
    assert {path.name for path in tmp_path.iterdir()} == {"store"}


def printed(*shown):
    output = io.StringIO()
    console = Console(file=output, width=400, markup=False, emoji=False, highlight=False)
    console.print(*shown, sep="\n")
    return output.getvalue()


def test_a_terminal_shows_names_and_obeys_no_control_character(comparison):
    data = pd.DataFrame({f"exp__{name}": [0.0, 1.0] for name in NAMES})
    cohort = Bunch(
        source="\x1b[31mstudy\u202e",
        data=data.loc[np.zeros(len(NAMES), dtype=int)],
        target=pd.Series(NAMES),
        modalities={"exp": np.arange(len(NAMES))},
        report=pd.DataFrame([["\x1b[2J", "\r", 1]], columns=["where", "what", "count"]),
    )
    rankings = pd.DataFrame({"modality": "m\x1b[31m", "feature": NAMES})
    text = printed(
        cohort_text(cohort),
        ranking_table(rankings, top=len(NAMES)),
        prediction_table(NAMES, np.eye(len(NAMES)), np.array(NAMES, dtype=object)),
        summary_table(comparison),
    )
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200f\u202e\u2066\u2028]", text)
    for name in [*NAMES, *MODELS]:
        assert visible(name).strip() in text, name


def test_predictions_hold_names_unchanged(tmp_path):
    classes = np.array(NAMES, dtype=object)
    table = tabulate_predictions(pd.Index(NAMES), classes, np.eye(len(NAMES)), classes)
    write_table(table, tmp_path / "out.csv")
    read = pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    assert read["sample"].tolist() == read["predicted"].tolist() == NAMES
    assert read.columns[2:].tolist() == [f"p: {name}" for name in NAMES]


def test_models_keep_names(tmp_path):
    X = pd.DataFrame(np.eye(len(NAMES)), columns=NAMES)
    model = NearestCentroid().fit(X, np.array(NAMES, dtype=object))
    loaded = load_model(save_model(model, tmp_path / "model.xmodal"))
    assert loaded.predict(X).tolist() == NAMES
    assert loaded.feature_names_in_.tolist() == NAMES
    assert read_manifest(tmp_path / "model.xmodal")["columns"] == NAMES


def hostile_displays():
    """Every display, of such names, by its constructor."""
    from xmodal_sklearn import plotting

    few = ["$\\frac{1}$", "a $x$ b", "$", "_a", "{0}", "\\", "\\$x\\$", "two\nlines"]
    n = len(few)
    by_name = pd.DataFrame(np.linspace(0.1, 0.9, 2 * n).reshape(2, n), columns=few)
    intervals = pd.DataFrame({"mean": 0.5, "lower": 0.4, "upper": 0.6}, few)
    by_k = pd.DataFrame({"group": few, "k": 5, "mean": 0.5, "std": 0.1})
    parts = pd.MultiIndex.from_product([MEASURES, few])
    importance = ModalityImportance(
        pd.DataFrame(0.1, [0, 1], parts), pd.DataFrame(), pd.Series(dtype=float), pd.DataFrame()
    )
    table = pd.DataFrame(np.eye(n), few, few)
    maps = dict.fromkeys(few, table.rename_axis(index=few[0], columns=few[1]))
    shapes = pd.DataFrame({"feature": few, "class": few, "value": 1.0, "contribution": 0.5})
    norms = np.linspace(0.1, 1, 3 * n).reshape(n, 3)
    path = {"penalties": np.array([1.0, 0.5, 0.1]), "norms": norms, "modality": few[0]}
    return few, {
        "comparison": plotting.ComparisonDisplay(
            scores=by_name, intervals=intervals, metric=few[0]
        ).plot(),
        "score against K": plotting.KScoreDisplay(scores=by_k, score_name=few[0]).plot(),
        "path": plotting.CoefficientPathDisplay(feature_names=few, **path).plot(),
        "heat map": plotting.AttentionMapDisplay(maps).plot(),
        "pairs": plotting.AttentionMapDisplay(maps).plot(kind="pairs"),
        "features": plotting.FeatureImportanceDisplay(table).plot(),
        "modalities": plotting.ModalityImportanceDisplay(importance).plot(),
        "shapes": plotting.AdditiveShapeDisplay(shapes).plot(),
        "ablation": plotting.ModalityAblationDisplay(
            score=0.9, scores=by_name, method="permute", score_name=few[0]
        ).plot(),
    }


def test_displays_read_no_name_as_a_formula(monkeypatch):
    monkeypatch.setitem(plt.rcParams, "svg.fonttype", "none")
    names, displays = hostile_displays()
    for kind, display in displays.items():
        svg = io.StringIO()
        display.figure_.savefig(svg, format="svg")
        page = Page()
        page.feed(svg.getvalue())
        shown = "\n".join(page.texts)
        for name in names:
            assert visible(name) in shown, (kind, name)
    plt.close("all")
