"""The network is the paper's."""

import pytest
import torch

from xmodal_sklearn._network import CrossModalNetwork, WeightedCrossEntropy

EXP, CNA, MUT = range(6), range(6, 11), range(11, 14)


def make_network(attention="softmax", columns=(EXP, CNA, MUT), **sizes):
    sizes = {"n_members": 3, "embed_dim": 8, "n_heads": 2, "hidden_dim": 16} | sizes
    return CrossModalNetwork(
        columns=columns, n_classes=4, attention=attention, dropout=0.3, seed=0, **sizes
    ).eval()


@pytest.fixture
def x():
    return torch.randn(10, 14, generator=torch.Generator().manual_seed(1))


both_attentions = pytest.mark.parametrize("attention", ["softmax", "linear"])


@both_attentions
def test_permuting_another_modality_with_its_parameters_changes_nothing(attention, x):
    network = make_network(attention)
    expected = network(x)
    order = torch.tensor([3, 0, 4, 1, 2])
    permuted = x.clone()
    permuted[:, 6:11] = x[:, 6:11][:, order]
    assert not torch.allclose(network(permuted), expected, atol=1e-4)
    with torch.no_grad():
        for table in (network.embeddings[1].direction, network.embeddings[1].identity):
            table.copy_(table[:, :, order])
    torch.testing.assert_close(network(permuted), expected)


@both_attentions
def test_without_attention_output_only_the_primary_modality_counts(attention, x):
    network = make_network(attention)
    with torch.no_grad():
        for attend in network.attentions:
            attend.output.zero_()
    other = x.clone()
    other[:, 6:] += 5
    torch.testing.assert_close(network(other), network(x), rtol=0, atol=0)
    other[:, 0] += 5
    assert not torch.allclose(network(other), network(x))


@both_attentions
@pytest.mark.parametrize("columns", [(EXP, CNA, MUT), (range(14),)], ids=["three", "one"])
def test_the_gradient_reaches_every_parameter(attention, columns, x):
    network = make_network(attention, columns).train()
    if len(columns) > 1:
        x[0, :6] = torch.nan
    target = torch.eye(4)[torch.arange(10) % 4]
    WeightedCrossEntropy()(network(x), target).backward()
    for name, parameter in network.named_parameters():
        reached = parameter.grad.flatten(1).norm(dim=1) > 0
        assert reached.all() or (name == "absent_primary" and len(columns) == 1), name


@both_attentions
def test_attention_equals_its_definition(attention, x):
    network = make_network(attention, n_members=1, n_heads=1)
    tokens = [
        embed(x[None, :, list(columns)])
        for embed, columns in zip(network.embeddings, (EXP, CNA, MUT), strict=True)
    ]
    attend = network.attentions[0]
    start = torch.randn(1, 10, 8, 6)
    found = attend(start, tokens[0], tokens[1], torch.ones(10, dtype=torch.bool)) - start

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
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(10, 6))
    expected = attend.output[0] @ (value @ weights.transpose(-1, -2))
    torch.testing.assert_close(found[0], expected)


@both_attentions
def test_an_absent_modality_contributes_exactly_nothing(attention, x):
    network = make_network(attention)
    x[:5, 6:11] = torch.nan
    expected = network(x)
    with torch.no_grad():
        network.embeddings[1].identity.add_(1)
    actual = network(x)
    torch.testing.assert_close(actual[:5], expected[:5], rtol=0, atol=0)
    assert not torch.allclose(actual[5:], expected[5:])


@both_attentions
def test_an_absent_primary_still_attends_to_the_others(attention, x):
    network = make_network(attention)
    x[:, :6] = torch.nan
    other = x.clone()
    other[:, 6:] += 1
    assert network(x).isfinite().all()
    assert not torch.allclose(network(other), network(x))


def test_members_are_independent(x):
    network = make_network(n_members=3)
    expected = network(x)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter[0] += 1
    actual = network(x)
    assert not torch.allclose(actual[:, 0], expected[:, 0])
    torch.testing.assert_close(actual[:, 1:], expected[:, 1:], rtol=0, atol=0)


def test_dropout_and_parameters_come_from_the_seed_alone(x):
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first, second = (make_network().train()(x) for _ in range(2))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    assert torch.equal(torch.get_rng_state(), state)
