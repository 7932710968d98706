"""The network: PyTorch only, tensors in and tensors out."""

from ._network import CrossModalNetwork, Trust, VerdictLoss, average_members

__all__ = ["CrossModalNetwork", "Trust", "VerdictLoss", "average_members"]
