"""Makes the two sample pictures of this folder: python make.py (see requirements.txt).

photo.jpg is scikit-image's "coffee", saved as a JPEG without metadata. style.jpg is painted here: strokes of many
bristles follow a field of eddies, broad ones first, and the relief that they leave is lit from the upper left.
"""

import pathlib

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from skimage import data

HERE = pathlib.Path(__file__).parent
SIDE = 768  # of style.jpg, in pixels
SCALE = 2  # strokes are drawn at this multiple, then reduced
SEED = 11

# Tubes of paint, sRGB.
PRUSSIAN, ULTRAMARINE, CERULEAN, TURQUOISE = (12, 27, 66), (28, 58, 150), (45, 120, 190), (92, 178, 182)
CREAM, LEMON, CADMIUM, ORANGE = (250, 236, 190), (250, 214, 70), (242, 168, 28), (224, 98, 26)
VERMILION, MADDER, VIOLET, OLIVE, VIRIDIAN = (192, 44, 28), (116, 22, 44), (62, 34, 92), (96, 116, 34), (18, 84, 74)

SUN = np.array([0.66, 0.27])  # in parts of the side, as are all places below
# Eddies of the sky: place, turning (its sign is the direction), radius.
EDDIES = [(0.66, 0.27, 1.5, 0.17), (0.24, 0.22, -1.2, 0.14), (0.43, 0.45, 0.9, 0.11), (0.93, 0.50, -0.9, 0.11), (0.06, 0.50, 0.8, 0.10)]


def horizon(x):
    """The far hills' edge at x."""
    return 0.63 + 0.035 * np.sin(7 * x + 0.8) + 0.02 * np.sin(17 * x)


def meadow(x):
    """The near slope's edge at x."""
    return 0.80 - 0.07 * np.sin(3.4 * x + 0.3) + 0.012 * np.sin(23 * x)


def direction(x, y):
    """The direction of the strokes at (x, y), as a unit vector."""
    if y < horizon(x):
        u, v = 0.55, 0.12 * np.sin(9 * x)
        for ex, ey, turning, radius in EDDIES:
            dx, dy = x - ex, y - ey
            pull = turning * np.exp(-(dx * dx + dy * dy) / (2 * radius * radius)) / radius
            u, v = u - pull * dy * 1.6, v + pull * dx * 1.6
    elif y < meadow(x):
        u, v = 1.0, 0.30 * np.cos(7 * x + 0.8) + 0.25 * np.sin(30 * (y - x * 0.4))
    else:
        u, v = 0.8, -0.75 + 0.6 * np.sin(9 * x + 14 * y)
    length = np.hypot(u, v) + 1e-9
    return u / length, v / length


def paint_at(x, y, rng):
    """The paint for a stroke that starts at (x, y): two tubes, picked up together and not fully mixed."""
    n = rng.normal(0, 1)
    if y < horizon(x):
        away = np.hypot(x - SUN[0], y - SUN[1]) + 0.012 * n
        rings = [(0.050, (CREAM, LEMON)), (0.085, (LEMON, CADMIUM)), (0.115, (CADMIUM, ORANGE)), (0.14, (CREAM, TURQUOISE))]
        for radius, pair in rings:
            if away < radius:
                return pair
        wave = np.sin(26 * away) + 0.9 * np.sin(11 * x - 15 * y + 3 * np.sin(6 * y)) + 0.55 * n
        if wave > 1.5:
            return CREAM, TURQUOISE
        if wave > 0.75:
            return TURQUOISE, CERULEAN
        if wave > -0.35:
            return CERULEAN, ULTRAMARINE
        return (ULTRAMARINE, PRUSSIAN) if wave > -1.5 else (PRUSSIAN, VIOLET)
    if y < meadow(x):
        wave = np.sin(24 * (y - 0.35 * x) + 4 * np.sin(5 * x)) + 0.6 * n
        bands = [(1.0, (VIRIDIAN, TURQUOISE)), (0.3, (VIRIDIAN, OLIVE)), (-0.5, (VIOLET, ULTRAMARINE)), (-1.2, (MADDER, VIOLET))]
        return next((pair for least, pair in bands if wave > least), (ORANGE, VERMILION))
    wave = np.sin(15 * x + 30 * (y - 0.8)) + 0.8 * n
    bands = [(1.1, (LEMON, CREAM)), (0.4, (CADMIUM, LEMON)), (-0.4, (ORANGE, CADMIUM)), (-1.1, (VERMILION, ORANGE))]
    return next((pair for least, pair in bands if wave > least), (MADDER, VERMILION))


