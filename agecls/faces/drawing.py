"""Draws one face-like picture from a person's stable traits and an age in years.

Apart from `agecls.faces` so that the command answers `--help` without numpy and Pillow. y points
down, and a face is built around its own centre before the pose (shift and roll) places it.
"""

import io
import math
from random import Random
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from agecls.faces.people import Colour, Look, Person, Population, look_at, mix, rise

Point = tuple[float, float]

SUPERSAMPLING: Final = 2
"""Pixels drawn per pixel stored, along a side; the reduction smooths the edges."""

SKIN_DARK: Final[Colour] = (150, 104, 78)
LIP: Final[Colour] = (186, 84, 88)
WHITE: Final[Colour] = (240, 238, 234)
BLACK: Final[Colour] = (26, 22, 22)

CIRCLE: Final = tuple(
    (math.cos(math.tau * i / 20), math.sin(math.tau * i / 20)) for i in range(20)
)


class Canvas:
    """A picture that takes shapes in the face's own coordinates and places them by the pose.

    It exists because Pillow draws no rotated ellipses: every shape becomes a polygon here.
    """

    def __init__(self, pixels: int, ground: Colour, *, centre: Point, roll: float):
        self.image = Image.new("RGB", (pixels, pixels), as_bytes(ground))
        self._draw = ImageDraw.Draw(self.image)
        self._pixels = pixels
        self._x, self._y = centre[0] * pixels, centre[1] * pixels
        self._cos = math.cos(roll) * pixels
        self._sin = math.sin(roll) * pixels

    def _place(self, points: list[Point]) -> list[Point]:
        c, s, x0, y0 = self._cos, self._sin, self._x, self._y
        return [(x0 + c * x - s * y, y0 + s * x + c * y) for x, y in points]

    def polygon(self, points: list[Point], colour: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon(self._place(points), fill=as_bytes(colour))

    def ellipse(self, x: float, y: float, rx: float, ry: float, colour: Colour) -> None:
        """Fill an ellipse around (x, y)."""
        self.polygon([(x + rx * c, y + ry * s) for c, s in CIRCLE], colour)

    def line(self, points: list[Point], width: float, colour: Colour) -> None:
        """Draw a line of at least one drawn pixel's width."""
        pixels = max(1, round(width * self._pixels))
        self._draw.line(self._place(points), fill=as_bytes(colour), width=pixels)


def as_bytes(colour: Colour) -> tuple[int, int, int]:
    """The colour in whole grey levels 0..255."""
    r, g, b = (min(max(int(c), 0), 255) for c in colour)
    return r, g, b


def _draw_body(canvas: Canvas, look: Look, clothes: Colour) -> None:
    """Neck and shoulders: both broaden as a child grows."""
    grown = min(look.age / 20, 1.0)
    shoulder = look.width * (1.25 + 0.75 * grown)
    top = look.height * (1.16 + 0.1 * grown)
    neck = look.width * (0.38 + 0.2 * grown)
    canvas.ellipse(0, top + 0.36, shoulder, 0.36, clothes)
    shadow = mix(look.skin, SKIN_DARK, 0.35)
    canvas.polygon(
        [
            (-neck, 0.5 * look.height),
            (neck, 0.5 * look.height),
            (neck, top),
            (0, top + 0.05),
            (-neck, top),
        ],
        shadow,
    )


def _outline(look: Look) -> list[Point]:
    """The head's outline: an ellipse whose lower half narrows to the jaw."""
    points = []
    for c, s in CIRCLE:
        x = look.width * c
        if s > 0:
            x *= 1 - (1 - look.jaw) * s * s
            x += look.width * 0.12 * look.jaw * math.copysign(math.sin(math.pi * s), c)
        points.append((x, look.height * s))
    return points


def _draw_hair(canvas: Canvas, look: Look, person: Person) -> None:
    """The cap of hair over the scalp; thin hair lets the skin through, lost hair bares it."""
    w, h, cover = look.width, look.height, look.cover
    colour = mix(look.skin, look.hair, 0.35 + 0.65 * cover)
    thick = 1.02 + 0.17 * cover
    hairline = -h * (0.98 - 0.42 * cover - 0.14 * person.fringe * cover)
    side = h * (-0.30 + 0.28 * cover)
    arc = [
        (w * thick * math.cos(a), h * thick * math.sin(a))
        for a in np.linspace(math.pi, math.tau, 13)
    ]
    arc[0] = (-w * thick, side)
    arc[-1] = (w * thick, side)
    part = 0.45 * w * person.parting
    brow = [
        (w * 0.93, side),
        (w * 0.80, hairline * 0.85),
        (part, hairline),
        (-w * 0.80, hairline * 0.85),
        (-w * 0.93, side),
    ]
    canvas.polygon([*arc, *brow], colour)


def _draw_features(canvas: Canvas, look: Look, person: Person, rng: Random, yaw: float) -> None:
    """Eyes, brows, nose and mouth; `yaw` moves them sideways as a turned head would."""
    w, h, eye, skin = look.width, look.height, look.eye, look.skin
    grown = min(look.age / 18, 1.0)
    shift = yaw * w
    ey = look.eye_y * h
    apart = w * (0.44 + 0.025 * person.eye_distance)
    openness = (0.62 - 0.22 * look.lines) * rng.uniform(0.8, 1.1)
    dark = mix(skin, SKIN_DARK, 0.75)
    brow = mix(look.hair, skin, 0.55 - 0.45 * grown)
    for side in (-1, 1):
        x = shift + side * apart
        canvas.ellipse(x, ey, eye, eye * openness, WHITE)
        canvas.ellipse(x, ey, eye * 0.55, eye * min(openness, 0.55), person.iris)
        canvas.line(
            [(x - eye, ey - eye * 0.2), (x, ey - eye * openness), (x + eye, ey - eye * 0.2)],
            0.008,
            BLACK,
        )
        lift = ey - eye * (1.25 + 0.25 * grown)
        thick = 0.012 + 0.012 * grown + 0.003 * person.brows
        canvas.line(
            [(x - side * eye * 1.1, lift + 0.006), (x + side * eye * 1.2, lift)], thick, brow
        )
    nose = ey + h * (0.26 + 0.13 * grown + 0.06 * look.lines + 0.015 * person.nose)
    wing = w * (0.13 + 0.06 * grown)
    canvas.line(
        [
            (shift * 1.3 + wing * 0.5, ey + 0.05 * h),
            (shift * 1.5 + wing, nose),
            (shift * 1.5 - wing, nose),
        ],
        0.010,
        dark,
    )
    my = nose + (h - nose) * 0.42
    half = w * (0.27 + 0.10 * grown + 0.02 * person.mouth)
    smile = rng.uniform(-0.01, 0.03)
    lip = mix(LIP, dark, 0.15 + 0.65 * look.lines)
    full = 0.020 - 0.009 * look.lines
    canvas.polygon(
        [
            (shift - half, my - smile),
            (shift, my - full * 0.6),
            (shift + half, my - smile),
            (shift, my + full + smile),
        ],
        lip,
    )
    if person.male and look.age > 16:
        stubble = mix(skin, look.hair, 0.35 * rise(look.age, 24, 4) * rng.random())
        canvas.line([(shift - half, my - 0.035), (shift + half, my - 0.035)], 0.016, stubble)


def _draw_age_marks(canvas: Canvas, look: Look, person: Person, rng: Random, yaw: float) -> None:
    """Cheeks of the young; forehead lines, crow's feet, bags, folds and spots of the old."""
    w, h, eye, skin = look.width, look.height, look.eye, look.skin
    shift = yaw * w
    ey = look.eye_y * h
    apart = w * (0.44 + 0.025 * person.eye_distance)
    rosy = mix(skin, (240, 130, 120), 0.35 * math.exp(-look.age / 10))
    for side in (-1, 1):
        canvas.ellipse(shift + side * w * 0.55, ey + h * 0.36, w * 0.24, h * 0.15, rosy)
    strength = look.lines
    crease = mix(skin, SKIN_DARK, 0.15 + 0.85 * strength)
    if strength <= 0.02:
        return
    thin = 0.006 + 0.008 * strength
    for side in (-1, 1):
        x = shift + side * apart
        canvas.line(
            [(x - eye, ey + eye * 0.8), (x, ey + eye * 1.15), (x + eye, ey + eye * 0.8)],
            thin,
            crease,
        )
        fold = h * (0.42 + 0.25 * strength)
        canvas.line(
            [
                (shift + side * w * 0.26, ey + h * 0.36),
                (shift + side * w * 0.45, ey + h * 0.36 + fold * 0.7),
            ],
            thin,
            crease,
        )
        for k in range(round(3 * strength)):
            y = ey + eye * (0.5 * k - 0.4)
            canvas.line(
                [(x + side * eye * 1.2, y), (x + side * eye * 1.9, y + eye * (0.5 * k - 0.4))],
                thin,
                crease,
            )
    for k in range(round(4 * strength)):
        y = ey - h * (0.30 + 0.09 * k)
        canvas.line(
            [(shift - w * 0.5, y + 0.006), (shift, y), (shift + w * 0.5, y + 0.006)], thin, crease
        )
    for _ in range(int(7 * strength * rng.random())):
        canvas.ellipse(
            rng.uniform(-0.7, 0.7) * w,
            rng.uniform(-0.4, 0.6) * h,
            0.012,
            0.010,
            mix(skin, SKIN_DARK, 0.5),
        )


def _draw_glasses(canvas: Canvas, look: Look, person: Person, yaw: float) -> None:
    """Round frames; the eyes stay visible."""
    apart = look.width * (0.44 + 0.025 * person.eye_distance)
    y, r = look.eye_y * look.height, look.eye * 1.5
    for side in (-1, 1):
        x = yaw * look.width + side * apart
        ring = [(x + r * c, y + r * s) for c, s in CIRCLE]
        canvas.line([*ring, ring[0]], 0.012, (60, 54, 56))
    bridge = apart - r
    canvas.line(
        [(yaw * look.width - bridge, y), (yaw * look.width + bridge, y)], 0.012, (60, 54, 56)
    )


def _photograph(
    image: Image.Image, population: Population, rng: Random, *, skin_grain: float, centre: Point
) -> Image.Image:
    """The picture as a camera would leave it: light from a side, white balance, blur, noise.

    The skin's grain stays within the face: noise all over the picture would give the age away.
    """
    size = image.width
    blur = rng.random() * population.blur * size
    if blur > 0.2:
        image = image.filter(ImageFilter.BoxBlur(blur))
    pixels = np.asarray(image, dtype=np.float32)
    slope = np.linspace(-1, 1, size, dtype=np.float32)
    light = (
        rng.gauss(1, 0.04)
        + rng.gauss(0, 0.03) * slope[None, :]
        + rng.gauss(0, 0.05) * slope[:, None]
    )
    gains = np.array([g * rng.gauss(1, 0.015) for g in population.cast], dtype=np.float32)
    pixels = (pixels * light[:, :, None] * gains - 128) * (
        population.contrast * rng.gauss(1, 0.04)
    ) + 128
    noise = np.random.default_rng(rng.getrandbits(64))
    grain = noise.standard_normal((size, size, 1), dtype=np.float32)
    side = np.arange(size, dtype=np.float32) / size
    away = ((side[None, :] - centre[0]) / 0.24) ** 2 + ((side[:, None] - centre[1]) / 0.32) ** 2
    on_face = np.exp(-np.square(away))[:, :, None]
    pixels += grain * (rng.random() * population.noise + skin_grain * on_face)
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def draw_face(
    person: Person, years: float, population: Population, rng: Random, *, size: int
) -> bytes:
    """A JPEG of `size` x `size` pixels: the person at this age, in one random photograph.

    The same arguments give the same bytes with the same Pillow.
    """
    seen = max(years + rng.gauss(0, 0.07) * (years + 2), 0.0)
    look = look_at(person, seen, population.zoom * rng.gauss(1, 0.04))
    grey = rng.uniform(*population.backdrop)
    ground = (
        grey + rng.uniform(-1, 1) * population.tint,
        grey,
        grey + rng.uniform(-1, 1) * population.tint,
    )
    bright = 0.75 * math.exp(-seen / 22)
    hue = (rng.uniform(40, 230), rng.uniform(40, 230), rng.uniform(40, 230))
    clothes = mix((62, 62, 78), mix(hue, (235, 205, 90), bright), 0.2 + bright)
    centre = (0.5 + rng.gauss(0, 0.025), 0.5 + rng.gauss(0, 0.025))
    canvas = Canvas(size * SUPERSAMPLING, ground, centre=centre, roll=rng.gauss(0, 0.06))
    yaw = rng.gauss(0, 0.07)
    if person.hairstyle and look.cover > 0.3:
        length = look.height * (0.55 if person.hairstyle == 1 else 1.0) * look.cover
        canvas.ellipse(
            0,
            length * 0.25,
            look.width * 1.22,
            look.height * 0.9 + length * 0.3,
            mix(look.skin, look.hair, look.cover),
        )
    _draw_body(canvas, look, clothes)
    for side in (-1, 1):
        canvas.ellipse(
            side * look.width * 1.0,
            look.eye_y * look.height + 0.03,
            0.03,
            0.055,
            mix(look.skin, SKIN_DARK, 0.25),
        )
    canvas.polygon(_outline(look), look.skin)
    _draw_age_marks(canvas, look, person, rng, yaw)
    _draw_hair(canvas, look, person)
    _draw_features(canvas, look, person, rng, yaw)
    if person.glasses < population.glasses * 2 * rise(seen, 40, 12):
        _draw_glasses(canvas, look, person, yaw)
    picture = _photograph(
        canvas.image.reduce(SUPERSAMPLING),
        population,
        rng,
        skin_grain=7 * look.lines,
        centre=centre,
    )
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=rng.randint(70, 95))
    return stream.getvalue()
