"""Sketchnette: Imagenette's ten classes, drawn by code.

The pages of this book learn from pictures while they are built, and they must build
on a machine that has no data set and no network. So the pictures are drawn: each
class is a short function that lists shapes in unit coordinates, and a random pose,
palette, drawing style, background, clutter, light, blur and noise turn that list
into a different picture every time.

Picture ``i`` of a split has a generator of its own, seeded by (seed, split, i). It
does not depend on how many pictures are drawn, ``"train"`` and ``"val"`` share none,
and since the geometry is in unit coordinates it is the same picture at every size.

Palettes and backgrounds are drawn without looking at the class, so colour does not
give it away. The tests hold what that buys: a linear classifier on the pixels does
poorly and (marked slow) a small residual network does well.

>>> images, labels = sketchnette(20, image_size=64)
>>> images.shape, CLASSES[labels[3]]
(torch.Size([20, 3, 64, 64]), 'chain saw')
"""

from functools import lru_cache
from itertools import pairwise

import numpy as np

__all__ = ["CLASSES", "draw", "sketchnette"]

SPLITS = ("train", "val")

# Three middle tones, a light and a dark; every class draws from the same ones.
PALETTES = (
    "d1495b edae49 00798c f4efe6 22333b",
    "7a5230 c98f55 4d7c57 f6eee0 2b2118",
    "3d5a80 ee6c4d 98c1d9 f5f9fc 293241",
    "6a4c93 ff9f80 4fb0a5 fbf3e8 2a1f3d",
    "5c6b73 c2a878 9db4c0 f7f5ef 253237",
    "2f7d4f e3b23c b5533c fbf7e4 1d2b22",
    "c75146 81a4cd e6c79c fdf6ec 31231e",
    "1f6f8b e6a57e 99a83d f3f6ee 16262e",
)
TONES = np.array([[list(bytes.fromhex(c)) for c in p.split()] for p in PALETTES])


# Curves: arrays of points, shape (n, 2); x runs to the right, y down.


def _box(x0, y0, x1, y1, r=0.0):
    """Return a rectangle, its corners rounded with radius r."""
    if not r:
        return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    xs, ys = (x1 - r, x1 - r, x0 + r, x0 + r), (y0 + r, y1 - r, y1 - r, y0 + r)
    turns = ((-90, 0), (0, 90), (90, 180), (180, 270))
    corners = zip(xs, ys, turns, strict=True)
    return np.concatenate([_arc(x, y, r, r, *turn, 4) for x, y, turn in corners])


@lru_cache
def _unit_arc(start, stop, n):
    t = np.radians(np.linspace(start, stop, n))
    return np.stack([np.cos(t), np.sin(t)], 1)


def _arc(x, y, rx, ry, start=0, stop=360, n=32):
    """Return n points of an ellipse between two angles in degrees."""
    return _unit_arc(start, stop, n) * (rx, ry) + (x, y)


@lru_cache
def _catmull_rom(n, closed, steps=6):
    """Return the matrix that takes n knots to a smooth curve through them."""
    t = np.arange(steps) / steps
    weights = (-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3,
               t + 4 * t**2 - 3 * t**3, t**3 - t**2)  # fmt: skip
    spans = n if closed else n - 1
    matrix = np.zeros((spans * steps + 1, n))
    for i, k in np.ndindex(spans, 4):
        j = i + k - 1
        j = j % n if closed else min(max(j, 0), n - 1)
        matrix[i * steps : (i + 1) * steps, j] += weights[k] / 2
    matrix[-1, 0 if closed else -1] = 1
    return matrix


def _smooth(*knots, closed=True):
    """Return a smooth curve through the knots."""
    return _catmull_rom(len(knots), closed) @ np.array(knots, float)


def _window(x, y, half, height):
    """Return an arched opening whose arch springs at y."""
    foot = [(x + half, y + height), (x - half, y + height)]
    return np.concatenate([_arc(x, y, half, half * 1.2, 180, 360, 8), foot])


