"""The shapes in which platforms and their tools give posts, recognised by content."""

import html
from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from typing import Any, NamedTuple

from sentiment.data.json_documents import value_at, values_at

_KEY_LENGTH = 100  # a post that X's archive cuts is longer
_BREAKING = ("p", "br", "li", "blockquote")


class Post(NamedTuple):
    """The text of a post, and whether it is ``longer`` than the text at the shape's path."""

    text: str
    longer: bool = False


class Shape(NamedTuple):
    """How a platform or tool gives posts.

    Attributes:
        name: for messages.
        rows: path of the posts in an object; empty where the object is one.
        text: path of the text in a post.
        needs: names of fields of a post, one of which must be there; empty needs none.
        longer: where the whole of a text that is cut stands, for messages.
        read: gives the whole text, of the text, the post and the object that it is in.
    """

    name: str
    rows: str
    text: str
    needs: tuple[str, ...] = ()
    longer: str = ""
    read: Callable[[str, dict[str, Any], dict[str, Any]], str] = lambda text, post, page: text

    @property
    def path(self) -> str:
        """Return the path of the text in an object."""
        return f"{self.rows}.{self.text}" if self.rows else self.text

    def fits(self, document: dict[str, Any]) -> bool:
        """Return whether a JSON object is of this shape."""
        posts = [post for post in values_at(document, self.rows) if isinstance(post, dict)]
        return any(self._fits(post) for post in posts)

    def _fits(self, post: dict[str, Any]) -> bool:
        needed = not self.needs or any(value_at(post, name) is not None for name in self.needs)
        return needed and isinstance(value_at(post, self.text), str)

    def post_of(self, row: dict[str, Any], page: dict[str, Any]) -> Post | None:
        """Return the post of a row in the object ``page``; None where it has no text, such as a deletion."""
        text = value_at(row, self.text)
        if not isinstance(text, str):
            return None
        whole = self.read(text, row, page)
        return Post(whole, longer=len(whole) > len(text))


def _of_version_1(text: str, post: dict[str, Any], page: dict[str, Any]) -> str:
    """Return the whole text: a retweet's, with its "RT @name: ", from the tweet that it repeats."""
    repeated = post.get("retweeted_status")
    if isinstance(repeated, dict):
        own = _of_version_1(str(repeated.get("full_text") or repeated.get("text") or ""), repeated, page)
        return _retweet(text, own)
    whole = value_at(post, "extended_tweet.full_text") or post.get("full_text")
    return whole if isinstance(whole, str) else text


def _of_version_2(text: str, post: dict[str, Any], page: dict[str, Any]) -> str:
    """Return the whole text: that of a long post, or for a retweet that of the tweet among the page's ``includes``."""
    repeated = [each.get("id") for each in values_at(post, "referenced_tweets[]") if each.get("type") == "retweeted"]
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
        """Begin a line for a paragraph or a break."""
        if tag in _BREAKING and self.parts:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        """Take text."""
        self.parts.append(data)


def _of_html(text: str, post: dict[str, Any], page: dict[str, Any]) -> str:
    """Return the text of HTML without tags and entities."""
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
    """Return the shape that the first objects of a file are of, or None.

    Args:
        found: some objects, of which the first may be something else, such as a deletion.
        column: that is asked for: empty or ``text`` takes any shape, others the one whose path ends so.
    """
    for document in found:
        for shape in SHAPES:
            asked = column in ("", "text") or f".{shape.path}".endswith(f".{column}")
            if asked and shape.fits(document):
                return shape
    return None


class LongPosts:
    """The whole texts of an X archive's long posts, which its tweets only have the beginning of."""

    def __init__(self, notes: Sequence[dict[str, Any]]) -> None:
        texts = [value_at(note, "noteTweet.core.text") for note in notes]
        self._by_start = {_start(text): text for text in texts if isinstance(text, str)}

    def whole(self, text: str) -> str:
        """Return the long post that ``text`` is the beginning of, or ``text``."""
        return self._by_start.get(_start(text), text) if len(text) >= _KEY_LENGTH else text


def _start(text: str) -> str:
    return " ".join(html.unescape(text).split())[:_KEY_LENGTH]
