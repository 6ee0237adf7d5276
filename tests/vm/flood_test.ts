import { floodText, floodVm } from "./flood.ts";

const SECONDS = 60;

Deno.test(`${SECONDS} s of flood in the VM: nothing lost, memory flat`, async () => {
  console.log(floodText(await floodVm(SECONDS)));
});
