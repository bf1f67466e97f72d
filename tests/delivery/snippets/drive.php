<?php
require __DIR__ . '/verify.php';

while (($line = fgets(STDIN)) !== false) {
    $parts = array_map('base64_decode', explode("\t", rtrim($line, "\n")));
    echo is_genuine(...$parts) ? "true\n" : "false\n";
}
