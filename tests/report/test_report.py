"""The report, as a file and in a browser."""

import base64
import dataclasses
import json
import re
from html import unescape
from io import StringIO
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import confusion_matrix, roc_auc_score
from sklearn.model_selection import RepeatedStratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from xmodal_sklearn import MultiOmicsSelector
from xmodal_sklearn.benchmark import Comparison, compare
from xmodal_sklearn.inspection import ModalityImportance, stability_index
from xmodal_sklearn.learning import learning_curves
from xmodal_sklearn.report import write_report
from xmodal_sklearn.report._models import accuracy_coverage

HOSTILE = '<script>alert("x")</script> & Co'


@pytest.fixture(scope="module")
def comparison(cohort, models):
    X, y = cohort
    y = np.array([f"<{label}>" for label in y], dtype=object)
    folds = RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0)
    measured = compare(models, X, y, cv=folds, batch=np.where(np.arange(120) < 50, "<a>", "b"))
    smaller = learning_curves(
        {HOSTILE: models[HOSTILE]}, X, y, cv=folds, shares=[0.3, 0.6], scoring=["f1_macro"]
    )
    warnings = ("The batch predicts the classes.",)
    return dataclasses.replace(measured, warnings=warnings, learning=smaller)


def section(html, name):
    """The HTML of one section of a page."""
    start = html.index(f'<section id="{name}">')
    return html[start : html.index("</section>", start)]


@pytest.fixture(scope="module")
def models():
    return {
        "logistic regression, early": make_pipeline(
            MultiOmicsSelector(5), LogisticRegression(max_iter=1000)
        ),
        "linear SVM, early": make_pipeline(MultiOmicsSelector(5), LinearSVC(C=1e-3)),
        HOSTILE: DummyClassifier(),
    }


