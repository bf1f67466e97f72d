using System;
using System.Linq;
using System.Text;

static class Drive
{
    static void Main()
    {
        string line;
        while ((line = Console.ReadLine()) != null)
        {
            var parts = line.Split('\t').Select(Convert.FromBase64String).ToArray();
            var texts = parts.Take(4).Select(Encoding.UTF8.GetString).ToArray();
            bool isGenuine = WebhookSignature.IsGenuine(texts[0], texts[1], texts[2], texts[3], parts[4]);
            Console.WriteLine(isGenuine ? "true" : "false");
        }
    }
}
