"""README, CONTRIBUTING and docs/: what they tell the reader to run, open or set is there."""

import re
import tomllib
from dataclasses import make_dataclass
from pathlib import Path

import pytest

from pipelines import settings_page
from pipelines.shared.profiles import PROFILES, make_settings, read_profile
from sentiment.__main__ import COMMANDS
from tests.test_structure import MAKEFILE, ROOMS, ROOT, is_command, reached, tiny_model

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TEXTS = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS}
FOREIGN = {"pytest", "venv", "pip", "build", "http.server"}  # modules that are not ours

each_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


def shell_lines(text: str) -> list[str]:
    """Lines of ``sh`` blocks, and what stands between single backticks."""
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
    outside = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return [line for block in blocks for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", outside)


def module_file(name: str) -> Path:
    """The file that ``python -m name`` runs."""
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__main__.py"


def known_options(command: Path) -> str:
    """Source of a command and of all our modules that it imports: one of them defines its options."""
    return "".join(path.read_text(encoding="utf-8") for path in reached(command) | {command})


def commands(text: str) -> list[tuple[Path, str]]:
    """Each command of ours that a text gives: the file it runs, and its arguments."""
    lines = [re.split(r"\s+#\s|&&|\|", line) for line in shell_lines(text)]
    found = []
    for part in (part.strip() for line in lines for part in line):
        if match := re.search(r"python -m ([\w.]+)(.*)", part):
            if match[1] not in FOREIGN:
                found.append((module_file(match[1]), match[2]))
        elif match := re.match(r"(?:\.venv/bin/)?sentiment (\w+)(.*)", part):
            assert match[1] in COMMANDS, part
            found.append((module_file(COMMANDS[match[1]].module), match[2]))
    return found


@each_document
def test_every_command_and_its_options_exist(path: Path) -> None:
    for command, arguments in commands(TEXTS[path]):
        assert command.is_file(), command
        assert is_command(command), command
        for option in re.findall(r"(?<=\s)--[a-z][a-z-]*", arguments):
            assert f'"{option}"' in known_options(command), f"{command}: {option}"


def test_commands_are_found() -> None:
    """The parsing above finds what is there."""
    readme = [command.relative_to(ROOT).as_posix() for command, _ in commands(TEXTS[ROOT / "README.md"])]
    assert {"pipelines/load.py", "sentiment/predict/__main__.py"} <= set(readme)
    with pytest.raises(AssertionError):
        commands("`sentiment forecast`")


@each_document
def test_every_make_target_and_variable_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):[^\n]*## \S", MAKEFILE, re.M))
    variables = set(re.findall(r"^# +([A-Z]+) ", MAKEFILE, re.M)) | {"KERAS_BACKEND"}
    for line in shell_lines(TEXTS[path]):
        if match := re.match(r"(?:[A-Z_]+=\S+ )*make ([^#]*)", line):
            words = re.findall(r'[A-Z_]+="[^"]*"|\S+', match[1])
            names = {word.split("=")[0] for word in words if "=" in word}
            assert {word for word in words if "=" not in word} - {"…"} <= targets, line
            assert names <= variables, line


@each_document
def test_every_setting_named_exists(path: Path) -> None:
    for text in re.findall(r'SET="([^"]*)"', TEXTS[path]):
        make_settings({}, text.split())


@each_document
def test_every_profile_shown_is_one(path: Path) -> None:
    for block in re.findall(r"^```toml\n(\[[a-z.]+\]\n.*?)^```", TEXTS[path], re.M | re.S):
        make_settings(tomllib.loads(block), [])


def test_every_profile_is_described() -> None:
    text = TEXTS[ROOT / "docs/profiles.md"]
    ours = [path.stem for path in PROFILES.glob("*.toml") if "sources" in read_profile(path.stem)]
    assert [name for name in ours if f"| `{name}`" not in text] == []


@each_document
def test_links_and_pictures_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", TEXTS[path]):
        if not link.startswith(("http://", "https://")):
            name, _, anchor = link.partition("#")
            target = path.parent / name if name else path
            assert target.exists(), link
            if anchor:
                assert anchor in anchors(target.read_text(encoding="utf-8")), link


def test_every_page_is_linked_from_the_readme() -> None:
    pages = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS[1:]]
    assert [page for page in pages if f"]({page}" not in TEXTS[ROOT / "README.md"]] == []


def anchors(text: str) -> set[str]:
    """What headings can be linked by."""
    titles = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_room_is_in_the_picture(name: str) -> None:
    inside = re.split(r"^```", TEXTS[ROOT / name], flags=re.M)[1::2]
    picture = next(block for block in inside if block.startswith("\n"))
    assert [room.name for room in ROOMS if not re.search(rf"\b{room.name}\b", picture)] == []


EXAMPLES = {
    path: [block for block in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S) if "import sentiment\n" in block]
    for path, text in TEXTS.items()
}


@pytest.mark.parametrize("path", [path for path, blocks in EXAMPLES.items() if blocks], ids=lambda path: path.name)
def test_examples_run(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    tiny_model(tmp_path / "models" / "sample")
    monkeypatch.chdir(tmp_path)
    for block in EXAMPLES[path]:
        exec(block, {})


@each_document
def test_files_named_exist(path: Path) -> None:
    """Paths in backticks that begin with one of our folders or, in CONTRIBUTING, with a room."""
    outside = re.sub(r"^```.*?^```", "", TEXTS[path], flags=re.M | re.S)
    ours = re.findall(r"`((?:sentiment|pipelines|tests|docs)/[\w./]+)`", outside)
    if path.name == "CONTRIBUTING.md":
        rooms = "|".join(each.name for each in (ROOT / "sentiment").iterdir() if each.is_dir())
        ours += [f"sentiment/{name}" for name in re.findall(rf"`((?:{rooms})/[\w./]+)`", outside)]
    yours = {"pipelines/profiles/mine.toml"}
    assert [name for name in ours if name not in yours and not (ROOT / name).exists()] == []


def test_the_page_of_settings_is_up_to_date() -> None:
    assert (ROOT / settings_page.PAGE).read_text(encoding="utf-8") == settings_page.page(), "run `make docs`"


def test_a_setting_without_a_description_is_noticed() -> None:
    incomplete = make_dataclass("Incomplete", [("name", int, 1)])
    incomplete.__doc__ = "Some.\n\nAttributes:\n    other: not a field."
    with pytest.raises(ValueError, match="documents other but has name"):
        settings_page.described(incomplete)
