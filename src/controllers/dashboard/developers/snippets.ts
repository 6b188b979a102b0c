/** The code of the examples page. */
export const SNIPPET_LANGUAGES = ['curl', 'node', 'php', 'python'] as const;
export type SnippetLanguage = (typeof SNIPPET_LANGUAGES)[number];

export interface Snippets {
  send: string;
  fate: string;
  otp: string;
  verify: string;
}

/** `url`: of this service, without a slash at its end. */
export function snippetsFor(language: SnippetLanguage, url: string, session: string): Snippets {
  return MAKERS[language](url, session);
}

const PHONE = '+6281234567890';

/** A `session` holds only letters, digits, `_`, `.` and `-`: any language's quotes can hold it as it is. */
const MAKERS: Record<SnippetLanguage, (url: string, session: string) => Snippets> = {
  curl: (url, session) => ({
    send: `KEY=…
curl ${url}/message/send-text \\
  -H "x-api-key: $KEY" -H 'content-type: application/json' \\
  -H 'prefer: wait=20' -H "idempotency-key: order-1042" \\
  -d '{"session":"${session}","to":"${PHONE}","text":"Your order is on its way."}'`,
    fate: `curl -H "x-api-key: $KEY" ${url}/message/MESSAGE_ID`,
    otp: `curl ${url}/otp/send -H "x-api-key: $KEY" -H 'content-type: application/json' \\
  -d '{"session":"${session}","to":"${PHONE}","companyName":"Toko Maju"}'

curl ${url}/otp/verify -H "x-api-key: $KEY" -H 'content-type: application/json' \\
  -d '{"phoneNumber":"${PHONE}","otp":"123456"}'`,
    verify: `# webhook-signature: v1,<base64 of HMAC-SHA256 over "id.timestamp.body">; the key is what follows whsec_, in base64
KEY_HEX=$(printf %s "\${SECRET#whsec_}" | base64 -d | od -An -vtx1 | tr -d ' \\n')
printf '%s.%s.%s' "$WEBHOOK_ID" "$WEBHOOK_TIMESTAMP" "$BODY" |
  openssl dgst -sha256 -mac HMAC -macopt "hexkey:$KEY_HEX" -binary | base64`,
  }),
  node: (url, session) => ({
    send: `const KEY = process.env.KEY;
const api = async (path, body, headers = {}) => {
  const response = await fetch('${url}' + path, {
    method: body ? 'POST' : 'GET',
    headers: { 'x-api-key': KEY, 'content-type': 'application/json', ...headers },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (!answer.success) throw new Error(answer.code + ': ' + answer.message);
  return answer;
};

const { data } = await api(
  '/message/send-text',
  { session: '${session}', to: '${PHONE}', text: 'Your order is on its way.' },
  { prefer: 'wait=20', 'idempotency-key': 'order-1042' },
);
console.log(data.messageId, data.status);`,
    fate: `const { data: message } = await api('/message/' + data.messageId);
console.log(message.status, message.timestamps);`,
    otp: `const sent = await api('/otp/send', { session: '${session}', to: '${PHONE}', companyName: 'Toko Maju' });
// later, with what the person typed:
await api('/otp/verify', { otpId: sent.data.otpId, otp: '123456' });`,
    verify: `import { Webhook } from 'standardwebhooks';

// body: the raw text of the request; headers: its headers
const event = new Webhook(process.env.WEBHOOK_SECRET).verify(body, headers);`,
  }),
  php: (url, session) => ({
    send: `<?php
function api(string $path, ?array $body = null, array $headers = []): array {
    $curl = curl_init('${url}' . $path);
    curl_setopt_array($curl, [
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_HTTPHEADER => ['x-api-key: ' . getenv('KEY'), 'content-type: application/json', ...$headers],
    ] + ($body === null ? [] : [CURLOPT_POSTFIELDS => json_encode($body)]));
    $answer = json_decode(curl_exec($curl), true);
    if (!($answer['success'] ?? false)) throw new RuntimeException($answer['code'] . ': ' . $answer['message']);
    return $answer;
}

$sent = api('/message/send-text',
    ['session' => '${session}', 'to' => '${PHONE}', 'text' => 'Your order is on its way.'],
    ['prefer: wait=20', 'idempotency-key: order-1042']);
echo $sent['data']['messageId'], ' ', $sent['data']['status'], PHP_EOL;`,
    fate: `$message = api('/message/' . $sent['data']['messageId']);
echo $message['data']['status'], PHP_EOL;`,
    otp: `$otp = api('/otp/send', ['session' => '${session}', 'to' => '${PHONE}', 'companyName' => 'Toko Maju']);
// later, with what the person typed:
api('/otp/verify', ['otpId' => $otp['data']['otpId'], 'otp' => '123456']);`,
    verify: `$signed = $_SERVER['HTTP_WEBHOOK_ID'] . '.' . $_SERVER['HTTP_WEBHOOK_TIMESTAMP'] . '.' . file_get_contents('php://input');
$key = base64_decode(substr(getenv('WEBHOOK_SECRET'), strlen('whsec_')));
$expected = 'v1,' . base64_encode(hash_hmac('sha256', $signed, $key, true));
$given = explode(' ', $_SERVER['HTTP_WEBHOOK_SIGNATURE']);
$ok = (bool) array_filter($given, fn ($signature) => hash_equals($expected, $signature))
    && abs(time() - (int) $_SERVER['HTTP_WEBHOOK_TIMESTAMP']) < 300;`,
  }),
  python: (url, session) => ({
    send: `import json, os, urllib.request

def api(path, body=None, headers={}):
    request = urllib.request.Request(
        "${url}" + path,
        data=None if body is None else json.dumps(body).encode(),
        headers={"x-api-key": os.environ["KEY"], "content-type": "application/json", **headers},
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)

sent = api(
    "/message/send-text",
    {"session": "${session}", "to": "${PHONE}", "text": "Your order is on its way."},
    {"prefer": "wait=20", "idempotency-key": "order-1042"},
)
print(sent["data"]["messageId"], sent["data"]["status"])`,
    fate: `print(api("/message/" + sent["data"]["messageId"])["data"]["status"])`,
    otp: `otp = api("/otp/send", {"session": "${session}", "to": "${PHONE}", "companyName": "Toko Maju"})
# later, with what the person typed:
api("/otp/verify", {"otpId": otp["data"]["otpId"], "otp": "123456"})`,
    verify: `import base64, hashlib, hmac

signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
key = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
ok = any(hmac.compare_digest(expected, given) for given in headers["webhook-signature"].split())`,
  }),
};
