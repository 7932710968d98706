"""The network, as PyTorch modules; nothing here knows scikit-learn."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ._centroids import CentroidVerdict, centroids_of_members
from ._heads import BentVerdict, Fusion, LinearVerdict, log_probabilities
from ._layers import Dropout, MemberLinear, ResidualMLP

__all__ = ["CrossModalNetwork", "Trust", "VerdictLoss", "average_members"]


class CrossModalNetwork(nn.Module):
    """Judge a sample by cross-modal attention, and by plainer verdicts beside it.

    The first verdict is that of cross-modal attention, the second a linear one on all modalities,
    the third one with a bend in each value. Each modality then gives these two and that of a
    residual network by itself, so that what it tells alone is not lost in the fusion. Last come
    those of nearest shrunken centroids, on all modalities and on each. How far each verdict is
    trusted is set after training; until then, the first two are equally.

    Parameters
    ----------
    columns : sequence of sequence of int
        Input columns of each modality, the primary one first.
    n_classes, n_members, embed_dim, n_heads, hidden_dim : int
        Sizes; `n_heads` divides `embed_dim`.
    tokenizer : {"patch", "feature"}
        What a token stands for.
    attention : {"softmax", "linear"}
        How tokens attend.
    dropout : float
        Rate at which input values and hidden units are dropped in training.
    ridge : sequence of float
        Penalty on the linear and bent verdicts, on all modalities and on each, per input column.
    seed : int
        Of the generator that draws the initial parameters and the dropout.
    """

    trust: "Trust"

    def __init__(
        self,
        *,
        columns: Sequence[Sequence[int]],
        n_classes: int,
        n_members: int,
        tokenizer: str,
        embed_dim: int,
        n_heads: int,
        attention: str,
        hidden_dim: int,
        dropout: float,
        ridge: Sequence[float],
        seed: int,
    ):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        widths = [len(positions) for positions in columns]
        for index, positions in enumerate(columns):
            self.register_buffer(f"columns_{index}", torch.as_tensor(list(positions)))
        self.n_members = n_members
        self.ridge = ridge
        self.dropout = Dropout(dropout, generator)
        self.fusion = Fusion(
            widths, n_members, tokenizer, embed_dim, n_heads, attention, hidden_dim, generator
        )
        self.linear_all = LinearVerdict(n_members, sum(widths), n_classes)
        self.linear_bent_all = BentVerdict(n_members, sum(widths), n_classes)
        self.linear = nn.ModuleList(LinearVerdict(n_members, width, n_classes) for width in widths)
        self.linear_bent = nn.ModuleList(
            BentVerdict(n_members, width, n_classes) for width in widths
        )
        self.hidden = nn.ModuleList(
            MemberLinear(n_members, width, hidden_dim, generator) for width in widths
        )
        # One for the fused hidden units and one for those of each modality, as if they were
        # further members: a few large products take less time than many small ones.
        n_judges = n_members * (1 + len(columns))
        self.classifier = ResidualMLP(n_judges, hidden_dim, n_classes, self.dropout, generator)
        self.centroids = nn.ModuleList(
            CentroidVerdict(n_members, width, n_classes) for width in widths
        )
        self.n_trained = 3 + 3 * len(columns)
        weights = torch.zeros(1, self.n_trained + 1 + len(columns))
        weights[:, :2] = 0.5
        patterns = torch.zeros(0, len(columns), dtype=torch.bool)
        self.trust = Trust(patterns, weights, torch.zeros(1, n_classes))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(batch, features)``, NaN in absent modalities, to log-probabilities.

        Returns
        -------
        Tensor of shape (batch, members, verdicts, classes)
            In training every verdict that is trained, zero for an absent modality; else the one
            that all come to.
        """
        verdicts = self.verdicts(x)
        if self.training:
            return verdicts
        return self.trust(verdicts, torch.stack(self.present(x), dim=1))

    def verdicts(self, x: Tensor) -> Tensor:
        """Return every verdict, in training all but the centroids', zero for an absent modality."""
        present = self.present(x)
        inputs = [block.nan_to_num() for block in self.blocks(x)]
        dropped = [self.dropout(block.expand(self.n_members, -1, -1)) for block in inputs]
        hidden = [self.fusion(dropped, present)]
        hidden += [layer(block) for layer, block in zip(self.hidden, dropped, strict=True)]
        fused, *deep = log_probabilities(self.classifier(torch.cat(hidden))).chunk(len(hidden))
        linear, bent = (
            [judge(block) for judge, block in zip(judges, inputs, strict=True)]
            for judges in (self.linear, self.linear_bent)
        )
        everything = torch.cat(inputs, dim=-1)
        together = [self.linear_all(everything), self.linear_bent_all(everything)]
        alone = [
            verdict * has_it[:, None]
            for verdicts in (linear, bent, deep)
            for verdict, has_it in zip(verdicts, present, strict=True)
        ]
        nearest = [] if self.training else self.nearest(inputs, present)
        return torch.stack([fused, *together, *alone, *nearest], dim=2).transpose(0, 1)

    def nearest(self, inputs: Sequence[Tensor], present: Sequence[Tensor]) -> list[Tensor]:
        """Return the verdicts of the centroids, on all modalities and on each."""
        scores = [
            judge(block) * has_it[:, None]
            for judge, block, has_it in zip(self.centroids, inputs, present, strict=True)
        ]
        together, *alone = log_probabilities(torch.stack([sum(scores), *scores]))
        return [
            together,
            *(verdict * has_it[:, None] for verdict, has_it in zip(alone, present, strict=True)),
        ]

    def blocks(self, x: Tensor) -> list[Tensor]:
        """Return the values of each modality."""
        return [x[:, columns] for columns in self.columns()]

    def present(self, x: Tensor) -> list[Tensor]:
        """Tell which samples have each modality."""
        return [~x[:, columns[0]].isnan() for columns in self.columns()]

    def columns(self) -> list[Tensor]:
        """Return the input columns of each modality."""
        return [getattr(self, f"columns_{i}") for i in range(len(self.linear))]

    def learn_centroids(self, x: Tensor, target: Tensor) -> None:
        """Learn the centroids from samples and their targets, as :class:`VerdictLoss` has them."""
        for judge, block, has_it in zip(
            self.centroids, self.blocks(x), self.present(x), strict=True
        ):
            judge.load_state_dict(centroids_of_members(block[has_it].cpu(), target[has_it].cpu()))

    def penalty(self) -> Tensor:
        """Return the ridge penalty of the linear and bent verdicts, averaged over members."""
        linear = [judge.weight for judge in (self.linear_all, *self.linear)]
        bent = [judge.weight for judge in (self.linear_bent_all, *self.linear_bent)]
        penalties = [
            ridge * straight.shape[1] * (straight.square().sum() + bend.square().sum())
            for ridge, straight, bend in zip(self.ridge, linear, bent, strict=True)
        ]
        return torch.stack(penalties).sum() / 2 / self.n_members


