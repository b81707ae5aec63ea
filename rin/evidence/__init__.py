"""Published evidence: the paper's numbers, their audit, independent studies, contradictions."""
