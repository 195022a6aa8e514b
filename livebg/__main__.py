"""``python -m livebg`` is the same as ``livebg``."""

from livebg.cli import main

main()
