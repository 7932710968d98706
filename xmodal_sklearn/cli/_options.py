"""The options of the commands, and what they mean."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from .._version import __version__

__all__ = [
    "AllowPickle",
    "Attention",
    "Batch",
    "Branches",
    "Calibrate",
    "CardFile",
    "Controls",
    "Coverage",
    "CrossValidation",
    "Device",
    "EmbedDim",
    "FeatureMapFile",
    "Folds",
    "Fusion",
    "Groups",
    "Inspect",
    "Jobs",
    "Join",
    "K",
    "Ks",
    "LearningCurves",
    "MaxMissing",
    "MinProba",
    "Missing",
    "ModalityNames",
    "ModelFile",
    "Models",
    "MoreKs",
    "MuDataFile",
    "NEstimators",
    "NHeads",
    "NewModelFile",
    "Normalize",
    "PredictionsFile",
    "Quick",
    "RankingsFile",
    "Repeats",
    "ResultFolder",
    "ResultPath",
    "Scheduler",
    "Seed",
    "Study",
    "StudyId",
    "TableFiles",
    "Target",
    "TargetFile",
    "Tokenizer",
    "TopK",
    "Version",
]

DATA, MODEL, NETWORK, RUN = "Data", "Model", "Network", "Run"


def show_version(wanted: bool) -> None:
    """Print the version and end, whatever else is on the command line."""
    if wanted:
        typer.echo(f"xmodal-sklearn {__version__}")
        raise typer.Exit


Version = Annotated[
    bool,
    typer.Option(
        "--version", callback=show_version, is_eager=True, help="Show the version and exit."
    ),
]

Study = Annotated[
    Path | None, typer.Option(help="A cBioPortal study folder.", rich_help_panel=DATA)
]
StudyId = Annotated[
    str | None, typer.Option(help="A study to download from cBioPortal.", rich_help_panel=DATA)
]
TableFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--table",
        metavar="NAME=FILE",
        help="A table of one modality, samples in rows, names in the first column: .csv, .tsv, "
        ".parquet. Repeat it for each modality, the primary one first.",
        rich_help_panel=DATA,
    ),
]
MuDataFile = Annotated[
    Path | None,
    typer.Option("--mudata", help="A MuData or AnnData file: .h5mu, .h5ad.", rich_help_panel=DATA),
]
TargetFile = Annotated[
    Path | None,
    typer.Option(
        help="The classes for --table: samples in the first column.", rich_help_panel=DATA
    ),
]
Target = Annotated[
    str | None,
    typer.Option(
        help="Column of the classes: in the study's clinical files (CLAUDIN_SUBTYPE by default), "
        "--target-file or obs.",
        rich_help_panel=DATA,
    ),
]
ModalityNames = Annotated[
    str | None,
    typer.Option(
        help="Modalities to read, the primary one first: exp,cna; of a study also any profile by "
        "its stable id: exp,prot=rppa. All by default.",
        rich_help_panel=DATA,
    ),
]
Join = Annotated[
    Literal["inner", "outer"],
    typer.Option(
        help="Samples with all modalities (inner) or with any (outer).", rich_help_panel=DATA
    ),
]

K = Annotated[
    int, typer.Option(min=1, help="Features to keep per modality.", rich_help_panel=MODEL)
]
Ks = Annotated[
    list[int] | None,
    typer.Option(
        min=1,
        help="Features to keep per modality.",
        show_default="300 500 1000 1500",
        rich_help_panel=MODEL,
    ),
]
# So that --k 300 500 may be written in place of --k 300 --k 500.
MoreKs = Annotated[
    list[int] | None, typer.Argument(min=1, metavar="K", help="Further K.", hidden=True)
]
TopK = Annotated[
    int | None,
    typer.Option(
        min=1, help="Features to write per modality; all by default.", rich_help_panel=MODEL
    ),
]
Models = Annotated[
    str,
    typer.Option(
        help="Classical models to compare with, as make_baselines names them, or all; paper is "
        "the network that the paper describes.",
        rich_help_panel=MODEL,
    ),
]
Fusion = Annotated[
    str,
    typer.Option(
        help="How these combine the modalities: any of early, late, stacked.",
        rich_help_panel=MODEL,
    ),
]
Controls = Annotated[
    bool,
    typer.Option(
        "--controls",
        help="Add attention on permuted labels, and on noise in place of each modality.",
        rich_help_panel=MODEL,
    ),
]

Quick = Annotated[
    bool,
    typer.Option(
        "--quick",
        help="A first look, in seconds: K = 20, 4 members, a logistic regression and 3 folds, "
        "unless you give others.",
        rich_help_panel=RUN,
    ),
]
Branches = Annotated[
    str,
    typer.Option(
        help="Branches of the network: all, or some of attention, mlp, piecewise, pairs, centroid, "
        "separated by commas.",
        rich_help_panel=NETWORK,
    ),
]
NHeads = Annotated[
    int,
    typer.Option(
        min=1,
        help="Attention heads; must divide --embed-dim.",
        rich_help_panel=NETWORK,
    ),
]
EmbedDim = Annotated[
    int, typer.Option(min=1, help="Width of the embedding.", rich_help_panel=NETWORK)
]
Tokenizer = Annotated[
    Literal["patch", "feature"],
    typer.Option(
        help="What a token stands for: a patch of all features, or a feature, as in the paper.",
        rich_help_panel=NETWORK,
    ),
]
Attention = Annotated[
    Literal["softmax", "linear"],
    typer.Option(
        help="Kind of attention; linear is the faster one with many tokens.",
        rich_help_panel=NETWORK,
    ),
]
NEstimators = Annotated[
    int, typer.Option(min=1, help="Networks in the ensemble.", rich_help_panel=NETWORK)
]
Device = Annotated[
    str,
    typer.Option(help="Where PyTorch computes: auto, cpu, cuda, mps.", rich_help_panel=NETWORK),
]

Inspect = Annotated[
    bool,
    typer.Option(
        "--inspect",
        help="Also report what attention looked at: its tables and features, with their spread "
        "over the folds; it is fitted again in each.",
        rich_help_panel=RUN,
    ),
]
LearningCurves = Annotated[
    bool,
    typer.Option(
        "--learning-curves",
        help="Also fit all models on 20, 40, 60 and 80% of the training samples.",
        rich_help_panel=RUN,
    ),
]
Folds = Annotated[int, typer.Option(min=2, help="Stratified outer folds.", rich_help_panel=RUN)]
Repeats = Annotated[int, typer.Option(min=1, help="Repeats of the folds.", rich_help_panel=RUN)]
Groups = Annotated[
    str | None,
    typer.Option(
        help="Column of groups that no fold splits, such as patients; found where --target is.",
        rich_help_panel=RUN,
    ),
]
Batch = Annotated[
    str | None,
    typer.Option(
        help="Column of batches or sites; a warning says where they predict classes or folds.",
        rich_help_panel=RUN,
    ),
]
Seed = Annotated[
    int, typer.Option(min=0, help="Seed of data, folds and models.", rich_help_panel=RUN)
]
Jobs = Annotated[
    int, typer.Option(help="Fits in parallel; -1 is one per processor.", rich_help_panel=RUN)
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="tcp://HOST:PORT",
        help="Run on the workers of this Dask scheduler (extra distributed).",
        rich_help_panel=RUN,
    ),
]
ResultFolder = Annotated[
    Path,
    typer.Option(help="Folder for finished folds, scores and report.", rich_help_panel=RUN),
]

RankingsFile = Annotated[
    Path, typer.Option(help="CSV file to write: modality, rank, feature, score.")
]
ModelFile = Annotated[Path, typer.Argument(help="The file that fit saved.")]
NewModelFile = Annotated[
    Path,
    typer.Option(
        help="File to write the fitted pipeline to; one that ends in .joblib or .pkl is written by "
        "joblib."
    ),
]
AllowPickle = Annotated[
    bool,
    typer.Option(
        "--allow-pickle",
        help="Load a file of joblib or pickle, which runs whatever code is in it.",
    ),
]
FeatureMapFile = Annotated[
    Path | None,
    typer.Option(
        help="A table of two columns: names of features in these tables (aliases, Entrez or "
        "Ensembl ids), and the model's names.",
        rich_help_panel=DATA,
    ),
]
Missing = Annotated[
    Literal["error", "absent", "impute"],
    typer.Option(
        help="What becomes of a selected feature that a table lacks: error; absent, the whole "
        "modality is taken as absent; impute, its mean in training stands for it.",
        rich_help_panel=DATA,
    ),
]
MaxMissing = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help="With --missing impute, the largest share of a modality's selected features.",
        rich_help_panel=DATA,
    ),
]
Normalize = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]within|training",
        help="within: give the features of a modality the mean and deviation that they had in "
        "training, in place of those of these samples; for another platform, 20 samples or more, "
        "and classes as frequent as in training. Without NAME for all modalities; repeat it for "
        "several. training (the default): take values as they are.",
        rich_help_panel=DATA,
    ),
]
Calibrate = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Hold out this share of the samples, 0.33 for example, for predict --coverage.",
        rich_help_panel=MODEL,
    ),
]
CrossValidation = Annotated[
    int | None,
    typer.Option(
        "--cv",
        min=2,
        help="Also score the model by this many folds, for its card.",
        rich_help_panel=RUN,
    ),
]
CardFile = Annotated[
    Path | None, typer.Option("--out", help="HTML file to write; printed by default.")
]
Coverage = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Also write sets of classes, which hold the true class of this share of samples, 0.9 "
        "for example. Needs a model of fit --calibrate.",
    ),
]
MinProba = Annotated[
    float,
    typer.Option(
        min=0, max=1, help="Predict no class where the highest probability is less than this."
    ),
]
PredictionsFile = Annotated[
    Path,
    typer.Option(
        help="CSV file to write: sample, prediction, a probability per class; with --coverage "
        "whether each class is in the set."
    ),
]
ResultPath = Annotated[Path, typer.Argument(help="The folder that bench or paper wrote by --out.")]
