/* A box of vhist.explorer.FilterExplorer: point at a place, and see what a filter of a
   first layer makes of it.

   The box's JSON holds the picture, three bytes per pixel, the filters (colour, row,
   column), their biases, and the colours of the feature map and of products. */

const floats = (text) => new Float32Array(bytes(text).buffer);

function explore(box, data) {
  const { width, height, size, stride, padding, mean, std } = data;
  const [tall, wide] = size; // of a filter
  const pixels = bytes(data.pixels);
  const weights = floats(data.weights);
  const biases = floats(data.biases);
  const [colours, signed] = [bytes(data.colours), bytes(data.signed)];
  const rows = Math.floor((height + 2 * padding - tall) / stride) + 1;
  const columns = Math.floor((width + 2 * padding - wide) / stride) + 1;

  /* A pixel as the network gets it; the margin is zero. */
  function input(channel, row, column) {
    if (row < 0 || row >= height || column < 0 || column >= width) return 0;
    const value = pixels[3 * (row * width + column) + channel] / 255;
    return (value - mean[channel]) / std[channel];
  }

  /* Products of the pixels of a window with a filter, summed over the colours. */
  function products(filter, row, column) {
    const found = new Float64Array(tall * wide);
    for (let channel = 0; channel < 3; channel += 1) {
      const start = (3 * filter + channel) * tall * wide;
      for (let i = 0; i < tall; i += 1) {
        for (let j = 0; j < wide; j += 1) {
          const x = input(
            channel,
            row * stride + i - padding,
            column * stride + j - padding,
          );
          found[i * wide + j] += weights[start + i * wide + j] * x;
        }
      }
    }
    return found;
  }

  const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);

  /* Where a filter answers, after its ReLU, its largest answer and product. */
  function answers(filter) {
    const map = new Float64Array(rows * columns);
    let most = 0;
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        const found = products(filter, row, column);
        map[row * columns + column] = Math.max(0, total(found) + biases[filter]);
        for (const product of found) most = Math.max(most, Math.abs(product));
      }
    }
    const peak = map.reduce((largest, answer) => Math.max(largest, answer), 1e-30);
    return { map, peak, most: Math.max(1e-30, most) };
  }

  const known = biases.length;
  const maps = new Array(known); // each is computed when it is first asked for
  const group = { class: "numbers", role: "group", "aria-label": "Place and filter" };
  const numbers = add(box, "div", "", group);
  const start = [Math.floor(rows / 2), Math.floor(columns / 2), 0];
  const sliders = ["Row", "Column", "Filter"].map((name, i) => {
    const label = add(numbers, "label", `${name} `);
    const max = [rows, columns, known][i];
    const range = { type: "range", min: 1, max, value: start[i] + 1 };
    return [add(label, "input", "", range), add(label, "b")];
  });
  const views = add(box, "div", "", { class: "sum" });
  const captions = [
    "picture: a click stays",
    "window",
    "× filter",
    "= products",
    "sum + bias, ReLU: the map",
  ];
  const [picture, cut, kernel, signs, map] = captions.map((caption, i) => {
    const figure = add(views, "figure", "", { class: i % 4 ? "part" : "whole" });
    const view = add(figure, "div", "", { class: "view" });
    add(figure, "figcaption", caption);
    const [w, h] = i === 0 ? [width, height] : i === 4 ? [columns, rows] : [wide, tall];
    view.style.aspectRatio = `${w} / ${h}`;
    if (i % 4 && h > w) view.style.width = `${(100 * w) / h}%`; // as high as others
    const context = add(view, "canvas", "", { width: w, height: h }).getContext("2d");
    return { view, context, mark: i % 4 ? null : add(view, "i") };
  });
  const said = add(box, "p", "", { "aria-live": "polite" });

  function frame({ mark }, top, left, h, w, [allHigh, allWide]) {
    mark.style.top = `${(100 * top) / allHigh}%`;
    mark.style.left = `${(100 * left) / allWide}%`;
    mark.style.height = `${(100 * h) / allHigh}%`;
    mark.style.width = `${(100 * w) / allWide}%`;
  }

  const place = (lut, share) => {
    const at = 3 * Math.round(255 * Math.max(0, Math.min(1, share)));
    return lut.subarray(at, at + 3);
  };
  const channels = [0, 1, 2];

  function show() {
    const [row, column, filter] = sliders.map(([slider]) => Number(slider.value) - 1);
    for (const [slider, output] of sliders) output.textContent = slider.value;
    maps[filter] ??= answers(filter);
    const { map: found, peak, most } = maps[filter];
    const [top, left] = [row * stride - padding, column * stride - padding];

    paint(cut.context, (i, j) =>
      channels.map((c) => 255 * (mean[c] + std[c] * input(c, top + i, left + j))),
    );
    const own = weights.subarray(
      3 * filter * tall * wide,
      3 * (filter + 1) * tall * wide,
    );
    const largest = own.reduce((most, w) => Math.max(most, Math.abs(w)), 1e-30);
    paint(kernel.context, (i, j) =>
      channels.map((c) => 127.5 * (1 + own[(c * tall + i) * wide + j] / largest)),
    );
    const terms = products(filter, row, column);
    paint(signs.context, (i, j) => place(signed, (1 + terms[i * wide + j] / most) / 2));
    paint(map.context, (i, j) => place(colours, found[i * columns + j] / peak));
    frame(picture, top, left, tall, wide, [height, width]);
    frame(map, row, column, 1, 1, [rows, columns]);

    const sum = total(terms) + biases[filter];
    const after = sum > 0 ? "which ReLU passes on." : "of which ReLU makes 0.";
    say(
      said,
      `${twoPlaces(total(terms.map((t) => Math.max(0, t))))} for it (orange), ` +
        `${twoPlaces(total(terms.map((t) => Math.min(0, t))))} against it (violet), ` +
        `bias ${twoPlaces(biases[filter])}: ${twoPlaces(sum)}, ${after}`,
    );
  }

  let kept;
  const keep = () => (kept = sliders.slice(0, 2).map(([slider]) => slider.value));
  const choose = (view, x, y) => {
    // from the middle of a window on the picture to its row and column
    const along = (share, pixels, kernel, count) =>
      view === map.view
        ? Math.floor(share * count)
        : Math.round((share * pixels + padding - kernel / 2) / stride);
    sliders[0][0].value = along(y, height, tall, rows) + 1;
    sliders[1][0].value = along(x, width, wide, columns) + 1;
    show();
  };
  const back = () => {
    kept.forEach((value, i) => (sliders[i][0].value = value));
    show();
  };
  letPoint([picture.view, map.view], choose, keep, back);

  paint(picture.context, (row, column) => {
    const at = 3 * (row * width + column);
    return pixels.subarray(at, at + 3);
  });
  for (const [slider] of sliders) {
    slider.addEventListener("input", () => {
      keep();
      show();
    });
  }
  keep();
  show();
}

fill("filter", explore);
