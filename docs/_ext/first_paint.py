"""Let a page be painted before the site's fonts come, and stay where it was painted.

A slow phone would fetch the fonts before the page's first picture. So text stands in a
font of the device, drawn as wide as ours (custom.css), until everything else has come.
Once a reader's browser has them, each further page has them from the start. And furo
shows the switch of colours only when its own script runs, which would move the header.
"""

SCRIPT = """
<script>
(() => {
  const page = document.documentElement;
  page.classList.remove("no-js");
  const use = () => { page.dataset.fonts = ""; };
  let store = {};
  try { store = sessionStorage; } catch { /* forbidden: they come late on each page */ }
  if (store.fonts) { use(); return; }
  addEventListener("load", async () => {
    const faces = ["1em Inter", "bold 1em Inter", "1em 'JetBrains Mono'"];
    await Promise.all(faces.map((face) => document.fonts.load(face)));
    use();
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
