"""Which file of a study holds which modality."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from os import PathLike
from pathlib import Path, PureWindowsPath

import pandas as pd

from .._names import match_names
from .._study import Report
from .._text import malformed, quote, read_properties

# By modality, patterns of file names in lower case, and the data type of such files.
FILES = {
    "exp": dict.fromkeys(
        ["data_mrna_*.txt", "data_expression*.txt", "data_rna_seq_*.txt"], "CONTINUOUS",
    ),
    "cna": {
        "data_log2_cna.txt": "LOG2-VALUE", "data_log2cna.txt": "LOG2-VALUE",
        "data_cna.txt": "DISCRETE", "data_linear_cna.txt": "CONTINUOUS",
    },
    "mut": dict.fromkeys(
        ["data_mutations.txt", "data_mutations_extended.txt", "data_mutations_mskcc.txt"], "MAF",
    ),
}  # fmt: skip
# The modality of a genetic_alteration_type, and its data types in order of preference.
ALTERATIONS = {
    "MRNA_EXPRESSION": "exp", "COPY_NUMBER_ALTERATION": "cna", "MUTATION_EXTENDED": "mut",
}  # fmt: skip
DATATYPES = {
    "exp": ["CONTINUOUS", "LOG2-VALUE", "Z-SCORE"],
    "cna": ["LOG2-VALUE", "DISCRETE", "DISCRETE_LONG", "CONTINUOUS"],
    "mut": ["MAF"],
}
# Tables of numbers by row and sample, which may be requested.
NUMBERS = {
    "CONTINUOUS", "LOG2-VALUE", "Z-SCORE", "DISCRETE", "DISCRETE_LONG", "LIMIT-VALUE",
    "GSVA-SCORE", "P-VALUE",
}  # fmt: skip
TABLES = {
    *ALTERATIONS, "PROTEIN_LEVEL", "PROTEIN_ARRAY_PROTEIN_LEVEL", "METHYLATION",
    "METHYLATION_BINARY", "GENERIC_ASSAY", "GENESET_SCORE",
}  # fmt: skip
# Patterns in stable ids and file names of measurements other than what a modality is: the tumors'
# messenger RNA, the copy number of genes, the mutations that were called.
EXCLUDED = {
    "exp": {
        r"merged": "mRNA and microRNA in one table",
        r"(mi|micro)[-_ ]?rna|(^|_)mir(_|$)": "microRNA",
        r"outlier": "outlier calls",
        r"(?<!ref_)normal_samples|(?<!ref_)normals?(?![a-z])": "normal samples",
        r"circ|(?<![a-z])(lnc|linc|nc|pi|si|sn|sno|t|r|e)-?rna|lnc_rna|pi_rna":
            "RNA other than messenger RNA",
        r"isoform|exon|junction|splic": "parts of genes",
        r"protein|rppa|methyl": "not RNA",
    },
    "cna": {r"(^|_)arms?(_|level|$)|cytoband|segment": "regions larger than genes"},
    "mut": {r"uncalled|non_?signed_?out": "mutations that were not called"},
}  # fmt: skip
# In names of tables that are read only if there is no other.
RARE = r"(?<![a-z])counts?(?![a-z])|capture|ref_normal|_rae|consensus|germline|cell_?line"
# Endings that distinguish a copy from its original: "data_cna (1).txt".
COPY = re.compile(r"( copy( \d+)?| ?\(\d+\)|[ ._-](old|orig|bak|backup|copy))$")
# The usual names of files, where no meta file names them.
OTHER_FILES = {
    ("CLINICAL", "SAMPLE_ATTRIBUTES"): [
        "data_clinical_sample.txt", "data_bcr_clinical_data_sample.txt", "data_clinical.txt",
    ],
    ("CLINICAL", "PATIENT_ATTRIBUTES"): [
        "data_clinical_patient.txt", "data_bcr_clinical_data_patient.txt",
    ],
    ("GENE_PANEL_MATRIX", "GENE_PANEL_MATRIX"): ["data_gene_panel_matrix.txt"],
}  # fmt: skip
KEYS = [
    "genetic_alteration_type", "datatype", "stable_id", "data_filename", "gene_panel",
    "generic_entity_meta_properties",
]  # fmt: skip


@dataclass(frozen=True)
class Profile:
    """A data file of a study, and what its meta file says about it."""

    path: Path
    alteration: str
    datatype: str
    stable_id: str = ""
    gene_panel: str = ""
    annotations: tuple[str, ...] = ()
    flaw: str = ""  # why it can't be read at all

    def __str__(self) -> str:
        identifier = f"stable id {quote(self.stable_id)}, " if self.stable_id else ""
        missing = "" if self.path.is_file() else ", but the file is missing"
        kind = self.modality or self.alteration
        return f"{kind}: {self.path.name} ({identifier}{self.datatype}{missing})"

    @property
    def modality(self) -> str:
        """The modality that may be read from it by default."""
        return ALTERATIONS.get(self.alteration, "")

    @property
    def excluded_as(self) -> str:
        """What it measures, if that is not what its modality is."""
        if self.modality == "exp" and self.datatype == "DISCRETE":
            return "outlier calls"
        names = self.stable_id.lower(), self.path.stem.lower()
        patterns = EXCLUDED.get(self.modality, {}).items()
        reasons = (what for pattern, what in patterns for name in names if re.search(pattern, name))
        return next(reasons, "")

    @property
    def why_no_table(self) -> str:
        """What keeps it from being read as numbers, or mutations, by gene and sample."""
        numbers = NUMBERS if self.alteration in TABLES else ()
        if self.flaw or self.datatype in (["MAF"] if self.modality == "mut" else numbers):
            return self.flaw
        return (
            f"{self.alteration} of datatype {self.datatype} is not a table of numbers by gene and "
            "sample"
        )

    def suits(self, modality: str) -> bool:
        """Return whether it may be read as a modality without being requested."""
        return (
            self.modality == modality
            and self.datatype in DATATYPES.get(modality, ())
            and not self.why_no_table
            and not self.excluded_as
        )

    def preference(self, modality: str) -> tuple[int, int, int, int, str]:
        """Return the key that sorts the profiles that suit a modality, the preferred one first."""
        names = f"{self.stable_id} {self.path.name}".lower()
        # RNA-seq covers more genes and samples than the microarrays of the same study; read counts
        # depend on the depth of sequencing; calls other than GISTIC's are made by fewer studies.
        array = re.search("microarray|agilent|affymetrix|illumina|u133", names)
        method = 2 if array else 0 if re.search("rna_?seq|rsem|mrna_seq", names) else 1
        rare = re.search(RARE, names) is not None
        datatype = DATATYPES[modality].index(self.datatype)
        # z-scores may be declared as of another type.
        scores = self.datatype == "Z-SCORE" or re.search("z-?_?score", names) is not None
        if modality == "exp":
            return int(scores), method, int(rare), datatype, self.path.name
        return datatype, 0, int(rare), 0, self.path.name


class StudyFolder:
    """A study's folder, and what its meta files and file names say about its data files."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FileNotFoundError(
                f"There is no study folder at {str(folder)!r}. Pass the folder that holds the "
                "study's data_*.txt files."
            )
        self.folder = folder
        self.report = Report()
        paths = visible_files(folder, "meta_*.txt")
        metas = {path: self.read_companion(path, "meta file", KEYS) or {} for path in paths}
        described = [_described_profile(path, meta) for path, meta in metas.items()]
        self._described = [profile for profile in described if profile]
        names = {profile.path.name for profile in self._described}
        self._named = [
            Profile(path, alteration, "Z-SCORE" if "zscore" in path.name.lower() else datatype)
            for alteration, modality in ALTERATIONS.items()
            for pattern, datatype in FILES[modality].items()
            for path in visible_files(folder, pattern)
            if path.name not in names
        ]
        self.profiles = [*self._described, *self._named]
        self.sample_file, self.patient_file, self.panel_matrix = (
            self._other_file(metas, kind) for kind in OTHER_FILES
        )

    def choose(
        self, modalities: Mapping[str, str | None], profiles: Mapping[str, str]
    ) -> dict[str, Profile]:
        """Return the profile of each modality: the requested one, else the preferred one."""
        requested = {name: profiles.get(name) or profile for name, profile in modalities.items()}
        return {
            modality: self._requested(modality, name) if name else self._preferred(modality)
            for modality, name in requested.items()
        }

    def candidates(self, modality: str) -> list[Profile]:
        """Return what may be read as a modality without being requested, the preferred first."""
        candidates = [profile for profile in self._described if profile.suits(modality)]
        if not any(profile.path.is_file() for profile in candidates):
            candidates += [profile for profile in self._named if profile.suits(modality)]
        return sorted(candidates, key=lambda p: (p in self._named, p.preference(modality)))

    def describe_missing(self, what: str) -> str:
        """Return the message that says what the folder lacks, and what it has instead."""
        files = [path for path in self.folder.iterdir() if path.name.lower().startswith("data_")]
        data_files = sorted(path.name for path in files)
        packed = any(path.suffix in (".gz", ".bz2", ".xz", ".zip") for path in files)
        return (
            f"{str(self.folder)!r} has no {what}; its profiles are [{self._list_tables()}], its "
            f"data files are {data_files}.{' Unpack those that are compressed.' if packed else ''}"
        )

    def read_companion(self, path: Path, kind: str, keys: list[str]) -> dict[str, str] | None:
        """Return the properties in a companion file; report and ignore a malformed one."""
        try:
            return read_properties(path, self.report, keys)
        except ValueError as error:
            self.report.add(path.name, f"{kind} ignored: {error}")
            return None

    def match_samples(self, samples: pd.DataFrame, names: pd.Index, where: str) -> pd.Index:
        """Replace the names in a file by those of the sample file that they mean."""
        patients = samples.index.groupby(samples["PATIENT_ID"])
        other, report = self.sample_file.name, self.report
        return match_names(
            names, samples.index, where=where, other=other, report=report, patients=patients
        )

    def _other_file(self, metas: Mapping[Path, dict[str, str]], kind: tuple[str, str]) -> Path:
        """Return the file that a meta file names, else the first that exists of the usual names."""
        usual = [find_file(self.folder, name) for name in OTHER_FILES[kind]]
        existing = [path for path in usual if path.is_file()]
        for path, meta in metas.items():
            alteration, datatype = (meta.get(key, "").upper() for key in KEYS[:2])
            if kind != (alteration, datatype):
                continue
            try:
                named = find_file(self.folder, _data_file(path, meta))
            except ValueError as error:
                self.report.add(path.name, f"meta file ignored: {error}")
                continue
            if named.is_file() or not existing:
                return named
            what = f"names {named.name}, which is missing; {existing[0].name} is read instead"
            self.report.add(path.name, what)
        return (existing or usual)[0]

    def _preferred(self, modality: str) -> Profile:
        candidates = self.candidates(modality)
        chosen = next((profile for profile in candidates if profile.path.is_file()), None)
        if chosen is None:
            names = [profile.path.name for profile in candidates] or FILES[modality]
            ignored = "".join(f" {where}: {what}" for where, what, _ in self.report.rows)
            missing = self.describe_missing(" or ".join(names))
            raise FileNotFoundError(f"Modality {modality!r}: {missing}{ignored}")
        for profile in candidates[: candidates.index(chosen)]:
            what = f"named by a meta file, but missing; {chosen.path.name} is read instead"
            self.report.add(profile.path.name, what)
        return chosen

    def _requested(self, modality: str, name: str) -> Profile:
        profiles = [
            profile
            for profile in self.profiles
            if name.casefold() in (profile.path.name.casefold(), profile.stable_id.casefold())
        ]
        if modality in FILES:
            profiles = [profile for profile in profiles if profile.modality == modality]
        elif not profiles and name in [f.name for f in visible_files(self.folder, "data_*.txt")]:
            profiles = [Profile(self.folder / name, "GENERIC_ASSAY", "CONTINUOUS")]
        if not profiles:
            raise ValueError(
                f"profiles requests {name!r} as {modality!r}, which is neither the data file nor "
                f"the stable id of such a profile of {str(self.folder)!r}; its profiles are "
                f"[{self._list_tables()}]."
            )
        profile = profiles[0]
        if why := profile.why_no_table:
            raise ValueError(f"profiles requests {name!r} as {modality!r}, but {why}.")
        if not profile.path.is_file():
            missing = self.describe_missing(profile.path.name)
            raise FileNotFoundError(f"Modality {modality!r}: {missing}")
        return profile

    def _list_tables(self) -> str:
        return "; ".join(str(profile) for profile in self.profiles if not profile.why_no_table)


