"""Live: from a camera to a virtual camera, on time, and never the real room.

``loop.py`` is the way of a frame on one page, ``pacer.py`` the output's clock and watchdog, ``late.py`` the
segmentation that runs beside them; ``session.py`` starts and ends them, ``changes.py`` changes them.
"""
