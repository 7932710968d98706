"""The card of a saved model: training data, performance, required input, limitations."""

from collections.abc import Iterable, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from .._files import check_extension
from .._text import visible
from ..benchmark._metrics import metric_label
from ._write import PAGES, format_number, write_page

N_FEATURES = 10

Section = dict[str, Any]


def card_text(model: str | Path) -> str:
    """Return the card of a saved model as text.

    Parameters
    ----------
    model : str or Path
        The file that :func:`~xmodal_sklearn.persistence.save_model` wrote; the model is not loaded.

    Returns
    -------
    str
        Sections with their titles, paragraphs and tables.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the file is damaged, is not a model, or has a newer format.

    Examples
    --------
    >>> from xmodal_sklearn.report import card_text
    >>> card_text("nothing.xmodal")
    Traceback (most recent call last):
    FileNotFoundError: There is no file nothing.xmodal.
    """
    lines = [visible(Path(model).name)]
    for section in _read_card(model)[0]:
        lines += ["", section["title"].upper(), *map(visible, section["paragraphs"])]
        if section["rows"]:
            table = [section["columns"], *section["rows"]]
            rows = [[visible(cell) for cell in row] for row in table]
            widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
            lines += ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
    return "\n".join(lines)


def write_card(model: str | Path, path: str | Path) -> Path:
    """Write the card of a saved model as one HTML file that needs no other file and no network.

    Parameters
    ----------
    model : str or Path
        The file that :func:`~xmodal_sklearn.persistence.save_model` wrote; the model is not loaded.
    path : str or Path
        The file to write; its folder must exist.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    FileNotFoundError
        If the file `model` does not exist.
    ValueError
        If it is damaged, is not a model, or has a newer format, or if the name of the file to write
        has an extension other than ``.html`` or ``.htm``.

    Notes
    -----
    Information that was not passed to ``save_model`` is marked as not recorded.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from sklearn.linear_model import LogisticRegression
    >>> from xmodal_sklearn.datasets import make_multiomics
    >>> from xmodal_sklearn.persistence import describe_training, save_model
    >>> from xmodal_sklearn.report import write_card
    >>> X, y = make_multiomics(100, {"exp": 40, "mut": 10}, return_X_y=True, random_state=0)
    >>> model = LogisticRegression(max_iter=1000).fit(X, y)
    >>> with TemporaryDirectory() as folder:
    ...     saved = save_model(model, f"{folder}/m.xmodal", training=describe_training(X, y))
    ...     write_card(saved, f"{folder}/card.html").read_text(encoding="utf-8")[:15]
    '<!doctype html>'
    """
    check_extension(Path(path), *PAGES)
    sections, versions = _read_card(model)
    return write_page(
        "card.html", path, title=Path(model).name, sections=sections, versions=versions
    )


def _read_card(path: str | Path) -> tuple[list[Section], dict[str, str]]:
    # It imports PyTorch, which the report need not wait for.
    from ..persistence import read_manifest

    manifest = read_manifest(path)
    try:
        return card_sections(manifest), manifest["versions"]
    # Checksums do not show which program wrote the file.
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"Can't make a card of {path}: its manifest was not written by save_model ({error!r})."
        ) from error


def card_sections(manifest: Mapping[str, Any]) -> list[Section]:
    """Return the sections of a card: title, paragraphs, columns and rows of a table, as text."""
    return [
        _section("Model", [" ".join(manifest["model"].split())]),
        *_training_data(manifest["training"] or {}, manifest),
        *_performance((manifest["training"] or {}).get("cross_validation")),
        _required_input(manifest),
        *_top_features(manifest["features"] or {}),
        _limitations(manifest["classes"] or [], manifest["held_out"]),
    ]


def _section(
    title: str, paragraphs: list[str], columns: Iterable[str] = (), rows: Iterable[Iterable] = ()
) -> Section:
    cells = [[str(cell) for cell in row] for row in rows]
    return {"title": title, "paragraphs": paragraphs, "columns": list(columns), "rows": cells}