def list_profiles(study_dir: str | PathLike[str]) -> pd.DataFrame:
    r"""List the profiles of a cBioPortal study folder, and which one is read for each modality.

    Any profile that is a table of numbers can be read as a modality of its own, by its stable id
    or file name: ``read_cbioportal(…, modalities={"exp": None, "prot": "rppa"})``.

    Parameters
    ----------
    study_dir : str or path-like
        The study's folder, as in :func:`read_cbioportal`.

    Returns
    -------
    DataFrame
        One row for each profile, with the columns "file", "stable_id", "alteration", "datatype",
        "modality" (the one it is read for by default, else "") and "why".

    Raises
    ------
    FileNotFoundError
        If there is no such folder.

    See Also
    --------
    read_cbioportal : Read the study.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from xmodal_sklearn.datasets import list_profiles
    >>> files = {
    ...     "meta_rppa.txt": "genetic_alteration_type: PROTEIN_LEVEL\ndatatype: LOG2-VALUE\n"
    ...     "stable_id: rppa\ndata_filename: data_rppa.txt\n",
    ...     "data_rppa.txt": "",
    ...     "data_cna.txt": "",
    ... }
    >>> with TemporaryDirectory() as folder:
    ...     for name, text in files.items():
    ...         _ = Path(folder, name).write_text(text)
    ...     profiles = list_profiles(folder)
    >>> profiles[["file", "modality", "why"]]
                file modality                why
    0  data_rppa.txt           read if requested
    1   data_cna.txt      cna       the only one
    """
    study = StudyFolder(Path(study_dir))
    rows = []
    for profile in study.profiles:
        candidates = [each for each in study.candidates(profile.modality) if each.path.is_file()]
        excluded = f"{profile.excluded_as}; " if profile.excluded_as else ""
        usual = f"{excluded}read if requested" if profile.path.is_file() else "the file is missing"
        modality, why = "", profile.why_no_table or usual
        if profile in candidates[:1]:
            modality = profile.modality
            why = f"preferred to {candidates[1].path.name}" if candidates[1:] else "the only one"
        elif profile in candidates:
            why = f"not preferred: {profile.modality} is read from {candidates[0].path.name}"
        kind = profile.stable_id, profile.alteration, profile.datatype
        rows.append((profile.path.name, *kind, modality, why))
    columns = ["file", "stable_id", "alteration", "datatype", "modality", "why"]
    return pd.DataFrame(rows, columns=columns)


