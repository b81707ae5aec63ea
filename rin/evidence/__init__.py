"""What is published: the paper's numbers, their audit, independent studies, contradictions."""
