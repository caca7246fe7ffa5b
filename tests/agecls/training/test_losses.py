import math

import pytest
import torch
import torch.nn.functional as F

from agecls.recipe import CHOICES, ORDINAL_LOSSES
from agecls.training.losses import (
    LOSSES,
    build_loss,
    effective_number_weights,
    log_prior,
)

COUNTS = torch.tensor([10, 20, 30, 250, 200, 150, 100, 50])


def loss(name, counts=COUNTS, smoothing=0.0):
    return build_loss(name, class_counts=counts, label_smoothing=smoothing)


def logits_of(probabilities):
    return torch.tensor(probabilities).log()[None]


def batch(n=32, n_outputs=8, seed=0, scale=3.0):
    generator = torch.Generator().manual_seed(seed)
    outputs = torch.randn(n, n_outputs, generator=generator) * scale
    return outputs, torch.randint(0, 8, (n,), generator=generator)


def test_every_loss_is_a_choice_of_the_recipe():
    assert set(LOSSES) == set(CHOICES["loss"])


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_of_classes_without_an_order_asks_nothing_of_their_order(name):
    objective = loss(name, torch.full((8,), 10))
    outputs, labels = batch(n_outputs=objective.n_outputs)
    other = torch.randperm(8, generator=torch.Generator().manual_seed(1))
    is_alike = objective.n_outputs == 8 and torch.isclose(
        objective(outputs[:, other], other.argsort()[labels]), objective(outputs, labels)
    )
    assert is_alike == (name not in ORDINAL_LOSSES)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("scale", [0.0, 1.0, 100.0])
