"""One harness for every published number: commands timed in turn (A B A B), ratios within one run, JSON out."""
