"""Who opened or clicked: people, or programs that look at letters before them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SOON: Final = timedelta(seconds=10)  # after its delivery nobody has read a letter and chosen a link
SOON_SMS: Final = timedelta(seconds=2)  # after its sending nobody has one on the phone and follows its link
AT_ONCE: Final = timedelta(seconds=2)  # nobody follows two links of a letter within this time
# So long a click waits for others of the same letter, and for word of its delivery, before it is judged.
HOLD: Final = timedelta(seconds=10)

# Apple fetches all pictures of a letter ahead, whether it is read or not, and names itself by this alone.
_APPLE_PREFETCH: Final = "Mozilla/5.0"

# Scanners of mail, previews in chats, and programs that are no browser. Proxies that fetch a picture while
# somebody reads (Gmail's, Yahoo's) are not among them, nor is Outlook, nor the telephones of Cubot.
_MACHINES: Final = re.compile(
    r"(?<!cu)bot\b|crawl|spider|slurp|scanner|barracuda|mimecast|proofpoint|safelinks|urldefense|symantec"
    r"|messagelabs|trendmicro|fireeye|sophos|ironport|virustotal|zscaler|forcepoint|cloudmark"
    r"|google-safety|googlesecurity|preview|facebookexternalhit|facebot|whatsapp|existence discovery"
    r"|headless|phantomjs|selenium|puppeteer|playwright"
    r"|^(curl|wget|python|go-http|java|ruby|perl|php|node|axios|got|undici|okhttp|apache-http|libwww|lwp"
    r"|httpx|aiohttp|requests|winhttp|microsoft url control|axel|postman|insomnia)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Click:
    at: datetime
    link: int | None


def is_machine_agent(user_agent: str) -> bool:
    """Whether what asks names itself as no person's browser; a browser always names itself."""
    named = user_agent.strip()
    return named in ("", _APPLE_PREFETCH) or bool(_MACHINES.search(named))


def is_machine_click(
    click: Click, arrived_at: datetime | None, all_clicks: Iterable[Click], soon: timedelta = SOON
) -> bool:
    """By its time alone: `arrived_at` is when the letter was delivered, or else sent; `all_clicks` are those
    on the same letter."""
    if arrived_at is not None and click.at < arrived_at + soon:
        return True
    return any(one.link != click.link and abs(one.at - click.at) <= AT_ONCE for one in all_clicks)
