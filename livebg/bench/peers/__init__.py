"""Other people's tools, each used as its own documentation shows. See ``livebg.bench.compare``.

All but ``eager_loop`` are scripts, run by path with the Python that the tool is installed in, where livebg need not be;
``loops`` is what they share. ``*_loop`` time a video, ``*_mattes`` write mattes for ``livebg eval video --mattes``.
"""
