"""Sketchnette: Imagenette's ten classes, drawn by code.

The pages of this book learn from pictures while they are built, and they must build
on a machine that has no data set and no network. So the pictures are drawn: each
class is one short function that lists shapes in unit coordinates, and a random pose,
palette, drawing style, background, clutter, light, blur and noise turn that list
into a different picture every time.

Picture ``i`` of a split has a generator of its own, seeded by (seed, split, i). It
does not depend on how many pictures are drawn, ``"train"`` and ``"val"`` share none,
and since geometry is in unit coordinates it is the same picture at every size.

Palettes and backgrounds are drawn without looking at the class, so colour does not
give it away: the tests check that a linear classifier on the pixels does poorly,
and (marked slow) that a small residual network does well.

>>> images, labels = sketchnette(20, image_size=64)
>>> images.shape, CLASSES[labels[3]]
(torch.Size([20, 3, 64, 64]), 'chain saw')
"""

from functools import lru_cache

import numpy as np

SPLITS = ("train", "val")

# Three middle tones, a light and a dark; shared by all classes.
PALETTES = (
    ("#d1495b", "#edae49", "#00798c", "#f4efe6", "#22333b"),
    ("#7a5230", "#c98f55", "#4d7c57", "#f6eee0", "#2b2118"),
    ("#3d5a80", "#ee6c4d", "#98c1d9", "#f5f9fc", "#293241"),
    ("#6a4c93", "#ff9f80", "#4fb0a5", "#fbf3e8", "#2a1f3d"),
    ("#5c6b73", "#c2a878", "#9db4c0", "#f7f5ef", "#253237"),
    ("#2f7d4f", "#e3b23c", "#b5533c", "#fbf7e4", "#1d2b22"),
    ("#c75146", "#81a4cd", "#e6c79c", "#fdf6ec", "#31231e"),
    ("#1f6f8b", "#e6a57e", "#99a83d", "#f3f6ee", "#16262e"),
)
TONES = np.array([[[int(c[k : k + 2], 16) for k in (1, 3, 5)] for c in p]
                  for p in PALETTES], float)  # fmt: skip


# Curves: arrays of points, shape (n, 2), x to the right and y down.


def _box(x0, y0, x1, y1, r=0.0):
    """Return a rectangle, its corners rounded with radius r."""
    if not r:
        return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    corners = ((x1 - r, y0 + r, -90), (x1 - r, y1 - r, 0),
               (x0 + r, y1 - r, 90), (x0 + r, y0 + r, 180))  # fmt: skip
    return np.concatenate([_arc(x, y, r, r, a, a + 90, 4) for x, y, a in corners])


def _arc(x, y, rx, ry, start=0, stop=360, n=24):
    """Return n points of an ellipse between two angles in degrees."""
    t = np.radians(np.linspace(start, stop, n))
    return np.stack([x + rx * np.cos(t), y + ry * np.sin(t)], 1)


@lru_cache
def _catmull_rom(n, closed, steps=5):
    """Return the matrix that takes n knots to a smooth curve through them."""
    t = np.arange(steps)[:, None] / steps
    weights = np.hstack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3,
                         t + 4 * t**2 - 3 * t**3, t**3 - t**2]) / 2  # fmt: skip
    spans = n if closed else n - 1
    matrix = np.zeros((spans * steps + (not closed), n))
    for i in range(spans):
        for j, column in zip(range(i - 1, i + 3), weights.T):
            j = j % n if closed else min(max(j, 0), n - 1)
            matrix[i * steps : (i + 1) * steps, j] += column
    if not closed:
        matrix[-1, -1] = 1
    return matrix


def _smooth(*knots, closed=True):
    """Return a smooth curve through the knots."""
    return _catmull_rom(len(knots), closed) @ np.array(knots, float)


