/**
 * Installing Debian packages with apt-get, without a question and without the output nobody reads.
 *
 * @module
 */

/** What a run of apt-get came to. */
export interface AptResult {
  /** Its exit status. */
  readonly code: number;
  /** Its messages: standard error, or standard output when that is empty. */
  readonly messages: string;
}

/** Runs apt-get with these arguments. */
export type AptGet = (args: readonly string[]) => Promise<AptResult>;

const INSTALL = ["install", "--yes", "--no-install-recommends"];

/** How often and how many milliseconds apart the package lists are tried while another apt has them. */
const LISTS_ATTEMPTS = 60;
const LISTS_PAUSE = 2000;

/** The command that installs the packages, for a person who may use sudo. */
export function installCommand(packages: readonly string[]): string {
  return `sudo apt-get update && sudo apt-get ${[...INSTALL, ...packages].join(" ")}`;
}

/**
 * Installs the packages, waiting for another apt to finish first.
 *
 * @returns what apt-get said when it failed, nothing when it succeeded
 */
export async function installPackages(
  packages: readonly string[],
  aptGet: AptGet,
  pause: number = LISTS_PAUSE,
): Promise<string | undefined> {
  const update = await updateLists(aptGet, pause);
  // A failed update is not the end: one dead source among many fails it, and so may the network
  // of a machine whose lists are good enough.
  const install = await aptGet([
    "-o",
    "DPkg::Lock::Timeout=120",
    ...INSTALL,
    "--no-remove",
    ...packages,
  ]);
  if (install.code === 0) return undefined;
  // An update that could reach nothing may exit 0, so its warnings are shown in any case.
  return [update.messages, install.messages].map(lastLines).filter((text) => text !== "")
    .join("\n");
}

/** DPkg::Lock::Timeout does not cover the lock of the package lists. */
async function updateLists(aptGet: AptGet, pause: number): Promise<AptResult> {
  const update = (): Promise<AptResult> => aptGet(["-qq", "update"]);
  let result = await update();
  for (let i = 1; i < LISTS_ATTEMPTS && isLocked(result); i++) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    result = await update();
  }
  return result;
}

function isLocked({ code, messages }: AptResult): boolean {
  return code !== 0 && messages.includes("/lists/lock");
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-8).join("\n");
}

/** Runs the machine's own apt-get; it finds the programs it needs in `folders`. */
export async function runAptGet(
  args: readonly string[],
  folders: readonly string[],
): Promise<AptResult> {
  const output = await new Deno.Command("apt-get", {
    args: [...args],
    env: {
      // tshark's package asks a question otherwise.
      DEBIAN_FRONTEND: "noninteractive",
      // dpkg refuses to work without the folders of the system's own tools.
      PATH: folders.join(":"),
      // Deno passes these on only with an unscoped --allow-run, unless they are empty.
      LD_LIBRARY_PATH: "",
      LD_PRELOAD: "",
    },
  }).output();
  const decoder = new TextDecoder();
  const errors = decoder.decode(output.stderr);
  return { code: output.code, messages: errors.trim() || decoder.decode(output.stdout) };
}
