"""A horizontal bar chart as inline SVG: no script, nothing loaded from elsewhere."""

import html

_ROW, _BAR, _LEFT, _RIGHT, _WIDTH = 26, 16, 150, 110, 760


def bars(rows, title):
    """`rows` are (label, value, text at the bar's end), drawn in their order."""
    largest = max((value for _, value, _ in rows), default=0) or 1
    height = _ROW * len(rows) + 8
    parts = [f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{html.escape(title, quote=True)}">']
    for i, (label, value, text) in enumerate(rows):
        middle = _ROW * i + _ROW / 2 + 4
        width = max(1.0, (_WIDTH - _LEFT - _RIGHT) * value / largest)
        parts.append(
            f'<text x="{_LEFT - 8}" y="{middle}" class="label">{html.escape(label)}</text>'
            f'<rect x="{_LEFT}" y="{middle - _BAR / 2}" width="{width:.1f}" height="{_BAR}" rx="2"/>'
            f'<text x="{_LEFT + width + 6:.1f}" y="{middle}" class="value">{html.escape(text)}</text>')
    return "\n".join(parts) + "\n</svg>"
