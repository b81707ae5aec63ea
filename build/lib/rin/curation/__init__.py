"""Making a database of labelled radiologic images: how RadImageNet is divided into classes."""
