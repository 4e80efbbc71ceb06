"""The figures as a picture: SVG written by hand, the same bytes for the same figures."""

WIDTH, ROW, TOP, LEFT, RIGHT = 760, 15, 62, 150, 30
COLOURS = {"both": "#1f4e79", "sizes": "#2e8b57", "times": "#d98032", "total": "#8c8c8c"}
NAMES = {"both": "sizes and times", "sizes": "sizes alone", "times": "times alone", "total": "total size alone"}
FROM, TO = 0.4, 1.0


def x_of(auc):
    return LEFT + (min(max(auc, FROM), TO) - FROM) / (TO - FROM) * (WIDTH - LEFT - RIGHT)


def text(x, y, words, anchor="start", extra=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{words}</text>'


def line(x1, y1, x2, y2, colour, width=1.0):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def rows(way, views, y):
    """One way's bars, with their 95 % bounds."""
    out = [text(LEFT - 8, y + ROW * len(COLOURS) / 2 + 3, way, "end")]
    for n, (view, colour) in enumerate(COLOURS.items()):
        quality, middle = views[view], y + n * ROW + ROW / 2
        begin, end = sorted((x_of(0.5), x_of(quality.auc)))
        out.append(f'<rect x="{begin:.1f}" y="{middle - 5:.1f}" width="{max(end - begin, 1):.1f}" height="10" fill="{colour}"/>')
        out.append(line(x_of(quality.low), middle, x_of(quality.high), middle, "#000000"))
        out += [line(x_of(bound), middle - 3, x_of(bound), middle + 3, "#000000") for bound in (quality.low, quality.high)]
    return out


def draw(title, outcomes):
    """outcomes: {way: {view: Quality}}"""
    block = ROW * len(COLOURS) + 12
    bottom = TOP + block * len(outcomes)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 34}" font-family="sans-serif" font-size="11">',
           f'<rect width="{WIDTH}" height="{bottom + 34}" fill="#ffffff"/>', text(10, 18, title, extra=' font-size="13" font-weight="bold"')]
    for n, (view, colour) in enumerate(COLOURS.items()):
        out += [f'<rect x="{LEFT + 140 * n}" y="30" width="10" height="10" fill="{colour}"/>', text(LEFT + 140 * n + 15, 39, NAMES[view])]
    for tenth in range(4, 11):
        x = x_of(tenth / 10)
        out += [line(x, TOP - 8, x, bottom, "#000000" if tenth == 5 else "#dddddd"), text(x, bottom + 14, f"{tenth / 10:.1f}", "middle")]
    out.append(text(x_of(0.5), bottom + 28, "0.5: guessing", "middle"))
    out.append(text(x_of(1.0), bottom + 28, "AUC; 1: always told apart", "end"))
    for n, (way, views) in enumerate(outcomes.items()):
        out += rows(way, views, TOP + n * block)
    return "\n".join([*out, "</svg>"]) + "\n"
