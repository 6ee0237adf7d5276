import { tapTest } from "../linux/network_namespace.ts";
import { DEVICES } from "./devices.ts";
import { SCENARIOS } from "./scenarios.ts";

for (const device of DEVICES) {
  for (const scenario of SCENARIOS) {
    const name = `${device.name}: ${scenario.name}`;
    const run = (): Promise<void> => scenario.run(device);
    if (device.needsTap) tapTest(name, run);
    else Deno.test(name, run);
  }
}
