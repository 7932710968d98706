"""The options of the commands, and what they mean."""

import inspect
from collections.abc import Callable, Sequence
from functools import partial, wraps
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from .._version import __version__

_data = partial(typer.Option, rich_help_panel="Data")
_model = partial(typer.Option, rich_help_panel="Model")
_network = partial(typer.Option, rich_help_panel="Network")
_run = partial(typer.Option, rich_help_panel="Run")
_training = partial(typer.Option, rich_help_panel="Training samples")

SEPARATORS = {".csv": ",", ".tsv": "\t", ".parquet": None, "": ","}
# Modules of Python.
COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma"}


def table_format(path: Path) -> tuple[str | None, str | None]:
    """Return the separator (None: Parquet) and the compressing module that a name asks for."""
    compression = COMPRESSIONS.get(path.suffix.lower())
    suffix = (path.with_suffix("") if compression else path).suffix.lower()
    if suffix not in SEPARATORS or (compression and suffix in ("", ".parquet")):
        raise ValueError(
            f"{path.name} is not the name of a table. Let it end in .csv, .tsv or .parquet; .csv "
            "and .tsv may be followed by .gz, .bz2 or .xz."
        )
    return SEPARATORS[suffix], compression


def _check_table_name(path: Path) -> Path:
    try:
        table_format(path)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    return path


def _show_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"xmodal-sklearn {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
    ),
]

Study = Annotated[Path | None, _data(help="A cBioPortal study folder.")]
StudyId = Annotated[str | None, _data(help="A study to download from cBioPortal.")]
TableFiles = Annotated[
    list[str] | None,
    _data(
        "--table",
        metavar="NAME=FILE",
        help="A table of one modality, samples in rows, names in the first column: .csv, .tsv, "
        ".parquet. Repeat it for each modality, the primary one first.",
    ),
]
MuDataFile = Annotated[
    Path | None, _data("--mudata", help="A MuData or AnnData file: .h5mu, .h5ad.")
]
TargetFile = Annotated[
    Path | None, _data(help="The classes for --table: samples in the first column.")
]
Target = Annotated[
    str | None,
    _data(
        help="Column of the classes: in the study's clinical files (CLAUDIN_SUBTYPE by default), "
        "--target-file or obs."
    ),
]
ModalityNames = Annotated[
    str | None,
    _data(
        help="Modalities to read, the primary one first: exp,cna; of a study also any profile by "
        "its stable id: exp,prot=rppa. All by default."
    ),
]
Join = Annotated[
    Literal["inner", "outer"],
    _data(help="Samples with all modalities (inner) or with any (outer)."),
]
FeatureMapFile = Annotated[
    Path | None,
    _data(
        help="A table of two columns: names of features in these tables (aliases, Entrez or "
        "Ensembl ids), and the model's names."
    ),
]
Missing = Annotated[
    Literal["error", "absent", "impute"],
    _data(
        help="If a table lacks a selected feature: stop with an error; treat its whole modality "
        "as absent; or impute the feature's training mean."
    ),
]
Normalize = Annotated[
    list[str] | None,
    _data(
        metavar="[NAME=]within|training",
        help="within: rescale the features of a modality to the means and deviations of training; "
        "for another platform, with at least 20 samples, and classes as frequent as in training. "
        "Without NAME for all modalities; repeat it for several. training (the default): use the "
        "values as they are.",
    ),
]

K = Annotated[int, _model(min=1, help="Features to keep per modality.")]
Ks = Annotated[
    list[int] | None,
    _model(min=1, help="Features to keep per modality.", show_default="300 500 1000 1500"),
]
# So that --k 300 500 may be written in place of --k 300 --k 500.
MoreKs = Annotated[
    list[int] | None, typer.Argument(min=1, metavar="K", help="Further K.", hidden=True)
]
TopK = Annotated[int | None, _model(min=1, help="Features to write per modality; all by default.")]
Models = Annotated[
    str,
    _model(
        help="Classical models to compare with, as make_baselines names them, or all; paper is "
        "the network that the paper describes."
    ),
]
Fusion = Annotated[
    str, _model(help="How these combine the modalities: any of early, late, stacked.")
]
Controls = Annotated[
    bool,
    _model(
        "--controls",
        help="Add attention on permuted labels, and on noise in place of each modality.",
    ),
]
Calibrate = Annotated[
    float | None,
    _model(
        metavar="SHARE",
        help="Hold out this share of the samples, for example 0.33, for predict --coverage.",
    ),
]

Branches = Annotated[
    str,
    _network(
        help="Branches of the network: all, or some of attention, mlp, piecewise, pairs, centroid, "
        "separated by commas."
    ),
]
NHeads = Annotated[int, _network(min=1, help="Attention heads; must divide --embed-dim.")]
EmbedDim = Annotated[int, _network(min=1, help="Width of the embedding.")]
Tokenizer = Annotated[
    Literal["patch", "feature"],
    _network(
        help="What a token stands for: a patch of all features, or a feature, as in the paper."
    ),
]
Attention = Annotated[
    Literal["softmax", "linear"],
    _network(help="Kind of attention; linear is faster with many tokens."),
]
NEstimators = Annotated[int, _network(min=1, help="Networks in the ensemble.")]
Device = Annotated[str, _network(help="Where PyTorch computes: auto, cpu, cuda, mps.")]

