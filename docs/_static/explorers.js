/* Fetches what docs/_ext/explorers.py took out of a page, when a reader gets near. */

"use strict";

{
  const near = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        near.unobserve(target);
        const script = document.createElement("script");
        script.src = target.dataset.script;
        document.head.append(script);
      }
    },
    { rootMargin: "1000px" },
  );
  for (const box of document.querySelectorAll("[data-script]")) near.observe(box);
}
