"""A virtual radio and virtual devices, in process: real advertising, ATT, SMP and indications, no kernel.

Extra `[sim]`. Used by the demo and by the tests; `run` never comes here.
"""
