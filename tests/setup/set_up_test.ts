import { assertEquals } from "@std/assert";
import type { AptResult } from "../../app/setup/apt.ts";
import { setUp } from "../../app/setup/set_up.ts";
import { TOOLS } from "../../app/setup/tools.ts";
import { FakeFolder } from "./fake_folder.ts";

/** What a run of the set-up step came to. */
interface Outcome {
  readonly status: number;
  readonly said: readonly string[];
  readonly aptRuns: number;
}

/** Runs the set-up step on a machine with just these programs; `install` stands for apt-get. */
async function run(
  args: string[],
  programs: string[],
  isRoot: boolean,
  install: (folder: FakeFolder) => AptResult = () => ({ code: 0, messages: "" }),
): Promise<Outcome> {
  using folder = new FakeFolder(...programs);
  const said: string[] = [];
  let aptRuns = 0;
  const status = await setUp(args, {
    folders: [folder.path],
    isRoot,
    aptGet: (aptArgs) => {
      aptRuns++;
      return Promise.resolve(
        aptArgs.includes("install") ? install(folder) : { code: 0, messages: "" },
      );
    },
    say: (text) => said.push(text),
  });
  return { status, said, aptRuns };
}

const START = ["qemu-system-x86_64", "setpriv"];
/** What the tests need beyond that, tshark left out. */
const TEST_TOOLS = TOOLS.map(({ program }) => program).filter((program) =>
  ![...START, "tshark"].includes(program)
);
const ALMOST_ALL = [...START, ...TEST_TOOLS];
const MISSING_TSHARK = "setup: missing tshark (dissects frames in the tests)";

Deno.test("where all is there, nothing is said and apt-get is not run", async () => {
  const quiet = { status: 0, said: [], aptRuns: 0 };
  assertEquals(await run([], [...START, "apt-get"], true), quiet);
  assertEquals(await run(["--tests"], [...ALMOST_ALL, "tshark", "apt-get"], true), quiet);
  assertEquals(await run([], START, false), quiet);
});

Deno.test("without root, the one command to run is printed", async () => {
  assertEquals(await run(["--tests"], ["setpriv", ...TEST_TOOLS, "apt-get"], false), {
    status: 1,
    said: [
      "setup: missing qemu-system-x86_64 (the default network device), " +
      "tshark (dissects frames in the tests); to install, run",
      "sudo apt-get update && " +
      "sudo apt-get install --yes --no-install-recommends qemu-system-x86 tshark",
    ],
    aptRuns: 0,
  });
});

Deno.test("as root, what is missing is named and installed", async () => {
  const outcome = await run(["--tests"], [...ALMOST_ALL, "apt-get"], true, (folder) => {
    folder.add("tshark");
    return { code: 0, messages: "" };
  });
  assertEquals(outcome, {
    status: 0,
    said: [`${MISSING_TSHARK}; installing tshark by apt`],
    aptRuns: 2,
  });
});

Deno.test("a failed install shows what apt-get said", async () => {
  const outcome = await run(
    ["--tests"],
    [...ALMOST_ALL, "apt-get"],
    true,
    () => ({ code: 100, messages: "E: Unable to locate package tshark" }),
  );
  assertEquals(outcome.status, 1);
  assertEquals(outcome.said.slice(1), [
    "E: Unable to locate package tshark",
    "setup: apt-get failed to install tshark",
  ]);
});

Deno.test("an apt-get that can't be started is a failure, not an exception", async () => {
  const outcome = await run(["--tests"], [...ALMOST_ALL, "apt-get"], true, () => {
    throw new Error("not capable");
  });
  assertEquals(outcome.status, 1);
  assertEquals(outcome.said.slice(1), ["not capable", "setup: apt-get failed to install tshark"]);
});

Deno.test("an install that brings nothing is noticed", async () => {
  const outcome = await run(["--tests"], [...ALMOST_ALL, "apt-get"], true);
  assertEquals(outcome.status, 1);
  assertEquals(
    outcome.said.at(-1),
    "setup: apt-get succeeded, but still missing tshark (dissects frames in the tests)",
  );
});

Deno.test("without apt-get the missing programs are named, root or not", async () => {
  for (const isRoot of [true, false]) {
    assertEquals(await run(["--tests"], ALMOST_ALL, isRoot), {
      status: 1,
      said: [
        MISSING_TSHARK,
        "setup: there is no apt-get to install them with; please install them your system's way",
      ],
      aptRuns: 0,
    });
  }
});

Deno.test("an unknown argument is refused before anything is looked at", async () => {
  for (const args of [["--test"], ["--tests", "-x"], [""]]) {
    const { status, said, aptRuns } = await run(args, ["apt-get"], true);
    assertEquals([status, aptRuns], [2, 0]);
    assertEquals(said, [`setup: unknown argument '${args.at(-1)}', it takes only --tests`]);
  }
});
