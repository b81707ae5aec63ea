"""From an archive of studies to a database of labelled images in the classes of RadImageNet."""
