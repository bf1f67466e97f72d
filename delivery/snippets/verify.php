<?php
// PHP 7.4 or later, without packages.

const TOLERANCE_S = 5 * 60;

/**
 * Whether a request was signed with the secret, and at most five minutes ago.
 *
 * The three texts are the headers webhook-id, webhook-timestamp and webhook-signature, "" for one
 * that is missing. The body is the body as it came, not what a parser made of it.
 */
function is_genuine(
    string $secret, string $messageId, string $timestamp, string $signatures, string $body
): bool {
    if (!ctype_digit($timestamp) || abs(time() - (int) $timestamp) > TOLERANCE_S) {
        return false;
    }
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
    if ($key === false || $key === '') {
        return false;
    }
    $hash = hash_hmac('sha256', "$messageId.$timestamp.$body", $key, true);
    $expected = 'v1,' . base64_encode($hash);
    // There are several while a secret is rotated: one that fits is enough.
    foreach (explode(' ', $signatures) as $signature) {
        if (hash_equals($expected, $signature)) {
            return true;
        }
    }
    return false;
}

// At the beginning of the script that the webhook calls, for example:
//
//   $body = file_get_contents('php://input');
//   $header = fn ($name) => $_SERVER["HTTP_WEBHOOK_$name"] ?? '';
//   if (!is_genuine(getenv('WEBHOOK_SECRET'),
//       $header('ID'), $header('TIMESTAMP'), $header('SIGNATURE'), $body)) {
//       http_response_code(401);
//       exit;
//   }
