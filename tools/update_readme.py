"""Write the tables of README.md and docs/results.md from the committed records."""

import re
from itertools import chain
from pathlib import Path

from vhist import plan, runs

ROOT = Path(__file__).parent.parent
START, END = "<!-- results -->", "<!-- end of results -->"
SMALL, FULL = ("short", "long"), ("gpu",)  # what the README shows, a table each
MUON = ("muon",)
# Epochs to percent right at 128, 192 and 256 pixels: README of fastai/imagenette,
# commit 0239486. After 20 epochs means of five runs, else single ones.
LEADERBOARD = {
    20: (91.57, 92.50, 93.53),
    80: (93.55, 94.50, 94.90),
    200: (94.24, 95.03, 95.11),
}

LEADERS = """
Imagenette's own leaderboard {cite:p}`howard2019imagenette` counts epochs and pixels,
and takes any network that starts from random weights. For its budgets of 20 epochs and
more, its accuracy in percent, and the best of the records above that took no more.
""".strip()


def main() -> None:
    """Replace what stands between the two marks of each page."""
    for page in (ROOT / "README.md", ROOT / "docs" / "results.md"):
        page.write_text(updated(page), encoding="utf-8")


def updated(page: Path) -> str:
    """Return a page as it should be."""
    before, _, rest = page.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    tables = readme() if page.name == "README.md" else results()
    return f"{before}{START}\n{tables}\n{END}{after}"


def readme() -> str:
    """Return the comparisons, each with its plans and how to repeat them."""
    parts = []
    for names in (SMALL, FULL, MUON):
        plans = [p for p in map(plan.load, names) if p.records()]
        notes = [f"- **{p.name}**: {p.about} {again(p)}" for p in plans]
        rows = {
            p.name: p.records() if names == FULL else best(p.records()) for p in plans
        }
        parts += ["\n".join([runs.markdown(rows), "", *notes])]
    return "\n\n".join(parts)


def again(this: plan.Plan) -> str:
    """Say how to repeat a plan, how many runs that are and what they took."""
    found = list(chain(*this.records().values()))
    took = []
    for unit in ("CPU", "GPU"):
        minutes = sum(run.minutes for run in found if run.on_gpu == (unit == "GPU"))
        if minutes >= 90:
            took.append(f"{minutes / 60:.0f} {unit} hours")
        elif minutes:
            took.append(f"{minutes:.0f} {unit} minutes")
    more = len(this.runs) - len(found)
    left = f", and {more} not recorded yet" if more else ""
    return (
        f"`vhist runs record {this.name}` trains these {len(found)} runs again, which "
        f"took {' and '.join(took)}{left}."
    )


def results() -> str:
    """Return the comparison, then every plan with all its records and commands."""
    rest = {record.name: record for record in runs.load_all()}
    compared = (*SMALL, *FULL, *MUON)
    rows = {name: plan.load(name).records() for name in compared}
    parts = ["## At a glance", glance(rows)]
    parts += ["## Beside the leaderboard", LEADERS, leaderboard(rows)]
    for name in dict.fromkeys((*compared, *plan.list_plans())):
        this = plan.load(name)
        found = this.records()
        if found:
            about = f"{this.about} {again(this)}"
            rows = table(found)
            if name not in compared:  # dozens, each a point of a figure
                rows = f":::{{dropdown}} The records\n{rows}\n:::"
            parts += [f"## Plan: {name}", about, rows, commands(found)]
        for record in chain(*found.values()):
            rest.pop(record.name, None)
    if rest:
        others = {name: [record] for name, record in rest.items()}
        parts += ["## Outside of any plan", table(others), commands(others)]
    return "\n\n".join(parts)


def glance(plans: dict[str, dict[str, list[runs.Run]]]) -> str:
    """Return the README's table in colours, each row on one line of the site.

    The article's results, four down all the rows, stand on other pages.
    """
    lines = []
    for line in runs.markdown(plans).splitlines():
        model, *cells, took, size, _ = line.strip("| ").split(" | ")
        if size == "parameters":
            took = "minutes"
        elif size[0].isdigit():
            family = next(f for f in runs.ARTICLE if model.startswith(f))
            model = f"[]{{.swatch .{family}}}{model}"
            took = re.sub(r"(?<=[CG]PU)\smin", "", took)
            took = re.sub(r"\s[CG]PU,", ",", took)  # of two stages
            size = f"{int(size.replace(',', '')) / 1e6:.1f} M"
            cells, took, size = [*map(unbroken, cells)], unbroken(took), unbroken(size)
        lines.append(" | ".join([model, *cells, took, size]))
    return "\n".join(f"| {line} |" for line in lines)


def leaderboard(plans: dict[str, dict[str, list[runs.Run]]]) -> str:
    """Return a row per budget: the leaderboard's, and the best of our records in it."""
    ours = [r for found in plans.values() for r in chain(*found.values())]
    head = ["epochs", "128 px", "192 px", "256 px", "best here (%)", "pixels", "record"]
    lines = [head, [*["--:"] * 6, "---"]]
    for epochs, theirs in LEADERBOARD.items():
        within = [r for r in ours if spent(r) <= epochs]
        top = max(within, key=lambda r: r.accuracy)
        score = unbroken(runs.mean_std([top]))
        pixels = top.recipe["image_size"]
        shown = (f"{percent:.2f}" for percent in theirs)
        lines.append([epochs, *shown, score, pixels, f"`{top.name}`"])
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def spent(run: runs.Run) -> int:
    """Return the epochs of a run and of those whose weights it began with."""
    return sum(len(stage.log) for stage in runs.history(run))


def best(found: dict[str, list[runs.Run]]) -> dict[str, list[runs.Run]]:
    """Return the row of each model that reaches most."""
    ranked = sorted(found, key=lambda label: runs.mean_std(found[label]).mean)
    top = {found[label][0].model: label for label in ranked}
    return {label: found[label] for label in found if label in top.values()}


def table(found: dict[str, list[runs.Run]]) -> str:
    """Return a row per record, and after several seeds one with their mean."""
    head = ["record", "accuracy (%)", "pixels", "epochs", "CPU min", "min", "MB"]
    lines = [[*head, "machine"], ["---", *["--:"] * 6, "---"]]
    for label, seeds in found.items():
        for r in seeds:
            cells = [
                f"`{r.name}`",
                unbroken(runs.mean_std([r])),
                r.recipe["image_size"],
            ]
            cells += [r.recipe["epochs"], f"{r.cpu_seconds / 60:.1f}"]
            cells += [f"{r.seconds / 60:.1f}", f"{r.peak_memory / 1e6:,.0f}"]
            lines.append([*cells, r.device])
        if len(seeds) > 1:
            score = unbroken(runs.mean_std(seeds))
            means = f"**{label}, {len(seeds)} seeds**", f"**{score}**"
            lines.append([*means, *[""] * 6])
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def unbroken(cell: runs.MeanStd | str) -> str:
    """Return a result that stays on one line of a narrow column."""
    return str(cell).replace(" ", "\N{NO-BREAK SPACE}")


def commands(found: dict[str, list[runs.Run]]) -> str:
    """Return the command of each record, folded."""
    lines = "\n".join(record.command for record in chain(*found.values()))
    title = ":::{dropdown} The command of each record"
    return f"{title}\n```text\n{lines}\n```\n:::"


if __name__ == "__main__":
    main()
