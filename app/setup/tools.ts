/**
 * The programs ukdeno runs, and where a machine keeps them.
 *
 * @module
 */

/** A program that ukdeno or its tests run. */
export interface Tool {
  /** The name of the executable. */
  readonly program: string;
  /** The Debian package that has it. */
  readonly package: string;
  /** What ukdeno needs it for, for the person who is asked to install it. */
  readonly purpose: string;
  /** Whether only the tests need it. */
  readonly testsOnly: boolean;
  /** Where its package keeps it, when that's a folder that nobody looks for programs in. */
  readonly folder?: string;
}

/** Every program that must be there. */
export const TOOLS: readonly Tool[] = [
  {
    program: "qemu-system-x86_64",
    package: "qemu-system-x86",
    purpose: "the default network device",
    testsOnly: false,
  },
  {
    program: "setpriv",
    package: "util-linux",
    purpose: "ends QEMU when ukdeno ends",
    testsOnly: false,
  },
  {
    program: "tshark",
    package: "tshark",
    purpose: "dissects frames in the tests",
    testsOnly: true,
  },
  {
    program: "ip",
    package: "iproute2",
    purpose: "makes networks in the tests",
    testsOnly: true,
  },
  {
    program: "ping",
    package: "iputils-ping",
    purpose: "pings in the tests",
    testsOnly: true,
  },
  {
    program: "arping",
    package: "iputils-arping",
    purpose: "asks by ARP in the tests",
    testsOnly: true,
  },
  {
    program: "fping",
    package: "fping",
    purpose: "pings in the tests in its own way",
    testsOnly: true,
  },
  {
    program: "nmap",
    package: "nmap",
    purpose: "scans in the tests",
    testsOnly: true,
  },
  {
    program: "arp-scan",
    package: "arp-scan",
    purpose: "scans by ARP in the tests",
    testsOnly: true,
  },
  {
    program: "cpio",
    package: "cpio",
    purpose: "reads archives in the tests",
    testsOnly: true,
  },
  {
    // A package of its drivers for developers has it, in Debian 12.
    program: "dpdk-testpmd",
    package: "dpdk-dev",
    purpose: "DPDK, a vhost-user back-end in the tests",
    testsOnly: true,
  },
  {
    program: "ovs-vswitchd-dpdk",
    package: "openvswitch-switch-dpdk",
    purpose: "a virtual switch in the tests",
    testsOnly: true,
    folder: "/usr/lib/openvswitch-switch-dpdk",
  },
];

/**
 * The folders to look in: those of `path`, and the two that hold many network tools and that
 * Debian leaves out of an ordinary user's PATH. A relative folder is passed over: what it means
 * depends on where the command is run.
 */
export function searchFolders(path: string): string[] {
  const folders = [...path.split(":"), "/usr/sbin", "/sbin"];
  return [...new Set(folders.filter((folder) => folder.startsWith("/")))];
}

/** Whether one of the folders has an executable of this name. */
export function isInstalled(program: string, folders: readonly string[]): boolean {
  return folders.some((folder) => isExecutable(`${folder}/${program}`));
}

/** The tools that are needed and not there. */
export function missingTools(
  withTests: boolean,
  folders: readonly string[],
  tools: readonly Tool[] = TOOLS,
): Tool[] {
  return tools.filter(({ program, testsOnly, folder }) =>
    (withTests || !testsOnly) &&
    !isInstalled(program, folder === undefined ? folders : [...folders, folder])
  );
}

/** The packages that have these tools, each once. */
export function packagesOf(tools: readonly Tool[]): string[] {
  return [...new Set(tools.map((tool) => tool.package))];
}

function isExecutable(file: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(file);
    return isFile && ((mode ?? 0) & 0o111) !== 0;
  } catch {
    // A file that can't be looked at can't be run either; most often there is none.
    return false;
  }
}
