import io

from rich.console import Console

from zerofleet.cli.plain import plain_lines


def test_what_users_have_named_is_printed_as_it_is():
    out = io.StringIO()
    line = "runs/[bold]x[/bold] :smile: 'a' 1234 " + 60 * "long "
    plain_lines(Console(file=out, width=40, force_terminal=True))(line)
    assert out.getvalue() == f"{line}\n"