class _Canvas:
    """A supersampled picture that is drawn on in unit coordinates, [-1, 1]^2.

    Parameters
    ----------
    side : int
        Width and height in pixels.
    colours : dict of str to array of shape (3,)
        What the colour names mean, 0..255.
    pose : array of shape (3, 3)
        Homography from the drawing's coordinates to the frame's.
    edge : float
        Width of outlines, in units; zero draws none.
    ink : bool
        Outline in the colour "ink", else in a darker tone of the fill.
    """

    def __init__(self, side, colours, pose=np.eye(3), edge=0.0, ink=False):
        from PIL import Image, ImageDraw

        self.image = Image.new("RGBA", (side, side))
        self.pen = ImageDraw.Draw(self.image)
        frame = np.array([[side / 2, 0, side / 2], [0, side / 2, side / 2], [0, 0, 1]])
        self.matrix = frame @ pose
        self.unit = side / 2 * np.sqrt(abs(np.linalg.det(pose[:2, :2])))
        self.names = {k: tuple(int(v) for v in c) for k, c in colours.items()}
        self.darker = {k: tuple(int(v * 0.62) for v in c) for k, c in colours.items()}
        self.edge, self.ink = edge, ink

    def _pixels(self, points):
        xyw = np.asarray(points, float) @ self.matrix[:, :2].T + self.matrix[:, 2]
        return (xyw[:, :2] / xyw[:, 2:]).ravel().tolist()

    def _stroke(self, pixels, colour, width):
        width = max(1, round(width * self.unit))
        self.pen.line(pixels, colour, width)
        if width > 2 and len(pixels) < 32:  # few points: corners, which need caps
            r = width / 2 - 0.5
            for x, y in zip(pixels[::2], pixels[1::2]):
                self.pen.ellipse((x - r, y - r, x + r, y + r), colour)

    def fill(self, colour, points, edge=1.0):
        """Fill a closed shape; ``edge`` multiplies the outline's width."""
        pixels = self._pixels(points)
        self.pen.polygon(pixels, self.names[colour])
        if self.edge * edge:
            shade = self.names["ink"] if self.ink else self.darker[colour]
            self._stroke(pixels + pixels[:2], shade, self.edge * edge)

    def disc(self, colour, x, y, rx, ry=None, edge=1.0):
        """Fill an ellipse."""
        self.fill(colour, _arc(x, y, rx, ry or rx, n=24), edge)

    def line(self, colour, points, width):
        """Draw a line of a width in units."""
        self._stroke(self._pixels(points), self.names[colour], width)

    def tube(self, colour, points, width):
        """Draw a thick line with an outline."""
        pixels = self._pixels(points)
        shade = self.names["ink"] if self.ink else self.darker[colour]
        self._stroke(pixels, shade, width + 2 * max(self.edge, 0.02))
        self._stroke(pixels, self.names[colour], width)


# The ten classes. Each fits [-1, 1]^2, looks to the right, and draws back to front.


def _tench(c, rng):
    h, fin, lobe = rng.uniform((0.28, 0.16, 0.22), (0.42, 0.34, 0.4))
    c.fill("trim", _smooth((0.4, -h * 0.8), (0.2, -h - fin), (-0.15, -h - fin * 0.7),
                           (-0.3, -h * 0.5)))  # fmt: skip
    for x in (0.2, -0.35):
        c.fill("trim", _smooth((x + 0.12, h * 0.6), (x - 0.02, h + fin * 0.7),
                               (x - 0.2, h + fin * 0.6), (x - 0.1, h * 0.5)))  # fmt: skip
    c.fill("trim", _smooth((-0.5, -0.1), (-0.78, -lobe), (-1, -lobe), (-0.94, 0),
                           (-1, lobe), (-0.78, lobe), (-0.5, 0.1)))  # fmt: skip
    back = [(-0.66, -0.1), (-0.25, -h * 0.8), (0.25, -h), (0.68, -h * 0.7), (0.97, 0)]
    belly = [(0.9, 0.1), (0.6, h * 0.7), (0.15, h * 0.95), (-0.3, h * 0.7), (-0.66, 0.1)]
    c.fill("body", _smooth(*back, *belly))
    if rng.random() < 0.6:
        c.fill("light", _smooth(*belly[:4], (-0.4, h * 0.4), (0.2, h * 0.5)), edge=0)
    if rng.random() < 0.7:
        for x in np.arange(-0.45, 0.35, 0.16):
            for y in (-0.5, -0.1, 0.3):
                arc = _arc(x + 0.1 * (y == -0.1), y * h, 0.07, h * 0.18, -70, 70, 6)
                c.line("shade", arc, 0.025)
    c.line("shade", _arc(0.42, 0, 0.14, h * 0.7, -60, 60, 8), 0.04)
    c.fill("trim", _smooth((0.36, 0.06), (0.12, 0.02), (0.08, 0.16), (0.2, 0.2)))
    c.disc("light", 0.7, -h * 0.25, 0.08)
    c.disc("dark", 0.71, -h * 0.25, 0.045, edge=0)
    c.line("dark", [(0.95, 0.04), (0.82, 0.07)], 0.03)


