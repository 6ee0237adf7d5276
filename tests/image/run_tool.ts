/** Runs a program to its end, which must be a good one, and returns what it printed. */
export async function runTool(...command: string[]): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("setpriv", {
    args: ["--pdeathsig", "KILL", ...command],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(`${command.join(" ")}: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}
