/* A list of the site's other versions, where there are some.

   versions.json stands beside the folders of the versions and names them:
   ["latest", "0.2", "0.1"]. conf.py loads this script only with VHIST_VERSION set, so
   that a site of one version asks for no file that is not there; from disk it never
   asks. */

"use strict";

const root = new URL(document.documentElement.dataset.content_root, location.href);

function list(versions) {
  const here = root.pathname.split("/").at(-2);
  if (versions.length < 2) return;
  const choice = document.createElement("select");
  choice.className = "versions";
  choice.setAttribute("aria-label", "Version");
  for (const name of versions) choice.add(new Option(name, name, false, name === here));
  choice.addEventListener("change", () => {
    location.href = new URL(`../${choice.value}/`, root);
  });
  document.querySelector(".sidebar-brand").after(choice);
}

if (location.protocol !== "file:") {
  fetch(new URL("../versions.json", root))
    .then((answer) => (answer.ok ? answer.json() : []))
    .then(list)
    .catch(() => {});
}
