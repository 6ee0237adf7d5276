import { assert, assertEquals } from "@std/assert";
import { NIC_ID, NIC_PORT } from "../../drivers/pci/qemu/qemu_command_line.ts";
import type { QmpClient } from "../../drivers/pci/qemu/qmp_client.ts";
import { NIC_SLOT } from "../../image/vm_command_line.ts";
import { countersOf, runMain } from "../integration/appliance.ts";
import { HOST_MAC } from "../stack/frames.ts";
import { VmAppliance } from "./vm_appliance.ts";

/** What `device_add` has to say of a card like the first. */
const CARD = {
  driver: "virtio-net-pci",
  id: NIC_ID,
  netdev: NIC_PORT,
  bus: NIC_SLOT,
  mac: HOST_MAC,
  "disable-legacy": "on",
  iommu_platform: "on",
  romfile: "",
};

/** Pulls the card, and waits until QEMU has let go of it: it says so of each part of the card. */
function pull(qmp: QmpClient): void {
  qmp.execute("device_del", { id: NIC_ID });
  for (let deleted: unknown = null; deleted !== NIC_ID;) {
    deleted = (qmp.event("DEVICE_DELETED").data as { device?: string }).device;
  }
}

async function isPinged(vm: VmAppliance): Promise<boolean> {
  const { code } = await runMain(["ping", `--hub=${vm.hub}`, "-c", "2", "-i", "0.1"]);
  return code === 0;
}

Deno.test("the card is pulled out of the VM and put back: told, and it's pinged again", async () => {
  await using vm = await VmAppliance.serve();
  assert(await isPinged(vm));
  {
    using qmp = vm.operate();
    pull(qmp);
    const { unplugs } = await vm.event("unplugged");
    assertEquals(unplugs, 1);
    qmp.execute("device_add", CARD);
    await vm.event("plugged");
  }
  assert(await isPinged(vm));
  await vm.command("poweroff");
  const { status, console } = await vm.ended();
  assertEquals(status.code, 0, console.join("\n"));
  const { interface: { unplugs, plugs } } = countersOf(await vm.event("stopped"));
  assertEquals([unplugs, plugs], [1, 1]);
});
