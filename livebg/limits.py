"""Bounds that a configuration and the library check alike. Not in ``values``, whose pydantic takes 40 ms to import."""

# The sides of a network's input: five halvings leave a window of one pixel; beyond 4096 no machine has the memory.
SMALLEST, LARGEST = 34, 4096