class _Canvas:
    """A supersampled picture that is drawn on in unit coordinates, [-1, 1]^2.

    Parameters
    ----------
    side : int
        Width and height in pixels.
    colours : dict of str to array of shape (3,)
        What the colour names mean, 0..255.
    pose : array of shape (3, 3), optional
        Homography from the drawing's coordinates to the frame's. Without one, the
        canvas is opaque and the two are the same; with one, it is transparent.
    edge : float
        Width of outlines, in units; zero draws none.
    ink : bool
        Outline in the colour "ink", else in a darker tone of the fill.
    """

    def __init__(self, side, colours, pose=None, edge=0.0, ink=False):
        from PIL import Image, ImageDraw

        self.image = Image.new("RGB" if pose is None else "RGBA", (side, side))
        self.pen = ImageDraw.Draw(self.image)
        pose, half = np.eye(3) if pose is None else pose, side / 2
        self.matrix = np.array([[half, 0, half], [0, half, half], [0, 0, 1]]) @ pose
        self.unit = half * np.sqrt(abs(np.linalg.det(pose[:2, :2])))
        self.edge = edge
        self.names = {k: tuple(int(v) for v in c) for k, c in colours.items()}
        self.edges = {k: self.names["ink"] if ink else tuple(int(0.62 * v) for v in c)
                      for k, c in self.names.items()}  # fmt: skip

    def _pixels(self, points):
        xyw = np.asarray(points, float) @ self.matrix[:, :2].T + self.matrix[:, 2]
        return (xyw[:, :2] / xyw[:, 2:]).ravel().tolist()

    def _stroke(self, pixels, colour, width):
        width = max(1, round(width * self.unit))
        self.pen.line(pixels, colour, width)
        # Pillow leaves notches where segments meet; they show at corners (a shape of
        # few points) and in wide lines.
        if width > (2 if len(pixels) < 32 else 4):
            r = width / 2 - 0.5
            for x, y in zip(pixels[::2], pixels[1::2], strict=True):
                self.pen.ellipse((x - r, y - r, x + r, y + r), colour)

    def fill(self, colour, points, edge=1.0):
        """Fill a closed shape; ``edge`` multiplies the width of its outline."""
        pixels = self._pixels(points)
        self.pen.polygon(pixels, self.names[colour])
        if self.edge * edge:
            self._stroke(pixels + pixels[:2], self.edges[colour], self.edge * edge)

    def disc(self, colour, x, y, rx, ry=None, edge=1.0):
        """Fill an ellipse."""
        self.fill(colour, _arc(x, y, rx, ry or rx), edge)

    def line(self, colour, points, width):
        """Draw a line of a width in units."""
        self._stroke(self._pixels(points), self.names[colour], width)

    def tube(self, colour, points, width):
        """Draw a thick line that has an outline."""
        pixels = self._pixels(points)
        self._stroke(pixels, self.edges[colour], width + 2 * max(self.edge, 0.02))
        self._stroke(pixels, self.names[colour], width)


# The ten classes. Each fits [-1, 1]^2, looks to the right and is drawn back to front.
# fmt: off


def _tench(c, rng):
    h, fin, lobe = rng.uniform((0.28, 0.16, 0.22), (0.42, 0.34, 0.4))
    c.fill("trim", _smooth((0.4, -h * 0.8), (0.2, -h - fin), (-0.15, -h - fin * 0.7),
                           (-0.3, -h * 0.5)))
    for x in (0.2, -0.35):
        c.fill("trim", _smooth((x + 0.12, h * 0.6), (x - 0.02, h + fin * 0.7),
                               (x - 0.2, h + fin * 0.6), (x - 0.1, h * 0.5)))
    c.fill("trim", _smooth((-0.5, -0.1), (-0.78, -lobe), (-1, -lobe), (-0.94, 0),
                           (-1, lobe), (-0.78, lobe), (-0.5, 0.1)))
    back = [(-0.66, -0.1), (-0.25, -h * 0.8), (0.25, -h), (0.68, -h * 0.7), (0.97, 0)]
    belly = [(0.9, 0.1), (0.6, h * 0.7), (0.15, h * 0.95), (-0.3, h * 0.7), (-0.6, 0.1)]
    c.fill("body", _smooth(*back, *belly))
    if rng.random() < 0.6:
        c.fill("light", _smooth(*belly[:4], (-0.4, h * 0.4), (0.2, h * 0.5)), edge=0)
    if rng.random() < 0.7:
        for i, y in np.ndindex(5, 3):
            at = 0.16 * i - 0.35 - 0.1 * (y != 1), (0.4 * y - 0.5) * h
            c.line("shade", _arc(*at, 0.07, h * 0.18, -70, 70, 6), 0.025)
    c.line("shade", _arc(0.42, 0, 0.14, h * 0.7, -60, 60, 8), 0.04)
    c.fill("trim", _smooth((0.36, 0.06), (0.12, 0.02), (0.08, 0.16), (0.2, 0.2)))
    c.disc("light", 0.7, -h * 0.25, 0.08)
    c.disc("dark", 0.71, -h * 0.25, 0.045, edge=0)
    c.line("dark", [(0.95, 0.04), (0.82, 0.07)], 0.03)