def _springer(c, rng):
    (_springer_head if rng.random() < 0.4 else _springer_standing)(c, rng)


def _springer_standing(c, rng):
    a, b, nod, wag = rng.uniform((-0.12, -0.12, -0.08, 0), (0.12, 0.12, 0.1, 0.3))
    legs = ((-0.6, b, "shade"), (0.2, -a, "shade"), (-0.48, -b, "light"), (0.32, a, "light"))
    c.tube("body", [(-0.62, -0.15), (-0.8, -0.2 - wag)], 0.1)
    for x, step, colour in legs:
        foot = x + step
        c.fill(colour, [(x - 0.12, 0.1), (x + 0.13, 0.1), (foot + 0.08, 0.72),
                        (foot + 0.15, 0.84), (foot - 0.07, 0.84)])  # fmt: skip
    c.fill("light", _smooth((-0.7, -0.12), (-0.4, -0.26), (0.1, -0.22), (0.3, -0.45),
                            (0.55, -0.35), (0.5, 0.1), (0.3, 0.3), (-0.2, 0.22),
                            (-0.62, 0.26)))  # fmt: skip
    c.fill("body", _smooth((-0.66, -0.13), (-0.4, -0.24), (-0.1, -0.22), (-0.15, 0.1),
                           (-0.45, 0.12), (-0.6, 0.1)), edge=0)  # fmt: skip
    y = nod - 0.55
    c.fill("light", _smooth((0.22, y - 0.1), (0.45, y - 0.24), (0.62, y - 0.12),
                            (0.95, y), (0.95, y + 0.16), (0.6, y + 0.22),
                            (0.35, y + 0.22)))  # fmt: skip
    c.fill("body", _smooth((0.22, y - 0.08), (0.44, y - 0.22), (0.6, y - 0.12),
                           (0.62, y + 0.03), (0.4, y + 0.1)), edge=0)  # fmt: skip
    c.fill("body", _smooth((0.25, y - 0.1), (0.4, y - 0.08), (0.46, y + 0.2),
                           (0.36, y + 0.52), (0.2, y + 0.5), (0.14, y + 0.2)))  # fmt: skip
    c.disc("dark", 0.94, y + 0.03, 0.065)
    c.disc("dark", 0.6, y - 0.02, 0.04, edge=0)


def _springer_head(c, rng):
    w, drop, wave, tongue = rng.uniform((0.38, 0.35, 0, 0), (0.48, 0.6, 0.1, 1))
    c.fill("light", _smooth((-0.4, 0.5), (0.4, 0.5), (0.75, 1), (-0.75, 1)))
    c.fill("body", _smooth((-w, -0.5), (0, -0.82), (w, -0.5), (w, 0), (0.28, 0.4),
                           (-0.28, 0.4), (-w, 0)))  # fmt: skip
    c.fill("light", _smooth((-0.06, -0.8), (0.06, -0.8), (0.1, -0.3), (0.3, 0.15),
                            (0.26, 0.5), (0, 0.6), (-0.26, 0.5), (-0.3, 0.15),
                            (-0.1, -0.3)))  # fmt: skip
    for s in (-1, 1):
        c.fill("trim", _smooth((s * w * 0.7, -0.62), (s * (w + 0.14), -0.45),
                               (s * (w + 0.28 + wave), 0), (s * (w + 0.2), drop),
                               (s * (w + 0.02), drop - 0.02),
                               (s * w * 0.95, -0.1)))  # fmt: skip
        c.disc("dark", s * 0.2, -0.2, 0.075)
        c.disc("light", s * 0.2 + 0.02, -0.23, 0.025, edge=0)
    if tongue < 0.5:
        c.disc("accent", 0, 0.54, 0.1, 0.16)
    c.line("dark", _smooth((-0.2, 0.36), (0, 0.42), (0.2, 0.36), closed=False), 0.04)
    c.fill("dark", _smooth((-0.13, 0.12), (0.13, 0.12), (0.05, 0.26), (-0.05, 0.26)))


