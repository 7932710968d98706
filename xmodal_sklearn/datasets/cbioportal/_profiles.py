"""Which file of a study holds which modality."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ._text_files import malformed, quote, read_properties

__all__ = ["FILES", "Profile", "StudyFolder"]

# By file name: what a modality's files are called, and the data type of each.
FILES = {
    "exp": {
        "data_mrna_*.txt": "CONTINUOUS",
        "data_expression*.txt": "CONTINUOUS",
        "data_RNA_Seq_*.txt": "CONTINUOUS",
    },
    "cna": {
        "data_log2_cna.txt": "LOG2-VALUE",
        "data_log2CNA.txt": "LOG2-VALUE",
        "data_cna.txt": "DISCRETE",
        "data_CNA.txt": "DISCRETE",
        "data_linear_cna.txt": "CONTINUOUS",
        "data_linear_CNA.txt": "CONTINUOUS",
    },
    "mut": {"data_mutations.txt": "MAF", "data_mutations_extended.txt": "MAF"},
}
# By meta file: the modality of a genetic_alteration_type, its data types in order of preference.
ALTERATIONS = {
    "MRNA_EXPRESSION": "exp",
    "COPY_NUMBER_ALTERATION": "cna",
    "MUTATION_EXTENDED": "mut",
}
DATATYPES = {
    "exp": ["CONTINUOUS", "DISCRETE", "Z-SCORE"],
    "cna": ["LOG2-VALUE", "DISCRETE", "CONTINUOUS"],
    "mut": ["MAF"],
}
OTHER_FILES = {
    ("CLINICAL", "SAMPLE_ATTRIBUTES"): "data_clinical_sample.txt",
    ("CLINICAL", "PATIENT_ATTRIBUTES"): "data_clinical_patient.txt",
    ("GENE_PANEL_MATRIX", "GENE_PANEL_MATRIX"): "data_gene_panel_matrix.txt",
}


@dataclass(frozen=True)
class Profile:
    """A data file of a study, and what its meta file says about it."""

    modality: str
    path: Path
    datatype: str
    stable_id: str = ""
    gene_panel: str = ""

    def __str__(self) -> str:
        identifier = f"stable id {quote(self.stable_id)}, " if self.stable_id else ""
        missing = "" if self.path.is_file() else ", but the file is missing"
        return f"{self.modality}: {self.path.name} ({identifier}{self.datatype}{missing})"


class StudyFolder:
    """A study's folder, and what its meta files and file names say about its data files.

    Parameters
    ----------
    folder : Path
        The folder, which must exist.

    Attributes
    ----------
    profiles : dict of str to list of Profile
        The profiles of each modality, the preferred one first: those that meta files describe,
        or, where there are none, those known by name.
    sample_file, patient_file, panel_matrix : Path
        The clinical files and the gene panels of the samples, whether or not they exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        metas = {path: read_properties(path) for path in sorted(folder.glob("meta_*.txt"))}
        described = [_described_profile(path, meta) for path, meta in metas.items()]
        self.profiles = {
            modality: sorted(
                [profile for profile in described if profile and profile.modality == modality]
                or _named_profiles(folder, modality),
                key=_preference,
            )
            for modality in FILES
        }
        self.sample_file, self.patient_file, self.panel_matrix = (
            folder / _other_file(metas, *kind) for kind in OTHER_FILES
        )

    def choose(self, modalities: Sequence[str], asked: Mapping[str, str]) -> dict[str, Profile]:
        """Return the profile of each modality: the one asked for, else the preferred one."""
        return {
            modality: self._asked_for(modality, asked[modality])
            if modality in asked
            else self._preferred(modality)
            for modality in modalities
        }

    def describe_missing(self, wanted: str) -> str:
        """Return the message that says what the folder lacks, and what it has instead."""
        data_files = sorted(path.name for path in self.folder.glob("data_*"))
        return (
            f"{str(self.folder)!r} has no {wanted}; its profiles are [{self._listed()}], its data "
            f"files are {data_files}."
        )

    def _preferred(self, modality: str) -> Profile:
        for profile in self.profiles[modality]:
            if profile.path.is_file():
                return profile
        wanted = [profile.path.name for profile in self.profiles[modality]] or FILES[modality]
        missing = self.describe_missing(" or ".join(wanted))
        raise FileNotFoundError(f"Modality {modality!r}: {missing}")

    def _asked_for(self, modality: str, name: str) -> Profile:
        known = [*self.profiles[modality], *_named_profiles(self.folder, modality)]
        for profile in known:
            if name in (profile.path.name, profile.stable_id):
                break
        else:
            raise ValueError(
                f"profiles asks for {name!r} as {modality!r}, which is neither the data file nor "
                f"the stable id of such a profile of {str(self.folder)!r}; its profiles are "
                f"[{self._listed()}]."
            )
        if not profile.path.is_file():
            missing = self.describe_missing(profile.path.name)
            raise FileNotFoundError(f"Modality {modality!r}: {missing}")
        return profile

    def _listed(self) -> str:
        return "; ".join(str(profile) for found in self.profiles.values() for profile in found)


def _described_profile(path: Path, meta: dict[str, str]) -> Profile | None:
    """Return the profile that a meta file describes, None if it is of no known modality."""
    modality = ALTERATIONS.get(meta.get("genetic_alteration_type", ""))
    datatype = meta.get("datatype", "").upper()
    if modality is None or datatype not in DATATYPES[modality]:
        return None
    return Profile(
        modality,
        path.parent / _data_file(path, meta),
        datatype,
        meta.get("stable_id", ""),
        meta.get("gene_panel", ""),
    )


def _named_profiles(folder: Path, modality: str) -> list[Profile]:
    return [
        Profile(modality, path, "Z-SCORE" if "zscore" in path.name.lower() else datatype)
        for pattern, datatype in FILES[modality].items()
        for path in sorted(folder.glob(pattern))
    ]


def _other_file(metas: dict[Path, dict[str, str]], alteration: str, datatype: str) -> str:
    for path, meta in metas.items():
        if (meta.get("genetic_alteration_type"), meta.get("datatype")) == (alteration, datatype):
            return _data_file(path, meta)
    return OTHER_FILES[alteration, datatype]


def _data_file(path: Path, meta: dict[str, str]) -> str:
    name = meta.get("data_filename", "")
    # A name too long for the file system would be an OSError that does not name the meta file.
    if not name or Path(name).name != name or len(name.encode()) > 255:
        raise malformed(
            path, f"data_filename must be the name of a file beside it, not {quote(name)}"
        )
    return name


def _preference(profile: Profile) -> tuple[int, bool, str]:
    # RNA-seq covers more genes and samples than the microarrays of the same study.
    microarray = "microarray" in profile.path.name.lower()
    return DATATYPES[profile.modality].index(profile.datatype), microarray, profile.path.name
