"""A small client of WaHub's API. Needs nothing but Python's standard library."""

import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request


class WaHubError(Exception):
    """An answer that says no: `code` is for the program, the text for a person."""

    def __init__(self, status, body, retry_after):
        super().__init__(body.get("message", f"HTTP {status}"))
        self.status = status
        self.code = body.get("code", "UNKNOWN")
        self.details = body.get("details", {})
        self.retry_after = retry_after


class WaHub:
    def __init__(self, api_key, url="http://localhost:5001", attempts=4):
        self.url = url.rstrip("/")
        self.api_key = api_key
        self.attempts = attempts

    def request(self, method, path, body=None, headers=None):
        """One request; a network failure, 429 and 5xx are tried again after a growing, random pause."""
        attempt = 1
        while True:
            try:
                return self._once(method, path, body, headers or {})
            except (WaHubError, urllib.error.URLError, TimeoutError) as error:
                passing = not isinstance(error, WaHubError) or error.status == 429 or error.status >= 500
                if not passing or attempt >= self.attempts:
                    raise
                wait = getattr(error, "retry_after", 0) or 0.5 * 2**attempt
                time.sleep(wait * random.uniform(0.75, 1.25))
                attempt += 1

    def _once(self, method, path, body, headers):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("x-api-key", self.api_key)
        request.add_header("content-type", "application/json")
        for name, value in headers.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=70) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            retry_after = int(error.headers.get("retry-after") or 0)
            raise WaHubError(error.code, json.load(error), retry_after) from None

    def ensure_session(self, session_id):
        """Makes the session when there is none; qr is what has to be scanned, missing when it is linked already."""
        try:
            return self.request("POST", "/session/create", {"sessionId": session_id})["data"]
        except WaHubError as error:
            if error.code != "SESSION_EXISTS":
                raise
        name = urllib.parse.quote(session_id)
        state = self.request("GET", f"/session/status?session={name}")["data"]
        return state if state["user"] else self.request("GET", f"/session/qr/{name}")["data"]

    def wait_until_connected(self, session_id, timeout=120):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            query = urllib.parse.urlencode({"session": session_id})
            data = self.request("GET", f"/session/status?{query}")["data"]
            if data["isConnected"]:
                return data
            if data["status"] in ("failed", "logged_out", "replaced"):
                raise RuntimeError(f"the session is {data['status']}")
            time.sleep(1)
        raise TimeoutError("nobody scanned the QR in time")

    def send_text(self, session, to, text, idempotency_key=None):
        """`idempotency_key` makes retries safe: the same key never sends a second message."""
        headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
        body = {"session": session, "to": to, "text": text}
        return self.request("POST", "/message/send-text", body, headers)["data"]

    def send_otp(self, session, to, company_name):
        body = {"session": session, "to": to, "companyName": company_name}
        return self.request("POST", "/otp/send", body)["data"]

    def check_otp(self, otp_id, code):
        """True when the code is right; False when it is wrong, too old or tried too often."""
        try:
            self.request("POST", "/otp/verify", {"otpId": otp_id, "otp": code})
            return True
        except WaHubError as error:
            if error.code in ("OTP_INVALID", "OTP_EXPIRED", "OTP_MAX_ATTEMPTS", "OTP_NOT_FOUND"):
                return False
            raise
