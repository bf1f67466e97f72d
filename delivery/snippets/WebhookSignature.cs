// .NET Core 3 or later, without packages.
using System;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

public static class WebhookSignature
{
    const long ToleranceS = 5 * 60;

    /// <summary>
    /// Whether a request was signed with the secret, and at most five minutes ago.
    /// </summary>
    /// <remarks>
    /// The three texts are the headers webhook-id, webhook-timestamp and webhook-signature, "" for
    /// one that is missing. The body is the body as it came, not what a parser made of it.
    /// </remarks>
    public static bool IsGenuine(
        string secret, string messageId, string timestamp, string signatures, byte[] body)
    {
        long sentAt;
        if (!long.TryParse(timestamp, out sentAt)) return false;
        long now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        if (sentAt < now - ToleranceS || sentAt > now + ToleranceS) return false;
        byte[] key = Convert.FromBase64String(
            secret.StartsWith("whsec_", StringComparison.Ordinal) ? secret.Substring(6) : secret);
        if (key.Length == 0) return false;
        byte[] before = Encoding.UTF8.GetBytes(messageId + "." + timestamp + ".");
        byte[] expected;
        using (var hmac = new HMACSHA256(key))
        {
            byte[] hash = hmac.ComputeHash(before.Concat(body).ToArray());
            expected = Encoding.UTF8.GetBytes("v1," + Convert.ToBase64String(hash));
        }
        // There are several while a secret is rotated: one that fits is enough.
        return signatures.Split(' ').Any(signature =>
            CryptographicOperations.FixedTimeEquals(expected, Encoding.UTF8.GetBytes(signature)));
    }
}

// In ASP.NET Core, for example, read the body before it is bound:
//
//   using var buffer = new MemoryStream();
//   await Request.Body.CopyToAsync(buffer);
//   if (!WebhookSignature.IsGenuine(secret, Request.Headers["webhook-id"].ToString(),
//       Request.Headers["webhook-timestamp"].ToString(),
//       Request.Headers["webhook-signature"].ToString(), buffer.ToArray())) return Unauthorized();
