<?php

declare(strict_types=1);

require __DIR__ . '/WaHub.php';

$emulatorUrl = getenv('EMULATOR_URL') ?: null;
$session = getenv('SESSION') ?: 'example-php';
$phone = getenv('PHONE') ?: '628111110003';
$recipient = getenv('RECIPIENT') ?: '6281234567003';
$url = (getenv('WAHUB_URL') ?: 'http://localhost:5001') . '/api';
$hub = new WaHub((string) getenv('WAHUB_KEY'), $url, $session);

function emulator(string $url, ?array $body = null): array
{
    $options = $body === null ? [] : [
        'method' => 'POST',
        'header' => 'Content-Type: application/json',
        'content' => json_encode($body, JSON_THROW_ON_ERROR),
    ];
    return json_decode(file_get_contents($url, false, stream_context_create(['http' => $options])), true);
}

/** The text that the simulated recipient's phone has decrypted. */
function readCode(string $emulatorUrl, string $recipient, string $messageId): string
{
    for ($look = 0; $look < 100; $look++) {
        foreach (emulator("{$emulatorUrl}/messages?to={$recipient}") as $message) {
            if ($message['id'] === $messageId && preg_match('/\d{6}/', $message['text'] ?? '', $found)) {
                return $found[0];
            }
        }
        usleep(200_000);
    }
    throw new RuntimeException('the code did not arrive');
}

$created = $hub->createSession();
if (isset($created['qr']) && $emulatorUrl !== null) {
    emulator("{$emulatorUrl}/scan", ['qr' => $created['qr'], 'phone' => $phone]);
} elseif (isset($created['qr'])) {
    echo 'Scan this QR with the phone: ', $created['qrPageUrl'], "\n";
}
echo 'linked: ', $hub->waitForConnection()['user']['phone'] ?? '', "\n";

$otp = $hub->sendOTP($recipient);
echo 'code sent: ', $otp['status'], "\n";
$code = $emulatorUrl === null ? trim((string) readline('Code: ')) : readCode($emulatorUrl, $recipient, $otp['messageId']);
$wrong = $code === '000000' ? '111111' : '000000';
echo 'wrong code accepted: ', var_export($hub->verifyOTP($recipient, $wrong), true), "\n";
echo 'right code accepted: ', var_export($hub->verifyOTP($recipient, $code), true), "\n";

foreach (['6281234567301', '6281234567302', '6281234567303'] as $to) {
    $key = bin2hex(random_bytes(16));
    $first = $hub->sendText($to, 'Pesanan Anda dikirim hari ini', $key);
    $again = $hub->sendText($to, 'Pesanan Anda dikirim hari ini', $key);
    $same = var_export($first['messageId'] === $again['messageId'], true);
    echo "queued: {$first['messageId']} a retry is the same message: {$same}\n";
}
echo "done\n";
