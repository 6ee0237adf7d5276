import { assertEquals } from "@std/assert";
import { buildImage } from "../../image/build_image.ts";
import { runTool } from "./run_tool.ts";

Deno.test("two builds are the same to the last byte, and a third has nothing to do", async () => {
  using folder = new BuildFolder();
  const first = await buildImage(`${folder.path}/first`);
  const second = await buildImage(`${folder.path}/second`);
  assertEquals([first.isNew, second.isNew], [true, true]);
  await runTool("cmp", first.kernel, second.kernel);
  await runTool("cmp", first.initrd, second.initrd);

  const again = await buildImage(`${folder.path}/first`);
  assertEquals(again, { ...first, isNew: false });

  const script = 'cpio --quiet -it < "$0" | grep -c .';
  assertEquals(Number(await runTool("sh", "-c", script, first.initrd)) > 20, true);
});

class BuildFolder implements Disposable {
  readonly path: string = Deno.makeTempDirSync({ dir: "/tmp", prefix: "ukdeno-image-" });

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
