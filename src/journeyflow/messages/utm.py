"""UTM parameters: what the sender's own statistics are told about where a visit came from."""

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from journeyflow.language.tracking import UTM_KEYS, unknown_word
from journeyflow.messages.problems import BadTemplate, TemplateProblem
from journeyflow.messages.source import Source

_PREFIX = "utm_"
_WORD = re.compile(r"\{(\w+)\}")

Parameters = tuple[tuple[str, str], ...]  # a name, and "name=value" as it stands in a URL


def of_front_matter(source: Source) -> dict[str, str] | None:
    """What a template says of its own; None where it wants none at all. Raises BadTemplate."""
    plain = source.values.get("utm")
    if plain is None:
        pairs = source.pairs.get("utm", [])
        if problems := [problem for pair in pairs for problem in _problems(source, *pair)]:
            raise BadTemplate(problems)
        return {name: value for _, name, value in pairs}
    if plain == "off":
        return None
    message = '"utm" should be "off", or lines such as "campaign: spring"'
    raise BadTemplate(source.problem(max(source.whole.find("utm:"), 0), message))


def parameters(utm: Mapping[str, str], *, journey: str, template: str, channel: str, step: str) -> Parameters:
    words = (("journey", journey), ("template", template), ("channel", channel), ("step", step))
    return _parameters(tuple(utm.items()), words)


def with_parameters(url: str, added: Parameters) -> str:
    """What the URL already has stays, and so do its other parameters and its fragment."""
    head, hash_, fragment = url.partition("#")
    path, _, query = head.partition("?")
    if _PREFIX in query:
        there = {part.partition("=")[0] for part in re.split("[&;]", query)}
        added = tuple(pair for pair in added if pair[0] not in there)
    if not added:
        return url
    more = "&".join([text for _, text in added])
    between = "&" if query and not query.endswith("&") else ""
    return f"{path}?{query}{between}{more}{hash_}{fragment}"


@lru_cache(256)
def _parameters(utm: tuple[tuple[str, str], ...], words: tuple[tuple[str, str], ...]) -> Parameters:
    known = dict(words)
    values = {name: _WORD.sub(lambda match: known.get(match[1], match[0]), text) for name, text in utm}
    return tuple(
        (_PREFIX + name, f"{_PREFIX}{name}={quote(values[name], safe='')}")
        for name in UTM_KEYS
        if values.get(name)
    )


def _problems(source: Source, at: int, name: str, value: str) -> list[TemplateProblem]:
    if name not in UTM_KEYS:
        return source.problem(at, f'"utm" has no "{name}"; there are {", ".join(UTM_KEYS)}')
    fault = unknown_word(value) if value else 'should be a text, in quotes if it begins with "{"'
    return source.problem(at, f'"{name}" {fault}') if fault else []
