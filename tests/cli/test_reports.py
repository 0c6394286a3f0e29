"""What was found, printed."""

from triptych.cli.findings import Row, Section
from triptych.cli.reports import report

SECTIONS = (
    Section(name="SILENCE", count=3, rows=(Row("0:00:01.000 - 0:00:02.000", ""), Row("", "words"))),
    Section(name="CROP", failed="input has no video"),
    Section(name="FREEZE"),
)


def test_elsewhere_than_on_a_terminal_each_is_a_plain_line(capsys):
    report("a\n.mp4", "facts", SECTIONS, apart=False)
    report("b.mp4", "facts", (), apart=True)
    assert capsys.readouterr().out.splitlines() == [
        r"a\x0a.mp4",
        "  facts",
        "  SILENCE  3 findings",
        "    0:00:01.000 - 0:00:02.000",
        "    words",
        "    and 1 more: --most shows more of them, --json all",
        "  CROP  not measured: input has no video",
        "  FREEZE  nothing found",
        "",
        "b.mp4",
        "  facts",
    ]
