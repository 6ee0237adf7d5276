import { type Flag, spell } from "../app/flags.ts";
import { UsageError } from "../app/usage_error.ts";

/** Flags of `vm` itself; all others are the appliance's. */
export const VM_FLAGS: readonly Flag[] = [
  {
    name: "device",
    value: "MODEL,…",
    help: "QEMU's network card: virtio-net-pci (default), i82550, i82557b, i82559er",
  },
  {
    name: "netdev",
    value: "STRING",
    help: "QEMU's own -netdev string (default user,restrict=on)",
  },
  {
    name: "hub",
    value: "NAME",
    help: "abstract UNIX sockets NAME.0 to NAME.3 join its network (default ukdeno)",
  },
  {
    name: "monitor",
    value: "NAME",
    help: "abstract UNIX socket NAME is QEMU's QMP monitor (default none)",
  },
  { name: "memory", value: "MIB", help: "memory of the machine (default 320)" },
  { name: "smp", value: "N", help: "processors (default 1)" },
  { name: "accel", value: "kvm|tcg", help: "who runs the guest (default: KVM where that works)" },
];

/** What was taken out of a command line. */
export interface TakenFlags {
  /** Values of the flags that were asked for, in their order. */
  readonly taken: ReadonlyMap<string, readonly string[]>;
  /** All other arguments, as they were. */
  readonly rest: readonly string[];
}

/**
 * Takes flags of these names out of a command line, `--name=value` or `--name value`, and leaves what
 * somebody else is to read. `UsageError` for one without a value.
 */
export function takeFlags(args: readonly string[], flags: readonly Flag[]): TakenFlags {
  const taken = new Map<string, string[]>();
  const rest: string[] = [];
  const left = [...args];
  for (let arg = left.shift(); arg !== undefined; arg = left.shift()) {
    const [, name, inArg] = /^--([a-z-]+)(?:=(.*))?$/.exec(arg) ?? [];
    const flag = flags.find((flag) => flag.name === name);
    if (flag === undefined) {
      rest.push(arg);
      continue;
    }
    const value = inArg ?? left.shift() ?? "";
    if (value === "") throw new UsageError(`--${name} needs a value: ${spell(flag)}`);
    taken.set(name, [...taken.get(name) ?? [], value]);
  }
  return { taken, rest };
}

/** The value of a flag that may be given once. */
export function onlyValue({ taken }: TakenFlags, name: string): string | undefined {
  const values = taken.get(name) ?? [];
  if (values.length > 1) throw new UsageError(`--${name} is given ${values.length} times`);
  return values[0];
}

/** What `vm --help` prints. */
export function vmHelpText(): string {
  const width = Math.max(...VM_FLAGS.map((flag) => spell(flag).length));
  return [
    "ukdeno vm: boots a virtual machine in which the appliance is the only process",
    "",
    "usage: deno task vm [FLAG]… [serve] [FLAG]… [netdev.ip=…]  be a host there, until Ctrl-C",
    "       deno task vm [FLAG]… ping [FLAG]… ADDRESS           ping from there",
    "       deno task vm [FLAG]… info [FLAG]…                   tell everything about its card",
    "",
    ...VM_FLAGS.map((flag) => `  ${spell(flag).padEnd(width)}  ${flag.help}`),
    "",
    "All other flags are those of main.ts, whose --help shows them. --device=vfio:ADDRESS there is how",
    "the guest drives the card (default vfio: the first one that it finds).",
    "",
    "exit status: that of the appliance, or 1 when the machine failed, 2 for bad arguments",
  ].join("\n");
}
