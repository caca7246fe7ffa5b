import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agecls.errors import RecipeError
from agecls.recipe import BOUNDS, CHOICES, Recipe

INTEGERS = ("batch_size", "epochs")

recipes = st.builds(
    Recipe,
    **{name: st.sampled_from(levels) for name, levels in CHOICES.items() if name != "init"},
    **{
        name: (st.integers if name in INTEGERS else st.floats)(low, high)
        for name, (low, high) in BOUNDS.items()
    },
    zero_gamma=st.sampled_from([None, False, True]),
    seed=st.integers(0, 2**31),
)


@settings(deadline=None)  # a shared machine
@given(recipe=recipes)
def test_a_recipe_survives_json(recipe):
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_every_field_is_a_choice_a_number_with_bounds_or_known_to_be_neither():
    assert set(Recipe().to_dict()) == {*CHOICES, *BOUNDS, "zero_gamma", "seed"}


def test_fields_left_out_take_their_defaults():
    assert Recipe.from_dict({"lr": 0.1}) == Recipe(lr=0.1)


def test_a_whole_number_serves_as_a_float():
    recipe = Recipe.from_dict({"lr": 1})

    assert recipe.lr == 1.0
    assert isinstance(recipe.lr, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"learning_rate": 0.1}, "field 'learning_rate' is unknown; the fields are augmentation"),
        ({"lr": "0.1"}, "`lr` is '0.1'; expected float"),
        ({"lr": True}, "`lr` is True; expected float"),
        ({"batch_size": 32.0}, r"`batch_size` is 32\.0; expected int"),
        ({"seed": True}, "`seed` is True; expected int"),
        ({"zero_gamma": "yes"}, r"`zero_gamma` is 'yes'; expected bool \| None"),
        ({"lr": 0.0}, "`lr` is 0.0; expected 1e-08 <= lr <= 10"),
        ({"lr": float("nan")}, "`lr` is nan; expected 1e-08"),
        ({"warmup": 1.0}, "`warmup` is 1.0; expected 0 <= warmup <= 0.9"),
        ({"batch_size": 1}, "`batch_size` is 1; expected 2 <="),
        ({"variant": "b"}, "`variant` is 'b'; expected one of org, c, d, bcd, bcd_seed"),
        ({"depth": 34}, "`depth` is 34; expected one of 18, 26, 50, 101"),
    ],
)
def test_a_wrong_field_is_named_with_what_was_expected(values, message):
    with pytest.raises(RecipeError, match=message):
        Recipe.from_dict(values)


@pytest.mark.parametrize("zero_gamma", [False, True])
def test_zero_gamma_does_not_exist_on_loaded_weights(zero_gamma):
    with pytest.raises(RecipeError, match="`zero_gamma` is set with init 'pretrained'"):
        Recipe(init="pretrained", zero_gamma=zero_gamma)


def test_recipes_cannot_be_changed():
    with pytest.raises(AttributeError):
        Recipe().lr = 0.1
