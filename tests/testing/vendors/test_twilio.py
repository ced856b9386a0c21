"""Twilio on this machine takes and refuses what the real one does, and signs what it tells."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx2
import pytest
import pytest_asyncio
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from journeyflow.delivery.channels.http import Timeouts
from journeyflow.delivery.channels.twilio_client import PooledClient
from journeyflow.testing.vendors.twilio import ACCOUNT, SERVICE, TOKEN, TwilioServer, twilio_server
from tests.delivery.channels.receiver import Receiver, receiving

TO, OURS = "+46700000001", "+46700000000"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
GOOD = {"To": TO, "From": OURS, "Body": "Hello"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[TwilioServer]:
    async with twilio_server(senders=[OURS, "Club", "+15005550008"], clock=lambda: NOW) as server:
        yield server


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def call(server: TwilioServer, method: str = "POST", path: str = PATH, **request: Any) -> Any:
    login = request.pop("auth", (ACCOUNT, TOKEN))
    async with httpx2.AsyncClient(auth=login, verify=False) as client:
        return await client.request(method, server.url + path, **request)


async def test_what_it_takes_it_answers_for_as_twilio_does(server: TwilioServer) -> None:
    answer = await call(
        server, data={**GOOD, "ValidityPeriod": "60", "StatusCallback": "https://a.example.com/x"}
    )
    assert (answer.status_code, answer.headers["content-type"]) == (201, "application/json;charset=utf-8")
    (taken,) = server.accepted
    assert answer.json() == {
        "account_sid": ACCOUNT,
        "api_version": "2010-04-01",
        "body": "Hello",
        "date_created": "Fri, 01 May 2026 12:00:00 +0000",
        "date_sent": None,
        "date_updated": "Fri, 01 May 2026 12:00:00 +0000",
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": OURS,
        "messaging_service_sid": None,
        "num_media": "0",
        "num_segments": "1",
        "price": None,
        "price_unit": None,
        "sid": taken.sid,
        "status": "queued",
        "subresource_uris": {"media": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{taken.sid}/Media.json"},
        "tags": None,
        "to": TO,
        "uri": f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{taken.sid}.json",
    }


async def test_a_service_has_no_sender_yet(server: TwilioServer) -> None:
    answer = await call(server, data={"To": TO, "Body": "Hello", "MessagingServiceSid": SERVICE})
    told = answer.json()
    assert (told["from"], told["status"], told["num_segments"]) == (None, "accepted", "0")


WRONG: list[tuple[dict[str, Any], int]] = [
    ({"To": None}, 21604),
    ({"To": "0700000001"}, 21211),
    ({"To": "whatsapp:+46700000001"}, 21211),
    ({"To": "+15005550004"}, 21610),
    ({"From": None}, 21603),
    ({"From": "Twelve chars"}, 21212),
    ({"From": "Café"}, 21212),
    ({"From": "+46700000055"}, 21660),
    ({"From": TO}, 21266),
    ({"From": "+15005550008"}, 21611),
    ({"From": None, "MessagingServiceSid": "MG1"}, 21705),
    ({"From": None, "MessagingServiceSid": "MG" + "0" * 32}, 21701),
    ({"Body": None}, 21619),
    ({"Body": ""}, 21602),
    ({"Body": "x" * 1601}, 21617),
    ({"StatusCallback": "/status"}, 21609),
    ({"StatusCallback": "https://my_host.example.com/"}, 21609),
    ({"StatusCallback": "ftp://example.com/"}, 21609),
    ({"StatusCallback": "https://example.com/a b"}, 21609),
    ({"ValidityPeriod": "0"}, 20001),
    ({"ValidityPeriod": "36001"}, 20001),
    ({"ValidityPeriod": "60.0"}, 20001),
    ({"ProvideFeedback": "yes"}, 20001),
    ({"SmartEncoded": "True"}, 20001),
    ({"ContentSid": "HX1"}, 20001),
    ({"ApplicationSid": "AP1"}, 20001),
    ({"ShortenUrls": "true"}, 20001),
    ({"ScheduleType": "soon"}, 20001),
    ({"SendAt": "tomorrow"}, 20001),
    ({"RiskCheck": "off"}, 20001),
    ({"MediaUrl": ["https://example.com/1.png"] * 11}, 21623),
    ({"Body": ["Hello", "again"]}, 20001),
    ({"StatusCallBack": "https://example.com"}, 20001),
    ({"Extra": "1"}, 20001),
]


async def test_what_twilio_refuses_it_refuses_in_twilios_form(server: TwilioServer) -> None:
    for changes, code in WRONG:
        form = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
        answer = await call(server, data=form)
        told = answer.json()
        assert told["code"] == code, (changes, told)
        assert told["status"] == answer.status_code >= 400
        assert told["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert server.accepted == []


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        ({"auth": (ACCOUNT, "another")}, 401, 20003),
        ({"auth": ("AC" + "0" * 32, TOKEN)}, 401, 20003),
        ({"auth": None}, 401, 20003),
        ({"path": PATH.replace(ACCOUNT, "AC" + "0" * 32)}, 404, 20404),
        ({"path": PATH.replace(".json", "")}, 404, 20404),
        ({"method": "PUT"}, 405, 20004),
        ({"data": None, "json": GOOD}, 400, 21604),
        ({"data": None, "content": b"\xff\xfe", "headers": FORM}, 400, 20001),
        ({"data": None, "content": b"x" * 1_000_001}, 413, 20413),
    ],
)
async def test_what_is_no_proper_request(
    server: TwilioServer, request_: dict[str, Any], status: int, code: int
) -> None:
    answer = await call(server, **{"data": GOOD, **request_})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert server.accepted == []


async def test_it_lists_page_by_page_as_the_official_client_reads_it(server: TwilioServer) -> None:
    for number in range(5):
        server.put({"To": TO, "From": OURS, "Body": str(number)}, NOW + timedelta(seconds=number))
    server.put({"To": "+46700000002", "From": OURS})
    http = PooledClient(server.url, Timeouts(), 1)
    messages = Client(ACCOUNT, TOKEN, http_client=http).messages
    assert [one.body for one in await messages.list_async(to=TO, page_size=2)] == ["4", "3", "2", "1", "0"]
    assert server.http.requests == 3
    assert len(await messages.list_async(from_=OURS, limit=4)) == 4
    assert len(await messages.list_async()) == 6
    await http.close()


async def test_what_has_not_left_has_no_date_to_find_it_by(server: TwilioServer, receiver: Receiver) -> None:
    taken = server.put({**GOOD, "StatusCallback": receiver.url})
    for name in ("DateSent", "DateSent>", "DateSent<"):
        assert await found(server, **{name: "2026-05-01"}) == []
    await server.report(taken.sid, "sent")
    for query in (
        {"DateSent": "2026-05-01"},
        {"DateSent>": "2026-05-01"},
        {"DateSent<": "2026-05-01T00:00:00Z"},
    ):
        assert await found(server, **query) == [taken.sid]
    assert await found(server, **{"DateSent>": "2026-05-02"}) == []


async def found(server: TwilioServer, **query: str) -> list[str]:
    return [one["sid"] for one in (await call(server, "GET", params=query)).json()["messages"]]


@pytest.mark.parametrize(
    "query", [{"PageSize": "0"}, {"PageSize": "1001"}, {"DateSent": "May"}, {"Status": "sent"}]
)
async def test_a_list_that_cannot_be(server: TwilioServer, query: dict[str, str]) -> None:
    assert (await call(server, "GET", params=query)).status_code == 400


async def test_what_it_accepts_is_written_down_first(tmp_path: Path) -> None:
    file = tmp_path / "ledger"
    async with twilio_server(ledger=file) as server:
        answer = await call(server, data=GOOD)
        assert json.loads(file.read_text()) == {"id": answer.json()["sid"], **GOOD}


async def test_a_report_is_signed_as_twilio_signs_it(server: TwilioServer, receiver: Receiver) -> None:
    url = f"{receiver.url}?message=7"
    taken = server.put({**GOOD, "MessagingServiceSid": SERVICE, "StatusCallback": url})
    receiver.answer = lambda received: (204, {})
    heard = await server.report(taken.sid, "undelivered", 30005)
    assert heard.status == 204
    (received,) = receiver.received
    params = dict(parse_qsl(received.text))
    assert params == {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "From": OURS,
        "MessageSid": taken.sid,
        "MessageStatus": "undelivered",
        "SmsSid": taken.sid,
        "SmsStatus": "undelivered",
        "To": TO,
        "MessagingServiceSid": SERVICE,
        "ErrorCode": "30005",
        "RawDlrDoneDate": "2605011200",
    }
    signature = received.headers["x-twilio-signature"]
    assert RequestValidator(TOKEN).validate(url, params, signature)
    assert not RequestValidator("another").validate(url, params, signature)
    assert (server.accepted[0].status, server.accepted[0].error) == ("undelivered", 30005)


async def test_a_person_writes_in_and_twilio_signs_for_the_public_address(
    server: TwilioServer, receiver: Receiver
) -> None:
    public = "https://post.example.com/hook"
    await server.write_in(TO, OURS, "Stopp åäö", public, sid="SM1", opt_out="STOP", via=receiver.url)
    (received,) = receiver.received
    params = dict(parse_qsl(received.text, keep_blank_values=True))
    assert received.path == "/hook"
    assert (params["MessageSid"], params["From"], params["To"]) == ("SM1", TO, OURS)
    assert (params["Body"], params["OptOutType"], params["SmsStatus"]) == ("Stopp åäö", "STOP", "received")
    assert RequestValidator(TOKEN).validate(public, params, received.headers["x-twilio-signature"])
    assert server.stopped == set(), "not one of Twilio's own words"
