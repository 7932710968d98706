"""Print the profile that each modality reads in many studies, and the excluded profiles.

The archive holds meta files only, STUDY/meta_*.txt; empty files stand in for the data:

    python -m benchmarks.profiles ../shared/data/cbioportal_meta.tar.xz

The last lines count the studies by what they have, and list every choice that looks wrong: a
microRNA, outlier or normal profile as expression, z-scores instead of raw values, or a study that
has profiles of a modality of which none is taken.
"""

import sys
import tarfile
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from benchmarks.shared import make_parser
from xmodal_sklearn.datasets import list_profiles

ALTERATIONS = {
    "exp": "MRNA_EXPRESSION",
    "cna": "COPY_NUMBER_ALTERATION",
    "mut": "MUTATION_EXTENDED",
}
WRONG = "mirna|merged|outliers|normals|circ"


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("archive", type=Path, help="tar archive of STUDY/meta_*.txt")
    parser.add_argument("--quiet", action="store_true", help="print the last lines only")
    arguments = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        with tarfile.open(arguments.archive) as archive:
            archive.extractall(folder, filter="data")
        tables = {path.name: study_profiles(path) for path in sorted(folder.iterdir())}
    if not arguments.quiet:
        for study, table in tables.items():
            print_study(study, table)
    sys.exit(summarize(tables))


def study_profiles(folder: Path) -> pd.DataFrame:
    """List the profiles of a study whose data files all exist."""
    for name in list_profiles(folder)["file"]:
        (folder / name).touch()
    return list_profiles(folder)


def print_study(study: str, table: pd.DataFrame) -> None:
    """Print the profile of each modality, then the unused profiles."""
    print(study)
    for row in table.sort_values("modality", ascending=False).itertuples(index=False):
        name = f"{row.stable_id or row.file} ({row.alteration}, {row.datatype})"
        print(f"  {row.modality or '-':4}{name}: {row.why}")


def summarize(tables: dict[str, pd.DataFrame]) -> bool:
    """Print the counts and the problems; return whether there are any."""
    counts: Counter[str] = Counter()
    wrong = []
    for study, table in tables.items():
        for modality, alteration in ALTERATIONS.items():
            chosen = table[table["modality"] == modality]
            usable = table[(table["alteration"] == alteration) & (table["datatype"] != "SEG")]
            usable = usable[~usable["stable_id"].str.contains(WRONG, case=False)]
            raw = usable["datatype"].isin(["CONTINUOUS", "LOG2-VALUE"]).any()
            counts[modality] += len(chosen)
            if len(chosen) != bool(len(usable)):
                wrong.append(f"{study}: {len(chosen)} profiles of {len(usable)} for {modality}")
            if not chosen.index.isin(usable.index).all():
                wrong.append(f"{study}: {chosen['stable_id'].tolist()} for {modality}")
            if raw and (chosen["datatype"] == "Z-SCORE").any():
                wrong.append(f"{study}: z-scores for {modality}, instead of raw values")
    print(f"{len(tables)} studies; with " + ", ".join(f"{m} {n}" for m, n in counts.items()))
    print(f"{len(wrong)} choices look wrong", *wrong, sep="\n  ")
    return bool(wrong)


if __name__ == "__main__":
    main()
