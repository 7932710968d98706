r"""What a primary feature and a feature of another modality do to the logits only together.

The effect of a pair is the mixed derivative :math:`\partial^2 z_c / \partial x_i \partial s_j` of a
member's logit, less its mean over the classes, averaged over the members. Branches that see one
modality, or add up what several tell, drop out of it, and so does what normalises a branch's
log-probabilities. What is left comes from the attention branch and from the branch of pairs, each
times its stacking weight.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from ._torch_settings import own_torch_settings
from .network import Branch, CrossModalNetwork, PatchTokenizer

__all__ = ["CROSS_MODAL_BRANCHES", "cross_effects"]

CROSS_MODAL_BRANCHES = (Branch("attention"), Branch("pairs"))
# Numbers that the attention of a batch lays out; bounds the memory.
MAX_NUMBERS = 2**24
MAX_BATCH = 256
# Directions of all samples and members together, at least.
MIN_DIRECTIONS = 2**16


@own_torch_settings()
def cross_effects(
    module: CrossModalNetwork, x: Tensor, source: int, progress: Callable = iter
) -> np.ndarray:
    """Return the effects of pairs, averaged over samples that have both modalities.

    Tokens are linear in the features, so derivatives by features are products of thin matrices
    with those by the coordinates of the tokens. For few samples these are exact; each of many is
    differentiated along some random directions only, whose mean is unbiased.

    Parameters
    ----------
    module : CrossModalNetwork
        A trained network on the CPU.
    x : Tensor of shape (n_samples, n_features)
        Standardised.
    source : int
        Number of the source; 0 is the primary modality, which attends to itself if it is alone.
    progress : callable, default=iter
        Wraps the list of batches, to show how far it is.

    Returns
    -------
    ndarray of shape (n_classes, n_primary, n_source)
        In logits per standard deviation of both features.
    """
    module.eval()
    attention, pairs = (_stacking_weights(module, x, branch) for branch in CROSS_MODAL_BRANCHES)
    effects = _pair_effects(module, source) * pairs.mean()
    if not attention.any():
        return effects.numpy()
    rows, along, scale = _directions(module, x)
    size = _batch_size(module)
    parts = list(zip(rows.split(size), along.split(size), strict=True))
    core = torch.zeros(())
    for of_part, directions in progress(parts):
        core = core + _sum_core(module, x[of_part], attention[of_part], source, directions)
    return effects.add_(_by_features(module, core * (scale / len(x)), source)).numpy()


def _directions(module: CrossModalNetwork, x: Tensor) -> tuple[Tensor, Tensor, float]:
    """Choose directions in the coordinates of the primary tokens to differentiate samples along.

    Returns
    -------
    rows : Tensor of int of shape (n_directions,)
        The sample of each direction.
    along : Tensor of shape (n_directions, n_coordinates)
        Every coordinate of every sample, or some random signs for each.
    scale : float
        What the sum over a sample's directions is to be multiplied by.
    """
    n_coordinates = _tokenise(module, x[:1])[0][0][0, 0].numel()
    n_each = -(-MIN_DIRECTIONS // (len(x) * module.n_members))
    exact = n_each >= n_coordinates
    rows = torch.arange(len(x)).repeat_interleave(n_coordinates if exact else n_each)
    if exact:
        return rows, torch.eye(n_coordinates).repeat(len(x), 1), 1.0
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (len(rows), n_coordinates), generator=generator, dtype=torch.int8)
    return rows, 2.0 * signs - 1, 1 / n_each


def _stacking_weights(module: CrossModalNetwork, x: Tensor, branch: Branch) -> Tensor:
    """Return the weight that a branch has in each sample."""
    if branch not in module.branches:
        return torch.zeros(len(x))
    combiner = module.combiner
    rows = combiner.rows(torch.stack(module.present(x), dim=1))
    return combiner.weights[rows, module.branches.index(branch)]


def _pair_effects(module: CrossModalNetwork, source: int) -> Tensor:
    """Return the effects of the branch of pairs, which are the same in all samples."""
    columns = module.columns()
    effects = torch.zeros(module.combiner.prior.shape[1], len(columns[0]), len(columns[source]))
    if Branch("pairs") not in module.branches or source == 0:
        return effects
    positions = torch.full((2, sum(map(len, columns))), -1)
    for side, of_side in enumerate((columns[0], columns[source])):
        positions[side, of_side] = torch.arange(len(of_side))
    branch = module.pairs
    first, second = positions[0][branch.columns[0]], positions[1][branch.columns[1]]
    of_source = (first >= 0) & (second >= 0)
    weight = _centred(branch.weight / branch.scale.transpose(1, 2)) / module.n_members
    for effect, of_class in zip(effects, weight.unbind(-1), strict=True):
        effect.index_put_(
            (first[of_source], second[of_source]), of_class[of_source], accumulate=True
        )
    return effects


def _sum_core(
    module: CrossModalNetwork, x: Tensor, weights: Tensor, source: int, directions: Tensor
) -> Tensor:
    """Return the derivatives by the coordinates of tokens, summed over samples.

    The result is ``(classes, members, primary coordinates, source coordinates)``.
    """
    logits, primary, other = _attention_logits(module, x, source)
    logits = _centred(logits) * weights[:, None]
    along = directions.view(len(x), *primary.shape[2:])
    of_classes = []
    for of_class in logits.unbind(-1):
        (slope,) = torch.autograd.grad(of_class.sum(), primary, create_graph=True)
        (bend,) = torch.autograd.grad(
            (slope * along).sum(), other, retain_graph=True, materialize_grads=True
        )
        of_classes.append(directions.T @ bend.flatten(2))
    return torch.stack(of_classes)


def _attention_logits(
    module: CrossModalNetwork, x: Tensor, source: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the logits of attention, ``(members, batch, classes)``, and what to derive by."""
    present = module.present(x)
    tokens = _tokenise(module, x)
    coordinates = [each[0].detach().requires_grad_() for each in tokens]
    tokens = [
        each._replace(**{each._fields[0]: leaf})
        for each, leaf in zip(tokens, coordinates, strict=True)
    ]
    # The trained branches' MLPs lie one after the other, as further members.
    first = module.trained_branches.index(Branch("attention")) * module.n_members
    mlp = {
        name: parameter[first : first + module.n_members]
        for name, parameter in module.classifier.named_parameters()
    }
    # PyTorch's faster kernels have no second derivative.
    with sdpa_kernel(SDPBackend.MATH):
        hidden = module.encoder.enrich(tokens, present)
    logits = functional_call(module.classifier, mlp, (hidden,))
    return logits, coordinates[0], coordinates[source]


