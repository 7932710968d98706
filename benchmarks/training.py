"""Time the network and its training.

    python benchmarks/training.py attention    # one step, beside nn.MultiheadAttention
    python benchmarks/training.py ensemble     # members trained together, beside one by one
    python benchmarks/training.py fit          # a default fit at METABRIC's size, and its growth
    python benchmarks/training.py search       # K x heads x folds; two workers beside one
    python benchmarks/training.py fit --device cuda

Processor seconds are printed beside wall-clock seconds: on a shared machine they tell more.
"""

import argparse
import resource
import time
from contextlib import contextmanager

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from torch import nn

from xmodal_sklearn import CrossModalAttentionClassifier, MultiOmicsSelector
from xmodal_sklearn.classifier.network import CrossModalNetwork, VerdictLoss
from xmodal_sklearn.datasets import make_multiomics

BATCH, WIDTH, HEADS, CLASSES = 32, 32, 4, 5


@contextmanager
def timed(label):
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    print(
        f"{label:60} {time.perf_counter() - wall:8.2f} s wall  "
        f"{time.process_time() - cpu:8.2f} s processor",
        flush=True,
    )


class PlainNetwork(nn.Module):
    """The paper's network on nn.MultiheadAttention with its defaults: the peer."""

    def __init__(self, n_modalities, n_features):
        super().__init__()
        shape = (n_modalities, n_features, WIDTH)
        self.direction, self.identity = (nn.Parameter(torch.randn(shape)) for _ in range(2))
        self.attentions = nn.ModuleList(
            nn.MultiheadAttention(WIDTH, HEADS, batch_first=True) for _ in range(n_modalities - 1)
        )
        self.classify = nn.Sequential(
            nn.Linear(n_features * WIDTH, 64), nn.GELU(), nn.Linear(64, CLASSES)
        )

    def forward(self, x):
        tokens = [
            block[..., None] * direction + identity
            for block, direction, identity in zip(
                x.unflatten(1, (len(self.direction), -1)).unbind(1),
                self.direction,
                self.identity,
                strict=True,
            )
        ]
        enriched = tokens[0]
        for attend, other in zip(self.attentions, tokens[1:], strict=True):
            enriched = enriched + attend(tokens[0], other, other)[0]
        return self.classify(enriched.flatten(1))


def ours(n_modalities, n_features, tokenizer, attention, n_members=1):
    return CrossModalNetwork(
        columns=np.arange(n_modalities * n_features).reshape(n_modalities, -1).tolist(),
        n_classes=CLASSES,
        n_members=n_members,
        tokenizer=tokenizer,
        embed_dim=WIDTH,
        n_heads=HEADS,
        attention=attention,
        hidden_dim=64,
        dropout=0.5,
        ridge=[1e-4] * (1 + n_modalities),
        seed=0,
    ).train()


def step_seconds(network, x, steps):
    """Return the median processor seconds of a forward and backward pass."""
    target = torch.eye(CLASSES)[torch.arange(len(x)) % CLASSES]
    seconds = []
    for _ in range(steps + 1):
        start = time.process_time()
        network.zero_grad()
        output = network(x)
        if isinstance(network, CrossModalNetwork):
            VerdictLoss()(output, target[:, None].expand(-1, network.n_members, -1)).backward()
        else:
            nn.functional.cross_entropy(output, target).backward()
        seconds.append(time.process_time() - start)
    return float(np.median(seconds[1:]))


def attention(arguments):
    torch.set_num_threads(1)
    x = torch.randn(BATCH, 3 * arguments.features)
    networks = {"nn.MultiheadAttention": PlainNetwork(3, arguments.features)}
    for tokenizer in ("feature", "patch"):
        for kind in ("softmax", "linear"):
            networks[f"{tokenizer} tokens, {kind}"] = ours(3, arguments.features, tokenizer, kind)
    seconds = {name: step_seconds(network, x, 3) for name, network in networks.items()}
    peer = seconds["nn.MultiheadAttention"]
    print(f"One step, 3 modalities x {arguments.features}, batch {BATCH}, one thread, one member")
    for name, value in seconds.items():
        print(f"{name:30} {value:8.3f} s processor  {peer / value:7.1f} times faster")


def ensemble(arguments):
    torch.set_num_threads(1)
    x = torch.randn(BATCH, 3 * arguments.features)
    one = step_seconds(ours(3, arguments.features, "patch", "softmax"), x, 20)
    for n_members in (1, 2, 4, 8, 16):
        network = ours(3, arguments.features, "patch", "softmax", n_members)
        seconds = step_seconds(network, x, 20)
        print(
            f"{n_members:3} members  {seconds * 1000:7.1f} ms processor  "
            f"{seconds / (n_members * one):.2f} of one by one"
        )


def cohort(n_samples, k):
    X, y = make_multiomics(
        n_samples, {"exp": k, "cna": k, "mut": k}, return_X_y=True, random_state=0
    )
    return X.astype(np.float32), np.asarray(y, dtype=object)


def fit(arguments):
    for n_samples, k in [(1584, 1000), (792, 1000), (3168, 1000), (1584, 500), (1584, 2000)]:
        X, y = cohort(n_samples, k)
        model = CrossModalAttentionClassifier(random_state=0, device=arguments.device)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        with timed(f"default fit, {n_samples} patients, 3 x {k} features, {arguments.device}"):
            model.fit(X, y)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(f"    peak of the process {peak:.2f} GB, {peak - before:.2f} GB of it in this fit")
        with timed("    the same number of epochs"):
            model.set_params(max_epochs=5).fit(X, y)


def search(arguments):
    X, y = cohort(arguments.samples, 1500)
    classifier = CrossModalAttentionClassifier(random_state=0)
    grid = {
        "multiomicsselector__k": [int(k) for k in arguments.k.split(",")],
        "crossmodalattentionclassifier__n_heads": [2, 4, 8],
    }
    folds = StratifiedKFold(arguments.folds)
    results = {}
    for n_jobs in [int(number) for number in arguments.jobs.split(",")]:
        pipeline = make_pipeline(MultiOmicsSelector(memory=arguments.memory), classifier)
        search = GridSearchCV(
            pipeline, grid, scoring="f1_macro", cv=folds, refit=False, n_jobs=n_jobs
        )
        with timed(
            f"{len(X)} patients, K {arguments.k} x 3 heads x {arguments.folds} folds, "
            f"n_jobs={n_jobs}"
        ):
            search.fit(X, y)
        results[n_jobs] = search.cv_results_["mean_test_score"]
    columns = ["param_multiomicsselector__k", "param_crossmodalattentionclassifier__n_heads"]
    table = pd.DataFrame(search.cv_results_)[[*columns, "mean_test_score", "mean_fit_time"]]
    print(table.round(3).to_string(index=False))
    assert all(np.array_equal(score, results[n_jobs]) for score in results.values())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("part", choices=["attention", "ensemble", "fit", "search"])
    parser.add_argument("--features", type=int, default=1000, help="features a modality")
    parser.add_argument("--samples", type=int, default=1584)
    parser.add_argument("--k", default="300,500,1000,1500")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--jobs", default="2", help="workers; 1,2 compares")
    parser.add_argument("--memory", default=None, help="folder to cache the rankings in")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    globals()[arguments.part](arguments)


if __name__ == "__main__":
    main()