def visible_files(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a folder that fit a pattern, except hidden ones and copies, sorted."""
    paths = [
        path
        for path in sorted(folder.glob("[!.]*"))
        if fnmatchcase(path.name.lower(), pattern) and path.is_file()
    ]
    stems = {path.stem for path in paths}
    return [
        path
        for path in paths
        if (stem := COPY.sub("", path.stem)) == path.stem or stem not in stems
    ]


def find_file(folder: Path, name: str) -> Path:
    """Return the path of a file, by its name in any case; the name as given if there is none."""
    path = folder / name
    if path.is_file():
        return path
    matches = [file for file in folder.glob("*") if file.name.casefold() == name.casefold()]
    return matches[0] if len(matches) == 1 else path


def _described_profile(path: Path, meta: dict[str, str]) -> Profile | None:
    """Return the profile that a meta file describes, None if it is of clinical or other data."""
    alteration = meta.get("genetic_alteration_type", "").upper()
    if alteration in ("", "CLINICAL", "CANCER_TYPE", "GENE_PANEL_MATRIX"):
        return None
    try:
        data_file, flaw = find_file(path.parent, _data_file(path, meta)), ""
    except ValueError as error:
        data_file, flaw = path, str(error)
    return Profile(
        data_file,
        alteration,
        meta.get("datatype", "").upper(),
        meta.get("stable_id", ""),
        meta.get("gene_panel", ""),
        tuple(filter(None, re.split(r"[,\s]+", meta.get("generic_entity_meta_properties", "")))),
        flaw,
    )


def _data_file(path: Path, meta: dict[str, str]) -> str:
    name = meta.get("data_filename", "").removeprefix("./")
    # A name too long for the file system would be an OSError that does not name the meta file.
    if not name or PureWindowsPath(name).name != name or len(name.encode()) > 255:
        problem = f"data_filename must be the name of a file beside it, not {quote(name)}"
        raise malformed(path, f"{problem}. Correct it")
    return name
