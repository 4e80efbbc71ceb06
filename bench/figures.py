"""Numbers into text: quantiles and tables."""


def quantile(values, q):
    """The value below which the share q lies, between neighbours in proportion."""
    ordered = sorted(values)
    at = q * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


def median(values):
    return quantile(values, 0.5)


def signed_percent(value, reference):
    return f"{100 * (value / reference - 1):+.1f} %"


def number(value, digits, scale=1):
    return "-" if value is None else f"{scale * value:,.{digits}f}"


def table(head, rows):
    """Aligned text: the first column to the left, all others to the right. A row of one cell is a heading inside the table."""
    full = [row for row in [head, *rows] if len(row) > 1]
    widths = [max(len(row[column]) for row in full) for column in range(len(head))]
    lines = []
    for row in [head, *rows]:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:]))]
        lines.append("  ".join(cells).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)
