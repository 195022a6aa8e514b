"""The measuring stick: quality on ground truth, for pictures and clips, through the pipeline that users run.

A set or clip (``datasets``, ``clips``, ``samples``) goes through ``pipeline.run`` (``harness``), each matte becomes
numbers (``metrics``, ``structure``, ``boundary``; ``video_metrics``, ``lag``, ``stillness``), numbers are kept as they
come (``store``), and rows of them become tables, pages and comparisons (``table``, ``report``, ``compare``). ``images``
and ``video`` tie this together: read them first. Mattes that another tool made are read instead (``given``).
"""