def _cassette_player(c, rng):
    h, r, door = rng.uniform((0.42, 0.22, 0.24), (0.58, 0.3, 0.32))
    if rng.random() < 0.7:
        c.tube("dark", [(-0.6, -h), (-0.55, -h - 0.28), (0.55, -h - 0.28), (0.6, -h)], 0.08)
    c.fill("body", _box(-1, -h, 1, h, 0.08))
    speakers = rng.random() < 0.75
    x = 0 if speakers else -0.2
    door = door if speakers else 0.62
    c.fill("light", _box(x - door - 0.06, -0.12, x + door + 0.06, h - 0.08, 0.05))
    c.fill("dark", _box(x - door, -0.05, x + door, h - 0.15))
    middle, reel = h / 2 - 0.1, (h - 0.1) * 0.33
    for s in (-1, 1):
        c.disc("light", x + s * door * 0.5, middle, reel * 0.8)
        c.disc("shade", x + s * door * 0.5, middle, reel * 0.3, edge=0.5)
        if speakers:
            c.disc("trim", s * 0.68, 0.04, r)
            c.disc("dark", s * 0.68, 0.04, r * 0.7)
            c.disc("accent", s * 0.68, 0.04, r * 0.25)
    if not speakers:
        for k, y in enumerate((0.0, 0.2, 0.4)):
            c.disc("accent" if k else "trim", 0.75, y * h / 0.5 - 0.08, 0.09)
    c.fill("light", _box(-0.85, -h + 0.08, 0.1, -h + 0.2))
    for k in range(4):
        x = 0.25 + k * 0.17
        c.fill("accent", _box(x, -h + 0.08, x + 0.11, -h + 0.2), edge=0.6)


def _chain_saw(c, rng):
    bar, h, top = rng.uniform((0.9, 0.13, 0.4), (1.15, 0.19, 0.52))
    x, y, tip = -0.2, 0.12, bar - 0.15
    for t in np.arange(x, tip + 0.05, 0.115):
        for s in (-1, 1):
            c.fill("dark", [(t, y + s * h), (t + 0.07, y + s * h),
                            (t + 0.07, y + s * (h + 0.075))], edge=0)  # fmt: skip
    outline = np.concatenate([_arc(tip, y, h, h, -90, 90, 9), [(x, y + h), (x, y - h)]])
    c.fill("dark", outline)
    inner = np.concatenate([_arc(tip, y, h * 0.65, h * 0.65, -90, 90, 9),
                            [(x, y + h * 0.65), (x, y - h * 0.65)]])  # fmt: skip
    c.fill("light", inner, edge=0.5)
    c.line("shade", [(x + 0.3, y), (tip - 0.15, y)], 0.05)
    c.tube("trim", _smooth((-0.5, -0.15), (-0.8, -0.22), (-0.98, 0.0), (-0.92, 0.34),
                           (-0.5, 0.36), closed=False), 0.12)  # fmt: skip
    c.tube("dark", _smooth((-0.5, -0.1), (-0.45, -top), (-0.1, -top - 0.06),
                           (0.08, -0.15), closed=False), 0.09)  # fmt: skip
    c.fill("body", _smooth((-0.62, -0.2), (-0.3, -0.3), (0.1, -0.22), (0.18, 0.1),
                           (0.1, 0.38), (-0.3, 0.42), (-0.62, 0.4)))  # fmt: skip
    c.fill("accent", [(0.1, -0.5), (0.24, -0.46), (0.24, -0.12), (0.12, -0.12)])
    c.disc("light", -0.2, 0.1, 0.17)
    c.disc("dark", -0.2, 0.1, 0.07)
    for k in range(3):
        c.line("shade", [(-0.54, -0.04 + k * 0.12), (-0.42, -0.04 + k * 0.12)], 0.045)