def _springer(c, rng):
    (_springer_head if rng.random() < 0.4 else _springer_standing)(c, rng)


def _springer_standing(c, rng):
    a, b, nod, wag = rng.uniform((-0.12, -0.12, -0.08, 0), (0.12, 0.12, 0.1, 0.3))
    c.tube("body", [(-0.62, -0.15), (-0.8, -0.2 - wag)], 0.1)
    for x, step, colour in ((-0.6, b, "shade"), (0.2, -a, "shade"),
                            (-0.48, -b, "light"), (0.32, a, "light")):
        foot = x + step
        c.fill(colour, [(x - 0.12, 0.1), (x + 0.13, 0.1), (foot + 0.08, 0.72),
                        (foot + 0.15, 0.84), (foot - 0.07, 0.84)])
    c.fill("light", _smooth((-0.7, -0.12), (-0.4, -0.26), (0.1, -0.22), (0.3, -0.45),
                            (0.55, -0.35), (0.5, 0.1), (0.3, 0.3), (-0.2, 0.22),
                            (-0.62, 0.26)))
    c.fill("body", _smooth((-0.66, -0.13), (-0.4, -0.24), (-0.1, -0.22), (-0.15, 0.1),
                           (-0.45, 0.12), (-0.6, 0.1)), edge=0)
    y = nod - 0.55
    c.fill("light", _smooth((0.22, y - 0.1), (0.45, y - 0.24), (0.62, y - 0.12),
                            (0.95, y), (0.95, y + 0.16), (0.6, y + 0.22),
                            (0.35, y + 0.22)))
    c.fill("body", _smooth((0.22, y - 0.08), (0.44, y - 0.22), (0.6, y - 0.12),
                           (0.62, y + 0.03), (0.4, y + 0.1)), edge=0)
    c.fill("body", _smooth((0.25, y - 0.1), (0.4, y - 0.08), (0.46, y + 0.2),
                           (0.36, y + 0.52), (0.2, y + 0.5), (0.14, y + 0.2)))
    c.disc("dark", 0.94, y + 0.03, 0.065)
    c.disc("dark", 0.6, y - 0.02, 0.04, edge=0)


def _springer_head(c, rng):
    w, drop, wave, tongue = rng.uniform((0.38, 0.35, 0, 0), (0.48, 0.6, 0.1, 1))
    c.fill("light", _smooth((-0.4, 0.5), (0.4, 0.5), (0.75, 1), (-0.75, 1)))
    c.fill("body", _smooth((-w, -0.5), (0, -0.82), (w, -0.5), (w, 0), (0.28, 0.4),
                           (-0.28, 0.4), (-w, 0)))
    c.fill("light", _smooth((-0.06, -0.8), (0.06, -0.8), (0.1, -0.3), (0.3, 0.15),
                            (0.26, 0.5), (0, 0.6), (-0.26, 0.5), (-0.3, 0.15),
                            (-0.1, -0.3)))
    for s in (-1, 1):
        c.fill("trim", _smooth((s * w * 0.7, -0.62), (s * (w + 0.14), -0.45),
                               (s * (w + 0.28 + wave), 0), (s * (w + 0.2), drop),
                               (s * (w + 0.02), drop - 0.02), (s * w * 0.95, -0.1)))
        c.disc("dark", s * 0.2, -0.2, 0.075)
        c.disc("light", s * 0.2 + 0.02, -0.23, 0.025, edge=0)
        for x, y in ((0.13, 0.3), (0.2, 0.24), (0.21, 0.36)):
            c.disc("shade", s * x, y, 0.018, edge=0)
    if tongue < 0.5:
        c.disc("accent", 0, 0.54, 0.1, 0.16)
    c.line("dark", _smooth((-0.2, 0.38), (0, 0.44), (0.2, 0.38), closed=False), 0.04)
    c.fill("dark", _smooth((-0.13, 0.12), (0.13, 0.12), (0.05, 0.26), (-0.05, 0.26)))


