"""A further clinical column of a study, such as the batch, for patients that were read before."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from .._labels import is_unknown
from ._archive import unpack
from ._clinical import read_samples
from ._profiles import StudyFolder

__all__ = ["read_clinical_column", "unpacked_study"]


def read_clinical_column(folder: Path, column: str) -> pd.Series:
    """Read a column of the sample or patient file.

    Parameters
    ----------
    folder : Path
        The study folder.
    column : str
        The name of the column.

    Returns
    -------
    Series of object
        A value for each tumour, None where it is not known, with the patients as index.

    Raises
    ------
    ValueError
        If neither file has the column.
    """
    samples = read_samples(StudyFolder(folder), column, [])
    tumours = samples[~samples["is_normal"]]
    values = tumours["target"].astype(object).set_axis(tumours["PATIENT_ID"])
    return values.mask(is_unknown(values), None)


@contextmanager
def unpacked_study(study_id: str) -> Iterator[Path]:
    """Unpack a study that was downloaded before, and remove it afterwards.

    Parameters
    ----------
    study_id : str
        Its name.

    Yields
    ------
    Path
        The study folder.
    """
    # Imported here because it takes a fifth of a second.
    from sklearn.datasets import get_data_home

    with TemporaryDirectory() as scratch:
        archive = Path(get_data_home(), "cbioportal", f"{study_id}.tar.gz")
        yield unpack(archive, Path(scratch))
