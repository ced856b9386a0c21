"""Who opened or clicked: people, or programs that look at letters before them."""

import re
from typing import Final

# Apple fetches all pictures of a letter ahead, whether it is read or not, and names itself by this alone.
_APPLE_PREFETCH: Final = "Mozilla/5.0"

# Scanners of mail, previews in chats, and programs that are no browser. Proxies that fetch a picture while
# somebody reads (Gmail's, Yahoo's) are not among them, nor is Outlook.
_MACHINES: Final = re.compile(
    r"bot\b|bot/|crawl|spider|slurp|scanner|barracuda|mimecast|proofpoint|safelinks|urldefense|symantec"
    r"|messagelabs|trendmicro|fireeye|sophos|cisco|ironport|virustotal|zscaler|forcepoint|cloudmark|vade"
    r"|google-safety|googlesecurity|preview|facebookexternalhit|facebot|whatsapp|existence discovery"
    r"|headless|phantomjs|selenium|puppeteer|playwright"
    r"|^(curl|wget|python|go-http|java|ruby|perl|php|node|axios|got|undici|okhttp|apache-http|libwww|lwp"
    r"|httpx|aiohttp|requests|winhttp|microsoft url control|axel|postman|insomnia)\b",
    re.IGNORECASE,
)


def is_machine_agent(user_agent: str) -> bool:
    """Whether what asks names itself as no person's browser; a browser always names itself."""
    named = user_agent.strip()
    return named in ("", _APPLE_PREFETCH) or bool(_MACHINES.search(named))