def _training_data(training: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[Section]:
    text = "Not recorded: the model was saved without a description of its training data."
    if training:
        source, held_out = training.get("source"), manifest["held_out"]
        text = f"{training['n_samples']} samples{f' from {source}' if source else ''}."
        if held_out:
            text += f" {sum(held_out)} of them were held out to calibrate prediction sets."
    rows = [
        [
            name,
            block["features"],
            block.get("categorical", "–"),
            block.get("samples", "–"),
            *([f"{value:g}" for value in block.get("quantiles", ())] or ["–"] * 3),
        ]
        for name, block in (training["modalities"] if training else {}).items()
    ]
    columns = ["modality", "features", "categorical features", "samples with this modality"]
    columns += ["1st percentile", "median", "99th percentile"]
    sizes = training.get("classes") or [[label, "–"] for label in manifest["classes"] or ()]
    classes = [_section("Classes", [], ["class", "samples"], sizes)] if sizes else []
    return [_section("Training data", [text], columns, rows), *classes]


def _performance(scores: Mapping[str, Any] | None) -> list[Section]:
    if not scores:
        text = "Not recorded: the file contains no cross-validated scores."
        return [_section("Performance", [text])]
    text = (
        f"Cross-validated on the training cohort, over {scores['folds']} folds. Expect lower "
        "performance in another cohort. For log loss, Brier score and calibration error, lower is "
        "better."
    )
    metrics, recalls = (
        [[name, format_number(mean), format_number(std)] for name, mean, std in scores[table]]
        for table in ("scores", "recalls")
    )
    rows = [[metric_label(metric), *numbers] for metric, *numbers in metrics]
    spread = "standard deviation over folds"
    return [
        _section("Performance", [text], ["metric", "mean", spread], rows),
        _section("Recall by class", [], ["class", "recall", spread], recalls),
    ]


def _required_input(manifest: Mapping[str, Any]) -> Section:
    features = manifest["features"]
    paragraphs = [
        "Values must be in the same units as the training data; compare them with its percentiles."
    ]
    if features is None:
        paragraphs.append("Every training column is required.")
    rows = [
        [
            name,
            n_columns,
            n_columns if features is None else len(features.get(name, ())),
            {True: "yes", False: "no", None: "unknown"}[manifest["takes_absent"].get(name)],
        ]
        for name, n_columns in manifest["modalities"].items()
    ]
    if not rows:
        rows = [["all", manifest["n_columns"], manifest["n_columns"], "unknown"]]
    columns = ["modality", "training columns", "required features", "may be missing"]
    return _section("Required input", paragraphs, columns, rows)


def _top_features(features: Mapping[str, list[str]]) -> list[Section]:
    if not features:
        return []
    text = (
        "In the order in which the selection ranked them on the training samples. A high rank does "
        "not imply a large effect."
    )
    by_rank = zip_longest(*(names[:N_FEATURES] for names in features.values()), fillvalue="")
    rows = ([rank, *names] for rank, names in enumerate(by_rank, start=1))
    return [_section("Top-ranked features", [text], ["rank", *features], rows)]


def _limitations(classes: list[Any], held_out: list[int] | None) -> Section:
    paragraphs = [
        f"The model always predicts one of its {len(classes)} classes, even for samples that "
        "belong to none.",
        "Another laboratory, platform or population may shift the values; the command xmodal "
        "predict reports how far they are from the training data. Evaluate the model on samples of "
        "known class from there before relying on it.",
        "Predictions for samples with a missing modality are less accurate; the scores above are "
        "for samples like those used in training.",
        "The selected features predict the classes jointly; they need not be causal.",
        "The model is not a medical device.",
    ]
    if not held_out:
        paragraphs.append(
            "The model provides no prediction sets: no samples were held out to calibrate them."
        )
    elif (fewest := min(held_out)) > 0:
        paragraphs.append(
            f"Its prediction sets are calibrated up to a coverage of {fewest / (fewest + 1):.2f}, "
            f"because the smallest class had {fewest} samples held out."
        )
    return _section("Limitations", paragraphs)