def _tokenise(module: CrossModalNetwork, x: Tensor) -> list:
    """Return the tokens of each modality; their first entries are the coordinates."""
    values = [each.nan_to_num().expand(module.n_members, -1, -1) for each in module.split(x)]
    with torch.no_grad():
        return [f(each) for f, each in zip(module.encoder.tokenizers, values, strict=True)]


def _by_features(module: CrossModalNetwork, core: Tensor, source: int) -> Tensor:
    """Turn derivatives by coordinates into derivatives by features, averaged over members."""
    of_primary, of_source = (module.encoder.tokenizers[number] for number in (0, source))
    if not isinstance(of_primary, PatchTokenizer) or not isinstance(of_source, PatchTokenizer):
        return core.mean(dim=1)
    first, second = of_primary.linear.weight.detach(), of_source.linear.weight.detach()
    return torch.stack(
        [_sum_products(first, of_class, second) / module.n_members for of_class in core]
    )


def _sum_products(first: Tensor, core: Tensor, second: Tensor) -> Tensor:
    """Add up the members' products one by one, because each is as large as the result."""
    total = torch.zeros(first.shape[1], second.shape[1])
    for of_member in zip(first, core, second, strict=True):
        total.addmm_(of_member[0] @ of_member[1], of_member[2].T)
    return total


def _batch_size(module: CrossModalNetwork) -> int:
    widths = [len(columns) for columns in module.columns()]
    if isinstance(module.encoder.tokenizers[0], PatchTokenizer):
        return MAX_BATCH
    of_sample = module.n_members * widths[0] * (sum(widths[1:]) or widths[0])
    return min(max(MAX_NUMBERS // of_sample, 1), MAX_BATCH)


def _centred(logits: Tensor) -> Tensor:
    return logits - logits.mean(dim=-1, keepdim=True)
