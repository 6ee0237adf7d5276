import { assertEquals } from "@std/assert";
import { runMain } from "./appliance.ts";

const IP = "--ip=10.0.2.15/24";

for (const command of ["ping", "info"]) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.test(`${command} that waits for a back-end ends by ${signal}, and leaves no file`, async () => {
      const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-vhost-user-" });
      const path = `${folder}/socket`;
      const address = command === "ping" ? [IP, "10.0.2.2"] : [];
      const { code, stdout, stderr } = await runMain(
        [command, `--device=vhost-user:${path},server=on`, ...address],
        { when: { printed: /waits/, act: (child) => child.kill(signal) } },
      );
      const told = `ukdeno: waits for a back-end at vhost-user ${path}\n`;
      assertEquals([code, stdout, stderr], [command === "ping" ? 1 : 0, "", told]);
      assertEquals([...Deno.readDirSync(folder)], []);
      await Deno.remove(folder, { recursive: true });
    });
  }
}

Deno.test("ping on a stream socket that it listens on ends by Ctrl-C, and leaves no file", async () => {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-stream-" });
  const { code, stderr } = await runMain(
    ["ping", `--device=stream:${folder}/socket,server=on`, IP, "10.0.2.2"],
    { when: { printed: /^PING/, act: (child) => child.kill("SIGINT") } },
  );
  assertEquals([code, stderr], [1, ""]);
  assertEquals([...Deno.readDirSync(folder)], []);
  await Deno.remove(folder, { recursive: true });
});
