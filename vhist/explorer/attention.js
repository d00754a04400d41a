/* A box of vhist.explorer.AttentionExplorer: point at a patch, and see where every head
   looks from there.

   The box's JSON holds the picture, the colours and a list of maps. Of each it has the
   name, a byte for each block, head, query and patch (the place of the weight among the
   colours, logarithmic) and per query the largest weight: its block, head and patch, and
   how many times an even look it is. */

function explore(box, data) {
  const { blocks, heads, rows, columns, most } = data;
  const patches = rows * columns;
  const tokens = patches + data.classToken;
  const colours = bytes(data.colours);
  const maps = data.maps.map((map) => ({ ...map, weights: bytes(map.weights) }));
  let map = maps[0];

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
  const place = add(label, "b");
  if (maps.length > 1) {
    const kind = { class: "names", role: "radiogroup", "aria-label": "Attention" };
    const choice = add(controls, "span", "", kind);
    const name = `maps-${Math.random().toString(36).slice(2)}`; // of this box alone
    for (const found of maps) {
      const option = add(choice, "label");
      const button = add(option, "input", "", { type: "radio", name });
      button.checked = found === map;
      button.addEventListener("change", () => {
        map = found;
        show();
      });
      option.append(` ${found.name}`);
    }
  }

  const short = blocks > 4; // no room for words below each map
  const views = add(box, "div", "", { class: "looks" });
  const query = add(views, "figure");
  const marks = [add(add(query, "div", "", { class: "view" }), "i")];
  const hint = "query: point to look, click to stay";
  add(query, "figcaption", short ? `${hint}; 1.2 is block 1, head 2` : hint);
  const scrolls = { class: "heads", tabindex: 0, role: "group", "aria-label": "Heads" };
  const grid = add(views, "div", "", short ? scrolls : { class: "heads" });
  const canvases = [];
  for (let head = 0; head < heads; head += 1) {
    for (let block = 0; block < blocks; block += 1) {
      const figure = add(grid, "figure");
      const view = add(figure, "div", "", { class: "view" });
      const canvas = add(view, "canvas", "", { width: columns, height: rows });
      marks.push(add(view, "i"));
      const [b, h] = [block + 1, head + 1];
      add(figure, "figcaption", short ? `${b}.${h}` : `block ${b}, head ${h}`);
      canvases.push([canvas.getContext("2d"), block * heads + head]);
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
    for (const [context, head] of canvases) {
      const start = (head * tokens + token) * patches;
      paint(context, (row, column) => {
        const at = 3 * map.weights[start + row * columns + column];
        return colours.subarray(at, at + 3);
      });
    }
    const [block, head, key, times] = map.strongest[token];
    say(
      said,
      `Strongest from here: block ${block + 1}, head ${head + 1}, at ${where(key)}, ` +
        `${times} times an even look.`,
    );
  }

  let kept;
  const keep = () => (kept = slider.value);
  const choose = (view, x, y) => {
    const patch = Math.floor(y * rows) * columns + Math.floor(x * columns);
    slider.value = data.classToken + patch;
    show();
  };
  const back = () => {
    slider.value = kept;
    show();
  };
  letPoint(views.querySelectorAll(".view"), choose, keep, back);
  slider.addEventListener("input", () => {
    keep();
    show();
  });
  keep();
  show();
}

fill("attention", explore);
