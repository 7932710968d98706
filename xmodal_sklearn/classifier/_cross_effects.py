r"""Interactions between a primary feature and a feature of another modality in a network's logits.

An interaction is the mixed derivative :math:`\partial^2 z_c / \partial x_i \partial s_j` of a
member's logit, minus its mean over the classes, averaged over the members. Branches that see one
modality, or add up several, have none, and neither has the normalization of log-probabilities.
What remains comes from attention and from the branch of pairs, each times its stacking weight.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from ._torch import reproducible_torch
from .network import PRIMARY, Branch, CrossModalNetwork, PatchTokenizer

CROSS_MODAL_BRANCHES = (Branch("attention"), Branch("pairs"))
# Values that the attention of a batch lays out; bounds the memory.
MAX_VALUES = 2**24
MAX_BATCH = 256
# Of all samples and members together, at least.
MIN_DIRECTIONS = 2**16


@reproducible_torch()
def cross_effects(
    module: CrossModalNetwork, x: Tensor, source: int, progress: Callable = iter
) -> np.ndarray:
    """Return the interactions, averaged over samples that have both modalities."""
    module.eval()
    attention, pairs = (_stacking_weights(module, x, branch) for branch in CROSS_MODAL_BRANCHES)
    effects = _pair_effects(module, source) * pairs.mean()
    if not attention.any():
        return effects.numpy()
    rows, along, scale = _directions(module, x)
    size = _batch_size(module)
    parts = list(zip(rows.split(size), along.split(size), strict=True))
    core = torch.zeros(())
    for part, directions in progress(parts):
        core = core + _sum_core(module, x[part], attention[part], source, directions)
    return effects.add_(_by_features(module, core * (scale / len(x)), source)).numpy()


def _directions(module: CrossModalNetwork, x: Tensor) -> tuple[Tensor, Tensor, float]:
    """Choose directions in the coordinates of primary tokens to differentiate samples along."""
    n_coordinates = _tokenize(module, x[:1])[PRIMARY][0][0, 0].numel()
    n_each = -(-MIN_DIRECTIONS // (len(x) * module.n_members))
    exact = n_each >= n_coordinates
    rows = torch.arange(len(x)).repeat_interleave(n_coordinates if exact else n_each)
    if exact:
        return rows, torch.eye(n_coordinates, dtype=torch.float32).repeat(len(x), 1), 1.0
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (len(rows), n_coordinates), generator=generator, dtype=torch.int8)
    return rows, 2 * signs.float() - 1, 1 / n_each


def _stacking_weights(module: CrossModalNetwork, x: Tensor, branch: Branch) -> Tensor:
    """Return the weight of a branch in each sample."""
    if branch not in module.branches:
        return torch.zeros(len(x), dtype=torch.float32)
    combiner = module.combiner
    rows = combiner.rows(torch.stack(module.present(x), dim=1))
    return combiner.weights[rows, module.branches.index(branch)]


def _pair_effects(module: CrossModalNetwork, source: int) -> Tensor:
    """Return the interactions of the branch of pairs, which are the same in all samples."""
    columns = module.columns()
    shape = (module.combiner.prior.shape[1], len(columns[PRIMARY]), len(columns[source]))
    effects = torch.zeros(shape, dtype=torch.float32)
    if Branch("pairs") not in module.branches or source == PRIMARY:
        return effects
    positions = torch.full((2, sum(map(len, columns))), -1)
    for side, modality in enumerate((PRIMARY, source)):
        positions[side, columns[modality]] = torch.arange(len(columns[modality]))
    branch = module.pairs
    first, second = positions[0][branch.columns[0]], positions[1][branch.columns[1]]
    chosen = (first >= 0) & (second >= 0)
    weight = _centered(branch.weight / branch.scale.transpose(1, 2)) / module.n_members
    for effect, class_weight in zip(effects, weight.unbind(-1), strict=True):
        effect.index_put_((first[chosen], second[chosen]), class_weight[chosen], accumulate=True)
    return effects


def _sum_core(
    module: CrossModalNetwork, x: Tensor, weights: Tensor, source: int, directions: Tensor
) -> Tensor:
    """Sum derivatives over samples, ``(classes, members, coordinates, source coordinates)``."""
    logits, primary, other = _attention_logits(module, x, source)
    logits = _centered(logits) * weights[:, None]
    along = directions.view(len(x), *primary.shape[2:])
    core = []
    for class_logits in logits.unbind(-1):
        (slope,) = torch.autograd.grad(class_logits.sum(), primary, create_graph=True)
        (bend,) = torch.autograd.grad(
            (slope * along).sum(), other, retain_graph=True, materialize_grads=True
        )
        core.append(directions.T @ bend.flatten(2))
    return torch.stack(core)


def _attention_logits(
    module: CrossModalNetwork, x: Tensor, source: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the logits of attention, ``(members, batch, classes)``, and coordinates of tokens."""
    present = module.present(x)
    tokens = _tokenize(module, x)
    coordinates = [table[0].detach().requires_grad_() for table in tokens]
    tokens = [
        table._replace(**{table._fields[0]: leaf})
        for table, leaf in zip(tokens, coordinates, strict=True)
    ]
    # The MLPs of the trained branches lie one after the other, as further members.
    first = module.trained_branches.index(Branch("attention")) * module.n_members
    mlp = {
        name: parameter[first : first + module.n_members]
        for name, parameter in module.classifier.named_parameters()
    }
    hidden = module.encoder.encode(tokens, present)
    logits = functional_call(module.classifier, mlp, (hidden,))
    return logits, coordinates[PRIMARY], coordinates[source]


def _tokenize(module: CrossModalNetwork, x: Tensor) -> list:
    """Return the tokens of each modality; their first entries are the coordinates."""
    values = [table.nan_to_num().expand(module.n_members, -1, -1) for table in module.split(x)]
    with torch.no_grad():
        return [embed(v) for embed, v in zip(module.encoder.tokenizers, values, strict=True)]


def _by_features(module: CrossModalNetwork, core: Tensor, source: int) -> Tensor:
    """Convert derivatives by coordinates to derivatives by features, averaged over members."""
    primary, other = (module.encoder.tokenizers[index] for index in (PRIMARY, source))
    if not isinstance(primary, PatchTokenizer) or not isinstance(other, PatchTokenizer):
        return core.mean(dim=1)
    left, right = primary.linear.weight.detach(), other.linear.weight.detach()
    effects = torch.zeros(len(core), left.shape[1], right.shape[1], dtype=torch.float32)
    for effect, class_core in zip(effects, core, strict=True):
        # Member by member, because each product is as large as the result.
        for member in zip(left, class_core, right, strict=True):
            effect.addmm_(member[0] @ member[1], member[2].T)
    return effects / module.n_members


def _batch_size(module: CrossModalNetwork) -> int:
    if isinstance(module.encoder.tokenizers[PRIMARY], PatchTokenizer):
        return MAX_BATCH
    n_primary, *n_others = (len(columns) for columns in module.columns())
    n_values = module.n_members * n_primary * (sum(n_others) or n_primary)
    return min(max(MAX_VALUES // n_values, 1), MAX_BATCH)


def _centered(logits: Tensor) -> Tensor:
    return logits - logits.mean(dim=-1, keepdim=True)
