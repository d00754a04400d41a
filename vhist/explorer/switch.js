/* A box of vhist.explorer.SwitchExplorer: parts to take out, and what is left of each
   network without them.

   The box's JSON names the parts and, per network, holds an accuracy for each choice of
   parts: in binary, the first part has the highest digit, 1 if it is there. */

function explore(box, { parts, networks }) {
  const group = { class: "parts", role: "group", "aria-label": "Parts that are there" };
  const choice = add(box, "div", "", group);
  const switches = parts.map((part) => {
    const label = add(choice, "label");
    const button = add(label, "input", "", { type: "checkbox" });
    label.append(` ${part}`);
    return button;
  });
  const buttons = add(box, "p");
  const list = add(box, "div", "", { class: "bars" });
  const bars = networks.map(({ name, color, accuracy }) => {
    const bar = add(list, "div");
    add(bar, "span", name);
    const track = add(bar, "div");
    const [fill, whole] = [add(track, "i"), add(track, "u")];
    fill.style.background = color;
    whole.style.left = `${100 * accuracy.at(-1)}%`; // with all parts
    return { name, fill, number: add(bar, "b"), accuracy };
  });
  const said = add(box, "p", "", { "aria-live": "polite" });

  function show() {
    const there = switches.reduce((all, { checked }) => 2 * all + checked, 0);
    for (const { fill, number, accuracy } of bars) {
      fill.style.width = `${100 * accuracy[there]}%`;
      number.textContent = `${(100 * accuracy[there]).toFixed(1)} %`;
    }
    const out = switches.filter(({ checked }) => !checked).length;
    const texts = bars.map(({ name, number }) => `${name} ${number.textContent}`);
    say(
      said,
      out === 0
        ? "Accuracy with all parts."
        : `Accuracy without ${out} of ${parts.length}: ${texts.join(", ")}. ` +
            "The dashes stay where it was with all.",
    );
  }

  for (const [name, checked] of [
    ["all in", true],
    ["all out", false],
  ]) {
    add(buttons, "button", name, { type: "button" }).addEventListener("click", () => {
      for (const button of switches) button.checked = checked;
      show();
    });
  }
  for (const button of switches) {
    button.checked = true;
    button.addEventListener("change", show);
  }
  show();
}

fill("switch", explore);
