"""Write the tables of README.md and docs/results.md from the committed records."""

from itertools import chain
from pathlib import Path

from vhist import plan, runs

ROOT = Path(__file__).parent.parent
START, END = "<!-- results -->", "<!-- end of results -->"
SMALL, FULL = ("short", "long"), ("gpu",)  # what the README shows, a table each
MUON = ("muon",)


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
        notes = [
            f"- **{p.name}**: {p.about} `vhist runs record {p.name}`" for p in plans
        ]
        rows = {
            p.name: p.records() if names == FULL else best(p.records()) for p in plans
        }
        parts += ["\n".join([runs.markdown(rows), "", *notes])]
    return "\n\n".join(parts)


def results() -> str:
    """Return the comparison, then every plan with all its records and commands."""
    rest = {record.name: record for record in runs.load_all()}
    compared = (*SMALL, *FULL, *MUON)
    rows = {name: plan.load(name).records() for name in compared}
    parts = ["## At a glance", runs.markdown(rows)]
    for name in dict.fromkeys((*compared, *plan.list_plans())):
        this = plan.load(name)
        found = this.records()
        if found:
            about = f"{this.about} `vhist runs record {name}` repeats them."
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


def best(found: dict[str, list[runs.Run]]) -> dict[str, list[runs.Run]]:
    """Return the row of each model that reaches most."""
    ranked = sorted(found, key=lambda label: runs.mean_std(found[label]).mean)
    top = {found[label][0].model: label for label in ranked}
    return {label: found[label] for label in found if label in top.values()}


def table(found: dict[str, list[runs.Run]]) -> str:
    """Return a row per record, and after several seeds one with their mean."""
    head = ["record", "accuracy (%)", "pixels", "epochs", "CPU min", "min", "MiB"]
    lines = [[*head, "machine"], ["---", *["--:"] * 6, "---"]]
    for label, seeds in found.items():
        for r in seeds:
            cells = [
                f"`{r.name}`",
                unbroken(runs.mean_std([r])),
                r.recipe["image_size"],
            ]
            cells += [r.recipe["epochs"], f"{r.cpu_seconds / 60:.1f}"]
            cells += [f"{r.seconds / 60:.1f}", f"{r.peak_memory / 2**20:,.0f}"]
            lines.append([*cells, r.device])
        if len(seeds) > 1:
            score = unbroken(runs.mean_std(seeds))
            means = f"**{label}, {len(seeds)} seeds**", f"**{score}**"
            lines.append([*means, *[""] * 6])
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def unbroken(score: runs.MeanStd) -> str:
    """Return a result that stays on one line of a narrow column."""
    return str(score).replace(" ", "\N{NO-BREAK SPACE}")


def commands(found: dict[str, list[runs.Run]]) -> str:
    """Return the command of each record, folded."""
    lines = "\n".join(record.command for record in chain(*found.values()))
    title = ":::{dropdown} The command of each record"
    return f"{title}\n```text\n{lines}\n```\n:::"


if __name__ == "__main__":
    main()
