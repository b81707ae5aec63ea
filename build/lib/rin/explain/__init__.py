"""Where a network looks: class activation maps and their overlap with lesions."""