Quick = Annotated[
    bool,
    _run(
        "--quick",
        help="A first look, in seconds: K = 20, 4 members, a logistic regression and 3 folds, "
        "unless given otherwise.",
    ),
]
Inspect = Annotated[
    bool,
    _run(
        "--inspect",
        help="Also report the importance of modalities and features to attention, which is fitted "
        "again in each fold.",
    ),
]
LearningCurves = Annotated[
    bool,
    _run(
        "--learning-curves",
        help="Also fit all models on 20, 40, 60 and 80% of the training samples.",
    ),
]
Folds = Annotated[int, _run(min=2, help="Stratified outer folds.")]
Repeats = Annotated[int, _run(min=1, help="Repeats of the folds.")]
CrossValidation = Annotated[
    int | None,
    _run("--cv", min=2, help="Also score the model on this many folds, for its card."),
]
Groups = Annotated[
    str | None,
    _run(help="Column of groups that no fold splits, such as patients; in the file of --target."),
]
Batch = Annotated[
    str | None,
    _run(help="Column of batches or sites; a warning says whether they predict classes or folds."),
]
Seed = Annotated[int, _run(min=0, help="Seed of data, folds and models.")]
Jobs = Annotated[int, _run(help="Fits in parallel; -1 is one per processor.")]
Scheduler = Annotated[
    str | None,
    _run(
        metavar="tcp://HOST:PORT",
        help="Run on the workers of this Dask scheduler (extra distributed).",
    ),
]
ResultFolder = Annotated[
    Path, _run(file_okay=False, help="Folder for finished folds, scores and report.")
]
ResultPath = Annotated[Path, typer.Argument(help="The folder that bench or paper wrote by --out.")]

TABLE_NAMES = "CSV, TSV or Parquet file to write, as its name ends"
RankingsFile = Annotated[
    Path,
    typer.Option(
        dir_okay=False,
        callback=_check_table_name,
        help=f"{TABLE_NAMES}: modality, rank, feature, score.",
    ),
]
PredictionsFile = Annotated[
    Path,
    typer.Option(
        dir_okay=False,
        callback=_check_table_name,
        help=f"{TABLE_NAMES}: sample, predicted class, probability of each class; with --coverage "
        "whether each class is in the set.",
    ),
]
ModelFile = Annotated[Path, typer.Argument(help="The file that fit saved.")]
NewModelFile = Annotated[
    Path,
    typer.Option(
        dir_okay=False,
        help="File to save the fitted pipeline in; if it ends in .joblib or .pkl, by joblib.",
    ),
]
CardFile = Annotated[
    Path | None,
    typer.Option("--out", dir_okay=False, help="HTML file to write; printed by default."),
]
AllowPickle = Annotated[
    bool,
    typer.Option(
        "--allow-pickle", help="Load a file of joblib or pickle, which runs any code in it."
    ),
]
Coverage = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Also write sets of classes that contain the true class for this share of samples, "
        "for example 0.9. Needs a model of fit --calibrate.",
    ),
]
MinProba = Annotated[
    float,
    typer.Option(min=0, max=1, help="Predict no class if the highest probability is below this."),
]
SampleName = Annotated[str, typer.Option(help="Name of the sample to explain.")]
TrainTables = Annotated[
    list[str] | None,
    _training(
        "--train-table",
        metavar="NAME=FILE",
        help="A table that the model was fitted to, to see how typical the sample is. Repeat it "
        "for each modality.",
    ),
]
TrainTargetFile = Annotated[Path | None, _training(help="The classes of these samples.")]


def network_parameters(
    *,
    branches: Branches = "all",
    n_heads: NHeads = 4,
    embed_dim: EmbedDim = 32,
    tokenizer: Tokenizer = "patch",
    attention: Attention = "softmax",
    n_estimators: NEstimators = 8,
    device: Device = "auto",
) -> dict[str, Any]:
    """Return the parameters of CrossModalAttentionClassifier; these have its names and defaults."""
    return {
        "branches": "all" if branches == "all" else [name.strip() for name in branches.split(",")],
        "n_heads": n_heads,
        "embed_dim": embed_dim,
        "tokenizer": tokenizer,
        "attention": attention,
        "n_estimators": n_estimators,
        "device": device,
    }


def with_network(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of :func:`network_parameters` for its parameter ``network``."""
    options = dict(inspect.signature(network_parameters).parameters)

    @wraps(command)
    def run_with_network(**arguments: Any) -> None:
        network = {name: arguments.pop(name) for name in options}
        command(network=network_parameters(**network), **arguments)

    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        parameters += options.values() if name == "network" else [parameter]
    set_signature(run_with_network, parameters)
    return run_with_network


def set_signature(command: Any, parameters: Sequence[inspect.Parameter]) -> None:
    """Set the parameters of a command that typer reads, in the order of the help."""
    command.__signature__ = inspect.Signature(parameters)
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
