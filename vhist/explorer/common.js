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

/* Paint a canvas: a colour, three numbers from 0 to 255, for each row and column. */
function paint(context, colour) {
  const { width, height } = context.canvas;
  const image = context.createImageData(width, height);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      image.data.set([...colour(row, column), 255], 4 * (row * width + column));
    }
  }
  context.putImageData(image, 0, 0);
}

const twoPlaces = (value) => value.toFixed(2).replace("-", "−");

/* Say something, once: screen readers repeat what is written again. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/* Let a pointer choose in some views: a mouse looks wherever it is, a click stays.

   `choose` takes a view and a place in it, both numbers from 0 to 1; `keep` remembers
   what is chosen, `back` returns to it. */
function letPoint(views, choose, keep, back) {
  for (const view of views) {
    const at = (event) => {
      const { left, top, width, height } = view.getBoundingClientRect();
      const inside = (share) => Math.max(0, Math.min(1 - 1e-9, share));
      const place = [event.clientX - left, event.clientY - top];
      choose(view, inside(place[0] / width), inside(place[1] / height));
    };
    view.addEventListener("pointerdown", (event) => {
      at(event);
      keep();
    });
    view.addEventListener("pointermove", (event) => {
      if (event.pointerType === "mouse") at(event);
    });
    view.addEventListener("pointerleave", (event) => {
      if (event.pointerType === "mouse") back();
    });
  }
}

/* Fill all boxes of a kind that are empty yet: a page may have several. */
function fill(kind, explore) {
  const boxes = document.querySelectorAll(`.vhist-explorer[data-kind=${kind}]`);
  boxes.forEach((box) => {
    if ("ready" in box.dataset) return;
    const data = JSON.parse(box.querySelector("script").textContent);
    box.replaceChildren();
    explore(box, data);
    box.dataset.ready = "";
  });
}