@pytest.fixture(scope="module")
def page(comparison, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    command = "xmodal bench --table 'exp=a b.csv' --out <here>"
    return write_report(comparison, path, command=command, title="Tumours & subtypes")


@pytest.fixture(scope="module")
def html(page):
    return page.read_text(encoding="utf-8")


def visible(html):
    """The text of a page without its tags."""
    bare = re.sub(r"<(style|script)>.*?</\1>|<[^>]*>", " ", html, flags=re.DOTALL)
    return " ".join(unescape(bare).split())


def test_the_summary_is_in_the_report(comparison, html):
    text = visible(html)
    for name, row in comparison.summary().iterrows():
        assert name in text
        for metric in comparison.metrics:
            if not np.isnan(row[metric, "mean"]):
                assert f"{row[metric, 'mean']:.3f} ±{row[metric, 'std']:.3f}" in text.replace(
                    "−", "-"
                )


def test_the_p_of_every_pair_is_in_the_report(comparison, html):
    table = html[html.index('<table class="pairs"') :]
    table = visible(table[: table.index("</table>")]).replace("−", "-")
    for difference, _, p in comparison.pairwise()[["difference", "p", "p_holm"]].to_numpy():
        assert f"{difference:+.3f} {'< 0.001' if p < 0.001 else f'{p:.3f}'}" in table


def test_origin_and_warnings_are_in_the_report(comparison, html):
    text = visible(html)
    assert "xmodal bench --table 'exp=a b.csv' --out <here>" in text
    assert "The batch predicts the classes." in text
    for name, version in comparison.info["versions"].items():
        assert f"{name} {version}" in text
    assert "120 samples 3 classes 60 exp + 50 cna + 20 mut features 3 folds × 2 repeats" in text


def test_the_stability_of_the_selection_is_nogueiras(comparison, cohort, html):
    X, _ = cohort
    mine = comparison.selected.query("estimator == 'linear SVM, early' and modality == 'exp'")
    names = [name for name in X if name.startswith("exp__")]
    folds = mine.groupby(["repeat", "fold"])["feature"].agg(set)
    selected = np.array([[name in fold for name in names] for fold in folds])
    expected = "{:.2f} {:.2f} to {:.2f}".format(*stability_index(selected))
    assert f"exp 60 5 {selected.all(axis=0).sum()} {selected.any(axis=0).sum()} {expected}" in (
        visible(html).replace("−", "-")
    )
    assert "2 models with the same selection" in visible(html)


def test_classes_gaps_and_batches_come_first(comparison, html):
    data = visible(section(html, "data"))
    for label, size in comparison.info["data"]["class_sizes"].items():
        assert f"{label} {size} {size / 120:.0%}" in data
    assert "exp 60 0 0%" in data
    row = " ".join(str(size) for size in comparison.info["data"]["batches"]["<a>"].values())
    assert f"<a> 50 {row}" in data
    assert html.index('id="data"') < html.index('id="summary"')


def test_a_model_at_chance_is_marked_last_and_never_best(comparison, html):
    rows = re.findall("<tr>.*?</tr>", section(html, "summary"), re.DOTALL)
    dummy = rows[-1]
    assert "alert" in dummy
    assert "at chance" in dummy
    # Class frequencies are calibrated, better than any model that does better than guess.
    errors = comparison.summary()["ece", "mean"]
    assert errors.idxmin() == HOSTILE
    assert 'class="best"' not in dummy
    assert sum(row.count('class="best"') for row in rows) >= len(comparison.metrics)


@pytest.mark.usefixtures("without_figures")
def test_no_model_is_at_chance_if_all_are(cohort, tmp_path):
    models = {"dummy": DummyClassifier(), "other": DummyClassifier()}
    guessing = compare(models, *cohort, cv=2, scoring=["accuracy"])
    html = write_report(guessing, tmp_path / "chance.html").read_text(encoding="utf-8")
    assert "at chance" not in visible(html)
    assert 'class="best"' in section(html, "summary")


def test_pairs_have_the_names_of_rows_and_columns(comparison, html):
    names = re.findall('class="upright">(.*?)</span>', section(html, "pairwise"))
    assert [unescape(name) for name in names] == list(comparison.summary().index)


@pytest.mark.usefixtures("without_most_figures")
def test_a_selection_of_all_features_has_no_stability(cohort, tmp_path):
    model = make_pipeline(
        MultiOmicsSelector({"exp": "all", "cna": 5, "mut": 20}), DummyClassifier()
    )
    kept = compare({"all": model}, *cohort, cv=3, scoring=["accuracy"])
    features = section(write_report(kept, tmp_path / "all.html").read_text("utf-8"), "features")
    text = visible(features)
    for name, number in [("exp", 60), ("mut", 20)]:
        row = f"{name} {number} {number} {number} {number} – undefined: all features kept"
        assert row in text
    assert text.count("undefined") == 2
    assert "<h4>cna</h4>" in features
    assert "<h4>exp</h4>" not in features
    assert features.count(">exp</text>") == 0


def test_settings_of_every_model_and_the_origin_are_shown(comparison, html):
    models = visible(section(html, "models"))
    assert models.count("K 5") == 2
    for name in comparison.info["models"]:
        text = comparison.info["models"][name]["text"]
        assert " ".join(text.split()) in models
    origin = visible(section(html, "origin"))
    info = comparison.info
    for fact in (info["data"]["hash"], info["hardware"]["processor"], info["folds"]):
        assert " ".join(fact.split()) in origin
    assert info["date"][:10] in origin


def test_the_contribution_of_a_modality_is_the_loss_without_it(comparison, html):
    rows = visible(section(html, "modalities"))
    scores = comparison.scores.query("estimator == 'linear SVM, early'")
    means = scores.groupby(["metric", "part"])["value"].mean()
    shown = r"linear SVM, early " + " ".join(
        r"([+−][\d.]+) ±[\d.]+" for _ in comparison.info["n_features"]
    )
    losses = [float(x.replace("−", "-")) for x in re.search(shown, rows).groups()]
    expected = [
        means["f1_macro", ""] - means["without_modality", m] for m in comparison.info["n_features"]
    ]
    assert losses == pytest.approx(expected, abs=6e-4)
    assert "alert" not in rows


@pytest.mark.usefixtures("without_most_figures")
def test_branch_weights_are_shown_if_recorded(comparison, html, tmp_path):
    assert 'id="branches"' not in html
    name = "linear SVM, early"
    rows = comparison.scores.query("estimator == @name and metric == 'n_test'")
    weights = [
        rows.assign(metric="branch_weight", part="attention", value=0.75),
        rows.assign(metric="branch_weight", part="mlp: exp", value=0.25),
    ]
    scores = pd.concat([comparison.scores, *weights], ignore_index=True)
    weighted = dataclasses.replace(comparison, scores=scores)
    text = write_report(weighted, tmp_path / "weights.html").read_text(encoding="utf-8")
    branches = visible(section(text, "branches"))
    assert f"Stacking weights of the branches of {name}" in branches
    assert "branch weight attention 0.750 ±0.000 mlp: exp 0.250 ±0.000" in branches


@pytest.mark.usefixtures("without_figures")
def test_methods_name_the_branches_and_which_part_is_the_paper_s(comparison, tmp_path):
    name = "linear SVM, early"
    rows = comparison.scores.query("estimator == @name and metric == 'n_test'")
    weights = [
        rows.assign(metric="branch_weight", part=part, value=value)
        for part, value in {"attention": 0.08, "stumps": 0.75, "pairs": 0.001}.items()
    ]
    text = "Pipeline(steps=[MultiOmicsSelector(k=5), CrossModalAttentionClassifier()])"
    network = {**comparison.info["models"][name], "text": text, "parameters": {"n_estimators": "8"}}
    result = dataclasses.replace(
        comparison,
        scores=pd.concat([comparison.scores, *weights], ignore_index=True),
        info={**comparison.info, "models": {**comparison.info["models"], name: network}},
    )
    page = write_report(result, tmp_path / "report.html").read_text(encoding="utf-8")
    methods = visible(section(page, "methods"))
    assert "an ensemble of 8 networks" in methods
    assert "feature selection, which is nested" in methods
    assert "stumps 0.75 and attention 0.08; the other branches had less than 0.005" in methods
    assert "The attention of one modality to the others, a single one of these branches" in methods
    assert "Zhumagozhayev" in methods


@pytest.mark.usefixtures("without_figures")
def test_methods_name_models_that_weigh_classes_equally(comparison, html, tmp_path):
    name = "logistic regression, early"
    models = comparison.info["models"]
    weighted = {**models[name]["parameters"], "logisticregression__class_weight": "'balanced'"}
    models = {**models, name: {**models[name], "parameters": weighted}}
    result = dataclasses.replace(comparison, info={**comparison.info, "models": models})
    page = write_report(result, tmp_path / "report.html").read_text(encoding="utf-8")
    sentence = f"Every class had the same weight in the training of {name}."
    assert sentence in visible(section(page, "methods"))
    assert "the same weight" not in visible(section(html, "methods"))


def test_every_figure_and_table_is_numbered_and_has_a_caption(html):
    for kind, tag in {"Figure": "figure", "Table": 'div class="scroll"'}.items():
        captions = re.findall(rf"<strong>{kind} (\d+)\.</strong> (.+?)</", html)
        assert [int(number) for number, _ in captions] == list(range(1, 1 + html.count(f"<{tag}")))
        assert len({caption for _, caption in captions}) == len(captions)


@pytest.mark.usefixtures("without_figures")
def test_the_report_says_what_the_data_are_and_names_no_folder(comparison, tmp_path):
    name = next(iter(comparison.info["models"]))
    cached = "make(MultiOmicsSelector(k=5, memory='/home/me/rankings'), Next())"
    info = {
        **comparison.info,
        "data": {**comparison.info["data"], "source": "simulated data"},
        "command": "xmodal bench --table exp=/home/me/exp.csv --out C:\\me\\out",
        "models": {name: {**comparison.info["models"][name], "text": cached}},
    }
    result = dataclasses.replace(comparison, info=info)
    page = write_report(result, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<title>Comparison of classifiers: simulated data</title>" in page
    for part in ("methods", "origin"):
        assert "simulated data" in visible(section(page, part))
    assert "xmodal bench --table exp=exp.csv --out out" in visible(section(page, "origin"))
    assert "make(MultiOmicsSelector(k=5), Next())" in visible(section(page, "models"))
    assert "me/rankings" not in page


def test_the_glossary_explains_the_metrics(comparison, html):
    glossary = visible(section(html, "glossary"))
    for term in ("macro-F1", "Brier score", "at chance", "stability", "K"):
        assert term in glossary
    assert 'title="share of correct predictions"' in section(html, "summary")


def test_samples_that_most_models_misclassify_are_named(comparison, html):
    predictions = comparison.predictions.query("estimator != @HOSTILE")
    wrong = predictions["target"] != predictions["predicted"]
    by_model = wrong.groupby([predictions["sample"], predictions["estimator"]]).mean() >= 0.5
    hard = by_model.groupby("sample").mean() > 0.5
    assert 0 < hard.sum() < 40
    shown = re.findall(r'<th scope="row">(.*?)</th>', section(html, "hard"))
    names = comparison.info["data"].get("sample_names")
    expected = {names[s] if names else f"row {s}" for s in hard.index[hard]}
    assert set(shown) == expected
    assert f"{hard.sum()} of 120 samples" in visible(section(html, "hard"))


def test_confusion_matrices_have_shares_and_counts(comparison, tmp_path):
    name = "linear SVM, early"
    rows = comparison.predictions.query("estimator == @name")
    single = dataclasses.replace(
        comparison,
        scores=comparison.scores.query("estimator == @name"),
        predictions=rows,
        selected=comparison.selected.query("estimator == @name"),
        learning=None,
    )
    html = write_report(single, tmp_path / "one.html").read_text(encoding="utf-8")
    svg = html[html.index(f'aria-label="Confusion matrix of {name}"') :]
    texts = re.findall(r">([^<>]+)</text>", svg[: svg.index("</svg>")])
    counts = confusion_matrix(rows["target"], rows["predicted"])
    for row in counts:
        for count in row:
            place = texts.index(f"{count / row.sum():.0%}")
            assert texts[place + 1] == f"{count}"
            del texts[place : place + 2]


def test_figures_of_many_models_and_classes_are_limited(comparison, tmp_path, monkeypatch):
    for name in ("MAX_MODELS", "MAX_CURVES", "MAX_CELLS"):
        monkeypatch.setattr(f"xmodal_sklearn.report._models.{name}", 1)
    html = write_report(comparison, tmp_path / "report.html").read_text(encoding="utf-8")
    models = section(html, "models")
    text = visible(models)
    assert "Only the best model is shown here; the scores of all others are in" in text
    assert "Curves are drawn for the most frequent classes only" in text
    assert models.count("<details") == 1
    assert "ROC curves of" in models


def test_the_interval_of_an_auc_is_that_of_its_folds(comparison, html):
    label = comparison.classes[0]
    rows = comparison.predictions.query("estimator == 'logistic regression, early'")
    areas = [
        roc_auc_score(fold["target"] == label, fold[f"p: {label}"])
        for _, fold in rows.groupby(["repeat", "fold"])
    ]
    error = np.sqrt(np.var(areas, ddof=1) * (1 / 6 + 40 / 80))
    lower, upper = np.mean(areas) + stats.t.ppf([0.025, 0.975], df=5) * error
    expected = f"{np.mean(areas):.3f} {max(lower, 0):.3f} to {min(upper, 1):.3f}"
    assert expected in visible(section(html, "models"))


@pytest.mark.usefixtures("without_most_figures")
def test_methods_are_made_from_the_run(comparison, html, cohort, tmp_path):
    text = visible(section(html, "methods"))
    for label, size in comparison.info["data"]["class_sizes"].items():
        assert f"{label} (n = {size})" in text
    assert "3-fold cross-validation, repeated 2 times" in text
    assert "keeping 5 features per modality" in text
    for name in comparison.summary().index:
        assert name in text
    assert f"scikit-learn {comparison.info['versions']['scikit-learn']}" in text
    paragraph, references = section(html, "methods").split("<ol>")
    cited = {int(n) for group in re.findall(r"\[([\d, ]+)\]", paragraph) for n in group.split(",")}
    assert cited == set(range(1, 1 + references.count("<li>")))
    assert "Zhumagozhayev" not in text
    dummy = compare({"dummy": DummyClassifier()}, *cohort, cv=2, scoring=["accuracy"])
    plain = write_report(dummy, tmp_path / "plain.html").read_text(encoding="utf-8")
    assert "t-test" not in section(plain, "methods")
    assert "elastic net" not in section(plain, "methods")


@pytest.mark.usefixtures("without_figures")
def test_comparisons_without_recorded_data_are_reported(comparison, tmp_path):
    recorded = ("n_samples", "n_features", "n_folds", "n_repeats", "seconds", "versions")
    added = comparison.scores["metric"] == "without_modality"
    old = dataclasses.replace(
        comparison,
        scores=comparison.scores[~added],
        info={key: comparison.info[key] for key in recorded},
    )
    old.save(tmp_path)
    page = write_report(Comparison.load(tmp_path), tmp_path / "old.html")
    html = page.read_text(encoding="utf-8")
    sizes = comparison.info["data"]["class_sizes"]
    for label, size in sizes.items():
        assert f"{label} {size} {size / 120:.0%}" in visible(section(html, "data"))
    assert 'id="modalities"' not in html
    assert "exp 60 – –" in visible(section(html, "data"))


@pytest.mark.usefixtures("without_most_figures")
def test_learning_curves_are_drawn_if_computed(comparison, html, tmp_path):
    assert "Learning curves" in visible(html)
    without = dataclasses.replace(comparison, learning=None, metrics=comparison.metrics[:1])
    text = write_report(without, tmp_path / "without.html").read_text(encoding="utf-8")
    assert "Learning curves" not in visible(text)


def test_the_report_loads_no_other_file(html):
    links = re.findall(r'(?:href|src)="([^"]*)"|url\(([^)]*)\)', html)
    assert links
    assert all((link or url).startswith(("#", "data:")) for link, url in links)
    assert "default-src 'none'" in html


def test_names_are_shown_and_not_executed(html):
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; &amp; Co" in html


def test_figures_show_names_as_they_are(cohort, tmp_path):
    X, y = cohort
    labels = dict(zip(sorted(set(y)), ["_hidden", "$x_1$", "{b}"], strict=True))
    models = {"_logistic $a$": LogisticRegression(max_iter=1000), "dummy": DummyClassifier()}
    result = compare(models, X, y.map(labels), cv=2, scoring=["accuracy"])
    html = write_report(result, tmp_path / "names.html").read_text(encoding="utf-8")
    for label in labels.values():
        assert re.search(rf">{re.escape(label)} \(AUC = [\d.]+\)<", html)
        assert html.count(f">{label}</text>") >= 2 * 3
    assert html.count(">_logistic $a$</text>") >= 2


def test_ids_are_unique(html):
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(#|href="#)([^)"]+)', html)) <= set(ids)


def test_the_same_comparison_gives_the_same_file(comparison, html, tmp_path):
    command = "xmodal bench --table 'exp=a b.csv' --out <here>"
    again = write_report(
        comparison, tmp_path / "again.html", command=command, title="Tumours & subtypes"
    )
    assert again.read_text(encoding="utf-8") == html


def test_two_classes_given_as_numbers(cohort, tmp_path):
    X, y = cohort
    models = {"logistic": LogisticRegression(max_iter=1000), "dummy": DummyClassifier()}
    two = compare(models, X, (y == y.iloc[0]).astype(int), cv=2)
    html = write_report(two, tmp_path / "two.html").read_text(encoding="utf-8")
    curves = re.findall(r">(\w+) \(AUC = [\d.]+\)<", html)
    assert curves == ["1", "1"]  # one for each model


@pytest.mark.usefixtures("without_figures")
def test_a_single_fold_has_no_spread_and_no_test(cohort, models, tmp_path):
    X, y = cohort
    split = np.arange(80), np.arange(80, 120)
    single = compare(models, X, y, cv=[split], scoring=["accuracy"])
    text = visible(write_report(single, tmp_path / "one.html").read_text(encoding="utf-8"))
    assert not re.search(r"\bnan\b", text)
    assert "standard deviation over folds" not in text
    assert "Pairwise comparisons" not in text


@pytest.mark.usefixtures("without_figures")
def test_models_without_the_first_metric_are_left_out_of_the_tests(cohort, models, tmp_path):
    folds = RepeatedStratifiedKFold(n_splits=2, n_repeats=1, random_state=0)
    areas = compare(models, *cohort, cv=folds, scoring=["roc_auc_ovr"])
    html = write_report(areas, tmp_path / "auc.html").read_text(encoding="utf-8")
    table = html[html.index('<table class="pairs"') :]
    table = visible(table[: table.index("</table>")])
    assert "logistic regression, early" in table
    assert "linear SVM, early" not in table
    assert "linear SVM, early" in visible(html)


@pytest.mark.usefixtures("without_figures")
def test_a_report_of_one_model_that_selects_nothing(cohort, tmp_path):
    dummy = compare({"dummy": DummyClassifier()}, *cohort, cv=2, scoring=["accuracy"])
    dummy = dataclasses.replace(dummy, info={"command": "xmodal bench --k 3"})
    text = visible(write_report(dummy, tmp_path / "one.html").read_text(encoding="utf-8"))
    assert "dummy has the best mean accuracy" in text
    assert "xmodal bench --k 3" in text
    assert "Pairwise comparisons" not in text
    assert "Selected features" not in text


@pytest.fixture
def opened(browser, page):
    """Return a function that opens the report at a width in pixels."""

    def at(width=1280, scheme="light"):
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        # Without the smooth scrolling, during which a click would miss.
        media = {
            "features": [
                {"name": "prefers-color-scheme", "value": scheme},
                {"name": "prefers-reduced-motion", "value": "reduce"},
            ]
        }
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
        for log in ("browser", "performance"):
            browser.get_log(log)
        browser.get(page.as_uri())
        return browser

    return at


def column(browser, position):
    cells = browser.find_elements("css selector", f"#summary tbody td:nth-child({position})")
    return [cell.text.split("\n")[0] for cell in cells]


def test_it_renders_without_errors_or_requests(opened, page):
    browser = opened()
    assert browser.title == "Tumours & subtypes"
    figures = browser.find_elements("css selector", "figure svg")
    assert len(figures) > 15
    assert all(svg.size["height"] > 50 for svg in figures if svg.is_displayed())
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    ]
    assert page.as_uri() in asked
    assert [url for url in asked if url != page.as_uri() and not url.startswith("data:")] == []


def test_tables_sort_by_click_and_by_keyboard(opened):
    browser = opened()
    head = browser.find_element("css selector", "#summary thead th:nth-child(5)")
    before = column(browser, 5)
    head.find_element("css selector", "button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert column(browser, 5) == sorted(before, reverse=True)
    browser.switch_to.active_element.send_keys("\ue007")  # Enter
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(browser, 5) == sorted(before)
    browser.switch_to.active_element.send_keys("\ue004")  # Tab
    browser.switch_to.active_element.send_keys(" ")
    assert head.get_attribute("aria-sort") is None
    after = browser.find_element("css selector", "#summary thead th:nth-child(6)")
    assert after.get_attribute("aria-sort") == "descending"


def test_missing_values_are_sorted_last(opened, comparison):
    browser = opened()
    position = 3 + comparison.metrics.index("log_loss")
    button = f"#summary thead th:nth-child({position}) button"
    for _ in range(2):
        browser.find_element("css selector", button).click()
        assert column(browser, position)[-1] == "–"


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_no_width_scrolls_sideways(opened, width):
    browser = opened(width)
    for details in browser.find_elements("css selector", "details"):
        browser.execute_script("arguments[0].open = true", details)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    # Nothing is cut off either: what is wider than the page scrolls in a box of its own.
    beyond = """return [...document.querySelectorAll("main *, header *")].filter(node =>
        !node.closest(".scroll") && !node.closest("svg") && !node.closest(".hidden")
        && node.getBoundingClientRect().right > innerWidth + 1).map(node => node.outerHTML)"""
    assert browser.execute_script(beyond) == []


def test_no_column_of_the_summary_is_hidden_at_1280_pixels(opened):
    box = opened(1280).find_element("css selector", "#summary .scroll")
    assert box.find_elements("css selector", "thead th")[-1].text == "peak memory, MB"
    assert box.get_property("scrollWidth") <= box.get_property("clientWidth")


SAVED = """
const [box, what, done] = arguments;
const button = [...document.querySelector(box).querySelectorAll("button.download")].find(
    (button) => button.textContent === what);
let name;
const click = HTMLAnchorElement.prototype.click;
HTMLAnchorElement.prototype.click = function () { name = this.download; };
const make = URL.createObjectURL;
URL.createObjectURL = (blob) => { blob.text().then((text) => done([name, text])); return "blob:"; };
button.click();
HTMLAnchorElement.prototype.click = click;
URL.createObjectURL = make;
"""


def test_every_figure_and_table_can_be_saved(opened):
    browser = opened()
    count = """return [...document.querySelectorAll(arguments[0])].filter((node) =>
        arguments[1] ? node.querySelector("button.download")
                     : (node.closest(".scroll") ?? node).nextElementSibling?.querySelector(
                         "button.download")).length"""
    figures = browser.find_elements("css selector", "figure")
    assert browser.execute_script(count, "figure", True) == len(figures) > 15
    tables = browser.find_elements("css selector", "table")
    assert browser.execute_script(count, "table", False) == len(tables) > 8


def test_a_saved_table_holds_its_numbers_in_full(opened, comparison):
    name, text = opened().execute_async_script(SAVED, "#summary", "CSV")
    assert name == "Summary.csv"
    saved = pd.read_csv(StringIO(text), index_col="model")
    summary = comparison.summary()
    assert set(saved.index) == set(summary.index)
    for metric, head in [("f1_macro", "macro-F1"), ("log_loss", "log loss")]:
        for part, column in [("mean", head), ("std", f"{head}: standard deviation")]:
            expected = summary[metric, part]
            assert saved[column].reindex(expected.index).to_numpy() == pytest.approx(
                expected.to_numpy(), nan_ok=True
            )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_saved_figure_needs_no_page(opened, scheme):
    name, text = opened(scheme=scheme).execute_async_script(SAVED, "#folds", "SVG")
    assert name == "macro-F1-of-every-fold-by-model.svg"
    svg = ElementTree.fromstring(text)
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert float(svg.get("width").removesuffix("pt")) > 200
    assert "var(" not in text
    assert "background: white" in svg.get("style")


def test_saved_files_hold_names_as_they_are(browser, cohort, tmp_path):
    X, y = cohort
    names = ["nan", "var(--ink)", "a  b ↓"]
    labels = dict(zip(sorted(set(y)), names, strict=True))
    models = {"dummy": DummyClassifier()}
    result = compare(models, X, y.map(labels), cv=2, scoring=["accuracy"])
    browser.get(write_report(result, tmp_path / "names.html").as_uri())
    _, table = browser.execute_async_script(SAVED, "#data", "CSV")
    saved = pd.read_csv(StringIO(table), keep_default_na=False)
    assert sorted(saved["class"]) == sorted(names)
    _, table = browser.execute_async_script(SAVED, "#classes", "CSV")
    assert set(names) <= set(pd.read_csv(StringIO(table)).columns)
    _, figure = browser.execute_async_script(SAVED, "#models", "SVG")
    assert "var(--ink)" in "".join(ElementTree.fromstring(figure).itertext())


def test_text_in_figures_is_legible_on_a_phone(opened):
    browser = opened(390)
    smallest = browser.execute_script(
        """return Math.min(...[...document.querySelectorAll("#folds svg text")].map(text =>
        parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a))"""
    )
    assert smallest >= 9


def test_figures_follow_light_and_dark(opened):
    shades = {}
    for scheme in ("light", "dark"):
        browser = opened(scheme=scheme)
        paper = browser.find_element("css selector", "body").value_of_css_property(
            "background-color"
        )
        label = browser.find_element("css selector", "#folds svg text")
        shades[scheme] = [
            sum(map(int, re.findall(r"\d+", color)[:3]))
            for color in (paper, label.value_of_css_property("fill"))
        ]
    assert shades["light"][0] > 700 > 400 > shades["light"][1]
    assert shades["dark"][0] < 100 < 400 < shades["dark"][1]


def test_it_prints_with_everything_open(opened):
    browser = opened()
    options = {"preferCSSPageSize": True, "printBackground": True}
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", options)["data"])
    assert pdf.startswith(b"%PDF")
    pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
    for details in browser.find_elements("css selector", "details"):
        browser.execute_script("arguments[0].open = true", details)
    opened_pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", options)["data"])
    assert pages == len(re.findall(rb"/Type\s*/Page\b", opened_pdf)) > 2


@pytest.mark.usefixtures("without_most_figures")
def test_inspection_is_shown_if_given(comparison, html, tmp_path):
    assert 'id="inspection"' not in html
    modalities = ["exp", "mut", "together"]
    columns = pd.MultiIndex.from_product(
        [["permutation", "shapley", "gradients", "stacking"], modalities]
    )
    rng = np.random.default_rng(0)
    folds = pd.DataFrame(rng.random((3, 12)), columns=columns)
    branches = pd.DataFrame({"mlp: exp": [0.2, 0.4, 0.6], HOSTILE: [0.1, 0.1, 0.1]})
    names = [f"exp__G{i}" for i in range(30)]
    features = pd.DataFrame(rng.normal(size=(30, 2)), names, ["a", "<b>"])
    by_fold = pd.concat([features] * 3, keys=range(3), names=["fold", "feature"])
    maps = {
        label: pd.DataFrame(rng.normal(size=(30, 4)), names, [f"mut__M{i}" for i in range(4)])
        for label in ("a", "<b>")
    }
    page = write_report(
        comparison,
        tmp_path / "report.html",
        importance=ModalityImportance(folds, branches, pd.Series([0.5, 0.6, 0.7]), by_fold),
        features=features,
        maps=maps,
    ).read_text(encoding="utf-8")
    section = page[page.index('<section id="inspection">') : page.index('<section id="origin">')]
    assert section.count("<svg ") == 6
    assert ">mlp: exp</th>" in section and "0.400" in section
    assert HOSTILE not in section
    assert "stability of 1.00" in section
    first = features.abs().max(axis=1).idxmax()
    assert f"exp {first.removeprefix('exp__')}" in unescape(section)


@pytest.mark.usefixtures("without_most_figures")
def test_features_are_those_of_the_folds_if_none_are_given(comparison, tmp_path):
    columns = pd.MultiIndex.from_product(
        [["permutation", "shapley", "gradients", "stacking"], ["exp"]]
    )
    folds = pd.DataFrame(0.1, [0, 1], columns)
    by_fold = pd.DataFrame(
        {"a": [0.1, 0.9, -0.2, 0.5]},
        pd.MultiIndex.from_product([[0, 1], ["one", "two"]], names=["fold", "feature"]),
    ).drop((1, "one"))
    branches = pd.DataFrame({"mlp: exp": [0.2, 0.4]})
    page = write_report(
        comparison,
        tmp_path / "report.html",
        importance=ModalityImportance(folds, branches, pd.Series([0.5, 0.6]), by_fold),
    ).read_text(encoding="utf-8")
    section = page[page.index('<section id="inspection">') : page.index('<section id="origin">')]
    assert section.count("<svg ") == 5
    assert section.index(">two<") < section.index(">one<")


def test_accuracy_against_coverage_is_the_accuracy_above_every_threshold():
    rng = np.random.default_rng(0)
    confidence = rng.integers(40, 100, size=300) / 100
    correct = rng.random(300) < confidence
    shares, accuracies = accuracy_coverage(confidence, correct)
    thresholds = np.unique(confidence)[::-1]
    assert len(shares) == len(thresholds)
    for threshold, share, accuracy in zip(thresholds, shares, accuracies, strict=True):
        predicted = confidence >= threshold
        assert share == pytest.approx(predicted.mean())
        assert accuracy == pytest.approx(correct[predicted].mean())


def test_each_model_with_probabilities_has_a_curve_of_accuracy_against_coverage(comparison, html):
    columns = comparison.predictions.filter(like="p: ")
    n_models = comparison.predictions[columns.notna().all(axis=1)]["estimator"].nunique()
    assert html.count("Accuracy if only the most confident") == n_models > 0