def _cassette_player(c, rng):
    h, r, door = rng.uniform((0.42, 0.22, 0.24), (0.58, 0.3, 0.32))
    if rng.random() < 0.7:
        top = -h - 0.28
        c.tube("dark", [(-0.6, -h), (-0.55, top), (0.55, top), (0.6, -h)], 0.08)
    c.fill("body", _box(-1, -h, 1, h, 0.08))
    speakers = rng.random() < 0.75
    x, door = (0, door) if speakers else (-0.2, 0.62)
    c.fill("light", _box(x - door - 0.06, -0.12, x + door + 0.06, h - 0.08, 0.05))
    c.fill("dark", _box(x - door, -0.05, x + door, h - 0.15))
    for s in (-1, 1):
        c.disc("light", x + s * door * 0.5, h / 2 - 0.1, h * 0.26 - 0.03)
        c.disc("shade", x + s * door * 0.5, h / 2 - 0.1, h * 0.1, edge=0.5)
        if speakers:
            for colour, k in (("trim", 1), ("dark", 0.7), ("accent", 0.25)):
                c.disc(colour, s * 0.68, 0.04, r * k)
    if not speakers:
        for y, colour in enumerate(("trim", "accent", "accent")):
            c.disc(colour, 0.75, 0.4 * y * h - 0.08, 0.09)
    c.fill("light", _box(-0.85, -h + 0.08, 0.1, -h + 0.2))
    for x in (0.25, 0.42, 0.59, 0.76):
        c.fill("accent", _box(x, -h + 0.08, x + 0.11, -h + 0.2), edge=0.6)


def _chain_saw(c, rng):
    tip, h, top = rng.uniform((0.8, 0.14, 0.42), (1.1, 0.2, 0.55))
    x, y = -0.2, 0.12
    for t, s in np.ndindex(int((tip - x) / 0.115) + 1, 2):
        t, s = x + t * 0.115, (2 * s - 1) * h
        c.fill("dark", [(t, y + s), (t + 0.07, y + s), (t + 0.07, y + s * 1.5)], edge=0)
    for colour, k in (("dark", 1), ("light", 0.62)):
        end = _arc(tip, y, h * k, h * k, -90, 90, 9)
        c.fill(colour, [*end, (x, y + h * k), (x, y - h * k)], edge=0.7)
    c.line("shade", [(x + 0.45, y), (tip - 0.15, y)], 0.05)
    c.tube("trim", _smooth((-0.5, -0.15), (-0.8, -0.22), (-0.98, 0.0), (-0.92, 0.34),
                           (-0.5, 0.36), closed=False), 0.12)
    c.tube("dark", _smooth((-0.5, -0.1), (-0.45, -top), (-0.12, -top - 0.06),
                           (0.02, -0.15), closed=False), 0.09)
    c.fill("body", _smooth((-0.62, -0.2), (-0.32, -0.3), (0.04, -0.22), (0.12, 0.1),
                           (0.04, 0.38), (-0.32, 0.42), (-0.62, 0.4)))
    c.fill("accent", [(0.08, -0.52), (0.2, -0.48), (0.2, -0.1), (0.08, -0.1)])
    c.disc("light", -0.22, 0.1, 0.17)
    c.disc("dark", -0.22, 0.1, 0.07)
    for y in (-0.04, 0.08, 0.2):
        c.line("shade", [(-0.54, y), (-0.44, y)], 0.045)


def _church(c, rng):
    wall, roof, w, spire = rng.uniform((0.05, 0.3, 0.15, 0.3), (0.25, 0.45, 0.22, 0.5))
    kind = rng.integers(3)  # one tower at the side, one in the middle, or two
    windows: tuple[float, ...]
    towers: tuple[float, ...]
    if kind == 0:
        ridge, windows, towers = wall - roof, (-0.1, 0.3, 0.7), (-0.6,)
        c.fill("body", _box(-0.7, wall, 0.95, 0.9))
        c.fill("trim", [(-0.7, wall), (-0.5, ridge), (0.78, ridge), (1, wall)])
    else:
        x, windows = (0.8, (-0.5, 0.5)) if kind == 1 else (0.65, ())
        towers, ridge = (0,) if kind == 1 else (-0.7, 0.7), wall - roof * 1.3
        gable = [(-x, wall), (0, ridge), (x, wall)]
        c.fill("body", [(-x, 0.9), *gable, (x, 0.9)])
        c.line("trim", np.array(gable) * (1.1, 1), 0.1)
    for x in windows:
        c.fill("dark", _window(x, 0.35, 0.08, 0.25))
    top = wall - roof - 0.08
    for x in towers:
        c.fill("body", _box(x - w, top, x + w, 0.9))
        c.fill("trim", [(x - w - 0.06, top), (x, top - spire), (x + w + 0.06, top)])
        c.fill("dark", _window(x, top + 0.14, 0.08, 0.2))
        cross = top - spire - 0.13
        c.line("dark", [(x, cross + 0.16), (x, cross - 0.09)], 0.045)
        c.line("dark", [(x - 0.08, cross), (x + 0.08, cross)], 0.045)
    if kind == 2:
        c.disc("accent", 0, 0.15, 0.16)
    c.fill("accent", _window(-0.6 if kind == 0 else 0, 0.58, 0.14, 0.32))


