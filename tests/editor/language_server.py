"""A YAML language server as an editor runs it: JSON-RPC over its standard input and output."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

_SETTINGS = {"yaml": {"schemaStore": {"enable": False}, "validate": True, "completion": True, "hover": True}}


class LanguageServer:
    """Ask with `request`; what it says by itself is kept by `diagnostics`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._ids = count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._diagnostics: dict[str, asyncio.Queue[list[dict[str, Any]]]] = {}

    async def request(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._send({"id": number, "method": method, "params": params})
        return await asyncio.wait_for(self._answers[number], 60)

    async def notify(self, method: str, **params: Any) -> None:
        await self._send({"method": method, "params": params})

    async def open(self, file: Path, text: str) -> list[dict[str, Any]]:
        """As if the file had this text; returns what the server finds wrong in it."""
        document = {"uri": file.as_uri(), "languageId": "yaml", "version": 1, "text": text}
        queue = self._diagnostics.setdefault(file.as_uri(), asyncio.Queue())
        await self.notify("textDocument/didOpen", textDocument=document)
        return await asyncio.wait_for(queue.get(), 60)

    async def completions(self, file: Path, line: int, character: int) -> list[str]:
        found = await self.request("textDocument/completion", **_place(file, line, character))
        return [item["label"] for item in (found["items"] if isinstance(found, dict) else found)]

    async def hover(self, file: Path, line: int, character: int) -> str:
        found = await self.request("textDocument/hover", **_place(file, line, character))
        return str(found["contents"]["value"])

    async def listen(self) -> None:
        while (message := await self._receive()) is not None:
            match message:
                case {"method": "workspace/configuration", "id": number, "params": {"items": items}}:
                    sections = [_SETTINGS.get(item["section"], {}) for item in items]
                    await self._send({"id": number, "result": sections})
                case {"method": "textDocument/publishDiagnostics", "params": found}:
                    uri = found["uri"]
                    self._diagnostics.setdefault(uri, asyncio.Queue()).put_nowait(found["diagnostics"])
                case {"method": _, "id": number}:
                    await self._send({"id": number, "result": None})
                case {"id": number, "result": result}:
                    self._answers.pop(number).set_result(result)
                case {"id": number, "error": error}:
                    self._answers.pop(number).set_exception(RuntimeError(str(error)))

    async def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        await self._process.stdin.drain()

    async def _receive(self) -> dict[str, Any] | None:
        assert self._process.stdout
        length = 0
        while line := (await self._process.stdout.readline()).strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return json.loads(await self._process.stdout.readexactly(length)) if length else None


@asynccontextmanager
async def language_server(program: Path, root: Path) -> AsyncIterator[LanguageServer]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(str(program), "--stdio", stdin=pipe, stdout=pipe)
    server = LanguageServer(process)
    listening = asyncio.create_task(server.listen())
    try:
        abilities = {"textDocument": {"hover": {"contentFormat": ["plaintext"]}, "publishDiagnostics": {}}}
        workspace = {"configuration": True}
        await server.request(
            "initialize",
            processId=None,
            rootUri=root.as_uri(),
            capabilities={**abilities, "workspace": workspace},
        )
        await server.notify("initialized")
        await server.notify("workspace/didChangeConfiguration", settings=_SETTINGS)
        yield server
    finally:
        process.kill()
        await process.wait()
        listening.cancel()


def _place(file: Path, line: int, character: int) -> dict[str, Any]:
    return {"textDocument": {"uri": file.as_uri()}, "position": {"line": line, "character": character}}
