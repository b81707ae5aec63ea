"""What is published: the paper's numbers, their audit, independent studies, and contradictions.

The facts are YAML files beside the modules that load them; the checks that pages show are
functions here.  Statistics come from `rin.stats`, which knows nothing of the paper.
"""
