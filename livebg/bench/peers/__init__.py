"""Other people's tools, each in the loop that its own documentation shows. See ``livebg.bench.compare``."""
