"""Time the network and its training.

    python -m benchmarks.speed.training attention    # one step, compared with nn.MultiheadAttention
    python -m benchmarks.speed.training ensemble     # members trained together or one by one
    python -m benchmarks.speed.training fit          # a default fit of METABRIC's size, its growth
    python -m benchmarks.speed.training search       # K x heads x folds
    python -m benchmarks.speed.training search --jobs 1,2    # one and two workers
    python -m benchmarks.speed.training search --against HEAD~20    # compared with that commit
    python -m benchmarks.speed.training fit --device cuda

CPU seconds are printed next to wall time: on a shared machine they are more reliable.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from torch import nn

from benchmarks.shared import Timer, checkouts, make_parser, peak_bytes
from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.classifier.network import BranchLoss, CrossModalNetwork
from xmodal_sklearn.datasets import make_multiomics

BATCH, WIDTH, HEADS, CLASSES = 32, 32, 4, 5
MODALITIES = 3
FIT_SIZES = [(1584, 1000), (792, 1000), (3168, 1000), (1584, 500), (1584, 2000)]


def main() -> None:
    parser = make_parser(__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--features", type=int, default=1000, help="of each modality, in a step")
    parser.add_argument(
        "--sizes",
        default=",".join(f"{n}x{k}" for n, k in FIT_SIZES),
        help="of the fits: patients x features of each modality",
    )
    parser.add_argument("--samples", type=int, default=1584, help="patients of the search")
    parser.add_argument("--k", default="300,500,1000,1500", help="grid of the search")
    parser.add_argument("--folds", type=int, default=5, help="of the search")
    parser.add_argument("--jobs", default="2", help="workers of the search; 1,2 compares")
    parser.add_argument("--memory", help="folder to cache the rankings of the search in")
    parser.add_argument("--device", default="cpu", help="of the fits")
    parser.add_argument("--against", metavar="REV", help="also measure this commit")
    arguments = parser.parse_args()
    if arguments.against:
        compare_revisions(arguments.against)
    else:
        PARTS[arguments.part](arguments)


def compare_revisions(revision: str) -> None:
    """Run the same command with the package as it is and as it was at a commit."""
    # Of an option given twice the last counts; with -P the working folder is not searched first.
    command = [sys.executable, "-P", "-m", "benchmarks.speed.training", *sys.argv[1:], "--against="]
    with checkouts(revision) as folders:
        for name, folder in folders.items():
            print(f"\n{name}", flush=True)
            path = os.pathsep.join([str(folder), str(Path.cwd())])
            subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=True)


class PlainNetwork(nn.Module):
    """The paper's network with nn.MultiheadAttention and its defaults, for comparison."""

    def __init__(self, n_features: int) -> None:
        super().__init__()
        shape = (MODALITIES, n_features, WIDTH)
        self.direction, self.identity = (nn.Parameter(torch.randn(shape)) for _ in range(2))
        self.attentions = nn.ModuleList(
            nn.MultiheadAttention(WIDTH, HEADS, batch_first=True) for _ in range(MODALITIES - 1)
        )
        self.classify = nn.Sequential(
            nn.Linear(n_features * WIDTH, 64), nn.GELU(), nn.Linear(64, CLASSES)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = [
            block[..., None] * direction + identity
            for block, direction, identity in zip(
                x.unflatten(1, (MODALITIES, -1)).unbind(1),
                self.direction,
                self.identity,
                strict=True,
            )
        ]
        enriched = tokens[0]
        for attend, other in zip(self.attentions, tokens[1:], strict=True):
            enriched = enriched + attend(tokens[0], other, other)[0]
        return self.classify(enriched.flatten(1))


def our_network(
    n_features: int, tokenizer: str, attention: str, n_members: int = 1
) -> CrossModalNetwork:
    return CrossModalNetwork(
        columns=np.arange(MODALITIES * n_features).reshape(MODALITIES, -1).tolist(),
        n_classes=CLASSES,
        n_members=n_members,
        tokenizer=tokenizer,
        embed_dim=WIDTH,
        n_heads=HEADS,
        attention=attention,
        hidden_dim=64,
        enrichment="product",
        dropout=0.5,
        token_dropout=0.2,
        seed=0,
    ).train()


def step_seconds(network: nn.Module, n_features: int, steps: int) -> float:
    """Return the median CPU seconds of a forward and backward pass."""
    x = torch.randn(BATCH, MODALITIES * n_features)
    target = torch.eye(CLASSES)[torch.arange(BATCH) % CLASSES]
    seconds = []
    for _ in range(steps + 1):
        with Timer() as spent:
            network.zero_grad()
            output = network(x)
            if isinstance(network, CrossModalNetwork):
                by_member = target[:, None].expand(-1, network.n_members, -1)
                BranchLoss()(output, by_member).backward()
            else:
                nn.functional.cross_entropy(output, target).backward()
        seconds.append(spent.processor)
    return float(np.median(seconds[1:]))


def time_attention(arguments: argparse.Namespace) -> None:
    """Print the seconds of one step by tokens and attention, also of nn.MultiheadAttention."""
    torch.set_num_threads(1)
    p = arguments.features
    networks = {"nn.MultiheadAttention": PlainNetwork(p)}
    for tokenizer in ("feature", "patch"):
        for kind in ("softmax", "linear"):
            networks[f"{tokenizer} tokens, {kind}"] = our_network(p, tokenizer, kind)
    seconds = pd.Series({name: step_seconds(network, p, 3) for name, network in networks.items()})
    faster = seconds["nn.MultiheadAttention"] / seconds
    table = pd.DataFrame({"processor s": seconds.round(4), "times faster": faster.round(1)})
    print(f"One step, {MODALITIES} modalities x {p}, batch {BATCH}, one thread, one member")
    print(table.to_string())


def time_ensemble(arguments: argparse.Namespace) -> None:
    """Print the seconds of one step by the number of members that are trained together."""
    torch.set_num_threads(1)
    p = arguments.features
    single = step_seconds(our_network(p, "patch", "softmax"), p, 20)
    rows = []
    for n_members in (1, 2, 4, 8, 16):
        seconds = step_seconds(our_network(p, "patch", "softmax", n_members), p, 20)
        share = seconds / (n_members * single)
        rows.append({"members": n_members, "ms": 1000 * seconds, "share of one by one": share})
    print("One step, processor milliseconds")
    print(pd.DataFrame(rows).round(2).to_string(index=False))


def cohort(n_samples: int, k: int) -> tuple[pd.DataFrame, np.ndarray]:
    X, y = make_multiomics(
        n_samples, {"exp": k, "cna": k, "mut": k}, return_X_y=True, random_state=0
    )
    return X.astype(np.float32), np.asarray(y, dtype=object)


def time_fit(arguments: argparse.Namespace) -> None:
    """Print the seconds and memory of default fits, and the seconds of five epochs."""
    rows = []
    for size in arguments.sizes.split(","):
        n_samples, k = (int(number) for number in size.split("x"))
        X, y = cohort(n_samples, k)
        model = CrossModalAttentionClassifier(random_state=0, device=arguments.device)
        before = peak_bytes()
        with Timer() as whole:
            model.fit(X, y)
        peak = peak_bytes()
        with Timer() as epochs:
            model.set_params(max_epochs=5).fit(X, y)
        rows.append(
            {
                "patients": n_samples,
                "features": f"{MODALITIES} x {k}",
                **whole.seconds(),
                "peak GB": peak / 1e9,
                "of it in this fit": (peak - before) / 1e9,
                **{f"5 epochs, {clock}": value for clock, value in epochs.seconds().items()},
            }
        )
    print(f"Default fits, {arguments.device}")
    print(pd.DataFrame(rows).round(2).to_string(index=False))


def time_search(arguments: argparse.Namespace) -> None:
    """Print the seconds of a grid search by the number of workers, and its scores."""
    X, y = cohort(arguments.samples, 1500)
    grid = {
        "multiomicsselector__k": [int(k) for k in arguments.k.split(",")],
        "crossmodalattentionclassifier__n_heads": [2, 4, 8],
    }
    rows, scores = [], []
    for n_jobs in [int(number) for number in arguments.jobs.split(",")]:
        pipeline = make_pipeline(
            MultiOmicsSelector(memory=arguments.memory),
            CrossModalAttentionClassifier(random_state=0),
        )
        search = GridSearchCV(
            pipeline,
            grid,
            scoring="f1_macro",
            cv=StratifiedKFold(arguments.folds),
            refit=False,
            n_jobs=n_jobs,
        )
        with Timer() as spent:
            search.fit(X, y)
        rows.append({"n_jobs": n_jobs, **spent.seconds()})
        scores.append(search.cv_results_["mean_test_score"])
    print(f"{len(X)} patients, K {arguments.k} x 3 heads x {arguments.folds} folds")
    print(pd.DataFrame(rows).round(2).to_string(index=False))
    columns = [*(f"param_{name}" for name in grid), "mean_test_score", "mean_fit_time"]
    print(pd.DataFrame(search.cv_results_)[columns].round(3).to_string(index=False))
    assert all(np.array_equal(scores[0], others) for others in scores)


PARTS = {
    "attention": time_attention,
    "ensemble": time_ensemble,
    "fit": time_fit,
    "search": time_search,
}

if __name__ == "__main__":
    main()
