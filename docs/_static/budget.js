/* The slider of results.html: who leads after so many minutes of training.

   The page's JSON has an entry for each place of the slider: the time, what to say of
   the lead, and per architecture, the best first, its class, the length of its bar, the
   accuracy and the run it is from. Without this script the page shows a table. */

"use strict";

{
  const box = document.querySelector(".budget");
  const steps = JSON.parse(box.querySelector("script").textContent);
  const slider = box.querySelector("input");
  const list = box.querySelector("ol");
  const bars = new Map([...list.children].map((bar) => [bar.dataset.family, bar]));
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const timing = { duration: 250, easing: "ease-out" };

  function fill(bar, [, share, text, which]) {
    const before = [bar.offsetTop, bar.style.getPropertyValue("--share")];
    bar.style.setProperty("--share", share);
    bar.querySelector("b").textContent = text;
    bar.querySelector("small").textContent = which;
    return before;
  }

  function show() {
    const { time, lead, rows } = steps[slider.value];
    slider.setAttribute("aria-valuetext", time);
    box.querySelector("output").textContent = time;
    box.querySelector("[aria-live]").textContent = lead;
    const before = rows.map((row) => fill(bars.get(row[0]), row));
    list.append(...rows.map(([family]) => bars.get(family)));
    if (still.matches) return;
    rows.forEach(([family, share], i) => {
      const [bar, [top, width]] = [bars.get(family), before[i]];
      const from = `translateY(${top - bar.offsetTop}px)`;
      bar.animate([{ transform: from }, { transform: "none" }], timing);
      bar.querySelector("i").animate([{ width }, { width: share }], timing);
    });
  }

  slider.addEventListener("input", show);
  show(); // a browser may keep the slider's place when a page is loaded again
}
