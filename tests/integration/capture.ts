import { assertEquals } from "@std/assert";

/** Fields of a frame by tshark's names; a field that the frame doesn't have is empty. */
const FIELDS = {
  length: "frame.len",
  ethSource: "eth.src",
  ethDestination: "eth.dst",
  padding: "eth.padding",
  arpOpcode: "arp.opcode",
  arpSenderMac: "arp.src.hw_mac",
  arpSender: "arp.src.proto_ipv4",
  arpTargetMac: "arp.dst.hw_mac",
  arpTarget: "arp.dst.proto_ipv4",
  ipSource: "ip.src",
  ipDestination: "ip.dst",
  ipLength: "ip.len",
  ipTtl: "ip.ttl",
  ipChecksum: "ip.checksum.status",
  icmpType: "icmp.type",
  icmpChecksum: "icmp.checksum.status",
  icmpId: "icmp.ident",
  icmpSequence: "icmp.seq",
  icmpData: "data.data",
  malformed: "_ws.malformed",
  warning: "warning",
} as const;

/** One frame as tshark sees it. */
export type CapturedFrame = Readonly<Record<keyof typeof FIELDS, string>>;

/**
 * Wireshark's experts are heard from the level of a warning on. Not for a ping without a reply in
 * the capture, which they complain of, as well: the tests match those by themselves.
 */
const WARNING = "_ws.expert.severity >= 0x00600000 && !icmp.resp_not_found";

/** A file of frames, read by tshark. */
export class Capture {
  readonly #frames: readonly CapturedFrame[];

  private constructor(frames: readonly CapturedFrame[]) {
    this.#frames = frames;
  }

  /** Reads a pcap file. */
  static async read(file: string): Promise<Capture> {
    const names = Object.keys(FIELDS) as (keyof typeof FIELDS)[];
    const fields = names.filter((name) => name !== "warning");
    const lines = await tshark(file, [
      "-T",
      "fields",
      ...fields.flatMap((name) => ["-e", FIELDS[name]]),
    ]);
    const warned = new Set(
      await tshark(file, ["-Y", WARNING, "-T", "fields", "-e", "frame.number"]),
    );
    return new Capture(lines.map((line, index) => {
      const values = line.split("\t");
      const frame = Object.fromEntries(fields.map((name, i) => [name, values[i] ?? ""]));
      const warning = warned.has(String(index + 1)) ? "see tshark" : "";
      return { ...frame, warning } as CapturedFrame;
    }));
  }

  /** The frames for which this is so. */
  where(predicate: (frame: CapturedFrame) => boolean): CapturedFrame[] {
    return this.#frames.filter(predicate);
  }
}

/** Runs tshark over a file, checksums verified; the lines that it prints. */
async function tshark(file: string, args: readonly string[]): Promise<string[]> {
  const output = await new Deno.Command("setpriv", {
    args: [
      ...["tshark", "-n", "-r", file],
      ...["-o", "ip.check_checksum:TRUE", "-o", "eth.check_fcs:Never"],
      ...args,
    ],
    stderr: "piped",
  }).output();
  assertEquals(output.code, 0, new TextDecoder().decode(output.stderr));
  return new TextDecoder().decode(output.stdout).split("\n").slice(0, -1);
}

/**
 * A PATH in which QEMU is told to write all frames of its NIC, both ways, to `folder/wire.pcap`
 * (qemu(1), `-object filter-dump`).
 */
export async function folderWithDumpingQemu(folder: string): Promise<string> {
  const dump = `filter-dump,id=dump,netdev=nic-port,file=${folder}/wire.pcap`;
  const script = `#!/bin/sh\nexec /usr/bin/qemu-system-x86_64 "$@" -object ${dump}\n`;
  await Deno.writeTextFile(`${folder}/qemu-system-x86_64`, script, { mode: 0o755 });
  return `${folder}:/usr/local/bin:/usr/bin:/bin`;
}
