import { readFileSync } from "node:fs";
import { isGenuine } from "./verify.mjs";

for (const line of readFileSync(0, "utf8").split("\n").slice(0, -1)) {
  const parts = line.split("\t").map((text) => Buffer.from(text, "base64"));
  console.log(isGenuine(...parts.slice(0, 4).map(String), parts[4]));
}
