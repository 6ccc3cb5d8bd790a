"""Relays between a server and what it talks to, for faults of the network in between.

A `Relay` passes bytes on and can delay, freeze, refuse and reset. A `DatabaseRelay` reads PostgreSQL's
protocol as well and cuts a connection at the very write that a test names. A `SalesforceRelay` reads
requests for tokens as well and loses the answer of one, on record.

All relays of a process share one thread. Every public method may be called from any other thread.
"""
import asyncio
import hashlib
import re
import socket
import struct
import threading
import time
import urllib.parse

CHUNK = 65536
DIAL_S = 5
MOST_HEAD = 65536
SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102


class _Loop:
    """The thread in which all relays run."""
    lock = threading.Lock()
    loop = None

    @classmethod
    def get(cls):
        with cls.lock:
            if cls.loop is None:
                cls.loop = asyncio.new_event_loop()
                threading.Thread(target=cls.loop.run_forever, daemon=True).start()
            return cls.loop


def _reset(writer):
    """Ends a connection with a reset instead of an orderly close."""
    line = writer.get_extra_info("socket")
    if line is not None:
        try:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
    writer.transport.abort()


class Relay:
    """Listens on `port` (0: a free one) and passes everything on to `target()`, a (host, port)."""

    def __init__(self, target, port=0):
        self.target = target
        self.delay = 0.0        # seconds for which each piece is held
        self.away = False       # new connections are reset
        self.lines = set()      # tasks of open connections
        self.loop = _Loop.get()
        self.flowing = self._call(self._event(True))
        self.server = self._call(self._listen(port))
        self.port = self.server.sockets[0].getsockname()[1]

    def _call(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def _event(self, happened):
        event = asyncio.Event()
        if happened:
            event.set()
        return event

    async def _listen(self, port):
        return await asyncio.start_server(self._accept, "127.0.0.1", port)

    # Controls ---------------------------------------------------------------------------------

    def freeze(self):
        """Nothing moves in either direction; connections stay open."""
        self.loop.call_soon_threadsafe(self.flowing.clear)

    def thaw(self):
        self.loop.call_soon_threadsafe(self.flowing.set)

    def cut(self):
        """Resets every open connection."""
        async def all_lines():
            for line in list(self.lines):
                line.cancel()
        self._call(all_lines())

    def leave(self, away=True):
        """As if nobody were there: open connections and new ones are reset."""
        self.away = away
        if away:
            self.cut()

    def close(self):
        async def end():
            self.server.close()
        self._call(end())
        self.flowing_again()
        self.cut()

    def flowing_again(self):
        """No fault from here on."""
        self.delay = 0.0
        self.away = False
        self.thaw()

    # One connection ---------------------------------------------------------------------------

    async def _accept(self, reader, writer):
        task = asyncio.current_task()
        self.lines.add(task)
        far = None
        try:
            if self.away:
                return
            host, port = self.target()
            far = await asyncio.wait_for(asyncio.open_connection(host, port), DIAL_S)
            await self._serve(reader, writer, *far)
        except (OSError, asyncio.TimeoutError, asyncio.CancelledError,
                asyncio.IncompleteReadError, _Cut):
            pass
        finally:
            self.lines.discard(task)
            _reset(writer)
            if far:
                # Orderly: what was passed on before a cut has to arrive.
                far[1].close()

    async def _serve(self, reader, writer, far_reader, far_writer):
        both = [asyncio.create_task(self._to_target(reader, far_writer)),
                asyncio.create_task(self._to_client(far_reader, writer))]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _to_target(self, reader, writer):
        await self._pump(reader, writer)

    async def _to_client(self, reader, writer):
        await self._pump(reader, writer)

    async def _pump(self, reader, writer):
        while True:
            piece = await reader.read(CHUNK)
            if not piece:
                if writer.can_write_eof():
                    writer.write_eof()
                return
            await self._pass(writer, piece)

    async def _pass(self, writer, piece):
        if self.delay:
            await asyncio.sleep(self.delay)
        await self.flowing.wait()
        writer.write(piece)
        await writer.drain()


class _Cut(Exception):
    """This connection ends here, on purpose."""


class Trap:
    """Waits for one thing to pass a relay. `sprung` is set when it did; `release` lets go on what a
    trap holds back."""

    def __init__(self, fits, how, loop, released):
        self.fits, self.how = fits, how
        self.loop, self.released = loop, released
        self.sprung = threading.Event()

    def release(self):
        self.loop.call_soon_threadsafe(self.released.set)


class DatabaseRelay(Relay):
    """Passes PostgreSQL's protocol on, without TLS.

    `trap(fits, how)` waits for the first statement for which `fits(text, values)` holds; `text` is
    the SQL in lower case, `values` the bytes of its parameters (None: null). Then, by `how`:
      before   the statement does not reach the server, and the connection is reset
      request  it reaches the server, and the connection is reset without waiting
      answer   the server has committed and answered; the answer is lost with the connection
      stall    the statement waits here, and reaches the server when the trap is released
      hold     the server has committed and answered; the answer waits here until the release
    """

    def __init__(self, target, port=0):
        self.traps = []
        self.statements = {}    # how often each text passed
        super().__init__(target, port)

    def trap(self, fits, how):
        assert how in ("before", "request", "answer", "stall", "hold"), how
        trap = Trap(fits, how, self.loop, self._call(self._event(False)))
        self.traps.append(trap)
        return trap

    def disarm(self, trap):
        if trap in self.traps:
            self.traps.remove(trap)

    async def _serve(self, reader, writer, far_reader, far_writer):
        talk = _Talk()
        both = [asyncio.create_task(self._questions(talk, reader, writer, far_writer)),
                asyncio.create_task(self._answers(talk, far_reader, writer))]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _questions(self, talk, reader, writer, far_writer):
        while True:  # until a real start; a request for encryption is answered with no
            head = await reader.readexactly(8)
            length, code = struct.unpack("!II", head)
            if code not in (SSL_REQUEST, GSS_REQUEST):
                break
            writer.write(b"N")
        await self._pass(far_writer, head + await reader.readexactly(length - 8))
        if code == CANCEL_REQUEST:
            return
        while True:
            kind = await reader.readexactly(1)
            length = await reader.readexactly(4)
            body = await reader.readexactly(struct.unpack("!I", length)[0] - 4)
            self._look(talk, kind, body)
            if talk.caught and talk.caught.how == "before":
                talk.caught.sprung.set()
                raise _Cut
            if talk.caught and talk.caught.how == "stall":
                talk.caught.sprung.set()
                await talk.caught.released.wait()
                talk.caught = None
            ends = kind in (b"S", b"Q")
            if ends:
                talk.asked += 1
                if talk.caught and talk.caught.how in ("answer", "hold") and talk.lost_at is None:
                    talk.lost_at = talk.asked
            await self._pass(far_writer, kind + length + body)
            if ends and talk.caught and talk.caught.how == "request":
                talk.caught.sprung.set()
                raise _Cut

    def _look(self, talk, kind, body):
        text, values = None, []
        if kind == b"Q":
            text = body[:-1]
        elif kind == b"P":
            name, text_at = body.split(b"\0", 2)[:2]
            talk.named[name] = text_at
        elif kind == b"B":
            _, name, rest = body.split(b"\0", 2)
            text, values = talk.named.get(name, b""), bound_values(rest)
        if text is None or talk.caught:
            return
        plain = re.sub(r"\s+", " ", text.decode(errors="replace").lower())
        self.statements[plain] = self.statements.get(plain, 0) + 1
        for trap in self.traps:
            if trap.fits(plain, values):
                self.traps.remove(trap)
                talk.caught = trap
                return

    async def _answers(self, talk, far_reader, writer):
        held = b""
        while True:
            head = await far_reader.readexactly(5)
            kind, length = head[:1], struct.unpack("!I", head[1:])[0]
            body = await far_reader.readexactly(length - 4)
            if kind == b"Z":
                talk.answered += 1
            if talk.lost_at is not None and talk.answered + (kind != b"Z") >= talk.lost_at:
                held += head + body
                if kind != b"Z":
                    continue
                talk.caught.sprung.set()
                if talk.caught.how == "answer":
                    raise _Cut
                await talk.caught.released.wait()
                talk.caught = talk.lost_at = None
                head, body, held = held, b"", b""
            await self._pass(writer, head + body)


def bound_values(body):
    """The parameters of a Bind message, behind its two names."""
    formats = struct.unpack_from("!H", body)[0]
    at = 2 + 2 * formats
    count = struct.unpack_from("!H", body, at)[0]
    at += 2
    values = []
    for _ in range(count):
        length = struct.unpack_from("!i", body, at)[0]
        at += 4
        values.append(None if length < 0 else body[at:at + length])
        at += max(length, 0)
    return values


class _Talk:
    """What was said on one connection."""

    def __init__(self):
        self.named = {}        # prepared statements
        self.asked = 0         # messages that the server answers with ReadyForQuery; the start's
        self.answered = -1     # own one does not count
        self.caught = None
        self.lost_at = None    # the number of the question whose answer is to be lost


class SalesforceRelay(Relay):
    """Passes HTTP on. `lose(count)` loses the answers of the next refreshes after Salesforce has
    processed them. `refreshes` has one `Refresh` for every refresh token that passed."""

    def __init__(self, target, port=0):
        self.to_lose = 0
        self.refreshes = []
        super().__init__(target, port)

    def lose(self, count=1):
        self.to_lose += count

    def flowing_again(self):
        self.to_lose = 0
        super().flowing_again()

    async def _serve(self, reader, writer, far_reader, far_writer):
        seen = []
        both = [asyncio.create_task(self._requests(seen, reader, far_writer)),
                asyncio.create_task(self._replies(seen, far_reader, writer))]
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    async def _requests(self, seen, reader, far_writer):
        head = b""
        while True:
            piece = await reader.read(CHUNK)
            if not piece:
                far_writer.write_eof()
                return
            # A refresh is the one request of its connection, so it stands at the beginning.
            if not seen and len(head) < MOST_HEAD:
                head += piece
                refresh = Refresh.of(head)
                if refresh:
                    refresh.lose = self.to_lose > 0
                    self.to_lose -= refresh.lose
                    seen.append(refresh)
                    self.refreshes.append(refresh)
            await self._pass(far_writer, piece)

    async def _replies(self, seen, far_reader, writer):
        while True:
            piece = await far_reader.read(CHUNK)
            if seen:
                seen[0].answered_at = time.monotonic()
                if seen[0].lose:
                    seen[0].lost = True
                    raise _Cut
            if not piece:
                writer.write_eof()
                return
            try:
                await self._pass(writer, piece)
            except OSError:
                if seen:
                    seen[0].lost = True
                raise


class Refresh:
    """One refresh token on its way to Salesforce; `tag` names it as the emulator's ledger does."""

    def __init__(self, tag):
        self.tag = tag
        self.sent_at = time.monotonic()
        self.answered_at = None
        self.lose = False
        self.lost = False

    @classmethod
    def of(cls, request):
        """Nothing unless `request` is a whole request for a refresh."""
        if not request.startswith(b"POST /services/oauth2/token"):
            return None
        fields = urllib.parse.parse_qs(request.partition(b"\r\n\r\n")[2].decode(errors="replace"))
        token = fields.get("refresh_token", [""])[0]
        if fields.get("grant_type") != ["refresh_token"] or not token:
            return None
        length = re.search(rb"content-length: *(\d+)", request, re.IGNORECASE)
        body = request.partition(b"\r\n\r\n")[2]
        if length and len(body) < int(length.group(1)):
            return None
        return cls(hashlib.sha256(token.encode()).hexdigest()[:12])
