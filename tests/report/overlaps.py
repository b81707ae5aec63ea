"""Counts texts of a figure that lie on each other, as a reader would see them."""

from itertools import combinations


def overlapping_texts(figure):
    """Return pairs of texts whose boxes share more than a pixel or two."""
    figure.canvas.draw()
    texts = {}
    for ax in figure.axes:
        own = [*ax.texts, ax.title, ax._left_title, ax._right_title]
        sides = ((ax.xaxis, ax.viewLim.intervalx), (ax.yaxis, ax.viewLim.intervaly))
        for axis, box in sides if ax.axison else ():
            low, high = sorted(box)
            ticks = zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
            own += [axis.label, *(text for at, text in ticks if low <= at <= high)]
        legends = [ax.get_legend(), *figure.legends]
        own += [text for one in legends if one is not None for text in one.get_texts()]
        # A pair of axes that share ticks shares their labels too.
        texts |= {id(text): text for text in own if text.get_visible() and text.get_text().strip()}
    boxes = [(text.get_text(), text.get_window_extent().padded(-1)) for text in texts.values()]
    return [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if one.overlaps(other)]
