"""The options of the commands, what they mean, and the cohort that they name."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from .._files import check_extension
from .._version import __version__
from ._session import usage_errors

if TYPE_CHECKING:
    from sklearn.utils import Bunch

SEPARATORS = {".csv": ",", ".tsv": "\t", ".parquet": None, "": ","}
# Modules of Python.
COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}
# What `--quick` changes the defaults to.
QUICK = {"k": 20, "models": "logistic regression", "fusion": "early", "folds": 3, "n_estimators": 4}
TABLE_NAMES = "CSV, TSV or Parquet file to write, by its extension"


def table_format(path: Path) -> tuple[str | None, str | None]:
    """Return the separator (None: Parquet) and the compressing module that a name asks for."""
    compression = COMPRESSIONS.get(path.suffix.lower())
    suffix = (path.with_suffix("") if compression else path).suffix.lower()
    if suffix not in SEPARATORS or (compression and suffix in ("", ".parquet")):
        raise ValueError(
            f"The name of a table must end in .csv, .tsv or .parquet, got {path.name}. Only .csv "
            "and .tsv may be followed by .gz, .bz2 or .xz."
        )
    return SEPARATORS[suffix], compression


def _check_table_name(path: Path) -> Path:
    with usage_errors():
        table_format(path)
    return path


def _check_name(*extensions: str) -> Callable[[Path | None], Path | None]:
    def check(path: Path | None) -> Path | None:
        if path is not None:
            with usage_errors():
                check_extension(path, *extensions)
        return path

    return check


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"xmodal-sklearn {__version__}")
        raise typer.Exit


def _set_quick_defaults(context: typer.Context, quick: bool) -> bool:
    if quick:
        context.default_map = QUICK
    return quick


# By panel of the help, and by parameter, or by command and parameter.
HELP = {
    "Data": {
        "study": "A cBioPortal study folder.",
        "study_id": "A study to download from cBioPortal.",
        "table": "A table of one modality, samples in rows, names in the first column: .csv, "
        ".tsv, .parquet. Repeat it for each modality, the primary one first.",
        "mudata": "A MuData or AnnData file: .h5mu, .h5ad.",
        "target_file": "The classes for --table: samples in the first column.",
        "target": "Column of the classes: in the study's clinical files (CLAUDIN_SUBTYPE by "
        "default), --target-file or obs.",
        "modalities": "Modalities to read, the primary one first: exp,cna. For a study, also any "
        "profile by its stable id: exp,prot=rppa. Default: exp,cna,mut for a study, otherwise all.",
        "join": "Samples with all modalities (inner) or with any (outer).",
        "feature_map": "A table with two columns: feature names in these tables (aliases, Entrez "
        "or Ensembl ids), and the model's names.",
        "missing": "If a table lacks a selected feature: stop with an error; treat its whole "
        "modality as absent; or impute the feature's training mean.",
        "normalize": "within: rescale the features of a modality to the training means and "
        "standard deviations, for another platform; needs at least 20 samples and class "
        "frequencies as in training. Without NAME, for all modalities; repeat it for several. "
        "training (the default): leave the values unchanged.",
    },
    "Model": {
        "k": "Features to keep per modality.",
        "select.k": "Features to write per modality; all by default.",
        "models": "Classical models to compare with, as make_baselines names them, or all; paper "
        "adds the network that the paper describes.",
        "fusion": "How these models combine the modalities: any of early, late, stacked.",
        "controls": "Add attention fitted to permuted labels, and with noise in place of each "
        "modality.",
        "calibrate": "Hold out this share of the samples, for example 0.33, for predict "
        "--coverage.",
    },
    "Network": {
        "branches": "Branches of the network: all, or some of attention, mlp, piecewise, stumps, "
        "centroid, pairs, separated by commas.",
        "n_heads": "Attention heads; must divide --embed-dim.",
        "embed_dim": "Width of the embedding.",
        "tokenizer": "What a token represents: a patch of all features, or a single feature, as "
        "in the paper.",
        "attention": "Kind of attention; linear is faster with many tokens.",
        "n_estimators": "Networks in the ensemble.",
        "device": "Where PyTorch computes: auto, cpu, cuda, mps.",
    },
    "Run": {
        "quick": "A first look, in seconds: K = 20, 4 networks, a logistic regression and 3 folds, "
        "unless set otherwise.",
        "inspect": "Also report the importance of modalities and features to attention, which is "
        "refitted in each fold.",
        "learning_curves": "Also fit all models on 20, 40, 60 and 80% of the training samples.",
        "folds": "Stratified outer folds.",
        "repeats": "Repeats of the folds.",
        "cv": "Also score the model on this many folds, for its card.",
        "groups": "Column of groups that no fold splits, such as patients; in the same file as "
        "--target.",
        "batch": "Column of batches or sites; a warning is issued if they predict classes or "
        "folds.",
        "seed": "Seed of data, folds and models.",
        "jobs": "Parallel fits; -1 means one per processor.",
        "scheduler": "Run on the workers of this Dask scheduler (extra distributed).",
        "out": "Folder for finished folds, scores and report.",
        "json": "Print the results as JSON, and everything else on the error stream.",
    },
    "Training samples": {
        "train_table": "A table that the model was fitted to, to see how typical the sample is. "
        "Repeat it for each modality.",
        "train_target_file": "The classes of these samples.",
    },
    None: {
        "version": "Show the version and exit.",
        "more_k": "Further K.",
        "folder": "The output folder of bench or paper.",
        "model": "The file that fit saved.",
        "select.out": f"{TABLE_NAMES}: modality, rank, feature, score.",
        "predict.out": f"{TABLE_NAMES}: sample, predicted class, probability of each class; with "
        "--coverage whether each class is in the set.",
        "fit.out": "File for the fitted pipeline: .xmodal; .joblib or .pkl selects joblib.",
        "demo.out": "Folder for the files.",
        "card.out": "HTML file to write; printed by default.",
        "allow_pickle": "Load a joblib or pickle file, which runs any code in it.",
        "coverage": "Also write sets of classes that contain the true class for this share of "
        "samples, for example 0.9. Needs a model from fit --calibrate.",
        "min_proba": "Predict no class if its probability is below this.",
        "sample": "Name of the sample to explain.",
    },
}
MINIMUM = {
    "k": 1, "more_k": 1, "n_heads": 1, "embed_dim": 1, "n_estimators": 1, "repeats": 1,
    "folds": 2, "cv": 2, "seed": 0, "min_proba": 0,
}  # fmt: skip
METAVAR = {
    "table": "NAME=FILE", "train_table": "NAME=FILE", "normalize": "[NAME=]within|training",
    "more_k": "K", "calibrate": "SHARE", "coverage": "SHARE", "scheduler": "tcp://HOST:PORT",
}  # fmt: skip
# What else typer needs to know.
SETTINGS: dict[str, dict[str, Any]] = {
    "paper.k": {"show_default": "300 500 1000 1500"},
    "more_k": {"hidden": True},
    "min_proba": {"max": 1},
    "out": {"file_okay": False},
    "fit.out": {"dir_okay": False, "callback": _check_name(".xmodal", ".joblib", ".pkl")},
    "card.out": {"dir_okay": False, "callback": _check_name(".html", ".htm")},
    "select.out": {"dir_okay": False, "callback": _check_table_name},
    "predict.out": {"dir_okay": False, "callback": _check_table_name},
    "version": {"is_eager": True, "callback": _show_version},
    "quick": {"is_eager": True, "callback": _set_quick_defaults},
}
# So that --k 300 500 may be written in place of --k 300 --k 500, `more_k` is an argument.
ARGUMENTS = ("folder", "model", "more_k")


def split_names(text: str) -> list[str]:
    """Return the names that an option lists, separated by commas."""
    return [name.strip() for name in text.split(",")]


@dataclass(frozen=True, kw_only=True)
class Network:
    """Parameters of CrossModalAttentionClassifier, with its names and defaults."""

    branches: str = "all"
    n_heads: int = 4
    embed_dim: int = 32
    tokenizer: Literal["patch", "feature"] = "patch"
    attention: Literal["softmax", "linear"] = "softmax"
    n_estimators: int = 8
    device: str = "auto"


def read_cohort(
    *,
    study: Path | None = None,
    study_id: str | None = None,
    table: list[str] | None = None,
    mudata: Path | None = None,
    target_file: Path | None = None,
    target: str | None = None,
    modalities: str | None = None,
    join: Literal["inner", "outer"] = "inner",
    groups: str | None = None,
    batch: str | None = None,
    seed: int = 0,
) -> "Bunch":
    """Read the samples and their classes from one source, or simulate them if none is named."""
    sources = {"--study": study, "--study-id": study_id, "--table": table, "--mudata": mudata}
    named = [option for option, value in sources.items() if value]
    if len(named) > 1:
        raise ValueError(f"Use one data source, not {' and '.join(named)}.")
    if target_file is not None and not table:
        raise ValueError(
            "--target-file holds the classes for --table. Add --table, or omit --target-file."
        )
    # Imports for a second, while the help needs only this function's options.
    from ..datasets import make_multiomics
    from . import _sources

    chosen = None if modalities is None else split_names(modalities)
    if table:
        cohort = _sources.read_labeled_tables(table, target_file, target, chosen, join)
    elif mudata is not None:
        cohort = _sources.read_mudata(mudata, target, chosen, join)
    elif study is not None or study_id is not None:
        cohort = _sources.read_study(study, study_id, target, chosen, join)
    elif target or chosen or groups or batch:
        raise ValueError(
            "--target, --modalities, --groups and --batch need a data source. Add --study, "
            "--study-id, --table or --mudata."
        )
    else:
        cohort = make_multiomics(random_state=seed)
        cohort.source = "simulated data"
    _sources.check_values(cohort.data)
    origin = study, study_id, target_file, mudata
    for option, column in {"groups": groups, "batch": batch}.items():
        cohort[option] = column and _sources.read_column(column, cohort.data.index, *origin)
    return cohort


def with_options_for(parameter: str, make: Callable[..., Any], **fixed: Any) -> Callable:
    """Return a decorator that gives a command the options of `make` in place of what it returns."""
    options = {k: v for k, v in inspect.signature(make).parameters.items() if k not in fixed}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command).parameters

        @wraps(command)
        def make_and_run(**arguments: Any) -> None:
            value = make(**{name: arguments[name] for name in options}, **fixed)
            shared = {name: arguments[name] for name in own if name != parameter}
            command(**{parameter: value}, **shared)

        parameters: list[inspect.Parameter] = []
        for name, own_parameter in own.items():
            added = [option for key, option in options.items() if key not in own]
            parameters += added if name == parameter else [own_parameter]
        _set_signature(make_and_run, parameters)
        return make_and_run

    return decorate


def with_help(command: Callable[..., None]) -> Callable[..., None]:
    """Add what typer needs to know about the parameters of a command, from the tables above."""
    parameters = []
    for name, parameter in inspect.signature(command).parameters.items():
        keys = f"{command.__name__}.{name}", name
        panel, text = next((p, HELP[p][key]) for key in keys for p in HELP if key in HELP[p])
        # A flag has no opposite.
        flag = [f"--{name.replace('_', '-')}"] if parameter.annotation is bool else []
        kind = typer.Argument if name in ARGUMENTS else typer.Option
        option: Any = kind(
            *flag,
            help=text,
            rich_help_panel=panel,
            min=MINIMUM.get(name),
            metavar=METAVAR.get(name),
            **next((SETTINGS[key] for key in keys if key in SETTINGS), {}),
        )
        parameters.append(parameter.replace(annotation=Annotated[parameter.annotation, option]))
    _set_signature(command, parameters)
    return command


def _set_signature(command: Any, parameters: list[inspect.Parameter]) -> None:
    # Typer reads both.
    command.__signature__ = inspect.Signature(parameters)
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
