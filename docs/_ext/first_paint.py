"""Let a page be painted before the site's fonts come, and stay where it was painted.

A slow phone would fetch the fonts before the page's first picture. So they are fetched
when everything else has come. The first page of a visit then takes those of formulas
alone, below its second heading: all else stays in fonts of the device (custom.css),
since in others lines would break anew under the reader's eyes. Each further page, and a
page on a disk, has all fonts from the start. And furo shows the switch of colours only
when its own script runs, which would move the header.
"""

SCRIPT = """
<script>
(() => {
  const page = document.documentElement;
  page.classList.remove("no-js");
  let store = {};
  try { store = sessionStorage; } catch { /* forbidden: each page is a first one */ }
  if (store.fonts || location.protocol === "file:") {
    page.dataset.fonts = "all";
    return;
  }
  addEventListener("load", async () => {
    const faces = ["1em Inter", "1em 'JetBrains Mono'"];
    if (document.querySelector(".katex")) {
      faces.push("1em KaTeX_Main", "italic 1em KaTeX_Math");
    }
    await Promise.all(faces.map((face) => document.fonts.load(face)));
    page.dataset.fonts = "formulas";
    store.fonts = "here";
  });
})();
</script>
"""


def add_script(app, pagename, templatename, context, doctree) -> None:
    # in the head: scripts stand last, and a long page is drawn before they come
    context["metatags"] = context.get("metatags", "") + SCRIPT


def setup(app):
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
