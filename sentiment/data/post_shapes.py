"""Recognise the JSON layouts, here called shapes, in which platforms and their tools export posts."""

from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from typing import Any, NamedTuple

from sentiment.data.json_documents import value_at, values_at

_BREAKING = ("p", "br", "li", "blockquote")


class Shape(NamedTuple):
    """The JSON layout in which a platform or tool exports posts.

    Attributes:
        name: the name of the layout, used in messages.
        rows: path of the posts in a JSON object; empty if the object itself is a post.
        text: path of the text in a post.
        needs: fields of which a post must have at least one; empty means no such condition.
        longer: the field that contains the full text if ``text`` is cut, used in messages.
        read: returns the full text, given the text, the post and the object that contains the post.
    """

    name: str
    rows: str
    text: str
    needs: tuple[str, ...] = ()
    longer: str = ""
    read: Callable[[str, dict[str, Any], dict[str, Any]], str] = lambda text, post, page: text

    @property
    def path(self) -> str:
        """Return the path of the text in a JSON object, for example ``data[].text``."""
        return f"{self.rows}.{self.text}" if self.rows else self.text

    def fits(self, document: dict[str, Any]) -> bool:
        """Return whether a JSON object contains a post in this layout."""
        return any(
            isinstance(value_at(post, self.text), str)
            and (not self.needs or any(value_at(post, name) is not None for name in self.needs))
            for post in values_at(document, self.rows)
            if isinstance(post, dict)
        )


def _of_version_1(text: str, post: dict[str, Any], page: dict[str, Any]) -> str:
    """Return the full text of a tweet in the format of X's API 1.1. A retweet keeps the prefix "RT @name: "."""
    repeated = post.get("retweeted_status")
    if isinstance(repeated, dict):
        own = _of_version_1(str(repeated.get("full_text") or repeated.get("text") or ""), repeated, page)
        return _retweet(text, own)
    whole = value_at(post, "extended_tweet.full_text") or post.get("full_text")
    return whole if isinstance(whole, str) else text


def _of_version_2(text: str, post: dict[str, Any], page: dict[str, Any]) -> str:
    """Return the full text of a tweet in the format of X's API 2. ``page`` contains the tweet that was retweeted."""
    repeated = [
        each.get("id")
        for each in values_at(post, "referenced_tweets[]")
        if isinstance(each, dict) and each.get("type") == "retweeted"
    ]
    for tweet in values_at(page, "includes.tweets[]") if repeated else ():
        if isinstance(tweet, dict) and tweet.get("id") == repeated[0]:
            return _retweet(text, _of_version_2(str(tweet.get("text", "")), tweet, {}))
    whole = value_at(post, "note_tweet.text")
    return whole if isinstance(whole, str) else text


def _retweet(text: str, whole: str) -> str:
    mark, colon, _ = text.partition(": ")
    return f"{mark}{colon}{whole}" if whole and mark.startswith("RT @") else whole or text


class _TextOfHtml(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in _BREAKING and self.parts:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def _of_html(text: str, post: dict[str, Any], page: dict[str, Any]) -> str:
    """Convert HTML to plain text."""
    parser = _TextOfHtml()
    parser.feed(text)
    parser.close()
    return "".join(parser.parts).strip()


X_ARCHIVE = Shape("an X archive", "", "tweet.full_text", longer="note-tweet.js")
SHAPES = (
    X_ARCHIVE,
    Shape(
        "pages of X's API, version 2", "data[]", "text", ("id",),
        "note_tweet or the tweets that they repeat", _of_version_2,
    ),
    Shape(
        "tweets of X's API, version 2", "", "text", ("edit_history_tweet_ids", "note_tweet", "referenced_tweets"),
        "note_tweet", _of_version_2,
    ),
    Shape(
        "tweets of X's API, version 1.1", "", "full_text",
        longer="the tweets that they repeat", read=_of_version_1,
    ),
    Shape(
        "tweets of X's API, version 1.1", "", "text", ("retweeted_status", "extended_tweet", "truncated"),
        "extended_tweet or the tweets that they repeat", _of_version_1,
    ),
    Shape("events of Bluesky", "", "commit.record.text"),
    Shape("pages of Bluesky", "feed[]", "post.record.text"),
    Shape("pages of Bluesky", "posts[]", "record.text"),
    Shape("a Mastodon outbox", "orderedItems[]", "object.content", read=_of_html),
    Shape("posts of Mastodon", "", "content", ("spoiler_text", "visibility"), read=_of_html),
)  # fmt: skip


def shape_of(found: Sequence[dict[str, Any]], column: str) -> Shape | None:
    """Return the shape of the posts in the JSON objects ``found``, or None if no known shape fits.

    ``column`` is the requested text column. A shape fits only if its path ends in ``column``, unless ``column`` is
    empty or ``text``.
    """
    for document in found:
        for shape in SHAPES:
            asked = column in ("", "text") or f".{shape.path}".endswith(f".{column}")
            if asked and shape.fits(document):
                return shape
    return None
