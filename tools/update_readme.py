"""Write the results table of README.md from the records that are committed."""

from pathlib import Path

from vhist import runs

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- results -->", "<!-- end of results -->"


def main() -> None:
    """Replace what stands between the two marks."""
    before, _, rest = README.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    table = runs.markdown(runs.load_all())
    README.write_text(f"{before}{START}\n{table}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
