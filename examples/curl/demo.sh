#!/usr/bin/env bash
# The whole way with curl: a session, a login code, its check, a message that may be retried.
set -euo pipefail
URL=${WAHUB_URL:-http://localhost:5001}
KEY=${WAHUB_KEY:?set WAHUB_KEY to your API key}
SESSION=${SESSION:-example-curl}
PHONE=${PHONE:-628111110004}
RECIPIENT=${RECIPIENT:-6281234567004}

api() { curl -sS --max-time 70 -H "x-api-key: $KEY" -H 'content-type: application/json' "$@"; }
# The first value of a key in a flat piece of JSON; enough for what is asked here.
value() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d'"' -f4; }

created=$(api "$URL/session/create" -d "{\"sessionId\":\"$SESSION\"}")
qr=$(value qr <<<"$created" || true)
# One that was there already: its QR, while it is not linked.
if [ -z "$qr" ]; then qr=$(api "$URL/session/qr/$SESSION" | value qr || true); fi
if [ -n "$qr" ] && [ -n "${EMULATOR_URL:-}" ]; then
  curl -sS "$EMULATOR_URL/scan" -H 'content-type: application/json' -d "{\"qr\":\"$qr\",\"phone\":\"$PHONE\"}" >/dev/null
elif [ -n "$qr" ]; then
  page=$(value qrPageUrl <<<"$created" || true)
  echo "Scan this QR with the phone: ${page:-$qr}"
fi
for _ in $(seq 120); do
  status=$(api "$URL/session/status?session=$SESSION")
  grep -q '"isConnected":true' <<<"$status" && break
  sleep 1
done
echo "linked: $(value phoneNumber <<<"$status")"

otp=$(api "$URL/otp/send" -d "{\"session\":\"$SESSION\",\"to\":\"$RECIPIENT\",\"companyName\":\"Toko Maju\"}")
id=$(value otpId <<<"$otp")
message=$(value messageId <<<"$otp")
echo "code sent, good until $(value expiresAt <<<"$otp")"
if [ -n "${EMULATOR_URL:-}" ]; then
  for _ in $(seq 100); do
    code=$(curl -sS "$EMULATOR_URL/messages?to=$RECIPIENT" | tr '{' '\n' | grep -F "$message" | grep -oE '\*[0-9]{6}\*' | tr -d '*' || true)
    [ -n "$code" ] && break
    sleep 0.2
  done
else
  read -rp 'Code: ' code
fi
api "$URL/otp/verify" -d "{\"otpId\":\"$id\",\"otp\":\"$code\"}" | grep -q '"success":true' && echo 'right code accepted: true'

for to in 6281234567401 6281234567402; do
  key="curl-$SESSION-$to-$(date +%s%N)"
  body="{\"session\":\"$SESSION\",\"to\":\"$to\",\"text\":\"Pesanan Anda dikirim hari ini\"}"
  first=$(api -H "idempotency-key: $key" "$URL/message/send-text" -d "$body" | value messageId)
  again=$(api -H "idempotency-key: $key" "$URL/message/send-text" -d "$body" | value messageId)
  echo "queued: $first a retry is the same message: $([ "$first" = "$again" ] && echo true || echo false)"
done
echo done
