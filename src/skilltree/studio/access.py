"""Who may use Studio: whoever has the token that it printed at its start. Everybody else gets 403 everywhere."""

import hmac
import secrets
from hashlib import sha256
from ipaddress import ip_address
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skilltree.errors import InvalidValue, SkillTreeError

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]")


class RemoteBindRefused(SkillTreeError):
    """Studio listens only on this machine, unless a proxy with TLS stands in front of it."""


class Access:
    """The secrets of one run of Studio, and the addresses under which it is known."""

    def __init__(self, *, address: str, port: int, behind_tls: str | None = None) -> None:
        if behind_tls is None and not _is_loopback(address):
            raise RemoteBindRefused(
                f"{address} can be reached from other machines, and Studio shows all learners' data without TLS. Use"
                " 127.0.0.1, or put a proxy with TLS in front and give its address: --behind-tls https://…"
            )
        self.origins = [f"http://{name}:{port}" for name in _LOCAL_NAMES]
        if behind_tls is not None:
            self.origins = [_origin_of(behind_tls)]
        self.is_secure = behind_tls is not None
        self.token = secrets.token_urlsafe(32)
        self.session = secrets.token_urlsafe(32)
        # Browsers send a cookie to every port of a host: two Studios need two names.
        self.cookie = f"__Host-studio-{port}" if self.is_secure else f"studio-{port}"

    @property
    def url(self) -> str:
        """Return the address to open, with the token."""
        return f"{self.origins[0]}/?token={self.token}"

    @property
    def form_token(self) -> str:
        """Return the token that every form which writes must send back."""
        return self.signature_of("form")

    def signature_of(self, text: str) -> str:
        """Return a proof that this run of Studio has shown a text."""
        return hmac.new(self.session.encode(), text.encode(), sha256).hexdigest()

    def is_signature_of(self, given: str, text: str) -> bool:
        """Return whether this is the proof of a text. The time of the comparison gives nothing away."""
        return _same(given, self.signature_of(text))

    def knows_host(self, host: str) -> bool:
        """Return whether a request names this server. Another name may be a rebound DNS entry."""
        return any(urlsplit(origin).netloc == host.lower() for origin in self.origins)

    def is_form_token(self, given: str) -> bool:
        """Return whether a form has the right token."""
        return _same(given, self.form_token)

    def is_inside(self, cookies: str) -> bool:
        """Return whether the Cookie header has the session of this run."""
        pairs = (part.strip().partition("=") for part in cookies.split(";"))
        return any(name == self.cookie and _same(value, self.session) for name, _, value in pairs)


class Guard:
    """Answers 403 to strangers before any page sees the request, and adds the security headers to every answer."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refusal = self._refusal(scope)
        await (refusal or self._app)(scope, receive, send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a stranger, or the cookie for the token; ``None`` lets the request in."""
        headers, access = Headers(scope=scope), self._access
        if not access.knows_host(headers.get("host", "")):
            return _forbidden("Studio does not answer to this host name.")
        origin = headers.get("origin")
        if scope["method"] not in {"GET", "HEAD"} and origin is not None and origin not in access.origins:
            return _forbidden("This form comes from another site.")
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = next((value for name, value in query if name == "token"), None)
        if scope["method"] == "GET" and given is not None and _same(given, access.token):
            return self._welcome(scope["path"], [(name, value) for name, value in query if name != "token"])
        if access.is_inside(headers.get("cookie", "")):
            return None
        return _forbidden("Open the address that `skilltree studio` printed: it has the token.")

    def _welcome(self, path: str, query: list[tuple[str, str]]) -> Response:
        """Exchange the token for a cookie, so that it does not stay in the address."""
        # One slash: two would begin the name of another host.
        target = "/" + quote(path.lstrip("/\\")) + (f"?{urlencode(query)}" if query else "")
        answer = RedirectResponse(target, status_code=303)
        answer.set_cookie(
            self._access.cookie,
            self._access.session,
            path="/",
            secure=self._access.is_secure,
            httponly=True,
            samesite="strict",
        )
        return answer


def _forbidden(reason: str) -> Response:
    return PlainTextResponse(f"403 Forbidden. {reason}\n", status_code=403)


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode(), secret.encode())


def _is_loopback(address: str) -> bool:
    if address == "localhost":
        return True
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _origin_of(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.netloc or "@" in parts.netloc:
        raise InvalidValue(
            f"--behind-tls must be the address of the proxy, such as https://studio.example.org, not {address}",
            field="behind_tls",
        )
    return f"https://{parts.netloc.lower()}"
