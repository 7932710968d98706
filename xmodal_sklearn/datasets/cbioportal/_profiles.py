"""Which file of a study holds which modality."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from os import PathLike
from pathlib import Path, PureWindowsPath

import pandas as pd

from .._study import Report
from ._text_files import malformed, quote, read_properties

__all__ = ["FILES", "Profile", "StudyFolder", "list_profiles", "visible_files"]

# By file name, in lower case: what a modality's files are called, and the data type of each.
FILES = {
    "exp": {
        "data_mrna_*.txt": "CONTINUOUS",
        "data_expression*.txt": "CONTINUOUS",
        "data_rna_seq_*.txt": "CONTINUOUS",
    },
    "cna": {
        "data_log2_cna.txt": "LOG2-VALUE",
        "data_log2cna.txt": "LOG2-VALUE",
        "data_cna.txt": "DISCRETE",
        "data_linear_cna.txt": "CONTINUOUS",
    },
    "mut": {
        "data_mutations.txt": "MAF",
        "data_mutations_extended.txt": "MAF",
        "data_mutations_mskcc.txt": "MAF",
    },
}
# By meta file: the modality of a genetic_alteration_type, its data types in order of preference.
ALTERATIONS = {
    "MRNA_EXPRESSION": "exp",
    "COPY_NUMBER_ALTERATION": "cna",
    "MUTATION_EXTENDED": "mut",
}
DATATYPES = {
    "exp": ["CONTINUOUS", "LOG2-VALUE", "Z-SCORE"],
    "cna": ["LOG2-VALUE", "DISCRETE", "DISCRETE_LONG", "CONTINUOUS"],
    "mut": ["MAF"],
}
# What is a table of numbers, by row and sample, and may be asked for.
NUMBERS = {
    "CONTINUOUS", "LOG2-VALUE", "Z-SCORE", "DISCRETE", "DISCRETE_LONG", "LIMIT-VALUE",
    "GSVA-SCORE", "P-VALUE",
}  # fmt: skip
TABLES = {
    *ALTERATIONS, "PROTEIN_LEVEL", "PROTEIN_ARRAY_PROTEIN_LEVEL", "METHYLATION",
    "METHYLATION_BINARY", "GENERIC_ASSAY", "GENESET_SCORE",
}  # fmt: skip
# What stable ids and file names tell of measurements that are not what a modality is: the tumours'
# messenger RNA, the copy number of genes, the mutations that were called.
NOT_MEANT = {
    "exp": {
        r"merged": "mRNA and microRNA in one table",
        r"(mi|micro)[-_ ]?rna|(^|_)mir(_|$)": "microRNA",
        r"outlier": "outlier calls",
        r"(?<!ref_)normal_samples|(?<!ref_)normals?(?![a-z])": "normal samples",
        r"circ|(?<![a-z])(lnc|linc|nc|pi|si|sn|sno|t|r|e)-?rna|lnc_rna|pi_rna":
            "RNA that is no messenger",
        r"isoform|exon|junction|splic": "parts of genes",
        r"protein|rppa|methyl": "no RNA",
    },
    "cna": {r"(^|_)arms?(_|level|$)|cytoband|segment": "regions larger than genes"},
    "mut": {r"uncalled|non_?signed_?out": "mutations that were not called"},
}  # fmt: skip
# What can't be told from the name of the file that it is a copy of: "data_cna (1).txt".
COPY = re.compile(r"( copy( \d+)?| ?\(\d+\)|[ ._-](old|orig|bak|backup|copy))$")
# By meta file: what the file is called where none names it.
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
    # What keeps it from being read at all.
    flaw: str = ""

    def __str__(self) -> str:
        identifier = f"stable id {quote(self.stable_id)}, " if self.stable_id else ""
        missing = "" if self.path.is_file() else ", but the file is missing"
        kind = ALTERATIONS.get(self.alteration, self.alteration)
        return f"{kind}: {self.path.name} ({identifier}{self.datatype}{missing})"

    @property
    def is_table(self) -> bool:
        """Whether it holds numbers, or mutations, by gene and sample."""
        if self.flaw:
            return False
        if self.alteration == "MUTATION_EXTENDED":
            return self.datatype == "MAF"
        return self.alteration in TABLES and self.datatype in NUMBERS

    @property
    def not_meant(self) -> str:
        """What a profile measures, if not what its modality is."""
        modality = ALTERATIONS.get(self.alteration, "")
        if modality == "exp" and self.datatype == "DISCRETE":
            return "outlier calls"
        names = self.stable_id.lower(), self.path.stem.lower()
        return next(
            (
                what
                for pattern, what in NOT_MEANT.get(modality, {}).items()
                if any(re.search(pattern, name) for name in names)
            ),
            "",
        )

    def suits(self, modality: str) -> bool:
        """Tell whether it may be read as a modality without being asked for."""
        return (
            self.is_table
            and ALTERATIONS.get(self.alteration) == modality
            and self.datatype in DATATYPES[modality]
            and not self.not_meant
        )

    def preference(self, modality: str) -> tuple[int, int, int, int, str]:
        """Return the key that sorts the profiles that suit a modality, the preferred one first."""
        names = f"{self.stable_id} {self.path.name}".lower()
        # RNA-seq covers more genes and samples than the microarrays of the same study; read counts
        # depend on the depth of sequencing; calls other than GISTIC's are made by fewer studies.
        array = re.search("microarray|agilent|affymetrix|illumina|u133", names)
        method = 2 if array else 0 if re.search("rna_?seq|rsem|mrna_seq", names) else 1
        rare = re.search(
            r"(?<![a-z])counts?(?![a-z])|capture|ref_normal|_rae|consensus|germline|cell_?line",
            names,
        )
        datatype = DATATYPES[modality].index(self.datatype)
        # Called so, z-scores may be declared as of another type.
        scores = self.datatype == "Z-SCORE" or bool(re.search("z-?_?scores?", names))
        if modality == "exp":
            return int(scores), method, int(bool(rare)), datatype, self.path.name
        return datatype, 0, int(bool(rare)), 0, self.path.name


class StudyFolder:
    """A study's folder, and what its meta files and file names say about its data files.

    Parameters
    ----------
    folder : Path
        The folder, which must exist.

    Attributes
    ----------
    profiles : list of Profile
        All that meta files describe, and the files known by name that none describes.
    flaws : Report
        What was passed over in meta files.
    sample_file, patient_file, panel_matrix : Path
        The clinical files and the gene panels of the samples, whether or not they exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.flaws: Report = []
        metas = dict(self._read_metas())
        described = [_described_profile(path, meta) for path, meta in metas.items()]
        self.profiles = [profile for profile in described if profile]
        known = {profile.path.name for profile in self.profiles}
        self._named = [
            profile for profile in _named_profiles(folder) if profile.path.name not in known
        ]
        self.sample_file, self.patient_file, self.panel_matrix = (
            self._other_file(metas, *kind) for kind in OTHER_FILES
        )

    def choose(
        self, modalities: Mapping[str, str | None], asked: Mapping[str, str]
    ) -> dict[str, Profile]:
        """Return the profile of each modality: the one asked for, else the preferred one."""
        wanted = {modality: asked.get(modality) or name for modality, name in modalities.items()}
        return {
            modality: self._asked_for(modality, name) if name else self._preferred(modality)
            for modality, name in wanted.items()
        }

    def candidates(self, modality: str) -> list[Profile]:
        """Return what may be read as a modality without being asked for, the preferred first.

        Files known by name count only where no meta file describes such a profile that is there.
        """
        found = [profile for profile in self.profiles if profile.suits(modality)]
        if not any(profile.path.is_file() for profile in found):
            found += [profile for profile in self._named if profile.suits(modality)]
        return sorted(found, key=lambda profile: profile.preference(modality))

    def all_profiles(self) -> list[Profile]:
        """Return the profiles that meta files describe, then those known by file name."""
        return [*self.profiles, *self._named]

    def describe_missing(self, wanted: str) -> str:
        """Return the message that says what the folder lacks, and what it has instead."""
        files = [path for path in self.folder.iterdir() if path.name.lower().startswith("data_")]
        data_files = sorted(path.name for path in files)
        packed = any(path.suffix in (".gz", ".bz2", ".xz", ".zip") for path in files)
        return (
            f"{str(self.folder)!r} has no {wanted}; its profiles are [{self._listed()}], its data "
            f"files are {data_files}.{' Unpack those that are compressed.' if packed else ''}"
        )

    def _read_metas(self) -> Iterator[tuple[Path, dict[str, str]]]:
        for path in visible_files(self.folder, "meta_*.txt"):
            try:
                yield path, read_properties(path, self.flaws, KEYS)
            except ValueError as error:
                self.flaws.append((path.name, f"meta file passed over: {error}", 1))

    def _other_file(
        self, metas: Mapping[Path, dict[str, str]], alteration: str, datatype: str
    ) -> Path:
        """Return the file that a meta file names, else the first of the usual names there is."""
        usual = [find_file(self.folder, name) for name in OTHER_FILES[alteration, datatype]]
        found = [path for path in usual if path.is_file()]
        for path, meta in metas.items():
            kind = meta.get("genetic_alteration_type", "").upper(), meta.get("datatype", "").upper()
            if kind == (alteration, datatype):
                try:
                    named = find_file(self.folder, _data_file(path, meta))
                except ValueError as error:
                    self.flaws.append((path.name, f"meta file passed over: {error}", 1))
                    continue
                if named.is_file() or not found:
                    return named
                missing = f"names {named.name}, which is missing; {found[0].name} is read instead"
                self.flaws.append((path.name, missing, 1))
        return (found or usual)[0]

    def _preferred(self, modality: str) -> Profile:
        candidates = self.candidates(modality)
        there = next((one for one in candidates if one.path.is_file()), None)
        if there:
            self._report_missing(candidates, there)
            return there
        wanted = [profile.path.name for profile in candidates] or FILES[modality]
        missing = self.describe_missing(" or ".join(wanted))
        unread = "".join(f" {where}: {what}" for where, what, count in self.flaws if count)
        raise FileNotFoundError(f"Modality {modality!r}: {missing}{unread}")

    def _report_missing(self, candidates: list[Profile], read: Profile) -> None:
        """Say which files are missing that would be read otherwise."""
        preferred = self.profiles if read in self._named else candidates[: candidates.index(read)]
        for profile in candidates:
            if profile in preferred and not profile.path.is_file():
                what = f"named by a meta file, but missing; {read.path.name} is read instead"
                self.flaws.append((profile.path.name, what, 1))

    def _asked_for(self, modality: str, name: str) -> Profile:
        known = [
            profile
            for profile in self.all_profiles()
            if name.casefold() in (profile.path.name.casefold(), profile.stable_id.casefold())
        ]
        if not known and modality not in FILES and name in _names_of_tables(self.folder):
            known = [Profile(self.folder / name, "GENERIC_ASSAY", "CONTINUOUS")]
        fitting = [
            profile
            for profile in known
            if modality not in FILES or ALTERATIONS.get(profile.alteration) == modality
        ]
        if not fitting:
            raise ValueError(
                f"profiles asks for {name!r} as {modality!r}, which is neither the data file nor "
                f"the stable id of such a profile of {str(self.folder)!r}; its profiles are "
                f"[{self._listed()}]."
            )
        profile = fitting[0]
        if not profile.is_table:
            raise ValueError(
                f"profiles asks for {name!r} as {modality!r}, but {why_no_table(profile)}."
            )
        if not profile.path.is_file():
            missing = self.describe_missing(profile.path.name)
            raise FileNotFoundError(f"Modality {modality!r}: {missing}")
        return profile

    def _listed(self) -> str:
        return "; ".join(str(profile) for profile in self.all_profiles() if profile.is_table)