def _french_horn(c, rng):
    r, width, bell = rng.uniform((0.44, 0.1, 0.36), (0.54, 0.14, 0.46))
    pipe = _smooth((-0.1, -r), (-0.5, -r - 0.12), (-0.95, -r - 0.3), closed=False)
    c.tube("body", pipe, 0.06)
    c.line("shade", [(-0.93, -r - 0.3), (-1, -r - 0.33)], 0.13)
    c.tube("body", _arc(-0.1, 0, r, r, n=40), width)
    c.tube("body", _arc(-0.05, 0.03, r * 0.62, r * 0.62, 20, 330), width * 0.75)
    for x in (-0.3, -0.13, 0.04):
        c.fill("trim", _box(x, -0.14, x + 0.12, 0.2), edge=0.7)
        c.line("shade", [(x + 0.06, -0.14), (x + 0.06, -0.3)], 0.05)
    c.fill("body", [*_smooth((0.15, -r * 0.75), (0.42, -0.25), (0.5, 0.25), (0.4, 0.7),
                             closed=False),
                    *_smooth((0.98, 0.3), (0.68, 0.1), (0.6, -0.35), (0.3, -r * 1.05),
                             closed=False)])
    turn = np.array([[0.82, -0.57], [0.57, 0.82]])
    rim = _arc(0, 0, bell, bell * 0.42) @ turn + (0.69, 0.5)
    c.fill("body", rim)
    mouth = _arc(0, 0, bell * 0.82, bell * 0.34) @ turn + (0.7, 0.51)
    c.fill("accent", mouth, edge=0.6)


def _garbage_truck(c, rng):
    top, cab, back, ribs = rng.uniform((0.5, 0.28, 0.05, 2), (0.72, 0.45, 0.3, 5))
    c.fill("dark", _box(-0.9, 0.28, 0.9, 0.44))
    if rng.random() < 0.5:  # a loader at the back, or a hopper that slants
        c.fill("body", [(-0.7, -top), (0.3, -top), (0.36, 0.3), (-0.7, 0.3)])
        c.fill("trim", [(-0.7, -top), (-0.85 - back / 2, -top * 0.6), (-1, 0.34),
                        (-0.7, 0.38)])
    else:
        c.fill("body", [(-0.85, -top), (0.32, -top), (0.36, 0.3), (-1 + back / 2, 0.3),
                        (-1, -0.05)])
    for x in np.linspace(-0.62, 0.22, int(ribs) + 1):
        c.line("shade", [(x, -top + 0.08), (x, 0.24)], 0.05)
    if rng.random() < 0.5:
        c.fill("light", _box(-0.5, -0.25, 0.12, -0.05), edge=0.6)
    c.fill("trim", [(0.42, -cab), (0.78, -cab), (0.95, 0.02), (0.98, 0.4), (0.42, 0.4)])
    y = 0.08 - cab
    c.fill("light", [(0.52, y), (0.74, y), (0.86, 0.02), (0.52, 0.02)])
    c.disc("accent", 0.92, 0.24, 0.05)
    for x in ((-0.62, -0.2, 0.66) if rng.random() < 0.6 else (-0.5, 0.66)):
        c.disc("dark", x, 0.48, 0.2)
        c.disc("light", x, 0.48, 0.09, edge=0.5)


def _gas_pump(c, rng):
    w, top, sag = rng.uniform((0.34, 0.7, 0.45), (0.46, 0.88, 0.75))
    kind = rng.integers(3)  # a square head, a round head, or a globe on top
    x = w + 0.32
    c.tube("dark", _smooth((w - 0.05, -0.1), (w + 0.14, sag - 0.1), (x + 0.04, sag),
                           (x + 0.16, 0.2), (x + 0.06, -0.4), closed=False), 0.075)
    c.fill("trim", [(x - 0.02, -0.5), (x + 0.14, -0.52), (x + 0.14, -0.2), (x, -0.2)])
    c.tube("dark", [(x, -0.45), (x - 0.14, -0.58), (x - 0.22, -0.48)], 0.05)
    if kind == 2:
        c.disc("accent", 0, -top - 0.06, 0.2)
    c.fill("body", _box(-w, -top, w, 0.85, (0.08, w * 0.9, 0.04)[kind]))
    c.fill("shade", _box(-w - 0.1, 0.82, w + 0.1, 0.95))
    c.fill("dark", _box(-w * 0.7, -top + 0.15, w * 0.7, -top + 0.5, 0.03))
    for y in (0.2, 0.35):
        c.fill("light", _box(-w * 0.58, y - top, w * 0.58, y - top + 0.1), edge=0)
    c.fill("trim", _box(-w * 0.8, 0.02, w * 0.8, 0.68))
    if rng.random() < 0.6:
        drop = _smooth((0, 0.12), (0.15, 0.42), (0, 0.56), (-0.15, 0.42))
        c.fill("accent", drop, edge=0.6)


