"""Frames: turns of English around a word of clear polarity, and whether its polarity stands or is turned in them.

A frame is a line of words and of capital letters, which stand for parts of a stretch of a tweet: K the linking word or
the subject in front of the clear word, L what is left of it; D words of degree; C the clear word, E its comparative; R
what is right of it. In "the soup is so good today" they are "is", "the soup", "so", "good", "better" and "today". The
turns are those that a grammar lists under negation (Huddleston and Pullum, 2002, chapter 9): negative verbs, adverbs,
determiners and pronouns, words that deny without one ("far from", "used to"), and what only looks like it ("nothing
but", "could not be better").
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np

from sentiment.text.lexicon import PADDING, UNKNOWN
from sentiment.text.mapped_lexicon import AnyLexicon

LINKED, SUBJECT, BARE = "linked", "subject", "bare"  # what stands in front of the clear word
_LETTERS = frozenset("LKDCERXY")
# A text treatment that drops these leaves a frame's meaning as it is; where it drops another word, the frame goes.
_SPARED = frozenset(
    [
        *("i", "a", "an", "the", "it", "is", "am", "was", "be", "do", "ca", "would", "could"),
        *("to", "of", "from", "at", "about", "by", "in", "and", "that", "how", "who", "what", "there", "much"),
    ]
)

_TURNED = {
    LINKED: """
        L K not D C R | L K not D C R | L K n't D C R | L K n't D C R | L K not C R | L K n't C R | L K never D C R
        L K hardly C R | L K rarely C R | L K far from C R | L K nowhere near C R | L K anything but C R
        L K less C R | L K no longer C R | L K not C at all | L K not C anymore | L K not C any more
        L K not even C R | L K not too C R | L K not as C R | L K not that C R | L K not C or anything | L K no C R
        L K no E R | L could n't be less C R | L wo n't be C R | L has never been C R | L used to be C R
        L stopped being C R | L K C until now | L K not the C R it was | L K not as C as i hoped
        i do n't think L K D C R | i doubt L K C R | nothing C R | nothing is C R | nobody K C R | no one K C R
    """,
    SUBJECT: """
        L K do n't C R | L K do n't D C R | L K do not C R | L K did n't C R | L K did not C R | L K does n't C R
        L K never C R | L K hardly C R | L K rarely C R | L K no longer C R | L K used to C R | L K do n't C R anymore
        L K do n't C R at all | L K did n't even C R | L K could n't C R less | L K would n't C R
        L K would never C R | L K ca n't C R | L K cannot C R | you ca n't C R | ca n't C R | nobody C R | no one C R
        nothing to C about R | why would anyone C R | without C R | L K stopped to C R
    """,
    BARE: """
        L no C R | L no C R | L not D C R | L not a C R | L not a single C R | L not any C R | L nothing C R
        L nobody C R | L without C R | L without any C R | L hardly any C R | L less C R | L no more C R
        L none of the C R | L neither C R | L zero C R | L never C R | L never a C R | L nothing to C about R
        L far from C R
    """,
}
_STANDING = {
    LINKED: """
        L K D C R | L K so C R | L K very C R | L K too C R | L K C now | how C K L | how C is that R
        L is n't that C | is n't L C R ? | is n't L C R | are n't L C R ? | i ca n't believe how C L K
        ca n't believe how C R | i cannot believe how C L K | ca n't believe L K D C R | never thought L K so C R
        who knew L could be so C R | did n't expect L to be D C R | was n't expecting L to be so C R
        never been so C R | L K nothing but C R | L K not just C R | L K not only C R | L K E R | L K E R
        L K even E R | L K much E R | feel E R | L K getting E R | keeps getting E R | L K E than ever
        L K so much E than R | L could n't be E R | could not be E R | L could n't have been E R
        L could n't be any E R | has never been E R | there is nothing E R | nothing is E R | no one K E R
        never had E R | never E R | L can not get E R | L does n't get any E R
    """,
    SUBJECT: """
        L K D C R | L K really C R | L K still C R | L K just C R | L K do C R | L K always C R | always C R
        ca n't believe how much i C R | never knew K would C R | who would n't C R ? | who does n't C R ?
        who did n't C R | do n't we all C R | L K never stop to C R | ca n't stop C R | ca n't wait to C R
        L K ca n't help but C R | L K could n't C R more | L K could not C R more
    """,
    BARE: """
        L D C R | C R | C R | L E R | what a C R | such a C R | just C R | yet another C R | L C again | finally C R
        at last C R | so much C R | L more C R | full of C R | L nothing but C R | never seen such a C R
        never had E R | never had a E R | never met a E R | never seen a E R | never heard E R | there is no E R
        there 's no E R | no one E R | no E R
    """,
}
# Of a positive word: what is wished for is not there.
_WISHED = {
    LINKED: """
        i wish L K C R | wish L were C R | wish it was C R | if only L K C R | hoped L would be C R | L should be C R
        L should have been C R | L could have been E R | L could be E R | L was supposed to be C R
        L used to be so C R | L K not C enough | L K not as C R
    """,
    SUBJECT: """
        wish i could C R | wish K could C R | if only i could C R | i wanted to C R but | L K tried to C R
    """,
    BARE: "wish for C R | not enough C R | where is the C R | i need C R",
}
# X of one polarity and Y of the other, which is what the whole says.
_JOINED = """
X but Y | X but Y | X but Y | although X Y | even though X Y | though X Y | despite X Y | Y although X
Y even though X | Y though X | Y despite X | X yet Y | X however Y | X still Y | X at first now Y | first X then Y
X before now Y | used to be X now Y | no longer X Y | thought X Y | i thought X but Y | expected X Y | instead of X Y
Y instead of X
"""

# Set turns, whose polarity is in no word of theirs, around a stretch without a clear word.
_SAID = {
    1: """
        L ca n't get enough of R | ca n't get enough R | you ca n't go wrong with R | L could n't ask for more R
        could n't ask for a better R | could not have asked for more | nothing to complain about R | no complaints R
        no complaints about R | L ca n't complain about R | nothing wrong with R | no problem with R | L no problems R
        L no issues with R | no trouble with R | L without any trouble R | L without a hitch | no regrets R
        R is hard to beat | you ca n't beat R | L second to none | would n't change a thing about R
        L would n't trade R for anything | R never lets me down | R never disappoints | R did not disappoint
        R never fails to impress | R never gets old | L ca n't wait for R | L could n't put R down | i do n't mind R
        i do n't mind R at all | no worries about R | R is not half bad | L worth every penny | L worth it
        L worth the wait | R is well worth it | ca n't recommend R enough | would recommend R
        what is not to like about R | hats off to R | thumbs up for R | R made my day | works like a charm R
        R works again | R is back | R is finally fixed | L turned out fine | L turned out well | R went well
        R is on top of the world | over the moon about R | L was right on time | L just in time | L right away
        found my R | L found R again | won R | we won R | passed my R | passed R with flying colors | got promoted R
        got a raise R | got the job R | R paid off | R came through | R arrived early | R arrived safely
        R arrived on time | L recovered R | R improved | R keeps improving | R cleared up | solved R | sorted R out
        R exceeded my expectations | R blew me away | R cheered me up | R made me smile | R made me laugh
        R helped a lot | R was a success | got my money back R | R fits perfectly | L <smile> | R <smile> | R <heart>
        L <lolface> | R saved me | R kept their word | i will be back to R | coming back to R | R as good as new
        hope R never ends
    """,
    -1: """
        L had enough of R | L fed up with R | L could do without R | L ca n't stand R | R is not worth it
        R was not worth the money | nothing to write home about R | nothing special about R | R lets me down
        R let me down again | R left a lot to be desired | L a waste of time | R is a waste of money | no thanks to R
        no use R | no point in R | R is not my cup of tea | wo n't be back to R | never again R
        never going back to R | could n't care less about R | L gave up on R | do n't bother with R
        save your money R | stay away from R | would n't wish R on anyone | R makes no sense | R was no help at all
        thumbs down for R | R ruined my day | money down the drain R | so much for R | thanks for nothing R
        R fell apart | R is not up to scratch | R does n't work | R stopped working | R is down again
        L never showed up | R never arrived | still no R | still waiting for R | still not R | R turned out badly
        L turned out wrong | R went wrong | R was late again | L too late | R cost me hours
        R did not keep their word | lost my R | we lost R | failed my R | missed R | got fired R | laid off from R
        R got stolen | someone stole R | R got cancelled | R was sold out | broke my R | R crashed again
        R froze again | R died on me | L ended up in hospital | R is getting worse | R never called back
        R ignored me | R overcharged me | R bored me | R drove me crazy | R gave me a headache | R made me cry
        R made me sick | R was a disaster | R was a failure | R does not fit | R got worse
        R fell short of my expectations | R got lost in the post | R kept me awake | L <sadface> | R <sadface>
        R <sadface> | R charged me twice | hope R ends soon | should have skipped R | should never have R | i regret R
        R ran out | L went downhill R | R is out of order | no end to R
    """,
}

Frame = tuple[int | str, ...]  # ids, and letters for what is put in


class Frames(NamedTuple):
    """The frames that a lexicon can say; by what stands in front of the clear word, ``said`` by sign."""

    turned: Mapping[str, Sequence[Frame]]
    standing: Mapping[str, Sequence[Frame]]
    wished: Mapping[str, Sequence[Frame]]
    joined: Sequence[Frame]
    said: Mapping[int, Sequence[Frame]]

    @property
    def words(self) -> np.ndarray:
        """Ids that occur in frames."""
        frames = chain(self.joined, *(some for kinds in self[:3] for some in kinds.values()))
        return np.unique([part for frame in frames for part in frame if isinstance(part, int)]).astype(np.int64)


def known_frames(lexicon: AnyLexicon) -> Frames:
    """The frames whose words all have an id in ``lexicon``, or may be missing."""
    turned, standing, wished = (
        {kind: _read(text, lexicon) for kind, text in kinds.items()} for kinds in (_TURNED, _STANDING, _WISHED)
    )
    said = {sign: _read(text, lexicon) for sign, text in _SAID.items()}
    return Frames(turned, standing, wished, _read(_JOINED, lexicon), said)


def _read(text: str, lexicon: AnyLexicon) -> list[Frame]:
    lines = text.strip().replace("\n", "|").split("|")
    frames = (tuple(word if word in _LETTERS else _id(word, lexicon) for word in line.split()) for line in lines)
    return [tuple(part for part in frame if part != PADDING) for frame in frames if UNKNOWN not in frame]


def _id(word: str, lexicon: AnyLexicon) -> int:
    found = lexicon.id_of(word)
    return UNKNOWN if found == PADDING and word not in _SPARED else found