def test_every_loss_yields_eight_probabilities_that_sum_to_one(name, scale):
    objective = loss(name)
    outputs, _ = batch(n_outputs=objective.n_outputs, scale=scale)

    p = objective.probabilities(outputs)

    assert p.shape == (32, 8)
    assert (p >= 0).all()
    assert torch.allclose(p.sum(1), torch.ones(32), atol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("n", [2, 3, 100])
def test_every_loss_learns_any_number_of_classes(name, n):
    objective = loss(name, torch.arange(n))
    outputs = torch.zeros(n, objective.n_outputs, requires_grad=True)
    labels = torch.arange(n)

    objective(outputs, labels).backward()
    before = objective.probabilities(outputs.detach())
    # class 0 has no image, so that a class-balanced loss does not learn it
    better = objective.probabilities(outputs.detach() - outputs.grad)[1:]

    assert before.shape == (n, n)
    assert torch.allclose(better.sum(1), torch.ones(n - 1), atol=1e-5)
    assert (better[labels[:-1], labels[1:]] > before[labels[1:], labels[1:]]).all()


@pytest.mark.parametrize("name", [n for n in LOSSES if n != "corn"])
def test_equal_outputs_give_each_class_an_eighth(name):
    assert torch.allclose(loss(name).probabilities(torch.zeros(2, 8)), torch.tensor(0.125))


def test_cross_entropy_of_a_known_probability_is_its_log():
    outputs = logits_of([0.3, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1])

    assert loss("cross_entropy")(outputs, torch.tensor([0])).item() == pytest.approx(
        -math.log(0.3)
    )


def test_label_smoothing_is_torchs():
    outputs, labels = batch()

    ours = loss("cross_entropy", smoothing=0.2)(outputs, labels)

    assert torch.allclose(ours, F.cross_entropy(outputs, labels, label_smoothing=0.2))


@pytest.mark.parametrize("name", LOSSES)
def test_label_smoothing_acts_exactly_where_the_module_says(name):
    outputs, labels = batch(n_outputs=loss(name).n_outputs)

    changes = loss(name, smoothing=0.3)(outputs, labels) != loss(name)(outputs, labels)

    assert changes.item() == (name in {"cross_entropy", "class_balanced", "logit_adjusted"})


def test_effective_number_weights_are_worked_by_hand():
    # E_1 = 1, E_2 = 1 + 0.999: weights 1 and 1 / 1.999, scaled to sum to two present classes
    weights = effective_number_weights(torch.tensor([1, 2, 0, 0, 0, 0, 0, 0]))

    assert weights.tolist() == pytest.approx([2 * 1.999 / 2.999, 2 / 2.999] + [0.0] * 6)


def test_class_balanced_multiplies_each_image_by_its_weight_and_divides_by_images():
    outputs, labels = torch.zeros(3, 8), torch.tensor([0, 1, 1])
    counts = torch.tensor([1, 2, 0, 0, 0, 0, 0, 0])

    ours = loss("class_balanced", counts)(outputs, labels).item()

    weights = (2 * 1.999 + 2 + 2) / 2.999
    assert ours == pytest.approx(math.log(8) * weights / 3)


def test_class_balanced_is_cross_entropy_on_balanced_counts():
    outputs, labels = batch()

    ours = loss("class_balanced", torch.full((8,), 100))(outputs, labels)

    assert torch.allclose(ours, F.cross_entropy(outputs, labels))


def test_focal_scales_cross_entropy_by_the_squared_miss():
    outputs = logits_of([0.8, 0.2 / 7] + [0.2 / 7] * 6)

    ours = loss("focal")(outputs, torch.tensor([0])).item()

    assert ours == pytest.approx(0.2**2 * -math.log(0.8), rel=1e-5)


def test_focal_has_a_gradient_of_zero_where_an_image_is_certain():
    outputs = torch.tensor([[200.0] + [0.0] * 7], requires_grad=True)

    loss("focal")(outputs, torch.tensor([0])).backward()

    assert outputs.grad.abs().max() == 0


def test_logit_adjustment_adds_the_log_prior_in_training_only():
    outputs, labels = batch()
    objective = loss("logit_adjusted")

    expected = F.cross_entropy(outputs + (COUNTS / COUNTS.sum()).log(), labels)

    assert torch.allclose(objective(outputs, labels), expected)
    assert torch.equal(objective.probabilities(outputs), outputs.softmax(1))


def test_the_log_prior_counts_an_absent_class_as_one_image():
    prior = log_prior(torch.tensor([3, 0, 0, 0, 0, 0, 0, 0])).exp()

    assert prior.tolist() == pytest.approx([0.3] + [0.1] * 7)


def test_corn_asks_each_image_only_up_to_its_class():
    # logit ln 3: P(above) = 3/4.  Class 0 is asked once, class 1 twice
    outputs = torch.full((2, 7), math.log(3))

    ours = loss("corn")(outputs, torch.tensor([0, 1])).item()

    terms = [-math.log(1 / 4), -math.log(3 / 4), -math.log(1 / 4)]
    assert ours == pytest.approx(sum(terms) / 3)


def test_corn_equals_the_sum_over_conditional_subsets_of_the_paper():
    outputs, labels = batch(n_outputs=7)

    total, asked = 0.0, 0
    for k in range(7):
        subset = outputs[labels >= k, k]
        above = (labels[labels >= k] > k).float()
        total -= (F.logsigmoid(subset) * above + F.logsigmoid(-subset) * (1 - above)).sum()
        asked += len(subset)

    assert torch.allclose(loss("corn")(outputs, labels), total / asked)


def test_corn_probabilities_are_products_of_conditionals():
    halves = loss("corn").probabilities(torch.zeros(1, 7))[0]

    assert halves.tolist() == [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 128]


def test_soft_ordinal_targets_fall_with_the_squared_distance():
    objective = loss("soft_ordinal")

    ratios = objective.targets[3] / objective.targets[3, 3]

    expected = [math.exp(-((i - 3) ** 2)) for i in range(8)]
    assert ratios.tolist() == pytest.approx(expected)


def test_soft_ordinal_is_least_at_its_targets_and_there_equals_their_entropy():
    objective = loss("soft_ordinal")
    labels = torch.arange(8)
    best = objective.targets.log().requires_grad_()

    value = objective(best, labels)
    value.backward()

    entropy = -(objective.targets * objective.targets.log()).sum(1).mean()
    assert value.item() == pytest.approx(entropy.item())
    assert best.grad.abs().max() < 1e-7


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("counts", [[0, 5, 0, 9, 0, 0, 1, 0], [7, 0, 0, 0, 0, 0, 0, 0]])
def test_absent_classes_leave_losses_and_gradients_finite(name, counts):
    objective = loss(name, torch.tensor(counts), smoothing=0.1)
    labels = torch.tensor([c for c, n in enumerate(counts) if n])
    outputs = batch(len(labels), objective.n_outputs, scale=20.0)[0].requires_grad_()

    value = objective(outputs, labels)
    value.backward()

    assert value.isfinite()
    assert value > 0
    assert outputs.grad.isfinite().all()
    assert outputs.grad.abs().max() > 0


@pytest.mark.parametrize("name", LOSSES)
def test_a_step_downhill_raises_the_probability_of_the_truth(name):
    objective = loss(name)
    outputs = torch.zeros(8, objective.n_outputs, requires_grad=True)
    labels = torch.arange(8)

    objective(outputs, labels).backward()
    better = objective.probabilities(outputs.detach() - outputs.grad)

    before = objective.probabilities(torch.zeros(8, objective.n_outputs))
    assert (better[labels, labels] > before[labels, labels]).all()


def test_an_unknown_loss_is_named():
    with pytest.raises(ValueError, match="loss 'hinge' is unknown"):
        loss("hinge")
