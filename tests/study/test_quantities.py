from study.quantities import count, points


def test_one_of_a_thing_is_singular_and_thousands_are_parted() -> None:
    assert [count(n, "trial") for n in (0, 1, 2, 10_000)] == [
        "0 trials", "1 trial", "2 trials", "10,000 trials",
    ]  # fmt: skip


def test_a_declared_size_is_singular_only_where_it_is_one() -> None:
    assert [points(x) for x in (0.5, 1.0, 2.0)] == ["0.5 points", "1 point", "2 points"]
