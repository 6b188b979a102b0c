<?php

declare(strict_types=1);

/** An answer that says no: $errorCode is for the program, the message for a person. */
final class WaHubException extends RuntimeException
{
    public function __construct(string $message, public readonly string $errorCode, public readonly int $status)
    {
        parent::__construct($message);
    }
}

/**
 * A small client of WaHub's OTP API. Its methods are named as in the older API's clients, so that code written for
 * those only needs the key: sendOTP, checkSessionStatus.
 */
final class WaHub
{
    private const ATTEMPTS = 4;

    public function __construct(
        private readonly string $apiKey,
        private readonly string $baseUrl = 'http://localhost:5001/api',
        private readonly string $sessionId = 'main-session',
    ) {
    }

    /** Makes the session when there is none; the answer holds a QR while it is not linked. */
    public function createSession(): array
    {
        return $this->request('POST', '/sessions/create', ['sessionId' => $this->sessionId])['data'];
    }

    public function checkSessionStatus(): array
    {
        return $this->request('GET', "/sessions/{$this->sessionId}/status")['data'];
    }

    public function waitForConnection(int $timeoutSeconds = 120): array
    {
        for ($deadline = time() + $timeoutSeconds; time() < $deadline; sleep(1)) {
            $status = $this->checkSessionStatus();
            if ($status['isConnected']) {
                return $status;
            }
        }
        throw new RuntimeException('nobody scanned the QR in time');
    }

    /** Waits until WhatsApp has the message, at most 15 s; the code itself stays with the service. */
    public function sendOTP(string $phoneNumber, string $companyName = 'Toko Maju'): array
    {
        $body = ['to' => $phoneNumber, 'companyName' => $companyName];
        return $this->request('POST', "/messages/{$this->sessionId}/otp", $body)['data'];
    }

    /** True when the code is right; false when it is wrong, too old or tried too often. */
    public function verifyOTP(string $phoneNumber, string $otp): bool
    {
        try {
            $body = ['phoneNumber' => $phoneNumber, 'otp' => $otp, 'sessionId' => $this->sessionId];
            return $this->request('POST', '/otp/verify', $body)['success'];
        } catch (WaHubException $error) {
            if (str_starts_with($error->errorCode, 'OTP_')) {
                return false;
            }
            throw $error;
        }
    }

    /** $idempotencyKey makes retries safe: the same key never sends a second message. */
    public function sendText(string $phoneNumber, string $message, ?string $idempotencyKey = null): array
    {
        $headers = $idempotencyKey === null ? [] : ["Idempotency-Key: {$idempotencyKey}"];
        $body = ['to' => $phoneNumber, 'message' => $message];
        return $this->request('POST', "/messages/{$this->sessionId}/text", $body, $headers)['data'];
    }

    /** One request; a network failure, 429 and 5xx are tried again after a growing, random pause. */
    private function request(string $method, string $path, ?array $body = null, array $headers = []): array
    {
        for ($attempt = 1; ; $attempt++) {
            [$status, $answer] = $this->once($method, $path, $body, $headers);
            if ($status >= 200 && $status < 300) {
                return $answer;
            }
            $passing = $status === 0 || $status === 429 || $status >= 500;
            if (!$passing || $attempt >= self::ATTEMPTS) {
                throw new WaHubException($answer['message'] ?? "HTTP {$status}", $answer['code'] ?? 'UNKNOWN', $status);
            }
            usleep((int) (500_000 * 2 ** $attempt * (0.75 + mt_rand() / mt_getrandmax() / 2)));
        }
    }

    private function once(string $method, string $path, ?array $body, array $headers): array
    {
        $curl = curl_init($this->baseUrl . $path);
        curl_setopt_array($curl, [
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_TIMEOUT => 70,
            CURLOPT_HTTPHEADER => ["x-api-key: {$this->apiKey}", 'Content-Type: application/json', ...$headers],
        ]);
        if ($body !== null) {
            curl_setopt($curl, CURLOPT_POSTFIELDS, json_encode($body, JSON_THROW_ON_ERROR));
        }
        $text = curl_exec($curl);
        $status = curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
        return [$status, is_string($text) ? json_decode($text, true) ?? [] : []];
    }
}