def _church(c, rng):
    wall, roof, w, spire = rng.uniform((0.05, 0.3, 0.15, 0.3), (0.25, 0.45, 0.22, 0.5))
    kind = rng.integers(3)  # tower at the side, in the middle, or two towers
    x0, x1 = ((-0.7, 0.95), (-0.8, 0.8), (-0.65, 0.65))[kind]
    middle = 0 if kind else 0.12
    if kind == 0:
        c.fill("body", _box(x0, wall, x1, 0.9))
        c.fill("trim", [(x0, wall), (-0.5, wall - roof), (0.78, wall - roof), (x1 + 0.06, wall)])
        windows = (-0.1, 0.3, 0.7)
    else:
        c.fill("body", [(x0, 0.9), (x0, wall), (0, wall - roof * 1.3), (x1, wall), (x1, 0.9)])
        c.line("trim", [(x0 - 0.08, wall + 0.06), (0, wall - roof * 1.3), (x1 + 0.08, wall + 0.06)], 0.1)
        windows = (-0.5, 0.5) if kind == 1 else ()
    for x in windows:
        c.fill("dark", _window(x, 0.35, 0.08, 0.25))
    top = wall - roof - 0.08
    for x in ((-0.6,), (0,), (-0.7, 0.7))[kind]:
        c.fill("body", _box(x - w, top, x + w, 0.9))
        c.fill("trim", [(x - w - 0.06, top), (x, top - spire), (x + w + 0.06, top)])
        c.fill("dark", _window(x, top + 0.14, 0.08, 0.2))
        c.line("dark", [(x, top - spire + 0.03), (x, top - spire - 0.22)], 0.045)
        c.line("dark", [(x - 0.08, top - spire - 0.13), (x + 0.08, top - spire - 0.13)], 0.045)
    if kind == 2:
        c.disc("accent", 0, 0.15, 0.16)
    door = ((-0.6,), (0,), (0,))[kind][0]
    c.fill("accent", _window(door, 0.58, 0.14 if kind == 0 else 0.17, 0.32))


def _window(x, y, half, height):
    """Return an arched opening, its arch starting at y."""
    return np.concatenate([_arc(x, y, half, half * 1.2, 180, 360, 8),
                           [(x + half, y + height), (x - half, y + height)]])  # fmt: skip


def _french_horn(c, rng):
    r, width, bell = rng.uniform((0.44, 0.1, 0.36), (0.54, 0.14, 0.46))
    c.tube("body", _smooth((-0.1, -r), (-0.5, -r - 0.12), (-0.95, -r - 0.3), closed=False), 0.06)
    c.line("shade", [(-0.93, -r - 0.3), (-1, -r - 0.33)], 0.13)
    c.tube("body", _arc(-0.1, 0, r, r, n=40), width)
    c.tube("body", _arc(-0.05, 0.03, r * 0.62, r * 0.62, 20, 330, n=30), width * 0.75)
    for k in range(3):
        x = -0.3 + k * 0.17
        c.fill("trim", _box(x, -0.14, x + 0.12, 0.2), edge=0.7)
        c.line("shade", [(x + 0.06, -0.14), (x + 0.06, -0.3)], 0.05)
    flare = _smooth((0.15, -r * 0.75), (0.42, -0.25), (0.5, 0.25), (0.4, 0.7), closed=False)
    mouth = _smooth((0.98, 0.3), (0.68, 0.1), (0.6, -0.35), (0.3, -r * 1.05), closed=False)
    c.fill("body", np.concatenate([flare, mouth]))
    t = np.radians(-35)
    ring = _arc(0, 0, bell, bell * 0.42, n=28) @ [[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]]
    c.fill("body", ring + (0.69, 0.5))
    c.fill("accent", ring * 0.82 + (0.7, 0.51), edge=0.6)


def _garbage_truck(c, rng):
    top, cab, back, ribs = rng.uniform((0.5, 0.28, 0.05, 2), (0.72, 0.45, 0.3, 5))
    c.fill("dark", _box(-0.9, 0.28, 0.9, 0.44))
    hopper = [(-0.85, -top), (0.32, -top), (0.36, 0.3), (-1 + back / 2, 0.3), (-1, -0.05)]
    if rng.random() < 0.5:
        hopper = [(-0.7, -top), (0.3, -top), (0.36, 0.3), (-0.7, 0.3)]
        c.fill("trim", [(-0.7, -top), (-0.85 - back / 2, -top * 0.6), (-1, 0.34),
                        (-0.7, 0.38)])  # fmt: skip
    c.fill("body", hopper)
    for x in np.linspace(-0.62, 0.22, int(ribs) + 1):
        c.line("shade", [(x, -top + 0.08), (x, 0.24)], 0.05)
    if rng.random() < 0.5:
        c.fill("light", _box(-0.5, -0.25, 0.12, -0.05), edge=0.6)
    c.fill("trim", [(0.42, -cab), (0.78, -cab), (0.95, 0.02), (0.98, 0.4), (0.42, 0.4)])
    c.fill("light", [(0.52, -cab + 0.08), (0.74, -cab + 0.08), (0.86, 0.02), (0.52, 0.02)])
    c.disc("accent", 0.92, 0.24, 0.05)
    for x in ((-0.62, -0.2, 0.66) if rng.random() < 0.6 else (-0.5, 0.66)):
        c.disc("dark", x, 0.48, 0.2)
        c.disc("light", x, 0.48, 0.09, edge=0.5)


