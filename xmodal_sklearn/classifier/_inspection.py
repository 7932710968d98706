"""What inspection reads of a fitted classifier, as NumPy arrays."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet

from ._cross_effects import CROSS_MODAL_BRANCHES, cross_effects
from ._integrated_gradients import GRADIENT_BATCH, centered_logits, integrated_gradients
from ._torch import reproducible_torch

# Twice as many change the mean by a hundredth.
N_DRAWS = 256


class ClassifierView:
    """The network of a fitted classifier, and samples as it sees them."""

    def __init__(self, classifier: Any, X: Any):
        module = classifier.net_.module_.eval()
        if torch.device(classifier.net_.device).type != "cpu":
            module = deepcopy(module).to("cpu")
        self._module = module
        self.x = classifier.input_.read_standardized(classifier, X)
        self._tensor = torch.from_numpy(self.x)
        self.present = torch.stack(self._module.present(self._tensor), dim=1).numpy()
        self.modalities = classifier._primary_first()
        self.class_frequencies = classifier._class_counts / classifier._class_counts.sum()

    @property
    def has_cross_modal_branch(self) -> bool:
        """Whether a branch sees two modalities together."""
        return any(branch in self._module.branches for branch in CROSS_MODAL_BRANCHES)

    def cross_effects(self, rows: np.ndarray, source: str, progress: Callable = iter) -> np.ndarray:
        """Return the mean interactions in some samples, see :func:`cross_effects`."""
        samples = self._tensor[torch.as_tensor(rows)]
        return cross_effects(self._module, samples, self.modalities.index(source), progress)

    def stacking_weights(self) -> np.ndarray:
        """Return the weight of each branch in each sample, in the order of the fitted weights."""
        combiner = self._module.combiner
        return combiner.weights[combiner.rows(torch.as_tensor(self.present))].numpy()

    def stump_curves(self) -> dict[int, tuple[np.ndarray, np.ndarray]]:
        """Return where the stumps of each column bend, and their sum there, by column.

        Sums are means over the members, ``(bends, classes)``, minus their mean over the classes.
        They are linear between bends, and constant outside.
        """
        branch = self._module.stumps
        weight = branch.weight.mean(dim=0).double().numpy()
        weight -= weight.mean(axis=1, keepdims=True)
        thresholds, columns = branch.thresholds.double().numpy(), branch.columns.numpy()
        curves = {}
        for column in np.unique(columns).tolist():
            own = columns == column
            bends = np.unique(np.add.outer(thresholds[own], [-branch.RISE / 2, branch.RISE / 2]))
            distance = bends[:, None] - thresholds[own]
            curves[column] = bends, np.clip(distance / branch.RISE + 0.5, 0, 1) @ weight[own]
        return curves

    @reproducible_torch()
    def logits(self, x: np.ndarray) -> np.ndarray:
        """Return the log-probability of each class, less the mean over the classes."""
        with torch.no_grad():
            parts = torch.as_tensor(x).split(GRADIENT_BATCH)
            return torch.cat([centered_logits(self._module, part) for part in parts]).numpy()

    @reproducible_torch()
    def integrated_gradients(
        self, rows: np.ndarray, tolerance: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Attribute the logits of all classes in some samples to their features."""
        x = self._tensor[torch.as_tensor(rows)]
        values, gap = integrated_gradients(self._module, x, tolerance)
        return values.numpy(), gap.numpy()


@reproducible_torch()
def feature_importances(net: NeuralNet, n_features: int) -> np.ndarray:
    """Return the mean length of the gradient over standard normal inputs; they sum to one."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(N_DRAWS, n_features, generator=generator, dtype=torch.float32)
    x = x.to(net.device).requires_grad_()
    totals = net.module_.eval()(x).squeeze(2).logsumexp(dim=1).sum(dim=0)
    gradients = [torch.autograd.grad(total, x, retain_graph=True)[0] for total in totals]
    lengths = torch.stack(gradients).double().norm(dim=0).mean(dim=0).cpu().numpy()
    return lengths / max(lengths.sum(), np.finfo(float).tiny)