def list_profiles(study_dir: str | PathLike[str]) -> pd.DataFrame:
    r"""List the profiles of a cBioPortal study folder, and which one each modality would take.

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
        "modality" (which one takes it unless told otherwise, else "") and "why".

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
                file modality                   why
    0  data_rppa.txt           read where asked for
    1   data_cna.txt      cna          the only one
    """
    folder = Path(study_dir)
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no study folder at {str(folder)!r}.")
    study = StudyFolder(folder)
    taken = {}
    for modality in FILES:
        found = [one for one in study.candidates(modality) if one.path.is_file()]
        for profile in found:
            why = "the only one" if len(found) == 1 else f"preferred to {found[1].path.name}"
            taken[profile] = ("", f"not preferred: {modality} takes {found[0].path.name}")
            if profile == found[0]:
                taken[profile] = (modality, why)
    rows = [
        (one.path.name, one.stable_id, one.alteration, one.datatype, *_who_takes(one, taken))
        for one in study.all_profiles()
    ]
    names = ["file", "stable_id", "alteration", "datatype", "modality", "why"]
    return pd.DataFrame(rows, columns=names)


def visible_files(folder: Path, pattern: str) -> list[Path]:
    """Return the files of a folder that a pattern fits, sorted by name.

    Neither hidden ones nor copies of others.
    """
    found = [
        path
        for path in sorted(folder.iterdir() if folder.is_dir() else [])
        if fnmatchcase(path.name.lower(), pattern)
        and not path.name.startswith(".")
        and path.is_file()
    ]
    stems = {path.stem for path in found}
    return [
        path
        for path in found
        if (stem := COPY.sub("", path.stem)) == path.stem or stem not in stems
    ]


