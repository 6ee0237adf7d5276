/** Has `around` make each call of these methods of an object, or a prototype; returns what undoes it. */
export function wrapMethods(
  owner: object,
  names: readonly string[],
  around: (name: string, call: () => unknown) => unknown,
): () => void {
  const before = names.map((name) => {
    const method: unknown = Reflect.get(owner, name);
    if (typeof method !== "function") throw new Error(`there's no ${name}() to be watched`);
    Reflect.set(owner, name, function (this: unknown, ...args: unknown[]): unknown {
      return around(name, () => Reflect.apply(method, this, args));
    });
    return [name, method] as const;
  });
  return () => {
    for (const [name, method] of before) Reflect.set(owner, name, method);
  };
}