def _gas_pump(c, rng):
    w, top, sag = rng.uniform((0.34, 0.7, 0.45), (0.46, 0.88, 0.75))
    side = w + 0.32
    c.tube("dark", _smooth((w - 0.05, -0.1), (w + 0.14, sag - 0.1), (side + 0.04, sag),
                           (side + 0.16, 0.2), (side + 0.06, -0.4), closed=False), 0.075)  # fmt: skip
    c.fill("trim", [(side - 0.02, -0.5), (side + 0.14, -0.52), (side + 0.14, -0.2), (side + 0.02, -0.2)])
    c.tube("dark", [(side, -0.45), (side - 0.14, -0.58), (side - 0.22, -0.48)], 0.05)
    kind = rng.integers(3)  # square head, round head, or a globe on top
    if kind == 2:
        c.disc("accent", 0, -top - 0.06, 0.2)
    c.fill("body", _box(-w, -top, w, 0.85, 0.1 if kind == 0 else w * 0.9 if kind == 1 else 0.04))
    c.fill("shade", _box(-w - 0.1, 0.82, w + 0.1, 0.95))
    c.fill("dark", _box(-w * 0.7, -top + 0.15, w * 0.7, -top + 0.5, 0.03))
    c.fill("light", _box(-w * 0.58, -top + 0.2, w * 0.58, -top + 0.31), edge=0)
    c.fill("light", _box(-w * 0.58, -top + 0.35, w * 0.58, -top + 0.45), edge=0)
    c.fill("trim", _box(-w * 0.8, 0.02, w * 0.8, 0.68))
    if rng.random() < 0.6:
        drop = _smooth((0, 0.12), (0.15, 0.42), (0, 0.56), (-0.15, 0.42))
        c.fill("accent", drop, edge=0.6)


def _golf_ball(c, rng):
    r, dimple, count = rng.uniform((0.62, 0.075, 90), (0.85, 0.105, 150))
    if rng.random() < 0.5:
        c.fill("accent", [(-0.24, r - 0.1), (0.24, r - 0.1), (0.06, r + 0.15), (0.02, 1.3), (-0.02, 1.3), (-0.06, r + 0.15)])
    c.disc("light", 0, 0, r, edge=1.2)
    k = np.arange(int(count)) + 0.5
    z, t = 1 - 2 * k / len(k), k * np.pi * (1 + 5**0.5) + rng.uniform(0, 7)
    spots = np.stack([np.sqrt(1 - z * z) * np.cos(t), np.sqrt(1 - z * z) * np.sin(t), z], 1)
    spots = spots @ np.linalg.qr(rng.normal(size=(3, 3)))[0]
    for x, y, z in spots[spots[:, 2] > 0.2]:
        across = np.array([y, -x]) / max(np.hypot(x, y), 1e-6)
        a = np.linspace(0, 2 * np.pi, 9)[:, None]
        along = np.array([x, y]) / max(np.hypot(x, y), 1e-6) * z
        c.fill("dimple", r * ((x, y) + dimple * (np.cos(a) * across + np.sin(a) * along)), edge=0)


def _parachute(c, rng):
    gores, h, w, rim = rng.uniform((4, 0.5, 0.75, 0.04), (9, 0.75, 0.98, 0.14))
    gores, foot = int(gores), -0.92 + h
    x = w * np.sin(np.linspace(-np.pi / 2, np.pi / 2, gores + 1))
    for k in x:
        c.line("ink", [(k, foot), (0, 0.62)], 0.025)
    for k in range(gores):
        left, right = (_arc(0, foot, s, h, -90, 0, 9)[::-1] for s in x[k : k + 2])
        middle = (x[k] + x[k + 1]) / 2
        hem = _smooth((x[k + 1], foot), (middle, foot - rim), (x[k], foot), closed=False)
        c.fill(("body", "trim")[k % 2], np.concatenate([left, right[::-1], hem]))
    c.fill("accent", _smooth((-0.1, 0.64), (0.1, 0.64), (0.08, 0.84), (-0.08, 0.84)))
    for s in (-1, 1):
        c.line("dark", [(s * 0.05, 0.82), (s * 0.09, 1.0)], 0.06)
    c.disc("light", 0, 0.6, 0.075)


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
CLASSES = tuple(name for name, _, _ in _DRAWINGS)


