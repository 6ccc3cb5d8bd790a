"""Bars as SVG, without a library."""
from xml.sax.saxutils import escape

COLOURS = ("#2f6f4f", "#5b7fb5", "#b58a3c", "#9a5b8c", "#777777")
LEFT, BAR, GAP, WIDTH = 90, 16, 14, 720


def draw(title, groups):
    """`groups`: name of a group of bars to {name of a bar: value}."""
    most = max(value for bars in groups.values() for value in bars.values())
    scale = (WIDTH - LEFT - 70) / most
    out, y = [], 40
    for group, bars in groups.items():
        out.append(f'<text x="{LEFT - 10}" y="{y + BAR}" text-anchor="end" font-weight="bold">'
                   f'{escape(group)}</text>')
        for colour, (name, value) in zip(COLOURS, bars.items()):
            width = value * scale
            out.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR - 2}" fill="{colour}"/>'
                       f'<text x="{LEFT + width + 6:.1f}" y="{y + BAR - 5}">{escape(name)} {value:.2f}</text>')
            y += BAR
        y += GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH + 60}" height="{y + 6}" '
            f'font-family="sans-serif" font-size="11" role="img" aria-label="{escape(title)}">\n'
            f'<rect width="100%" height="100%" fill="#ffffff"/>\n'
            f'<text x="12" y="22" font-size="14">{escape(title)}</text>\n' + "\n".join(out) + "\n</svg>\n")
