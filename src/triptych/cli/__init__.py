"""The command line. A command's module is imported when it is called, so that `triptych --help` is quick."""

import sys

from cyclopts import App, CycloptsError, Parameter

from triptych import __version__
from triptych.errors import TriptychError

EXIT_REFUSED = 2

app = App(
    name="triptych",
    help="One job engine under three HTTP panels: scripts on workers, media analysis, a tracking camera.",
    version=f"triptych {__version__}",
    version_flags=["--version"],
    default_parameter=Parameter(negative=()),
)
app.command("triptych.cli.up:up", name="up", help="Bring up server, engine and agent in one process.")
app.command("triptych.cli.demo.run:demo", name="demo", help="Run one real job of each kind and show what came out of it.")
app.command("triptych.cli.openapi:openapi", name="openapi", help="Print the OpenAPI document of every route.")
app.command("triptych.cli.run:run", name="run", help="Run a command on a worker, its output live: triptych run -- CMD ARGS...")
app.command("triptych.cli.scripts:start", name="start", help="Start a script on a worker.")
app.command("triptych.cli.scripts:query", name="query", help="Tell whether a command's job has ended, and how.")
app.command("triptych.cli.jobs:ps", name="ps", help="List jobs.")
app.command("triptych.cli.logs:logs", name="logs", help="Print what a job wrote.")
app.command("triptych.cli.jobs:wait", name="wait", help="Wait until a job has ended and say how.")
app.command("triptych.cli.jobs:stop", name="stop", help="Stop a job and all that it started.")
app.command("triptych.cli.jobs:pause", name="pause", help="Hold a job where it stands.")
app.command("triptych.cli.jobs:resume", name="resume", help="Let a held job go on.")
app.command("triptych.cli.workers:app", name="workers", help="List the workers, show one, drain or remove it.")
app.command("triptych.cli.annotate:annotate", name="annotate", help="Measure features on media files and show what is found.")
app.command("triptych.cli.camera:app", name="camera", help="Follow, film, photograph, play moves, stream; list the cameras.")
app.command("triptych.cli.models:app", name="models", help="List the models, fetch one, check their hashes, or print where they are.")
app.command("triptych.cli.workflows:app", name="workflow", help="List, show, save and delete workflows of media jobs.")
app.command("triptych.cli.tokens:app", name="token", help="Make, list and revoke tokens.")
app.command("triptych.cli.audit:app", name="audit", help="Show who did what, and check that nothing of it was changed.")
app.command("triptych.cli.config:config", name="config", help="Show the settings and where each comes from.")
app.command("triptych.cli.version:version", name="version", help="Print the version.")
app.register_install_completion_command(help="Install completion for this shell.")


def main() -> None:
    """Run the command line; exit code 2 for words that are not understood and for a refusal, told in one sentence."""
    _let_speak("".join(sys.argv[1:2]))
    try:
        app(exit_on_error=False)
    except CycloptsError:
        sys.exit(EXIT_REFUSED)
    except TriptychError as fault:
        sys.stderr.write(f"triptych: {fault.message}\n")
        sys.exit(EXIT_REFUSED)
    except BrokenPipeError:
        sys.exit(_give_up())


def _give_up() -> int:
    """Let what is still buffered go nowhere: nobody reads standard output any more."""
    from triptych.cli.client import ABANDONED  # noqa: PLC0415 - a command's module is imported when it is needed
    from triptych.cli.printing import give_up  # noqa: PLC0415

    give_up()
    return ABANDONED


def _let_speak(name: str) -> None:
    """Let the command that is called say its help itself, at length: the words above are for the list, which imports none."""
    if name in app and not name.startswith("-"):
        app[name].help = None