# Everything around the object: none of it looks at the class.


def _mix(a, b, t):
    return np.asarray(a) * (1 - t) + np.asarray(b) * t


def _colours(rng):
    """Return the colours of an object: a palette, shuffled and jittered."""
    tones = TONES[rng.integers(len(TONES))] + rng.normal(0, 9, (5, 3))
    tones = np.clip(tones, 0, 255)
    order = rng.permutation(3)
    body, trim, accent = tones[order]
    light, dark = tones[3:]
    if rng.random() < 0.3:
        body, light = light, _mix(body, light, 0.15)
    if rng.random() < 0.15:
        trim, dark = dark, _mix(trim, dark, 0.4)
    return dict(body=body, trim=trim, accent=accent, light=light, dark=dark, ink=dark,
                shade=body * 0.65, dimple=light * 0.78)  # fmt: skip


def _line_colours(colours, rng):
    """Return the same colours for a line drawing: one paper, one ink."""
    paper, ink = colours["light"], colours["dark"]
    if rng.random() < 0.35:
        paper, ink = ink, paper
    lines = ("ink", "dark", "shade")
    grey = _mix(paper, ink, 0.35)
    return {k: ink if k in lines else paper for k in colours} | {"dimple": grey}


def _scene_colours(rng):
    """Return three colours that stay behind: all pale or all deep."""
    tones = TONES[rng.integers(len(TONES))] + rng.normal(0, 9, (5, 3))
    towards = tones[3] if rng.random() < 0.65 else tones[4]
    far, near, bits = (_mix(t, towards, rng.uniform(0.3, 0.7)) for t in rng.permutation(tones[:3]))
    return {k: np.clip(v, 0, 255) for k, v in zip(("far", "near", "bits"), (far, near, bits))}


def _pose(rng, tilt):
    """Return a random homography: scale, tilt, shear, flip, place, perspective."""
    scale, ratio, shear = rng.uniform((0.62, 0.88, -0.12), (0.9, 1.14, 0.12))
    a = np.radians(rng.uniform(-tilt, tilt))
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    flip = np.diag([rng.choice((-1, 1)) * scale * ratio, scale / ratio])
    pose = np.eye(3)
    pose[:2, :2] = turn @ [[1, shear], [0, 1]] @ flip
    pose[:2, 2] = rng.uniform(-1, 1, 2) * (1.08 - scale)
    pose[2, :2] = rng.uniform(-0.1, 0.1, 2)
    return pose


def _background(c, rng):
    """Paint the whole frame: plain, scenery or pattern."""
    c.fill("far", _box(-1, -1, 1, 1))
    kind = rng.integers(7)
    y = rng.uniform(-0.1, 0.6)
    if kind in (1, 2, 3):  # ground, grass, water
        c.fill("near", [(-1, 1), (-1, y), *_smooth((-1, y), (-0.3, y + rng.uniform(-0.2, 0.2) * (kind < 3)), (1, y), closed=False), (1, 1)])
    if kind == 2:
        for x, v in rng.uniform((-1, y), (1, 1.1), (26, 2)):
            c.line("bits", [(x, v), (x + 0.03, v - 0.13)], 0.02)
    if kind == 3:
        for x, v in rng.uniform((-1, y), (1, 1), (12, 2)):
            c.line("bits", [(x - 0.2, v), (x - 0.1, v - 0.03), (x, v), (x + 0.1, v - 0.03), (x + 0.2, v)], 0.022)
    if kind == 4:
        n, slope = rng.integers(3, 8), rng.uniform(-1, 1)
        for x in np.arange(-2, 2, 2 / n):
            c.fill("near", [(x - slope, -1), (x + 1 / n - slope, -1), (x + 1 / n + slope, 1), (x + slope, 1)])
    if kind == 5:
        n = rng.integers(3, 7)
        for i, j in np.ndindex(n, n):
            if (i + j) % 2:
                c.fill("near", np.array(_box(i, j, i + 1, j + 1)) * 2 / n - 1)
    # kinds 0 and 6 stay plain; the light and the mottling are added by _finish


