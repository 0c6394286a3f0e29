"""`python -m triptych.cli` is `triptych`: how the demo, the benches and the docs start a server of their own."""

from triptych.cli import main

main()
