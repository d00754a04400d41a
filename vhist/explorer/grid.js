/* A box of vhist.explorer.GridExplorer: six numbers, the places that they choose in a
   picture, and what is read there.

   The box's JSON holds the picture, three bytes per pixel, and the six numbers. Places
   run from -1 to 1 between the edges of the picture, as PyTorch has them with
   align_corners=False; beyond them zeros are read. */

const REACH = 1.5; // of the view of the picture, so that places outside are seen, too
const IDENTITY = [1, 0, 0, 0, 1, 0];
const DOTS = 9; // per row and column
const MEANING = [
  "a: how far x goes with u, across",
  "b: how far x goes with v, down",
  "c: moves x",
  "d: how far y goes with u, across",
  "e: how far y goes with v, down",
  "f: moves y",
];

/* Read a picture at a place in pixels, between the four around it. */
function read({ pixels, width, height }, x, y, channel) {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  let sum = 0;
  for (const [row, down] of [
    [top, 1 - (y - top)],
    [top + 1, y - top],
  ]) {
    for (const [column, right] of [
      [left, 1 - (x - left)],
      [left + 1, x - left],
    ]) {
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      sum += down * right * pixels[3 * (row * width + column) + channel];
    }
  }
  return sum;
}

function explore(box, data) {
  const { width, height, theta } = data;
  data.pixels = bytes(data.pixels);
  box.style.setProperty("--shape", `${width} / ${height}`);

  const views = add(box, "div", "", { class: "sides" });
  const [picture, result] = ["the picture, and where it is read", "what is read"].map(
    (caption) => {
      const figure = add(views, "figure");
      const canvas = add(figure, "canvas");
      add(figure, "figcaption", caption);
      return canvas;
    },
  );
  const fine = Math.max(1, Math.floor(1024 / Math.max(width, height)));
  [picture.width, picture.height] = [fine * width, fine * height];
  [result.width, result.height] = [width, height];
  const group = {
    class: "numbers",
    role: "group",
    "aria-label": "θ, two rows of three",
  };
  const numbers = add(box, "div", "", group);
  const sliders = [..."abcdef"].map((letter, i) => {
    const label = add(numbers, "label", `${letter} `);
    const range = { type: "range", min: -2, max: 2, step: 0.01, value: theta[i] };
    const slider = add(label, "input", "", { ...range, "aria-label": MEANING[i] });
    return [slider, add(label, "b")];
  });
  const buttons = add(box, "p");
  const said = add(box, "p", "", { "aria-live": "polite" });

  const source = document.createElement("canvas");
  [source.width, source.height] = [width, height];
  const whole = source.getContext("2d");
  paint(whole, (row, column) => {
    const at = 3 * (row * width + column);
    return data.pixels.subarray(at, at + 3);
  });

  function show() {
    const six = sliders.map(([slider]) => Number(slider.value));
    sliders.forEach(([, shown], i) => (shown.textContent = twoPlaces(six[i])));
    const [a, b, c, d, e, f] = six;
    const place = (u, v) => [a * u + b * v + c, d * u + e * v + f];

    paint(result.getContext("2d"), (row, column) => {
      const [x, y] = place((2 * column + 1) / width - 1, (2 * row + 1) / height - 1);
      const at = [((x + 1) * width - 1) / 2, ((y + 1) * height - 1) / 2];
      return [0, 1, 2].map((channel) => read(data, ...at, channel));
    });

    const view = picture.getContext("2d");
    const { width: wide, height: high } = picture;
    const onView = ([x, y]) => [
      (x / REACH + 1) * (wide / 2),
      (y / REACH + 1) * (high / 2),
    ];
    view.clearRect(0, 0, wide, high);
    view.imageSmoothingEnabled = false;
    const size = [wide / REACH, high / REACH];
    view.drawImage(source, ...onView([-1, -1]), ...size);
    const steps = Array.from({ length: DOTS }, (_, i) => (2 * i + 1) / DOTS - 1);
    const corners = [
      [-1, -1],
      [1, -1],
      [1, 1],
      [-1, 1],
    ].map(([u, v]) => onView(place(u, v)));
    const unit = wide / 200;
    view.lineJoin = "round";
    for (const [colour, thickness] of [
      ["#24292f", 4],
      ["#56b4e9", 2],
    ]) {
      view.beginPath();
      corners.forEach((corner) => view.lineTo(...corner));
      view.closePath();
      view.strokeStyle = colour;
      view.lineWidth = thickness * unit;
      view.stroke();
    }
    function dot(at, radius, colour) {
      view.beginPath();
      view.arc(...at, radius * unit, 0, 2 * Math.PI);
      view.fillStyle = colour;
      view.fill();
      view.strokeStyle = "#24292f";
      view.lineWidth = 0.7 * unit;
      view.stroke();
    }
    for (const v of steps) for (const u of steps) dot(onView(place(u, v)), 1.4, "#fff");
    dot(corners[0], 3.5, "#56b4e9"); // the result's upper left corner

    const area = Math.round(1e4 * (a * e - b * d)) / 1e4; // all are hundredths
    const part = Math.abs(area);
    const times = part < 0.1 ? String(part) : part.toFixed(2);
    const mirrored = area < 0 ? ", mirrored" : "";
    say(
      said,
      area === 0
        ? "All places lie on a line, or on a point."
        : `The places span ${times} times the picture's area${mirrored}.`,
    );
  }

  for (const [name, values] of [
    ["identity", IDENTITY],
    ["start again", theta],
  ]) {
    add(buttons, "button", name, { type: "button" }).addEventListener("click", () => {
      sliders.forEach(([slider], i) => (slider.value = values[i]));
      show();
    });
  }
  for (const [slider] of sliders) slider.addEventListener("input", show);
  show();
}

fill("grid", explore);
