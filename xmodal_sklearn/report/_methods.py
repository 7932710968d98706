"""A paragraph on methods, made from what a comparison says of itself."""

from typing import Any

from ..benchmark._metrics import metric_label
from ._data import class_sizes
from ._overview import Overview

__all__ = ["methods"]

REFERENCES = {
    "attention": "Zhumagozhayev et al. 2026. doi:10.23950/jcmk/18568",
    "elastic net": "Zou H, Hastie T. Regularization and variable selection via the elastic net. "
    "J R Stat Soc B 67(2), 301–320, 2005. doi:10.1111/j.1467-9868.2005.00503.x",
    "scikit-learn": "Pedregosa F et al. Scikit-learn: Machine Learning in Python. "
    "J Mach Learn Res 12, 2825–2830, 2011.",
    "torch": "Paszke A et al. PyTorch: An Imperative Style, High-Performance Deep Learning "
    "Library. Adv Neural Inf Process Syst 32, 2019.",
    "t-test": "Nadeau C, Bengio Y. Inference for the Generalization Error. Mach Learn 52, "
    "239–281, 2003. doi:10.1023/A:1024068626366",
    "Holm": "Holm S. A Simple Sequentially Rejective Multiple Test Procedure. Scand J Stat 6(2), "
    "65–70, 1979.",
    "Bayes": "Benavoli A, Corani G, Demšar J, Zaffalon M. Time for a Change: a Tutorial for "
    "Comparing Multiple Classifiers Through Bayesian Analysis. J Mach Learn Res 18(77), 2017.",
    "ece": "Guo C, Pleiss G, Sun Y, Weinberger KQ. On Calibration of Modern Neural Networks. "
    "ICML 2017. arXiv:1706.04599",
    "stability": "Nogueira S, Sechidis K, Brown G. On the Stability of Feature Selection "
    "Algorithms. J Mach Learn Res 18(174), 2018.",
}


SOFTWARE = {
    "python": "Python",
    "xmodal-sklearn": "xmodal-sklearn",
    "scikit-learn": "scikit-learn",
    "torch": "PyTorch",
}


class _Citations:
    """Numbers references in the order in which they are first cited."""

    def __init__(self) -> None:
        self._cited: list[str] = []

    def __call__(self, *keys: str) -> str:
        self._cited += [key for key in keys if key not in self._cited]
        return f"[{', '.join(str(1 + self._cited.index(key)) for key in keys)}]"

    @property
    def references(self) -> list[str]:
        return [REFERENCES[key] for key in self._cited]


def methods(overview: Overview) -> dict[str, Any]:
    """Return the paragraph, and the references that it cites."""
    cite = _Citations()
    sentences = [
        *_data(overview),
        *_folds(overview),
        *_models(overview, cite),
        *_statistics(overview, cite),
        *_software(overview, cite),
    ]
    return {"text": " ".join(sentences), "references": cite.references}


def _data(overview: Overview) -> list[str]:
    sizes = class_sizes(overview.comparison)
    listed = _join([f"{label} (n = {size:,})" for label, size in sizes.items()])
    number = overview.info.get("n_samples", sum(sizes.values()))
    said = [f"{number:,} samples of {len(sizes)} classes were classified: {listed}."]
    features = overview.info.get("n_features", {})
    if features:
        said.append(f"The features were {_join([f'{n:,} {m}' for m, n in features.items()])}.")
    missing = overview.info.get("data", {}).get("missing", {})
    lacking = [f"{m} in {one['samples']:,}" for m, one in missing.items() if one["samples"]]
    if lacking:
        said.append(f"Some samples lacked a whole modality: {_join(lacking)}.")
    return said


def _folds(overview: Overview) -> list[str]:
    info = overview.info
    if "n_folds" not in info:
        return []
    repeats = info.get("n_repeats", 1)
    if info["n_folds"] == 1:
        how = "tested on one set of samples held out" + (f", {repeats} times" * (repeats > 1))
    else:
        times = f", repeated {repeats} times with other splits" if repeats > 1 else ""
        how = f"compared by {info['n_folds']}-fold cross-validation{times}"
    return [
        f"All models were {how}, on the same folds; selection of features, scaling and tuning used "
        "the training samples of each fold only."
    ]


def _models(overview: Overview, cite: _Citations) -> list[str]:
    models = overview.info.get("models", {})
    said = []
    ks = sorted({k for one in models.values() for k in one["k"]})
    if ks:
        what = {"all": "all features were kept"}
        kept = [what.get(k, f"{k} features per modality") for k in ks]
        built_in = all(
            value == "None"
            for one in models.values()
            for name, value in one["parameters"].items()
            if name.endswith("multiomicsselector__estimator")
        )
        ranked = (
            f"a multi-response elastic net {cite('elastic net')}" if built_in else "a ranking model"
        )
        said.append(f"Features were ranked in each modality by {ranked}, keeping {_join(kept)}.")
    said.append(f"The models were: {'; '.join(overview.names)}.")
    attention = [
        name for name, one in models.items() if "CrossModalAttentionClassifier" in one["text"]
    ]
    if attention:
        said.append(
            f"Cross-modal attention ({_join(attention)}) is described in {cite('attention')}."
        )
    return said


def _statistics(overview: Overview, cite: _Citations) -> list[str]:
    metrics = [metric_label(metric) for metric in overview.comparison.metrics]
    said = [f"Scores, as means over the test folds, were {_join(metrics)}."]
    if "ece" in overview.comparison.metrics:
        said[0] = said[0].replace("calibration error", f"calibration error {cite('ece')}")
    if overview.pairs:
        said.append(
            f"Differences in {metrics[0]} were tested by the corrected resampled t-test "
            f"{cite('t-test')}, two-sided, with Holm’s correction for all pairs {cite('Holm')}, "
            f"and by the Bayesian correlated t-test with a region of practical equivalence of 0.01 "
            f"{cite('Bayes')}."
        )
    if len(overview.comparison.selected):
        said.append(
            "Stability of the selection is the index of Nogueira, Sechidis and Brown "
            f"{cite('stability')}."
        )
    return said


def _software(overview: Overview, cite: _Citations) -> list[str]:
    versions = overview.info.get("versions", {})
    named = [
        f"{words} {versions[name]}" + (f" {cite(name)}" if name in REFERENCES else "")
        for name, words in SOFTWARE.items()
        if name in versions
    ]
    said = [f"Software: {_join(named)}."] if named else []
    hardware = overview.info.get("hardware", {})
    if hardware:
        parts = [hardware["processor"], f"{hardware['cores']} cores"]
        parts += [hardware[part] for part in ("memory", "graphics") if part in hardware]
        said.append(f"Hardware: {', '.join(parts)}.")
    return said


def _join(words: list[str]) -> str:
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
