"""The network computes what its definition says."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import TensorDataset

from xmodal_sklearn.classifier._net import DeviceNet, TensorBatches
from xmodal_sklearn.classifier.network import (
    Branch,
    BranchLoss,
    CrossModalNetwork,
    _ridge,
    list_branches,
)
from xmodal_sklearn.classifier.network._branches import PairsBranch, PiecewiseLinearBranch
from xmodal_sklearn.classifier.network._ridge import fit_ridge
from xmodal_sklearn.classifier.network._softmax import SoftmaxAttention

EXP, CNA, MUT = range(6), range(6, 11), range(11, 14)


def make_network(attention="softmax", columns=(EXP, CNA, MUT), **sizes):
    sizes = {"n_members": 3, "embed_dim": 8, "n_heads": 2, "hidden_dim": 16} | sizes
    sizes = {"tokenizer": "feature", "enrichment": "product", "dropout": 0.3, "seed": 0} | sizes
    sizes = {"token_dropout": 0.2} | sizes
    return CrossModalNetwork(columns=columns, n_classes=4, attention=attention, **sizes).eval()


BRANCHES = list_branches(3)


def of_branch(log_proba, kind, modality=None):
    """The log-probabilities of one branch, by its name."""
    return log_proba[:, :, BRANCHES.index(Branch(kind, modality))]


def solve(network, x):
    """Solve for the branches that are not trained."""
    target = torch.eye(4)[torch.arange(len(x)) % 4][:, None].expand(-1, 3, -1)
    pairs = [torch.tensor([[0, 7], [1, 12]])] * 3
    network.solve(x, target, pairs)
    return network


def attended(network, x):
    return network.branch_log_proba(x)[:, :, network.branches.index(Branch("attention"))]


@pytest.fixture
def x():
    return torch.randn(10, 14, generator=torch.Generator().manual_seed(1))


both_attentions = pytest.mark.parametrize("attention", ["softmax", "linear"])


@both_attentions
def test_permuting_another_modality_with_its_parameters_changes_nothing(attention, x):
    network = make_network(attention)
    expected = attended(network, x)
    order = torch.tensor([3, 0, 4, 1, 2])
    permuted = x.clone()
    permuted[:, 6:11] = x[:, 6:11][:, order]
    assert not torch.allclose(attended(network, permuted), expected, atol=1e-4)
    tokenizer = network.encoder.tokenizers[1]
    with torch.no_grad():
        for table in (tokenizer.direction, tokenizer.identity):
            table.copy_(table[:, :, order])
    torch.testing.assert_close(attended(network, permuted), expected)


@both_attentions
def test_without_attention_output_only_the_primary_modality_counts(attention, x):
    network = make_network(attention)
    with torch.no_grad():
        for attend in network.encoder.attentions:
            attend.output.zero_()
    other = x.clone()
    other[:, 6:] += 5
    torch.testing.assert_close(attended(network, other), attended(network, x), rtol=0, atol=0)
    other[:, 0] += 5
    assert not torch.allclose(attended(network, other), attended(network, x))


@both_attentions
@pytest.mark.parametrize("tokenizer", ["patch", "feature"])
@pytest.mark.parametrize("columns", [(EXP, CNA, MUT), (range(14),)], ids=["three", "one"])
def test_the_gradient_reaches_every_parameter(attention, tokenizer, columns, x):
    network = make_network(attention, columns, tokenizer=tokenizer).train()
    if len(columns) > 1:
        x[0, :6] = torch.nan
    target = torch.eye(4)[torch.arange(10) % 4][:, None].expand(-1, 3, -1)
    BranchLoss()(network(x), target).backward()
    for name, parameter in network.named_parameters():
        reached = parameter.grad.flatten(1).norm(dim=1) > 0
        assert reached.all() or (name == "encoder.absent_primary" and len(columns) == 1), name


@both_attentions
@pytest.mark.parametrize("tokenizer", ["patch", "feature"])
def test_attention_equals_its_definition(attention, tokenizer, x):
    network = make_network(attention, n_members=1, n_heads=1, tokenizer=tokenizer)
    tokens = [
        embed(x[None, :, list(columns)])
        for embed, columns in zip(network.encoder.tokenizers, (EXP, CNA, MUT), strict=True)
    ]
    attend = network.encoder.attentions[0]
    result = attend(tokens[0], tokens[1], torch.ones(10, dtype=torch.bool))

    def project(layer, dense):
        return layer.weight @ dense + layer.bias

    query, key, value = (
        project(layer, token.dense()[0])
        for layer, token in (
            (attend.query, tokens[0]),
            (attend.key, tokens[1]),
            (attend.value, tokens[1]),
        )
    )
    if attention == "softmax":
        weights = (query.transpose(-1, -2) @ key / 8**0.5).softmax(dim=-1)
    else:
        weights = query.softmax(dim=-2).transpose(-1, -2) @ key.softmax(dim=-1)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(weights.shape[:2]))
    expected = attend.output[0] @ (value @ weights.transpose(-1, -2))
    torch.testing.assert_close(result[0], expected)


@pytest.mark.parametrize("scale", [1, 30])
def test_softmax_and_its_derivatives_equal_those_of_pytorch(scale):
    generator = torch.Generator().manual_seed(0)
    # Numbers of queries and keys that are no multiples of what the kernel takes at a time.
    query, key, value = (
        torch.randn(6, 5, n_tokens, generator=generator).mul(size).requires_grad_()
        for n_tokens, size in ((7, scale), (13, scale), (13, 1))
    )
    weights = (query.mT @ key / 5**0.5).softmax(dim=-1)
    results = []
    for attended in (SoftmaxAttention.apply(query, key, value), value @ weights.mT):
        slopes = torch.autograd.grad(
            attended.square().sum(), (query, key, value), create_graph=True
        )
        curvature = torch.autograd.grad(slopes[0].square().sum(), (query, key, value))
        results.append((attended, *slopes, *curvature))
    for ours, expected in zip(*results, strict=True):
        torch.testing.assert_close(
            ours, expected, rtol=1e-4, atol=1e-4 * expected.detach().abs().max().item()
        )


def test_tokens_are_enriched_by_the_sum_or_by_the_product(x):
    results = []
    for enrichment in ("sum", "product"):
        module = make_network(enrichment=enrichment, n_members=1).encoder
        tables = [x[None, :, list(columns)] for columns in (EXP, CNA, MUT)]
        primary, *others = (
            embed(table) for embed, table in zip(module.tokenizers, tables, strict=True)
        )
        seen = torch.ones(10, dtype=torch.bool)
        result = sum(
            attend(primary, other, seen)
            for attend, other in zip(module.attentions, others, strict=True)
        )
        tokens = primary.dense()
        enriched = tokens + (result if enrichment == "sum" else tokens * result)
        torch.testing.assert_close(module(tables, [seen] * 3), module.project(enriched.flatten(2)))
        results.append(enriched)
    assert not torch.allclose(*results)


@both_attentions
@pytest.mark.parametrize("tokenizer", ["patch", "feature"])
def test_an_absent_modality_contributes_exactly_nothing(attention, tokenizer, x):
    network = solve(make_network(attention, tokenizer=tokenizer), x)
    x[:5, 6:11] = torch.nan
    expected = network.branch_log_proba(x)
    with torch.no_grad():
        for layer in (network.encoder.tokenizers[1], network.hidden[1]):
            for parameter in layer.parameters():
                parameter.add_(torch.rand(parameter.shape))
        network.piecewise[1].weight.add_(1)
        network.centroids[1].weight.add_(torch.rand(4))
        network.pairs.weight[:, 0] += torch.rand(4)
    actual = network.branch_log_proba(x)
    torch.testing.assert_close(actual[:5], expected[:5], rtol=0, atol=0)
    seeing = [Branch(kind) for kind in ("attention", "pairs", "centroid")]
    seeing += [Branch(kind, 1) for kind in ("mlp", "centroid")]
    for branch in seeing:
        assert not torch.allclose(of_branch(actual, *branch)[5:], of_branch(expected, *branch)[5:])


@both_attentions
def test_feature_tokens_never_lay_out_the_attention_matrix(attention, x):
    network = make_network(attention).train()
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
        network(x).sum().backward()


@both_attentions
def test_an_absent_primary_still_attends_to_the_others(attention, x):
    network = make_network(attention)
    x[:, :6] = torch.nan
    other = x.clone()
    other[:, 6:] += 1
    assert network(x).isfinite().all()
    assert not torch.allclose(attended(network, other), attended(network, x))


def test_the_branches_of_an_absent_modality_are_zero(x):
    network = solve(make_network(), x)
    x[0, :6] = torch.nan
    log_proba = network.branch_log_proba(x)
    probabilities = log_proba.exp().sum(dim=-1)
    uses_exp = torch.tensor([branch.modality == 0 or branch.kind == "pairs" for branch in BRANCHES])
    assert uses_exp.sum() == 4
    torch.testing.assert_close(probabilities[1:], torch.ones(9, 3, 13))
    torch.testing.assert_close(probabilities[0, :, ~uses_exp], torch.ones(3, 9))
    assert (log_proba[0, :, uses_exp] == 0).all()
    loss, target = (
        BranchLoss(),
        torch.eye(4)[torch.zeros(10, dtype=int)][:, None].expand(-1, 3, 4),
    )
    rest = loss(log_proba[1:, :, uses_exp], target[1:])
    torch.testing.assert_close(loss(log_proba[:, :, uses_exp], target), rest)


def test_the_prediction_is_that_of_the_branch_with_the_weight(x):
    network = solve(make_network(), x)
    x[0, :6] = torch.nan
    x[1, 6:11] = torch.nan
    log_proba = network.branch_log_proba(x)
    patterns = torch.tensor([[False, True, True], [True, True, True]])
    weights, prior = torch.zeros(3, 13), torch.zeros(3, 4)
    for row, branch in enumerate([Branch("piecewise", 2), Branch("piecewise", 1), Branch("pairs")]):
        weights[row, BRANCHES.index(branch)] = 1
    prior[0, 2] = 50
    network.set_stacking(patterns, weights, prior)
    answers = network(x)[:, :, 0]
    torch.testing.assert_close(answers[:1], of_branch(log_proba, "piecewise", 1)[:1])
    torch.testing.assert_close(answers[2:], of_branch(log_proba, "pairs")[2:])
    # No pattern is known for a sample that has the first and the last.
    assert (answers[1].argmax(dim=-1) == 2).all()


def test_centroids_use_the_modalities_present(x):
    network = make_network()
    x[:4, :6] = torch.nan
    centroid = torch.tensor([branch.kind == "centroid" for branch in BRANCHES])
    before = network.branch_log_proba(x)[:, :, centroid]
    assert before[4:].std(dim=-1).max() < 1e-6
    solve(network, x)
    nearest, *near = network.branch_log_proba(x)[:, :, centroid].unbind(2)
    torch.testing.assert_close(nearest, sum(near).log_softmax(dim=-1))
    assert nearest[4:].std(dim=-1).min() > 0


def test_a_piecewise_linear_branch_has_a_slope_on_either_side_of_the_mean():
    branch = PiecewiseLinearBranch(1, 2, 2)
    below, above = torch.tensor([[2.0, 0.0], [0.0, -1.0]]), torch.tensor([[0.0, 1.0], [3.0, 0.0]])
    branch.weight.copy_(torch.cat([above + below, above - below])[None] / 2)
    x = torch.randn(20, 2, generator=torch.Generator().manual_seed(3))
    expected = x.clamp(max=0) @ below + x.clamp(min=0) @ above
    offset = branch.CENTER * (above - below).sum(dim=0) / 2
    torch.testing.assert_close(branch(x)[0], expected - offset)


@pytest.mark.parametrize("n_features", [5, 80], ids=["narrow", "wide"])
@pytest.mark.parametrize(("tolerance", "atol"), [(1e-3, 0.06), (1e-6, 1e-3)])
def test_ridge_weights_are_those_of_logistic_regression(monkeypatch, n_features, tolerance, atol):
    monkeypatch.setattr(_ridge, "MAX_STEPS", 5000)
    monkeypatch.setattr(_ridge, "TOLERANCE", tolerance)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, n_features)) + rng.normal(size=(60, 1))
    y = (X[:, 0] + rng.normal(size=60) > 0.5).astype(int) + (X[:, 1] > 1)
    weight = rng.uniform(0.5, 2, size=60)
    held_out = np.arange(60) % 3
    target = torch.as_tensor(np.eye(3)[y] * weight[:, None], dtype=torch.float32)
    target = target[:, None].repeat(1, 2, 1)
    for member in range(2):
        target[held_out == member, member] = 0
    solved = fit_ridge(torch.as_tensor(X, dtype=torch.float32), target, 0.02)
    for member in range(2):
        seen = held_out != member
        oracle = LogisticRegression(
            C=1 / 0.02 / weight[seen].sum(), fit_intercept=False, max_iter=1000, tol=1e-8
        )
        with_constant = np.column_stack([X, np.full(60, _ridge.INTERCEPT)])
        oracle.fit(with_constant[seen], y[seen], weight[seen])
        logits = torch.as_tensor(X).float() @ solved["weight"][member] + solved["bias"][member]
        np.testing.assert_allclose(
            logits.softmax(dim=-1), oracle.predict_proba(with_constant), rtol=0, atol=atol
        )


def test_pairs_are_products_of_each_member():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(200, 4, generator=rng)
    codes = (x[:, 0] * x[:, 2] > 0).long()
    target = torch.eye(2)[codes][:, None].repeat(1, 2, 1)
    branch = PairsBranch(2, 3, 2)
    informative, empty = torch.tensor([[0, 2], [1, 3]]), torch.empty(0, 2, dtype=torch.long)
    branch.solve(x, target, [informative, empty])
    fresh = torch.randn(200, 4, generator=rng)
    logits = branch(fresh)
    right = (fresh[:, 0] * fresh[:, 2] > 0).long()
    assert (logits[0].argmax(dim=-1) == right).float().mean() > 0.9
    assert (logits[1] == 0).all()
    fresh[:, 2] = torch.nan
    assert branch(fresh).isfinite().all()


def test_the_loss_ignores_samples_without_weight(x):
    log_proba = make_network().train()(x)
    target = torch.rand(10, 3, 4, generator=torch.Generator().manual_seed(2))
    target[:4] = 0
    loss = BranchLoss()
    torch.testing.assert_close(loss(log_proba, target), loss(log_proba[4:], target[4:]))
    one = loss(log_proba[:, :, :1], target)
    expected = -(target[:, :, None] * log_proba[:, :, :1]).sum() / target.sum()
    torch.testing.assert_close(one, expected)


def test_members_are_independent(x):
    network = make_network(n_members=3)
    expected = network(x)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter[::3] += 1
    actual = network(x)
    assert not torch.allclose(actual[:, 0], expected[:, 0])
    torch.testing.assert_close(actual[:, 1:], expected[:, 1:], rtol=0, atol=0)


def test_dropout_and_parameters_come_from_the_seed_alone(x):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, second = (make_network().train()(x) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)


@both_attentions
@pytest.mark.parametrize("tokenizer", ["patch", "feature"])
def test_it_computes_in_mixed_precision(attention, tokenizer, x):
    network = make_network(attention, tokenizer=tokenizer).train()
    target = torch.eye(4)[torch.arange(10) % 4][:, None].expand(-1, 3, -1)
    expected = make_network(attention, tokenizer=tokenizer).train()(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        actual = network(x)
    torch.testing.assert_close(actual, expected, rtol=0, atol=0.05)
    BranchLoss()(actual, target).backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())


@both_attentions
@pytest.mark.parametrize("tokenizer", ["patch", "feature"])
def test_a_training_epoch_reads_no_value_before_its_end(attention, tokenizer):
    network = make_network(attention, tokenizer=tokenizer).to("meta")
    net = DeviceNet(network, criterion=BranchLoss, optimizer=torch.optim.AdamW, device="meta")
    x = torch.randn(10, 14, device="meta")
    dataset = TensorDataset(x, torch.ones(10, 3, 4, device="meta"))
    net.initialize().history.new_epoch()
    # There are no values on "meta", so reading one is an error; on a GPU it is waiting for it.
    with pytest.raises(NotImplementedError, match="meta"):
        net.run_single_epoch(
            TensorBatches(dataset, 5, torch.Generator()),
            training=True,
            prefix="train",
            step_fn=net.train_step,
        )
    assert net.history[-1, "train_batch_count"] == 2
