/** A folder in /tmp with fake executables in it, gone when disposed. */
export class FakeFolder implements Disposable {
  readonly path: string = Deno.makeTempDirSync({ dir: "/tmp", prefix: "ukdeno-setup-" });

  constructor(...programs: string[]) {
    for (const program of programs) this.add(program);
  }

  /** Adds a shell script, or with another mode a file that is none. */
  add(program: string, script: string = "exit 0", mode: number = 0o755): void {
    Deno.writeTextFileSync(`${this.path}/${program}`, `#!/bin/sh\n${script}\n`, { mode });
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}
