// Java 11 or later, without packages.
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class WebhookSignature {
    private static final long TOLERANCE_S = 5 * 60;

    /**
     * Whether a request was signed with the secret, and at most five minutes ago.
     *
     * The three texts are the headers webhook-id, webhook-timestamp and webhook-signature, "" for
     * one that is missing. The body is the body as it came, not what a parser made of it.
     */
    public static boolean isGenuine(
            String secret, String messageId, String timestamp, String signatures, byte[] body)
            throws GeneralSecurityException {
        long ageS;
        try {
            ageS = System.currentTimeMillis() / 1000 - Long.parseLong(timestamp);
        } catch (NumberFormatException notATime) {
            return false;
        }
        byte[] key = Base64.getDecoder().decode(secret.replaceFirst("^whsec_", ""));
        if (key.length == 0 || ageS > TOLERANCE_S || ageS < -TOLERANCE_S) {
            return false;
        }
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        mac.update((messageId + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
        String expected = "v1," + Base64.getEncoder().encodeToString(mac.doFinal(body));
        // There are several while a secret is rotated: one that fits is enough.
        boolean fits = false;
        for (String signature : signatures.split(" ")) {
            fits |= MessageDigest.isEqual(
                    expected.getBytes(StandardCharsets.UTF_8),
                    signature.getBytes(StandardCharsets.UTF_8));
        }
        return fits;
    }
}

// In a Spring controller, for example, take the body as bytes: @RequestBody byte[] body,
// and answer 401 where isGenuine says false.
