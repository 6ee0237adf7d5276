import { cpus } from "node:os";
import { Testpmd } from "../../tests/integration/dpdk_testpmd.ts";

/** What the figures were taken on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly deno: string;
  readonly v8: string;
  /** Linux's release. */
  readonly linux: string;
  /** Debian's version of DPDK. */
  readonly dpdk: string;
  /** All that in a line. */
  readonly text: string;
}

/** Asks around. */
export async function machine(): Promise<Machine> {
  const cpu = cpus()[0].model.trim();
  const cores = cpus().length;
  const { deno, v8 } = Deno.version;
  const linux = (await printed("uname", "--kernel-release")).trim();
  const dpdk = await dpdkVersion();
  const text = `${cores} cores of ${cpu}, Linux ${linux}, Deno ${deno}, DPDK ${dpdk}`;
  return { cpu, cores, deno, v8, linux, dpdk, text };
}

async function dpdkVersion(): Promise<string> {
  await using testpmd = await Testpmd.start({ vdevs: ["net_null0"], forward: "io" });
  return /DPDK ([\d.]+)/.exec(testpmd.log)?.[1] ?? "of unknown version";
}

async function printed(...command: readonly string[]): Promise<string> {
  const args = ["--pdeathsig", "KILL", ...command];
  const output = await new Deno.Command("setpriv", { args, stdin: "null" }).output();
  return new TextDecoder().decode(output.stdout);
}
