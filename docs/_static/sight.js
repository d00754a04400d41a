/* The slider of index.html: how much of a picture a unit can see after so many layers.

   The page's JSON has an entry for each place of the slider: what to call it, who sees
   all of the picture, and per network the side of its square, the same in words, and
   which of its layers that is. Without this script the page shows one place. */

"use strict";

{
  const box = document.querySelector(".sight");
  const steps = JSON.parse(box.querySelector("script").textContent);
  const slider = box.querySelector("input");
  const nets = [...box.querySelectorAll("figure")];

  function show() {
    const { place, said, sides } = steps[slider.value - 1];
    slider.setAttribute("aria-valuetext", place);
    box.querySelector("output").textContent = place;
    box.querySelector("[aria-live]").textContent = said;
    nets.forEach((net, i) => {
      const [side, seen, layer] = sides[i];
      net.style.setProperty("--side", side);
      net.querySelector("span").textContent = seen;
      net.querySelector("small").textContent = layer;
    });
  }

  slider.addEventListener("input", show);
  show(); // a browser may keep the slider's place when a page is loaded again
}