def _clutter(c, rng, count, size):
    """Scatter leaves, clouds, discs, bars and lines over the frame."""
    for _ in range(count):
        x, y = rng.uniform(-1, 1, 2)
        a, s = rng.uniform((0, size * 0.5), (2 * np.pi, size))
        kind, colour = rng.integers(5), ("near", "bits")[rng.integers(2)]
        u = np.array([np.cos(a), np.sin(a)]) * s
        v = np.array([-u[1], u[0]])
        at = np.array([x, y])
        if kind == 0:
            c.fill(colour, _smooth(at - u, at + v * 0.4, at + u, at - v * 0.4))
            c.line("far", [at - u, at + u * 0.7], 0.02)
        elif kind == 1:
            for k in (-0.8, 0, 0.8):
                c.disc(colour, x + k * s, y, s * (0.8 - abs(k) / 4), s * 0.45)
        elif kind == 2:
            c.disc(colour, x, y, s * 0.6)
        elif kind == 3:
            c.fill(colour, [at - u - v * 0.3, at + u - v * 0.3, at + u + v * 0.3, at - u + v * 0.3])
        else:
            c.line(colour, [at - 3 * u, at + 3 * u], 0.035)


def _planes(layer, image_size):
    """Return a canvas, reduced: colours (h, w, 3) in 0..255 and cover (h, w, 1)."""
    factor = layer.image.width // image_size
    pixels = np.asarray(layer.image.reduce(factor), np.float32)
    return pixels[..., :3], pixels[..., 3:] / 255


def _blur(plane, radius):
    """Blur an array of shape (h, w) or (h, w, 3), values in 0..255."""
    from PIL import Image, ImageFilter

    image = Image.fromarray(np.clip(plane, 0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(float(radius))), np.float32)


def _soft(rng, n, image_size):
    """Return a smooth random field of shape (h, w, 1), about -1..1, n bumps wide."""
    from PIL import Image

    field = Image.fromarray(rng.normal(0, 0.5, (n, n)).astype(np.float32))
    size = (image_size, image_size)
    return np.asarray(field.resize(size, Image.Resampling.BICUBIC))[..., None]


def _finish(scene, layer, rng, image_size):
    """Put the object on the scene; add shadow, light, blur and noise."""
    behind, _ = _planes(scene, image_size)
    front, cover = _planes(layer, image_size)
    mottle, light, shade, glow, dx, dy, soft, grain = rng.uniform(
        (0, 0, 0, -0.2, -0.06, 0, -0.016, 0), (40, 0.3, 0.5, 0.12, 0.06, 0.07, 0.01, 9)
    )
    axis = np.linspace(-1, 1, image_size, dtype=np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    ramp = (np.cos(angle) * axis + np.sin(angle) * axis[:, None])[..., None]
    behind = behind + mottle * _soft(rng, rng.integers(3, 12), image_size) * (mottle > 20)
    behind = behind * (1 + light * 0.8 * ramp)
    shift = np.roll(cover[..., 0] * 255, (round(dy * image_size), round(dx * image_size)), (0, 1))
    shadow = _blur(shift, image_size * 0.025)[..., None] / 255
    picture = behind * (1 - shade * shadow)
    picture = picture * (1 - cover) + front * (1 + light * ramp) * cover
    picture = picture * (1 + glow)
    if soft > 0:
        picture = _blur(picture, soft * image_size)
    picture = picture + grain * rng.standard_normal((image_size, image_size, 1), np.float32)
    return np.clip(picture, 0, 255).astype(np.uint8)


def draw(label, *, rng, image_size=64):
    """Draw one picture of a class.

    Parameters
    ----------
    label : int
        Index into `CLASSES`, 0..9.
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
    _background(scene, rng)
    _clutter(scene, rng, rng.integers(4), 0.25)
    colours, style = _colours(rng), rng.random()
    if style < 0.25:
        colours = _line_colours(colours, rng)
    edge = rng.uniform(0.02, 0.05)
    layer = _Canvas(side, colours | around, _pose(rng, tilt), edge, ink=style < 0.65)
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
        Indices into `CLASSES`.

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
    labels = np.arange(n) % len(CLASSES)
    for i, label in enumerate(labels):
        rng = np.random.default_rng([seed, SPLITS.index(split), i])
        images[i] = draw(label, rng=rng, image_size=image_size)
    images = np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    return torch.from_numpy(images), torch.from_numpy(labels)


def _check_size(image_size):
    if image_size < 16:
        raise ValueError(f"image_size must be at least 16 pixels, not {image_size}")
