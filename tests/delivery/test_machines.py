"""Who is taken for a machine, and who is not."""

from datetime import timedelta

import pytest

from journeyflow.delivery.machines import AT_ONCE, SOON, Click, is_machine_agent, is_machine_click
from tests.delivery.ledgers import NOON

PEOPLE = [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
    "Safari/537.36 Edg/126.0.0.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
    "Mozilla/5.0 (Linux; Android 12; CUBOT NOTE 21) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/125.0.0.0 "
    "Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
    "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
    "Outlook-iOS/2.0",
]
MACHINES = [
    "",
    " ",
    "Mozilla/5.0",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "facebookexternalhit/1.1 Facebot Twitterbot/1.0",
    "WhatsApp/2.23.20.0",
    "BarracudaCentral/1.0",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/120.0.0.0",
    "Microsoft Office Existence Discovery",
    "curl/8.5.0",
    "python-requests/2.32.0",
    "Go-http-client/2.0",
    "Java/17.0.1",
    "okhttp/4.12.0",
]


@pytest.mark.parametrize("agent", PEOPLE)
def test_browsers_and_the_proxies_of_mail_programs_are_people(agent: str) -> None:
    assert not is_machine_agent(agent)


@pytest.mark.parametrize("agent", MACHINES)
def test_what_names_itself_something_else_is_a_machine(agent: str) -> None:
    assert is_machine_agent(agent)


_ONCE, _SOON = AT_ONCE.total_seconds(), SOON.total_seconds()


@pytest.mark.parametrize(
    ("clicks", "by_machine"),
    [
        ([(60, 0)], [False]),
        ([(60, 0), (60, 0)], [False, False]),
        ([(60, 0), (60 + _ONCE, 1)], [True, True]),
        ([(60, 0), (61 + _ONCE, 1)], [False, False]),
        ([(60, 0), (61, 1), (300, 2)], [True, True, False]),
        ([(_SOON - 1, 0)], [True]),
        ([(_SOON, 0)], [False]),
        ([(-5, 0)], [True]),
    ],
    ids=["one", "twice", "at once", "in turn", "at once, one later", "soon", "not soon", "before"],
)
def test_clicks_that_no_person_makes(clicks: list[tuple[float, int]], by_machine: list[bool]) -> None:
    made = [Click(NOON + timedelta(seconds=at), link) for at, link in clicks]
    assert [is_machine_click(one, NOON, made) for one in made] == by_machine


def test_of_what_arrived_nobody_knows_when_the_time_says_nothing() -> None:
    assert not is_machine_click(Click(NOON, 0), None, [])