def path(x, y, length, step):
    """Points from (x, y) along the field, as an array of (points, 2); ends early where the field turns back."""
    points, last = [(x, y)], direction(x, y)
    for _ in range(max(3, int(length / step))):
        u, v = direction(x, y)
        if u * last[0] + v * last[1] < 0.8 and len(points) > 3:
            break
        x, y, last = x + u * step, y + v * step, (u, v)
        points.append((x, y))
    return np.array(points)


def stroke(colour, relief, points, width, pair, rng):
    """Draws one stroke as bristles beside each other; colour and relief are ImageDraw objects at full scale."""
    tangent = np.gradient(points, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-9
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    along = np.linspace(0, 1, len(points))
    # Broad in the middle, rounded where the brush is set down, thin where it leaves.
    spread = width * np.minimum(1, 0.45 + 2.4 * along) * np.sqrt(np.clip(1.04 - along**3, 0, 1))
    bristles = max(7, int(width * SIDE * SCALE / 2.3))
    load = np.convolve(rng.normal(0, 1, bristles + 4), np.ones(5) / 5, "valid")
    light = rng.normal(0, 9)
    first, second = np.array(pair[0], float), np.array(pair[1], float)
    for i, place in enumerate(np.linspace(-1, 1, bristles)):
        mix = np.clip(0.5 + 0.75 * load[i] + 0.35 * place, 0, 1)
        shade = first * (1 - mix) + second * mix + light + rng.normal(0, 5)
        end = int(len(points) * np.clip(rng.normal(0.97, 0.12) - 0.25 * place * place, 0.45, 1))
        line = (points + normal * (spread * place)[:, None] / 2)[: max(end, 3)] * SIDE * SCALE
        line = [tuple(p) for p in line]
        fill = tuple(int(c) for c in np.clip(shade, 0, 255))
        thick = int(rng.integers(3, 6))
        colour.line(line, fill=fill, width=thick, joint="curve")
        # Paint is pushed to the edges of a stroke, and lies unevenly between.
        height = 105 + 55 * place * place + 70 * load[i] + rng.normal(0, 14)
        relief.line(line, fill=int(np.clip(height, 0, 255)), width=thick, joint="curve")


def paint():
    """The painting, as an array of (SIDE, SIDE, 3) bytes."""
    rng = np.random.default_rng(SEED)
    full = SIDE * SCALE
    canvas = Image.new("RGB", (full, full), (150, 84, 48))
    heights = Image.new("L", (full, full), 80)
    colour, relief = ImageDraw.Draw(canvas), ImageDraw.Draw(heights)
    # Layers from broad to fine: strokes, width, length.
    for count, width, length in [(900, 0.052, 0.20), (2300, 0.030, 0.15), (3600, 0.019, 0.10), (1500, 0.011, 0.07)]:
        for _ in range(count):
            x, y = rng.uniform(-0.05, 1.05, 2)
            points = path(x, y, length * rng.uniform(0.6, 1.25), 0.008)
            middle = points[len(points) // 2]
            stroke(colour, relief, points, width * rng.uniform(0.75, 1.25), paint_at(*middle, rng), rng)
    return light(np.asarray(canvas, float), np.asarray(heights.filter(ImageFilter.GaussianBlur(1.3)), float))


def light(colour, height):
    """Lights the relief: the slopes towards the upper left are brighter, and wet ridges shine."""
    slope_y, slope_x = np.gradient(height / 255 * 5.2)
    normal = np.stack([-slope_x, -slope_y, np.ones_like(height)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    lamp = np.array([-0.46, -0.52, 0.72])
    lamp /= np.linalg.norm(lamp)
    diffuse = normal @ lamp / lamp[2]
    half = lamp + [0, 0, 1]
    shine = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 60
    flat = (half / np.linalg.norm(half))[2] ** 60
    lit = colour * (0.35 + 0.65 * diffuse)[..., None] + 60 * np.clip(shine - flat, 0, 1)[..., None]
    picture = Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))
    return picture.resize((SIDE, SIDE), Image.LANCZOS)


if __name__ == "__main__":
    Image.fromarray(data.coffee()).save(HERE / "photo.jpg", quality=95, subsampling=0, optimize=True)
    paint().save(HERE / "style.jpg", quality=92, subsampling=0, optimize=True)
