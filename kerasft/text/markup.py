"""Removes HTML from a text: tags go, entities become characters."""

import html
import re
from html.entities import html5

# Only what HTML knows is a tag: "<call is disconnected>" and "<name@mail.com>" are the writer's.
_ELEMENTS = (
    "a|abbr|address|article|aside|audio|b|bdi|bdo|big|blockquote|body|br|button|canvas|caption"
    "|center|cite|code|col|colgroup|dd|del|details|dfn|dialog|div|dl|dt|em|embed|fieldset"
    "|figcaption|figure|font|footer|form|frame|frameset|h1|h2|h3|h4|h5|h6|head|header|hr|html|i"
    "|iframe|img|input|ins|kbd|label|legend|li|link|main|map|mark|menu|meta|nav|noscript|object"
    "|ol|optgroup|option|p|param|picture|pre|q|s|samp|script|section|select|small|source|span"
    "|strike|strong|style|sub|summary|sup|svg|table|tbody|td|template|textarea|tfoot|th|thead"
    "|time|title|tr|tt|u|ul|var|video|wbr"
)

_COMMENT = re.compile("<!--.*?-->", re.DOTALL)
_UNSEEN = re.compile(
    r"<(?:script|style)(?=[\s>]).*?</(?:script|style)\s*>", re.DOTALL | re.IGNORECASE
)
_UNSEEN_END = re.compile(r"</(?:script|style)\s*>", re.IGNORECASE)
_TAG = re.compile(rf"<(?:!doctype|/?(?:{_ELEMENTS}))(?=[\s/>])[^>]*>", re.IGNORECASE)

# "&amp;amp;lt;" is what escaping thrice makes of "<": the ampersands are read as one.
_AMPERSAND = re.compile(r"&(?:(?:amp|AMP|#0*38|#[xX]0*26);)+")
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_MOST_ROUNDS = 4


def strip_html(text: str) -> str:
    r"""Removes the HTML from a text; each tag leaves a space.

    Comments go, and scripts and styles with their content. Entities count only with their semicolon
    ("AT&T" and "a&copy=1" stay). A second call changes nothing, and the time is linear in the
    length of any text.

    Example:
        >>> strip_html("I paid &#36;50&nbsp;<b>twice</b>.<br/>Johnson &amp; Sons")
        'I paid $50\xa0 twice .  Johnson & Sons'
    """
    if "&" in text:
        text = _unescape(text)
    if "<" not in text:
        return text
    text = _cut(_COMMENT, text, text.rfind("-->") + len("-->"))
    text = _cut(_UNSEEN, text, max((m.end() for m in _UNSEEN_END.finditer(text)), default=0))
    return _cut(_TAG, text, text.rfind(">") + 1)


def _cut(pattern: re.Pattern[str], text: str, end: int) -> str:
    """Replaces matches by spaces before `end`, where the last match could end.

    Beyond it, each opening would be searched in vain up to the end of the text: quadratic time.
    """
    return pattern.sub(" ", text[:end]) + text[end:] if end > 0 else text


def _unescape(text: str) -> str:
    for _ in range(_MOST_ROUNDS):
        decoded = _ENTITY.sub(_character, _AMPERSAND.sub("&", text))
        if decoded == text:
            return text
        text = decoded
    # Nobody writes entities nested so deeply, but a server may be sent them.
    return text.replace("&", " ")


def _character(entity: re.Match[str]) -> str:
    name = entity[0]
    # html.unescape would also take the beginning of a name that it does not know ("&notice;").
    return html.unescape(name) if name[1] == "#" or name[1:] in html5 else name
