/* A box of vhist.explorer.AttentionExplorer: point at a patch, and see where every head
   looks from there.

   The box's JSON holds the picture, the colours and, per name, a byte for each block,
   head, query and patch: the place of the weight among the colours, logarithmic. */

function explore(box, data, number) {
  const { blocks, heads, rows, columns, most } = data;
  const patches = rows * columns;
  const tokens = patches + data.classToken;
  const colours = bytes(data.colours);
  const maps = Object.entries(data.maps).map(([name, text]) => [name, bytes(text)]);
  let weights = maps[0][1];

  box.style.setProperty("--picture", `url(${data.picture})`);
  box.style.setProperty("--shape", `${columns} / ${rows}`);
  box.style.setProperty("--blocks", blocks);

  const controls = add(box, "p");
  const label = add(controls, "label", "Query ", { class: "query" });
  const slider = add(label, "input", "", {
    type: "range",
    max: tokens - 1,
    value: data.classToken + Math.floor(rows / 2) * columns + Math.floor(columns / 2),
  });
  const place = add(label, "output");
  if (maps.length > 1) {
    const kind = { class: "names", role: "radiogroup", "aria-label": "Attention" };
    const choice = add(controls, "span", "", kind);
    for (const [i, [name, found]] of maps.entries()) {
      const option = add(choice, "label");
      const radio = { type: "radio", name: `maps-${number}` };
      const button = add(option, "input", "", radio);
      button.checked = i === 0;
      button.addEventListener("change", () => {
        weights = found;
        show();
      });
      option.append(` ${name}`);
    }
  }

  const views = add(box, "div", "", { class: "looks" });
  const query = add(views, "figure");
  const marks = [add(add(query, "div", "", { class: "view" }), "i")];
  add(query, "figcaption", "the query");
  const grid = add(views, "div", "", { class: "heads" });
  const canvases = [];
  for (let head = 0; head < heads; head += 1) {
    for (let block = 0; block < blocks; block += 1) {
      const figure = add(grid, "figure");
      const view = add(figure, "div", "", { class: "view" });
      const canvas = add(view, "canvas", "", { width: columns, height: rows });
      marks.push(add(view, "i"));
      add(figure, "figcaption", `block ${block + 1}, head ${head + 1}`);
      canvases.push([canvas.getContext("2d"), block, head]);
    }
  }
  const stops = Array.from({ length: 9 }, (_, i) => {
    const at = 3 * Math.round((255 * i) / 8);
    return `rgb(${colours.slice(at, at + 3).join(" ")})`;
  });
  const scale = add(box, "p", "", { class: "scale" });
  add(scale, "span", `1/${most}`);
  add(scale, "i").style.background = `linear-gradient(90deg, ${stops})`;
  add(scale, "span", `${most} times an even look`);
  const said = add(box, "p", "", { "aria-live": "polite" });

  const where = (patch) =>
    `row ${Math.floor(patch / columns) + 1}, column ${(patch % columns) + 1}`;

  function show() {
    const token = Number(slider.value);
    const patch = token - data.classToken;
    const name = patch < 0 ? "class token" : where(patch);
    place.textContent = name;
    slider.setAttribute("aria-valuetext", name);
    for (const mark of marks) {
      mark.hidden = patch < 0;
      mark.style.left = `${(100 * (patch % columns)) / columns}%`;
      mark.style.top = `${(100 * Math.floor(patch / columns)) / rows}%`;
      mark.style.width = `${100 / columns}%`;
      mark.style.height = `${100 / rows}%`;
    }
    let best = [-1];
    for (const [context, block, head] of canvases) {
      const start = ((block * heads + head) * tokens + token) * patches;
      const pixels = context.createImageData(columns, rows);
      for (let key = 0; key < patches; key += 1) {
        const weight = weights[start + key];
        const colour = colours.subarray(3 * weight, 3 * weight + 3);
        pixels.data.set([...colour, 255], 4 * key);
        if (weight > best[0]) best = [weight, block + 1, head + 1, key];
      }
      context.putImageData(pixels, 0, 0);
    }
    const [weight, block, head, key] = best;
    const times = most ** (weight / 127.5 - 1);
    said.textContent =
      `Strongest from here: block ${block}, head ${head}, at ${where(key)}, ` +
      `${weight < 255 ? times.toPrecision(2) : `${most} or more`} times an even look.`;
  }

  function point(event) {
    if (event.type === "pointermove" && event.pointerType !== "mouse") return;
    const view = event.target.closest(".view");
    if (!view) return;
    const { left, top, width, height } = view.getBoundingClientRect();
    const inside = (at, size, count) =>
      Math.max(0, Math.min(count - 1, Math.floor((at / size) * count)));
    const row = inside(event.clientY - top, height, rows);
    const column = inside(event.clientX - left, width, columns);
    slider.value = data.classToken + row * columns + column;
    show();
  }

  slider.addEventListener("input", show);
  views.addEventListener("pointerdown", point);
  views.addEventListener("pointermove", point);
  show();
}

fill("attention", explore);
