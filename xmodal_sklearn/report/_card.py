"""The card of a saved model: what it was fitted to, how well it does, what it needs, its limits."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._files import atomic_write
from .._text import visible
from ..benchmark._metrics import metric_label
from ._format import format_number

__all__ = ["card_text", "write_card"]

N_FEATURES = 10

Section = dict[str, Any]


def card_text(model: str | Path) -> str:
    """Give the card of a saved model as text.

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
        If there is no such file.
    ValueError
        If the file is damaged, no model, or of a newer format.

    See Also
    --------
    write_card : Writes it as HTML.

    Examples
    --------
    >>> from xmodal_sklearn.report import card_text
    >>> card_text("nothing.xmodal")
    Traceback (most recent call last):
    FileNotFoundError: There is no file nothing.xmodal.
    """
    # It imports PyTorch, which other pages need not wait for.
    from ..persistence import read_manifest

    lines = [visible(Path(model).name)]
    for section in _sections_of(model, read_manifest(model)):
        lines += ["", section["title"].upper(), *map(visible, section["paragraphs"])]
        rows = [[visible(cell) for cell in row] for row in [section["heads"], *section["rows"]]]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        if section["rows"]:
            lines += [
                "  ".join(
                    cell.ljust(width) for cell, width in zip(row, widths, strict=True)
                ).rstrip()
                for row in rows
            ]
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
        If there is no file `model`.
    ValueError
        If it is damaged, no model, or of a newer format.

    See Also
    --------
    card_text : Gives it as text.

    Notes
    -----
    What the file does not tell, as nobody handed it to ``save_model``, the card says is not known.

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
    # It imports PyTorch, which other pages need not wait for.
    from ..persistence import read_manifest

    manifest = read_manifest(model)
    from ._page import page_environment
    from ._style import COLOURS

    text = (
        page_environment()
        .get_template("card.html")
        .render(
            title=Path(model).name,
            sections=_sections_of(model, manifest),
            colours=COLOURS,
            versions=manifest.get("versions") or {},
        )
    )
    path = Path(path)
    with atomic_write(path) as scratch:
        scratch.write_text(text, encoding="utf-8")
    return path


def _sections_of(path: str | Path, manifest: Mapping[str, Any]) -> list[Section]:
    try:
        return card_sections(manifest)
    # Checksums tell nothing of who wrote the file, or what.
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise ValueError(
            f"Can't make a card of {path}: its manifest is not what save_model writes ({error!r})."
        ) from error


def card_sections(manifest: Mapping[str, Any]) -> list[Section]:
    """Gather what a card shows.

    Parameters
    ----------
    manifest : mapping
        What the file of a model says.

    Returns
    -------
    list of dict
        ``title``, ``paragraphs``, and a table of ``heads`` and ``rows``, all texts.
    """
    training = manifest.get("training") or {}
    return [
        _section("Model", [" ".join(str(manifest.get("model")).split())]),
        _fitted_to(training, manifest),
        *_classes(training, manifest),
        _how_well(training.get("cross_validation")),
        *_by_class(training.get("cross_validation")),
        _needs(manifest, training),
        *_features(manifest.get("features") or {}),
        _limits(manifest),
    ]


def _section(
    title: str, paragraphs: list[str], heads: tuple[str, ...] = (), rows: Any = ()
) -> Section:
    cells = [[str(cell) for cell in row] for row in rows]
    return {"title": title, "paragraphs": paragraphs, "heads": list(heads), "rows": cells}


def _fitted_to(training: Mapping[str, Any], manifest: Mapping[str, Any]) -> Section:
    if not training:
        said = ["Not known: the model was saved without a description of its training."]
        return _section("What it was fitted to", said)
    source = training.get("source")
    said = [
        f"{training['n_samples']} samples{f' of {source}' if source else ''}."
        + (
            f" {sum(manifest['held_out'])} of them were held out, for prediction sets."
            if manifest.get("held_out")
            else ""
        )
    ]
    rows = []
    for name, block in training["modalities"].items():
        quantiles = [f"{value:g}" for value in block.get("quantiles", ())] or ["–"] * 3
        rows.append(
            [
                name,
                block["features"],
                block.get("words", "–"),
                block.get("samples", "–"),
                *quantiles,
            ]
        )
    heads = ("modality", "features", "of words", "samples that have it", "1% of values below",
             "half below", "99% below")  # fmt: skip
    return _section("What it was fitted to", said, heads, rows)


def _classes(training: Mapping[str, Any], manifest: Mapping[str, Any]) -> list[Section]:
    known = training.get("classes") or [[label, "–"] for label in manifest.get("classes") or ()]
    return [_section("Classes", [], ("class", "samples"), known)] if known else []


def _how_well(scores: Mapping[str, Any] | None) -> Section:
    if not scores:
        return _section(
            "How well it does",
            ["Not known: the file holds no cross-validated scores."],
        )
    rows = [
        [metric_label(metric), _number(mean), _number(std)]
        for metric, mean, std in scores["scores"]
    ]
    said = (
        f"Cross-validated on the same cohort, over {scores['folds']} folds. Expect less "
        "of another cohort. Log loss, Brier score and calibration error are better when lower."
    )
    return _section(
        "How well it does", [said], ("metric", "mean", "standard deviation over folds"), rows
    )


def _by_class(scores: Mapping[str, Any] | None) -> list[Section]:
    if not scores:
        return []
    rows = [[label, _number(mean), _number(std)] for label, mean, std in scores["recalls"]]
    heads = ("class", "share found (recall)", "standard deviation over folds")
    return [_section("By class", [], heads, rows)]


def _needs(manifest: Mapping[str, Any], training: Mapping[str, Any]) -> Section:
    features = manifest.get("features")
    takes = manifest.get("takes_absent") or {}
    said = ["Values must be in the units of training; the quantiles above tell which they were."]
    if features is None:
        said.append("It needs every column that it was fitted to.")
    rows = [
        [
            name,
            n_columns,
            n_columns if features is None else len(features.get(name, ())),
            {True: "yes", False: "no", None: "not known"}[takes.get(name)],
        ]
        for name, n_columns in (manifest.get("modalities") or {}).items()
    ]
    if not rows:
        rows = [["all", manifest.get("n_columns"), manifest.get("n_columns"), "not known"]]
    heads = ("modality", "columns in training", "features needed", "a sample may lack it")
    return _section("What it needs", said, heads, rows)


def _features(features: Mapping[str, list[str]]) -> list[Section]:
    if not features:
        return []
    said = (
        "In the order in which the selection ranked them on the training samples; rank is not "
        "effect."
    )
    best = {name: names[:N_FEATURES] for name, names in features.items()}
    rows = [
        [rank + 1, *(names[rank] if rank < len(names) else "" for names in best.values())]
        for rank in range(max(map(len, best.values())))
    ]
    return [_section("First features", [said], ("rank", *best), rows)]


def _limits(manifest: Mapping[str, Any]) -> Section:
    classes = manifest.get("classes") or []
    said = [
        f"It knows {len(classes)} classes, and gives every sample one of them, also a sample of "
        "none.",
        "Another laboratory, platform or population may shift the values; xmodal predict says how "
        "far they lie from those of training. Score it on samples of known class there before "
        "relying on it.",
        "A modality that is taken as absent costs accuracy; the scores above are for samples as "
        "those of training.",
        "Selected features predict the classes together; they need not cause them.",
        "It is no medical device.",
    ]
    held_out = manifest.get("held_out")
    if held_out and min(held_out) > 0:
        fewest = min(held_out)
        said.append(
            f"Its prediction sets are calibrated up to a coverage of {fewest / (fewest + 1):.2f}, "
            f"as the smallest class had {fewest} samples held out."
        )
    elif not held_out:
        said.append("It gives no prediction sets: no samples were held out for them.")
    return _section("Limits", said)


def _number(value: float | None) -> str:
    return format_number(float("nan") if value is None else value)
