"""The picture of a badge, drawn with its text: `container | none`."""

from typing import Final, NamedTuple

from resolvers.repositories.badge import BadgeState


class Look(NamedTuple):
    """What a state is called on the badge, and its colour."""

    text: str
    colour: str


SUBJECT: Final = "container"
LOOKS: Final = {BadgeState.NONE: Look("none", "#9f9f9f")}
"""How each state looks."""

_LETTER = 7
_PADDING = 10


def picture(state: BadgeState) -> str:
    """The badge as SVG. Its only font is one that viewers have; nothing is loaded."""
    look = LOOKS[state]
    left, right = (len(text) * _LETTER + _PADDING for text in (SUBJECT, look.text))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img"'
        f' aria-label="{SUBJECT}: {look.text}"><title>{SUBJECT}: {look.text}</title>'
        f'<rect width="{left}" height="20" fill="#555"/>'
        f'<rect x="{left}" width="{right}" height="20" fill="{look.colour}"/>'
        '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">'
        f'<text x="{left / 2}" y="14">{SUBJECT}</text>'
        f'<text x="{left + right / 2}" y="14">{look.text}</text></g></svg>\n'
    )
