import { assertStringIncludes } from "@std/assert";
import { spell } from "../../app/flags.ts";
import { helpText } from "../../app/help.ts";
import { PING_FLAGS } from "../../app/ping_options.ts";
import { SERVE_FLAGS } from "../../app/serve_options.ts";

Deno.test("help shows every flag with what it does", () => {
  const help = helpText();
  for (const flag of [...SERVE_FLAGS, ...PING_FLAGS]) {
    assertStringIncludes(help, spell(flag));
    assertStringIncludes(help, flag.help);
  }
});

Deno.test("the README shows the help of today", async () => {
  const readme = await Deno.readTextFile(new URL("../../README.md", import.meta.url));
  assertStringIncludes(readme, helpText());
});
