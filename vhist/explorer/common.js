/* What the boxes of vhist.explorer share; the script of each kind follows. */

"use strict";

const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/* Append an element to another, with a text and attributes. */
function add(parent, kind, text = "", attributes = {}) {
  const child = parent.appendChild(document.createElement(kind));
  child.textContent = text;
  for (const [key, value] of Object.entries(attributes)) child.setAttribute(key, value);
  return child;
}

/* Fill all boxes of a kind that are empty yet: a page may have several. */
function fill(kind, explore) {
  const boxes = document.querySelectorAll(`.vhist-explorer[data-kind=${kind}]`);
  boxes.forEach((box, i) => {
    if ("ready" in box.dataset) return;
    const data = JSON.parse(box.querySelector("script").textContent);
    box.replaceChildren();
    explore(box, data, i);
    box.dataset.ready = "";
  });
}
