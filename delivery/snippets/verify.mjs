// Node.js 16 or later, without packages.
import { createHmac, timingSafeEqual } from "node:crypto";

const TOLERANCE_S = 5 * 60;

/**
 * Whether a request was signed with `secret`, and at most five minutes ago.
 *
 * The three texts are the headers webhook-id, webhook-timestamp and webhook-signature, "" for one
 * that is missing. `body` is the body as it came, a Buffer, not what a parser made of it.
 */
export function isGenuine(secret, messageId, timestamp, signatures, body) {
  const ageS = Date.now() / 1000 - Number(timestamp);
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  if (key.length === 0 || !(Math.abs(ageS) <= TOLERANCE_S)) return false;
  const hmac = createHmac("sha256", key).update(`${messageId}.${timestamp}.`).update(body);
  const expected = Buffer.from(`v1,${hmac.digest("base64")}`);
  // There are several while a secret is rotated: one that fits is enough.
  return signatures.split(" ").some((signature) => {
    const given = Buffer.from(signature);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

// With Express, for example, where express.raw() leaves the body as it came:
//
//   app.post("/hook", express.raw({ type: "*/*" }), (request, response) => {
//     const header = (name) => request.get(name) ?? "";
//     if (!isGenuine(process.env.WEBHOOK_SECRET, header("webhook-id"),
//         header("webhook-timestamp"), header("webhook-signature"), request.body)) {
//       return response.sendStatus(401);
//     }
//     …
