"""A sign-in provider on this machine: OpenID Connect's code flow, for whoever `subject` names."""

from __future__ import annotations

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = "second-look"
COOKIE_SECRET = secrets.token_hex(32)


class Provider:
    """Runs until `close`. subject: who signs in next. age: seconds that the ID token is old."""

    def __init__(self) -> None:
        self.subject, self.age = "nobody", 0
        self.key = RSAKey.generate_key(2048, {"kid": "test"}, private=True)
        self.nonces: dict[str, str] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def write_secrets(self, folder: Path, app_port: int) -> Path:
        """The file that tells Streamlit about this provider."""
        path = folder / "secrets.toml"
        path.write_text(
            f'[auth]\nredirect_uri = "http://127.0.0.1:{app_port}/oauth2callback"\n'
            f'cookie_secret = "{COOKIE_SECRET}"\nclient_id = "{CLIENT}"\nclient_secret = "not-a-secret"\n'
            f'server_metadata_url = "{self.issuer}/.well-known/openid-configuration"\n',
            encoding="utf-8",
        )
        return path

    def metadata(self) -> dict[str, object]:
        return {
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token", "jwks_uri": f"{self.issuer}/jwks",
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }  # fmt: skip

    def token(self, code: str) -> dict[str, object]:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": self.subject, "aud": CLIENT, "iat": now - self.age, "exp": now + 600,
            "nonce": self.nonces.get(code, ""), "name": "<b>Somebody</b>",
        }  # fmt: skip
        return {
            "access_token": "a", "token_type": "Bearer", "expires_in": 600,
            "id_token": jwt.encode({"alg": "RS256", "kid": "test"}, claims, self.key),
        }  # fmt: skip


def _handler(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
                code = secrets.token_hex(8)
                provider.nonces[code] = asked.get("nonce", "")
                back = urlencode({"code": code, "state": asked["state"]})
                self.send_response(302)
                self.send_header("Location", f"{asked['redirect_uri']}?{back}")
                self.end_headers()
            elif parts.path == "/jwks":
                self._answer({"keys": [provider.key.as_dict(private=False)]})
            else:
                self._answer(provider.metadata())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(provider.token(parse_qs(body)["code"][0]))

        def _answer(self, record: dict[str, object]) -> None:
            body = json.dumps(record).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silent: the tests look at the app."""

    return Handler