def _golf_ball(c, rng):
    r, dimple, count = rng.uniform((0.66, 0.08, 90), (0.88, 0.105, 140))
    if rng.random() < 0.5:
        c.fill("accent", [(-0.24, r - 0.1), (0.24, r - 0.1), (0.06, r + 0.15),
                          (0.02, 1.3), (-0.02, 1.3), (-0.06, r + 0.15)])
    c.disc("dimple", 0, 0, r, edge=1.2)
    x, y = rng.uniform(-0.06, 0.06, 2)
    c.disc("light", x, y, r * 0.91, edge=0)
    # Dimples along a spiral on the sphere, turned at random; those in front are drawn.
    k = np.arange(int(count)) + 0.5
    z, turn = 1 - 2 * k / len(k), k * np.pi * (1 + 5**0.5)
    around = np.sqrt(1 - z * z)
    ball = np.stack([around * np.cos(turn), around * np.sin(turn), z], 1)
    ball = ball @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    for x, y, z in ball[ball[:, 2] > 0.2]:
        out = np.array([x, y]) / np.hypot(x, y)
        spot = _arc(0, 0, dimple * z, dimple, n=11) @ [out, (-out[1], out[0])]
        c.fill("dimple", r * (spot + np.array([x, y])), edge=0)


def _parachute(c, rng):
    gores, h, w, rim = rng.uniform((4, 0.5, 0.75, 0.04), (9, 0.75, 0.98, 0.14))
    gores, foot = int(gores), h - 0.92
    x = w * np.sin(np.linspace(-np.pi / 2, np.pi / 2, gores + 1))
    for end in x:
        c.line("ink", [(end, foot), (0, 0.62)], 0.025)
    for k, (a, b) in enumerate(pairwise(x)):
        hem = _smooth((b, foot), ((a + b) / 2, foot - rim), (a, foot), closed=False)
        left, right = (_arc(0, foot, s, h, -90, 0, 9) for s in (a, b))
        c.fill(("body", "trim")[k % 2], [*left[::-1], *right, *hem])
    c.fill("accent", _smooth((-0.1, 0.64), (0.1, 0.64), (0.08, 0.84), (-0.08, 0.84)))
    for s in (-1, 1):
        c.line("dark", [(s * 0.05, 0.82), (s * 0.09, 1)], 0.06)
    c.disc("light", 0, 0.6, 0.075)


# fmt: on
# Class name, its drawing, and the largest tilt in degrees that looks natural.
_DRAWINGS = (
    ("tench", _tench, 25),
    ("English springer", _springer, 8),
    ("cassette player", _cassette_player, 20),
    ("chain saw", _chain_saw, 35),
    ("church", _church, 4),
    ("French horn", _french_horn, 30),
    ("garbage truck", _garbage_truck, 7),
    ("gas pump", _gas_pump, 8),
    ("golf ball", _golf_ball, 15),
    ("parachute", _parachute, 18),
)

#: The names of the ten classes, in the order of their labels.
CLASSES = tuple(name for name, _, _ in _DRAWINGS)


# What is around the object. None of it looks at the class.


def _plain(c, rng):
    pass


def _ground(c, rng):
    """Draw a horizon, level or hilly, and return its height."""
    y, hill = rng.uniform((-0.1, -0.2), (0.6, 0.2))
    line = _smooth((-1, y), (-0.3, y + hill), (1, y), closed=False)
    c.fill("near", [(-1, 1), *line, (1, 1)])
    return y


def _grass(c, rng):
    for x, y in rng.uniform((-1, _ground(c, rng)), (1, 1.1), (26, 2)):
        c.line("bits", [(x, y), (x + 0.03, y - 0.13)], 0.02)


def _water(c, rng):
    wave = np.array([(-0.2, 0), (-0.1, -0.03), (0, 0), (0.1, -0.03), (0.2, 0)])
    for at in rng.uniform((-1, _ground(c, rng)), (1, 1), (12, 2)):
        c.line("bits", wave + at, 0.022)


def _stripes(c, rng):
    width, slope = rng.uniform((0.12, -1), (0.3, 1))
    bar = np.array([(-slope, -1), (width - slope, -1), (width + slope, 1), (slope, 1)])
    for x in np.arange(-2, 2, 2 * width):
        c.fill("near", bar + np.array([x, 0]))


