"""The figure of the start page, drawn from the table in docs/results/interactions.md."""

import re
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

__all__ = ["draw_result"]

FILE = Path(__file__).parent / "results" / "interactions.md"
# The colors of Okabe and Ito, each with its own marker, so no two series differ by color alone.
STYLES = {
    "best possible": {"color": "#999999", "marker": "_", "markersize": 22},
    "cross-modal attention": {"color": "#0072B2", "marker": "o", "markersize": 9},
    "random forest": {"color": "#E69F00", "marker": "s", "markersize": 8},
    "gradient boosting": {"color": "#009E73", "marker": "^", "markersize": 8},
}


def read_table():
    """Return ROC AUC by model and kind of interaction."""
    # The last table is that of the smallest cohorts.
    text = FILE.read_text(encoding="utf-8").rpartition("\n| model")[2]
    lines = [line for line in f"| model{text}".splitlines() if line.startswith("|")]
    cells = [[cell.strip(" *") for cell in line.strip("|").split("|")] for line in lines]
    rows = [[name.removesuffix(", early"), *scores] for name, *scores in cells]
    kinds = [kind for kind in rows[0][1:] if kind not in {"additive", "mean of interactions"}]
    table = {
        name: [float(re.match(r"[\d.]+", cell)[0]) for cell in cells[: len(kinds)]]
        for name, *cells in rows
        if name in STYLES
    }
    if not kinds or set(table) != set(STYLES):
        raise ValueError(f"{FILE} has no table with rows {list(STYLES)}.")
    return kinds, table


def draw_result(path):
    """Draw the scores on the simulated interactions to an SVG file."""
    kinds, table = read_table()
    figure = Figure(figsize=(5.8, 4.4), layout="constrained")
    ax = figure.subplots()
    for name, style in STYLES.items():
        ax.plot(kinds, table[name], linestyle="", label=name, **style)
    ax.axhline(0.5, color="#999999", linewidth=1, linestyle=":")
    ax.text(-0.45, 0.505, "chance", color="#666666", va="bottom")
    ax.set(ylabel="ROC AUC", xlabel="kind of interaction", ylim=(0.45, 1), xlim=(-0.5, None))
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    ax.spines[["top", "right"]].set_visible(False)
    with mpl.rc_context({"svg.hashsalt": "result"}):
        figure.savefig(path, metadata={"Date": None})
