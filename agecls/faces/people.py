"""Made-up people for drawn faces: populations, stable traits, and a head's look at an age.

Lengths are in shares of the picture's side. Nothing here is measured on people: the curves of age
were chosen by eye, then tuned until a small network finds neighbouring classes hard to tell apart.
"""

import math
from dataclasses import dataclass
from random import Random
from typing import Final

Colour = tuple[float, float, float]
"""Red, green and blue in grey levels; drawing cuts them to 0..255."""

GREY: Final[Colour] = (216, 214, 210)


@dataclass(frozen=True, kw_only=True)
class Population:
    """Colours and camera of one population; two of them differ so that transfer is partial.

    Attributes:
        skin: Palest and darkest skin; a person lies in between.
        hair: Hair colours that a family may have.
        backdrop: Darkest and lightest grey of the background, before a tint.
        tint: Largest deviation of a background channel from that grey.
        cast: Gain of red, green and blue: the camera's white balance.
        contrast: Factor around mid-grey.
        zoom: Factor on the size of the head.
        blur: Largest radius of blur, in shares of the side.
        noise: Largest standard deviation of pixel noise, in grey levels.
        glasses: Share of adults of forty who wear glasses.
    """

    skin: tuple[Colour, Colour]
    hair: tuple[Colour, ...]
    backdrop: tuple[float, float]
    tint: float
    cast: Colour
    contrast: float
    zoom: float
    blur: float
    noise: float
    glasses: float


HOME: Final = Population(
    skin=((246, 214, 188), (222, 176, 140)),
    hair=((30, 24, 24), (44, 32, 28), (60, 42, 34)),
    backdrop=(145, 172),
    tint=8,
    cast=(1.0, 1.0, 1.0),
    contrast=1.0,
    zoom=1.0,
    blur=0.012,
    noise=6,
    glasses=0.25,
)
ABROAD: Final = Population(
    skin=((244, 208, 190), (128, 84, 60)),
    hair=((34, 26, 24), (92, 62, 38), (150, 112, 66), (120, 58, 36)),
    backdrop=(60, 225),
    tint=40,
    cast=(1.05, 1.0, 0.9),
    contrast=0.88,
    zoom=0.92,
    blur=0.02,
    noise=11,
    glasses=0.15,
)

POPULATIONS: Final = {"home": HOME, "abroad": ABROAD}


@dataclass(frozen=True, kw_only=True)
class Person:
    """Traits that stay with a person at every age; biases are standard normal unless said.

    Attributes:
        male: Whether the person may bald and grow a beard.
        skin: Colour of the skin as a young adult.
        hair: Colour of the hair before it greys.
        iris: Colour of the eyes.
        hairstyle: 0 short, 1 to the jaw, 2 long.
        fringe: How far the hair falls over the forehead, 0..1.
        parting: Side of the parting, -1..1.
        width: Head's width, bias.
        jaw: Jaw's width, bias.
        eye_distance: Distance of the eyes, bias.
        eye_size: Size of the eyes, bias.
        nose: Length of the nose, bias.
        mouth: Width of the mouth, bias.
        brows: Thickness of the brows, bias.
        growth: Whether the proportions are ahead of the age, bias.
        lines: Whether wrinkles come early, bias.
        greying: Age in years at which half of the hair is grey.
        balding: Share of the hair that is lost in the end, 0..1.
        glasses: Uniform in 0..1; glasses are worn once the population's share exceeds it.
    """

    male: bool
    skin: Colour
    hair: Colour
    iris: Colour
    hairstyle: int
    fringe: float
    parting: float
    width: float
    jaw: float
    eye_distance: float
    eye_size: float
    nose: float
    mouth: float
    brows: float
    growth: float
    lines: float
    greying: float
    balding: float
    glasses: float


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """The colour that lies `share` (0..1, clipped) of the way from the first to the second."""
    w = min(max(share, 0.0), 1.0)
    return (
        first[0] + (second[0] - first[0]) * w,
        first[1] + (second[1] - first[1]) * w,
        first[2] + (second[2] - first[2]) * w,
    )


def rise(years: float, middle: float, width: float) -> float:
    """A logistic step over age: 0 long before `middle`, 1 long after."""
    return 1 / (1 + math.exp(-(years - middle) / width))


def draw_person(rng: Random, family: Random, population: Population, *, male: bool) -> Person:
    """A person's traits; `family` gives the colours that relatives share."""
    shade = min(max(family.random() + rng.gauss(0, 0.12), 0.0), 1.0)
    hair = mix(family.choice(population.hair), rng.choice(population.hair), 0.3)
    iris = mix((52, 34, 26), (96, 110, 104), family.random() ** 3)
    traits = [rng.gauss(0, 1) for _ in range(9)]
    return Person(
        male=male,
        skin=mix(*population.skin, shade),
        hair=hair,
        iris=iris,
        hairstyle=0 if male else rng.choice((0, 1, 1, 2)),
        fringe=rng.random(),
        parting=rng.uniform(-1, 1),
        width=traits[0],
        jaw=traits[1],
        eye_distance=traits[2],
        eye_size=traits[3],
        nose=traits[4],
        mouth=traits[5],
        brows=traits[6],
        growth=traits[7],
        lines=traits[8],
        greying=rng.gauss(56, 5),
        balding=rng.random() ** 1.3 if male else 0.3 * rng.random(),
        glasses=rng.random(),
    )


@dataclass(frozen=True)
class Look:
    """What one person's head is like at one age; lengths in shares of the side."""

    age: float
    height: float  # half of the head's height
    width: float  # half of the head's width
    jaw: float  # width at the chin's height, share of the width
    eye_y: float  # below the centre, share of the height
    eye: float  # half of an eye's width
    lines: float  # strength of wrinkles 0..1
    cover: float  # how much of the scalp hair hides 0..1
    skin: Colour
    hair: Colour


def look_at(person: Person, years: float, zoom: float) -> Look:
    """The head's measures and colours at an age; every one is continuous in it."""
    grown = 1 - math.exp(-max(years, 0) / 9) + 0.03 * person.growth
    old = rise(years + 2.5 * person.lines, 52, 9)
    height = zoom * (0.225 + 0.15 * grown)
    width = height * (0.93 - 0.17 * grown + 0.09 * rise(years, 45, 8) + 0.025 * person.width)
    skin = mix(person.skin, (255, 206, 196), 0.45 * (1 - grown))
    skin = mix(skin, (200, 150, 100), 0.8 * rise(years, 38, 7) * (1 - 0.4 * old))
    skin = mix(skin, (196, 172, 150), 0.5 * old)
    lost = person.balding * rise(years, 50, 8)
    return Look(
        age=years,
        height=height,
        width=width,
        jaw=0.52
        + 0.16 * grown
        + 0.16 * old
        + (0.05 if person.male else -0.03)
        + 0.03 * person.jaw,
        eye_y=0.24 - 0.30 * grown,
        eye=zoom * (0.056 - 0.010 * grown) * (1 + 0.07 * person.eye_size),
        lines=min(max((years + 3 * person.lines - 27) / 45, 0.0), 1.0),
        cover=(0.15 + 0.85 * rise(years, 3.5, 2)) * (1 - 0.75 * lost) * (1 - 0.25 * old),
        skin=skin,
        hair=mix(
            mix(person.hair, (150, 110, 80), 0.5 * (1 - rise(years, 6, 3))),
            GREY,
            rise(years, person.greying, 6),
        ),
    )