def _checker(c, rng):
    n = rng.integers(3, 7)
    for i, j in np.ndindex(n, n):
        if (i + j) % 2:
            c.fill("near", _box(i, j, i + 1, j + 1) * 2 / n - 1)


_BACKGROUNDS = (_plain, _plain, _ground, _grass, _water, _stripes, _checker)


def _clutter(c, rng, count, size):
    """Scatter leaves, clouds, discs, bars and lines over the frame."""
    for _ in range(count):
        x, y, turn, s = rng.uniform((-1, -1, 0, size / 2), (1, 1, 2 * np.pi, size))
        colour, kind = ("near", "bits")[rng.integers(2)], rng.integers(5)
        u, at = s * np.array([np.cos(turn), np.sin(turn)]), np.array([x, y])
        v = np.array([-u[1], u[0]]) * 0.4
        if kind == 0:
            c.fill(colour, _smooth(at - u, at + v, at + u, at - v))
            c.line("far", [at - u, at + u * 0.7], 0.02)
        elif kind == 1:
            for k, r in ((-0.8, 0.6), (0, 0.8), (0.8, 0.6)):
                c.disc(colour, x + k * s, y, s * r, s * 0.45)
        elif kind == 2:
            c.disc(colour, x, y, s * 0.6)
        elif kind == 3:
            c.fill(colour, [at - u - v, at + u - v, at + u + v, at - u + v])
        else:
            c.line(colour, [at - 3 * u, at + 3 * u], 0.035)


def _tones(rng):
    """Return a palette, jittered, its three middle tones in random order."""
    tones = TONES[rng.integers(len(TONES))] + rng.normal(0, 9, (5, 3))
    return np.clip(tones, 0, 255)[[*rng.permutation(3), 3, 4]]


def _object_colours(rng, line_drawing):
    """Return what the colour names mean; a line drawing has one paper and one ink."""
    body, trim, accent, light, dark = _tones(rng)
    shade, dimple, swap = body * 0.65, light * 0.78, rng.random()
    if line_drawing:
        paper, dark = (dark, light) if swap < 0.35 else (light, dark)
        body = trim = accent = light = paper
        shade, dimple = dark, 0.65 * paper + 0.35 * dark
    elif swap < 0.3:
        body, light, shade, dimple = light, body, light * 0.65, body * 0.78
    return {"body": body, "trim": trim, "accent": accent, "light": light, "dark": dark,
            "ink": dark, "shade": shade, "dimple": dimple}  # fmt: skip


def _scene_colours(rng):
    """Return three colours that stay behind the object: all pale or all deep."""
    tones = _tones(rng)
    towards = tones[3 if rng.random() < 0.65 else 4]
    t = rng.uniform(0.3, 0.7, (3, 1))
    far, near, bits = (1 - t) * tones[:3] + t * towards
    return {"far": far, "near": near, "bits": bits}


def _pose(rng, tilt):
    """Return a random homography: scale, tilt, shear, flip, place, perspective."""
    scale, ratio, shear = rng.uniform((0.64, 0.94, -0.1), (0.92, 1.07, 0.1))
    a = np.radians(rng.uniform(-tilt, tilt))
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    flip = np.diag([rng.choice((-1, 1)) * scale * ratio, scale / ratio])
    pose = np.eye(3)
    pose[:2, :2] = turn @ [[1, shear], [0, 1]] @ flip
    pose[:2, 2] = rng.uniform(-1, 1, 2) * (1.04 - scale)
    pose[2, :2] = rng.uniform(-0.1, 0.1, 2)
    return pose