class Trust(nn.Module):
    """How far each verdict is trusted, given which modalities a sample has.

    Parameters
    ----------
    patterns : Tensor of bool of shape (patterns, modalities)
        Known patterns of modalities that a sample has.
    weights : Tensor of shape (1 + patterns, verdicts)
        First those for patterns that are not known.
    prior : Tensor of shape (1 + patterns, classes)
    """

    patterns: Tensor
    weights: Tensor
    prior: Tensor

    def __init__(self, patterns: Tensor, weights: Tensor, prior: Tensor):
        super().__init__()
        # Not in the state: a network that goes on training may come to know other patterns.
        self.register_buffer("patterns", patterns, persistent=False)
        self.register_buffer("weights", weights, persistent=False)
        self.register_buffer("prior", prior, persistent=False)

    def forward(self, verdicts: Tensor, present: Tensor) -> Tensor:
        """Map ``(batch, members, verdicts, classes)`` to ``(batch, members, 1, classes)``."""
        known = (present[:, None] == self.patterns).all(dim=-1)
        unknown = ~known.any(dim=1, keepdim=True)
        row = torch.cat([unknown, known], dim=1).int().argmax(dim=1)
        logits = (
            torch.einsum("bmvc,bv->bmc", verdicts, self.weights[row]) + self.prior[row][:, None]
        )
        return logits.log_softmax(dim=-1)[:, :, None]


class VerdictLoss(nn.Module):
    """Cross-entropy of each verdict, averaged over members and weighted samples, added up."""

    def forward(self, verdicts: Tensor, target: Tensor) -> Tensor:
        """Score log-probabilities ``(batch, members, verdicts, classes)``.

        The target, one-hot classes times weights, is ``(batch, members, classes)``.
        """
        target = target[:, :, None]
        given = verdicts.detach().any(dim=-1, keepdim=True)
        weights = (target * given).sum(dim=(0, 1, 3))
        losses = -(target * verdicts).sum(dim=(0, 1, 3))
        return (losses / weights.clamp_min(torch.finfo(weights.dtype).tiny)).sum()


def average_members(verdicts: Tensor) -> Tensor:
    """Average the class probabilities of the members, given ``(batch, members, 1, classes)``."""
    return verdicts.exp().mean(dim=(1, 2))
