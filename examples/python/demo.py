import json
import os
import re
import time
import urllib.request
import uuid

from wahub import WaHub

EMULATOR = os.environ.get("EMULATOR_URL")
SESSION = os.environ.get("SESSION", "example-python")
PHONE = os.environ.get("PHONE", "628111110002")
RECIPIENT = os.environ.get("RECIPIENT", "6281234567002")
hub = WaHub(os.environ["WAHUB_KEY"], os.environ.get("WAHUB_URL", "http://localhost:5001"))


def emulator(path, body=None):
    request = urllib.request.Request(EMULATOR + path, data=body and json.dumps(body).encode())
    request.add_header("content-type", "application/json")
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.load(response)


def read_code(message_id):
    """The text that the simulated recipient's phone has decrypted."""
    for _ in range(100):
        for message in emulator(f"/messages?to={RECIPIENT}"):
            if message["id"] == message_id and message.get("text"):
                return re.search(r"\d{6}", message["text"]).group()
        time.sleep(0.2)
    raise TimeoutError("the code did not arrive")


session = hub.ensure_session(SESSION)
if session.get("qr") and EMULATOR:
    emulator("/scan", {"qr": session["qr"], "phone": PHONE})
elif session.get("qr"):
    print("Scan this QR with the phone:", session.get("qrPageUrl") or session["qrCode"])
print("linked:", hub.wait_until_connected(SESSION)["user"]["phone"])

otp = hub.send_otp(SESSION, RECIPIENT, "Toko Maju")
print("code sent, good until", otp["expiresAt"])
code = read_code(otp["messageId"]) if EMULATOR else input("Code: ").strip()
print("wrong code accepted:", hub.check_otp(otp["otpId"], "111111" if code == "000000" else "000000"))
print("right code accepted:", hub.check_otp(otp["otpId"], code))

for to in ["6281234567201", "6281234567202", "6281234567203"]:
    key = str(uuid.uuid4())
    first = hub.send_text(SESSION, to, "Pesanan Anda dikirim hari ini", key)
    again = hub.send_text(SESSION, to, "Pesanan Anda dikirim hari ini", key)
    print("queued:", first["messageId"], "a retry is the same message:", first["messageId"] == again["messageId"])
print("done")