def _planes(canvas, image_size):
    """Return the reduced colours (h, w, 3) in 0..255 and cover (h, w, 1) in 0..1."""
    image = canvas.image.reduce(canvas.image.width // image_size)
    pixels = np.asarray(image, np.float32)
    return pixels[..., :3], pixels[..., 3:] / 255


def _blur(plane, radius):
    """Blur an array of shape (h, w) or (h, w, 3) with values in 0..255."""
    from PIL import Image, ImageFilter

    image = Image.fromarray(np.clip(plane, 0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32)


def _mottle(rng, image_size):
    """Return a smooth random field of shape (h, w, 1), a few bumps wide."""
    from PIL import Image

    n = int(rng.integers(3, 12))
    field = Image.fromarray(rng.normal(0, 0.5, (n, n)).astype(np.float32))
    field = field.resize((image_size, image_size), Image.Resampling.BICUBIC)
    return np.asarray(field)[..., None]


def _finish(scene, layer, rng, image_size):
    """Put the object on the scene, add shadow, light, blur and noise."""
    (behind, _), (colour, cover) = (_planes(c, image_size) for c in (scene, layer))
    low = (-40, 0, 0, -0.2, -0.06, 0, -0.014, 0, 0)
    high = (40, 0.3, 0.5, 0.1, 0.06, 0.07, 0.007, 8, 2 * np.pi)
    how = rng.uniform(low, high).tolist()  # plain floats keep the arrays float32
    bumps, slope, shade, glow, dx, dy, soft, grain, angle = how
    field = _mottle(rng, image_size)
    axis = np.linspace(-slope, slope, image_size, dtype=np.float32)
    light = 1 + glow + (np.cos(angle) * axis + np.sin(angle) * axis[:, None])[..., None]
    shift = round(dy * image_size), round(dx * image_size)
    shadow = _blur(np.roll(255 * cover[..., 0], shift, (0, 1)), image_size * 0.025)
    behind = (behind + max(bumps, 0) * field) * (1 - shade / 255 * shadow[..., None])
    picture = light * (behind + cover * (colour - behind))
    if soft > 0:
        picture = _blur(picture, soft * image_size)
    grain *= (64 / max(image_size, 64)) ** 0.5
    picture += grain * rng.standard_normal((image_size, image_size, 1), np.float32)
    return np.clip(picture, 0, 255).astype(np.uint8)


def draw(label, *, rng, image_size=64):
    """Draw one picture of a class.

    Parameters
    ----------
    label : int
        Index into :data:`CLASSES`, 0..9.
    rng : numpy.random.Generator
        Source of everything random; its state is advanced.
    image_size : int
        Width and height in pixels, at least 16.

    Returns
    -------
    numpy.ndarray of shape (image_size, image_size, 3), uint8
        Red, green and blue, 0..255.

    Raises
    ------
    ValueError
        If the label is not 0..9 or the size is below 16.
    """
    if not 0 <= label < len(CLASSES):
        raise ValueError(f"label must be 0..{len(CLASSES) - 1}, not {label}")
    _check_size(image_size)
    _, shapes, tilt = _DRAWINGS[label]
    side = image_size * (3 if image_size < 128 else 2)
    around = _scene_colours(rng)
    scene = _Canvas(side, around)
    scene.fill("far", _box(-1, -1, 1, 1))
    _BACKGROUNDS[rng.integers(len(_BACKGROUNDS))](scene, rng)
    _clutter(scene, rng, rng.integers(4), 0.25)

    style, edge = rng.uniform((0, 0.02), (1, 0.05))  # lines, inked, outlined or flat
    colours = _object_colours(rng, style < 0.22) | around
    edge = edge if style < 0.88 else 0.0
    layer = _Canvas(side, colours, _pose(rng, tilt), edge, ink=style < 0.6)
    shapes(layer, rng)
    layer.matrix = scene.matrix
    _clutter(layer, rng, int(rng.random() < 0.4), 0.16)
    return _finish(scene, layer, rng, image_size)


def sketchnette(n, *, image_size=64, seed=0, split="train"):
    """Draw a balanced data set; picture i shows class i % 10.

    Parameters
    ----------
    n : int
        How many pictures, at least 1.
    image_size : int
        Width and height in pixels, at least 16.
    seed : int
        Not negative. The same seed draws the same pictures, at every size and n.
    split : {"train", "val"}
        Which of two sets of pictures that share none.

    Returns
    -------
    images : torch.Tensor of shape (n, 3, image_size, image_size), uint8
    labels : torch.Tensor of shape (n,), int64
        Indices into :data:`CLASSES`.

    Raises
    ------
    ValueError
        If an argument is outside what is said above.
    """
    import torch

    if n < 1:
        raise ValueError(f"n must be at least 1 picture, not {n}")
    if split not in SPLITS:
        raise ValueError(f"split must be 'train' or 'val', not {split!r}")
    if seed < 0:
        raise ValueError(f"seed must be 0 or more, not {seed}")
    _check_size(image_size)
    images = np.empty((n, image_size, image_size, 3), np.uint8)
    labels: np.ndarray = np.arange(n) % len(CLASSES)
    for i, label in enumerate(labels):
        rng = np.random.default_rng([seed, SPLITS.index(split), i])
        images[i] = draw(label, rng=rng, image_size=image_size)
    images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return torch.from_numpy(images), torch.from_numpy(labels)


def _check_size(image_size):
    if image_size < 16:
        raise ValueError(f"image_size must be at least 16 pixels, not {image_size}")
