/**
 * The decision of the set-up step: nothing to do, install, or say what to install.
 *
 * @module
 */

import { type AptGet, installCommand, installPackages } from "./apt.ts";
import { isInstalled, missingTools, packagesOf, type Tool } from "./tools.ts";

/** What the set-up step knows of the machine and may do to it. */
export interface Machine {
  /** The folders that hold its programs. */
  readonly folders: readonly string[];
  /** Whether packages may be installed. */
  readonly isRoot: boolean;
  /** Runs apt-get, if there is one. */
  readonly aptGet: AptGet;
  /** Tells the user. */
  readonly say: (text: string) => void;
}

/**
 * Sees to it that every program needed is there: those of the appliance, and with `--tests` those
 * of the tests too.
 *
 * @returns the exit status: 0 all is there, 1 something is missing, 2 bad arguments
 */
export async function setUp(args: readonly string[], machine: Machine): Promise<number> {
  const { folders, isRoot, aptGet, say } = machine;
  const unknown = args.find((arg) => arg !== "--tests");
  if (unknown !== undefined) {
    say(`setup: unknown argument '${unknown}', it takes only --tests`);
    return 2;
  }
  const withTests = args.length > 0;
  const missing = missingTools(withTests, folders);
  if (missing.length === 0) return 0;

  const packages = packagesOf(missing);
  if (!isInstalled("apt-get", folders)) {
    say(`setup: missing ${describe(missing)}`);
    say("setup: there is no apt-get to install them with; please install them your system's way");
    return 1;
  }
  if (!isRoot) {
    say(`setup: missing ${describe(missing)}; to install, run`);
    say(installCommand(packages));
    return 1;
  }
  say(`setup: missing ${describe(missing)}; installing ${packages.join(", ")} by apt`);
  const failure = await tryInstall(packages, aptGet);
  if (failure !== undefined) {
    say(failure);
    say(`setup: apt-get failed to install ${packages.join(", ")}`);
    return 1;
  }
  const stillMissing = missingTools(withTests, folders);
  if (stillMissing.length === 0) return 0;
  say(`setup: apt-get succeeded, but still missing ${describe(stillMissing)}`);
  return 1;
}

async function tryInstall(
  packages: readonly string[],
  aptGet: AptGet,
): Promise<string | undefined> {
  try {
    return await installPackages(packages, aptGet);
  } catch (error) {
    // apt-get could not even be started.
    return error instanceof Error ? error.message : String(error);
  }
}

function describe(tools: readonly Tool[]): string {
  return tools.map((tool) => `${tool.program} (${tool.purpose})`).join(", ");
}