def find_file(folder: Path, name: str) -> Path:
    """Return the path of a file, by its name in any case; the name as given if there is none."""
    path = folder / name
    if path.is_file() or not folder.is_dir():
        return path
    alike = [one for one in folder.iterdir() if one.name.casefold() == name.casefold()]
    return alike[0] if len(alike) == 1 else path


def why_no_table(profile: Profile) -> str:
    """Say what keeps a profile from being read as a modality."""
    return profile.flaw or (
        f"{profile.alteration} of datatype {profile.datatype} is no table of numbers by gene and "
        "sample"
    )


def _who_takes(profile: Profile, taken: Mapping[Profile, tuple[str, str]]) -> tuple[str, str]:
    """Return the modality that takes a profile, and why."""
    return taken.get(profile) or ("", _why_not_taken(profile))


def _why_not_taken(profile: Profile) -> str:
    if not profile.is_table:
        return why_no_table(profile)
    if not profile.path.is_file():
        return "the file is missing"
    if profile.not_meant:
        return f"{profile.not_meant}; read where asked for"
    return "read where asked for"


def _names_of_tables(folder: Path) -> set[str]:
    return {path.name for path in visible_files(folder, "data_*.txt")}


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


def _named_profiles(folder: Path) -> list[Profile]:
    alterations = {modality: alteration for alteration, modality in ALTERATIONS.items()}
    found = {}
    for modality, patterns in FILES.items():
        for pattern, datatype in patterns.items():
            for path in visible_files(folder, pattern):
                kind = "Z-SCORE" if "zscore" in path.name.lower() else datatype
                found[path] = Profile(path, alterations[modality], kind)
    return list(found.values())


def _data_file(path: Path, meta: dict[str, str]) -> str:
    name = meta.get("data_filename", "").removeprefix("./")
    # A name too long for the file system would be an OSError that does not name the meta file.
    if not name or PureWindowsPath(name).name != name or len(name.encode()) > 255:
        raise malformed(
            path,
            f"data_filename must be the name of a file beside it, not {quote(name)}. Correct it",
        )
    return name
