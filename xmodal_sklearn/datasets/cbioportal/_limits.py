"""How large a study may be, and how to allow a larger one."""

import os
from dataclasses import dataclass

__all__ = ["Limit", "limit"]

FACTOR_VARIABLE = "XMODAL_LIMIT_FACTOR"
# The largest study of cBioPortal has a tenth of these, which are for what is no study.
LIMITS = {
    "download": (16e9, "bytes to download"),
    "members": (10_000, "files in an archive"),
    "member": (32e9, "bytes of a file in an archive"),
    "total": (64e9, "bytes of an archive, unpacked"),
    "ratio": (300, "bytes unpacked for each of the archive"),
}


@dataclass(frozen=True)
class Limit:
    """A limit.

    Parameters
    ----------
    most : float
        What is allowed.
    unit : str
        Of what.
    """

    most: float
    unit: str

    def check(self, number: float, what: str) -> None:
        """Refuse a number above the limit.

        Parameters
        ----------
        number : float
            The number.
        what : str
            What has it, the beginning of a sentence.

        Raises
        ------
        OSError
            If it is above the limit.
        """
        if number > self.most:
            raise OSError(
                f"{what} {number:,.0f}, more than the limit of {self.most:,.0f} {self.unit}. If "
                f"that is right, raise the limits by the environment variable {FACTOR_VARIABLE}, "
                "10 for ten times as much"
            )


def limit(name: str) -> Limit:
    """Return a limit, raised as the environment says.

    Parameters
    ----------
    name : {"download", "members", "member", "total", "ratio"}
        Which.

    Returns
    -------
    Limit
        The limit.

    Raises
    ------
    ValueError
        If the environment variable is no positive number.
    """
    most, unit = LIMITS[name]
    said = os.environ.get(FACTOR_VARIABLE) or "1"
    try:
        factor = float(said)
    except ValueError:
        factor = 0
    if not 0 < factor < float("inf"):
        raise ValueError(f"{FACTOR_VARIABLE} must be a positive number, got {said!r}.")
    return Limit(most * factor, unit)
