"""Softmax attention over many tokens with narrow heads, on the CPU.

PyTorch's kernels are made for wide heads. Here, the scores of a few queries at a time stay in the
cache, and are computed again for the gradient, as in FlashAttention (Dao et al., "FlashAttention:
Fast and Memory-Efficient Exact Attention with IO-Awareness", NeurIPS 2022).
"""

import math
from typing import Any

import numpy as np
import torch
from numba import int32
from torch import Tensor

from ..._compiled import compiled

# Queries at a time: sums over tokens are written out for four.
N_QUERIES = 4
ZERO, HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)
# A power of 2 as a float is its exponent plus 127, from bit 23 on.
BIAS, UNIT = np.float32(127), np.float32(2**23)
# Up to here, 2 is raised to the scores as they are; else to the scores less the largest.
MAX_SCORE = np.float32(60)
# Of the series of 2**x, for x from -0.5 to 0.5, to the precision of a float.
C1, C2, C3, C4, C5, C6 = (np.float32(math.log(2) ** k / math.factorial(k)) for k in range(1, 7))


class SoftmaxAttention(torch.autograd.Function):
    """Average the values, ``(heads, width, tokens)``, by the softmax of queries times keys."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return a mean of the values for each query, ``(heads, width, queries)``."""
        width = query.shape[1]
        # The kernel raises 2, not e, to the power of the scores.
        scaled = query / (math.log(2) * math.sqrt(width))
        tables = [table.contiguous() for table in (scaled, key, value)]
        attended = torch.empty_like(tables[0])
        log_sums = attended.new_empty(len(query), query.shape[2])
        _attend(*_arrays(*tables, attended, log_sums), tuple(range(width)))
        ctx.save_for_backward(query, *tables, attended, log_sums)
        return attended

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        """Return the gradients by queries, keys and values."""
        query, scaled, key, value, attended, log_sums = ctx.saved_tensors
        width = query.shape[1]
        if torch.is_grad_enabled():  # for derivatives of the gradient
            weights = (query.mT @ key / math.sqrt(width)).softmax(dim=-1)
            inputs = (query, key, value)
            return torch.autograd.grad(value @ weights.mT, inputs, gradients, create_graph=True)
        by_query, by_key, by_value = (torch.empty_like(table) for table in (scaled, key, value))
        tables = (scaled, key, value, attended, log_sums, gradients[0].contiguous())
        _differentiate(*_arrays(*tables, by_query, by_key, by_value), tuple(range(width)))
        return by_query / math.sqrt(width), by_key * math.log(2), by_value


def _arrays(*tables: Tensor) -> list[np.ndarray]:
    return [table.detach().numpy() for table in tables]


# The length of the tuple of entries is known to the compiler, which writes the sums over them out.
@compiled(fastmath=True)
def _attend(query, key, value, attended, log_sums, entries):
    n_heads, _, n_queries = query.shape
    n_tokens = key.shape[2]
    scores, exponents = np.empty(n_tokens, np.float32), np.empty(n_tokens, np.int32)
    weights = np.zeros((N_QUERIES, n_tokens), np.float32)
    sums = np.ones(N_QUERIES, np.float32)
    for head in range(n_heads):
        longest = _squared_lengths(key[head]).max()
        for first in range(0, n_queries, N_QUERIES):
            n_rows = min(N_QUERIES, n_queries - first)
            for row in range(n_rows):
                position = first + row
                length = ZERO
                for entry in range(len(entries)):
                    length += query[head, entry, position] ** 2
                _multiply(query[head], position, key[head], ZERO, scores, entries)
                top = scores.max() if longest * length > MAX_SCORE**2 else ZERO
                _raise_two(scores, top, exponents, weights[row])
                sums[row] = weights[row].sum()
                log_sums[head, position] = top + np.float32(math.log2(sums[row]))
            for entry in range(len(entries)):
                totals = _sum_over_tokens(weights, value[head, entry])
                for row in range(n_rows):
                    attended[head, entry, first + row] = totals[row] / sums[row]


@compiled(fastmath=True)
def _differentiate(
    query, key, value, attended, log_sums, gradient, by_query, by_key, by_value, entries
):
    n_heads, _, n_queries = query.shape
    n_tokens = key.shape[2]
    scores, exponents = np.empty(n_tokens, np.float32), np.empty(n_tokens, np.int32)
    weights = np.zeros((N_QUERIES, n_tokens), np.float32)
    slopes = np.zeros((N_QUERIES, n_tokens), np.float32)
    by_key[:] = ZERO
    by_value[:] = ZERO
    for head in range(n_heads):
        for first in range(0, n_queries, N_QUERIES):
            n_rows = min(N_QUERIES, n_queries - first)
            weights[n_rows:] = ZERO
            slopes[n_rows:] = ZERO
            for row in range(n_rows):
                position = first + row
                mean = ZERO
                for entry in range(len(entries)):
                    mean += attended[head, entry, position] * gradient[head, entry, position]
                _multiply(query[head], position, key[head], ZERO, scores, entries)
                _raise_two(scores, log_sums[head, position], exponents, weights[row])
                _multiply(gradient[head], position, value[head], -mean, slopes[row], entries)
                for token in range(n_tokens):
                    slopes[row, token] *= weights[row, token]
            for entry in range(len(entries)):
                _add(slopes, query[head, entry], first, n_rows, by_key[head, entry])
                _add(weights, gradient[head, entry], first, n_rows, by_value[head, entry])
                totals = _sum_over_tokens(slopes, key[head, entry])
                for row in range(n_rows):
                    by_query[head, entry, first + row] = totals[row]


@compiled(fastmath=True, inline="always")
def _multiply(queries, position, keys, start, products, entries):
    for token in range(len(products)):
        total = start
        for entry in range(len(entries)):
            total += queries[entry, position] * keys[entry, token]
        products[token] = total


@compiled(fastmath=True, inline="always")
def _raise_two(scores, top, exponents, powers):
    for token in range(len(scores)):
        exponent = max(scores[token] - top, ONE - BIAS)
        whole = np.floor(exponent + HALF)
        rest = exponent - whole
        exponents[token] = int32((whole + BIAS) * UNIT)
        powers[token] = ONE + rest * (
            C1 + rest * (C2 + rest * (C3 + rest * (C4 + rest * (C5 + rest * C6))))
        )
    factors = exponents.view(np.float32)
    for token in range(len(scores)):
        powers[token] *= factors[token]


@compiled(fastmath=True, inline="always")
def _sum_over_tokens(weights, values):
    a, b, c, d = ZERO, ZERO, ZERO, ZERO
    for token in range(len(values)):
        a += weights[0, token] * values[token]
        b += weights[1, token] * values[token]
        c += weights[2, token] * values[token]
        d += weights[3, token] * values[token]
    return a, b, c, d


@compiled(fastmath=True, inline="always")
def _add(weights, values, first, n_rows, sums):
    last = first + n_rows - 1
    # Rows past the last one have no weight.
    a, b = values[first], values[min(first + 1, last)]
    c, d = values[min(first + 2, last)], values[min(first + 3, last)]
    for token in range(len(sums)):
        sums[token] += (
            a * weights[0, token]
            + b * weights[1, token]
            + c * weights[2, token]
            + d * weights[3, token]
        )


@compiled(fastmath=True)
def _squared_lengths(table):
    lengths = np.zeros(table.shape[1], np.float32)
    for row in table:
        lengths += row * row
    return lengths
