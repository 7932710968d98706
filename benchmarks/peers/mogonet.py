"""MOGONET: a graph convolutional network per modality, joined by a network of their predictions.

Wang et al., "MOGONET integrates multi-omics data using graph convolutional networks allowing
patient classification and biomarker identification", Nature Communications 12, 3445 (2021).

It is written from the paper and the settings that the authors publish (txWang/MOGONET), because
they have no package on PyPI; the one of that name there is of other authors. The settings are those
for their breast cancers: 500 epochs of the modalities' networks alone, 2,500 of all, 10 edges per
sample. As in the program of the authors, the loss weights a sample by the frequency of its class,
and the graph of the test samples has edges between training and test samples only. Columns are
scaled to 0 to 1 by the training samples. The probabilities are those of the last epoch, not of the
best one on the test samples.
"""

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.peers.fold import Fold, run

PRETRAINING, TRAINING = 500, 2500  # epochs
PRETRAINING_RATE, RATE, JOINING_RATE = 1e-3, 5e-4, 1e-3
EDGES = 10  # per sample, on average
WIDTHS = (400, 400, 200)
DROPOUT, SLOPE = 0.5, 0.25


class GraphNetwork(nn.Module):
    """Three graph convolutions and a linear classifier, for one modality."""

    def __init__(self, n_features: int, n_classes: int) -> None:
        super().__init__()
        widths = (n_features, *WIDTHS)
        self.convolutions = nn.ModuleList(map(nn.Linear, widths, widths[1:]))
        self.classify = nn.Linear(WIDTHS[-1], n_classes)
        self.apply(initialize)

    def forward(self, x: Tensor, graph: Tensor) -> Tensor:
        """Return logits of shape (samples, classes); `graph` is (samples, samples)."""
        for convolution in self.convolutions:
            if convolution is not self.convolutions[0]:
                x = functional.dropout(x, DROPOUT, self.training)
            # The bias is added after averaging over neighbors, whose weights sum to 1.
            x = functional.leaky_relu(graph @ convolution(x), SLOPE)
        return self.classify(x)


class Joint(nn.Module):
    """Classify by the products of the modalities' class scores, one for each combination."""

    def __init__(self, n_modalities: int, n_classes: int) -> None:
        super().__init__()
        width = n_classes**n_modalities
        self.layers = nn.Sequential(
            nn.Linear(width, width), nn.LeakyReLU(SLOPE), nn.Linear(width, n_classes)
        )
        self.apply(initialize)

    def forward(self, logits: list[Tensor]) -> Tensor:
        """Return logits of shape (samples, classes)."""
        products, *others = map(torch.sigmoid, logits)
        for scores in others:
            products = (products[:, :, None] * scores[:, None, :]).flatten(1)
        return self.layers(products)


def initialize(module: nn.Module) -> None:
    if isinstance(module, nn.Linear):
        nn.init.xavier_normal_(module.weight)
        nn.init.zeros_(module.bias)


def predict(fold: Fold) -> np.ndarray:
    """Train on the graphs of the training samples; predict on those with the test samples."""
    torch.manual_seed(0)
    y = torch.as_tensor(fold.y)
    n_train, n_classes = len(y), fold.n_classes
    weights = torch.bincount(y)[y] / n_train
    tables = [scaled(fold.train[name], fold.test[name]) for name in fold.train]
    limits = [longest_edge(x[:n_train]) for x in tables]
    inputs = [
        (x[:n_train], training_graph(x[:n_train], limit))
        for x, limit in zip(tables, limits, strict=True)
    ]
    networks = [GraphNetwork(x.shape[1], n_classes) for x in tables]
    joint = Joint(len(tables), n_classes)

    def loss(logits: Tensor) -> Tensor:
        return (weights * functional.cross_entropy(logits, y, reduction="none")).mean()

    for epochs, rate in ((PRETRAINING, PRETRAINING_RATE), (TRAINING, RATE)):
        optimizers = [torch.optim.Adam(network.parameters(), lr=rate) for network in networks]
        joining = torch.optim.Adam(joint.parameters(), lr=JOINING_RATE)
        for _ in range(epochs):
            for network, optimizer, data in zip(networks, optimizers, inputs, strict=True):
                step(optimizer, loss(network(*data)))
            if epochs == TRAINING:  # only the joint network learns from its loss
                with torch.no_grad():
                    logits = logits_of(networks, inputs)
                step(joining, loss(joint(logits)))

    graphs = [(x, test_graph(x, n_train, limit)) for x, limit in zip(tables, limits, strict=True)]
    with torch.no_grad():
        logits = logits_of([network.eval() for network in networks], graphs)
        return joint(logits)[n_train:].softmax(dim=1).numpy()


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def logits_of(networks: list[GraphNetwork], inputs: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
    return [network(*data) for network, data in zip(networks, inputs, strict=True)]


def scaled(train: pd.DataFrame, test: pd.DataFrame) -> Tensor:
    """Return training samples, then test samples, with the range of the former as 0 to 1."""
    low, high = train.min(), train.max()
    both = (pd.concat([train, test]) - low) / (high - low).where(high > low, 1)
    return torch.as_tensor(both.to_numpy(), dtype=torch.float32)


def similarities(x: Tensor) -> Tensor:
    """Return the cosines between samples."""
    x = functional.normalize(x)
    return x @ x.T


def longest_edge(x: Tensor) -> float:
    """Return the least cosine of an edge, such that samples have `EDGES` of them on average."""
    # A sample counts as its own neighbor here.
    cosines, _ = similarities(x).flatten().sort(descending=True)
    return cosines[EDGES * len(x)].item()


def training_graph(x: Tensor, limit: float) -> Tensor:
    """Return the weights of edges between similar samples."""
    cosines = similarities(x)
    return with_loops(cosines.where(cosines >= limit, 0).fill_diagonal_(0))


def test_graph(x: Tensor, n_train: int, limit: float) -> Tensor:
    """Return the weights of edges between training samples, which come first, and test samples."""
    cosines = similarities(x)
    cosines = cosines.where(cosines >= limit, 0)
    cosines[:n_train, :n_train] = cosines[n_train:, n_train:] = 0
    return with_loops(cosines)


def with_loops(edges: Tensor) -> Tensor:
    """Add an edge from each sample to itself, and let the weights of a sample's edges sum to 1."""
    graph = functional.normalize(edges + torch.eye(len(edges)), p=1)
    return graph.to_sparse_csr()


if __name__ == "__main__":
    run(predict, __doc__)
