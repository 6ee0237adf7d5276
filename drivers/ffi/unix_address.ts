import { cString } from "./libc.ts";

/** unix(7). */
export const AF_UNIX = 1;
const SUN_PATH_BYTES = 108;

/** `struct sockaddr_un` of an abstract name: the path begins with a zero byte and has no end mark. */
export function abstractAddress(name: string): Uint8Array<ArrayBuffer> {
  return unixAddress(new TextEncoder().encode(`\0${name}`), name);
}

/** `struct sockaddr_un` of a file, whose path ends with a zero byte. */
export function pathAddress(path: string): Uint8Array<ArrayBuffer> {
  return unixAddress(cString(path), path);
}

function unixAddress(path: Uint8Array, name: string): Uint8Array<ArrayBuffer> {
  if (path.length > SUN_PATH_BYTES) {
    throw new RangeError(`socket name "${name}" is longer than ${SUN_PATH_BYTES - 1} bytes`);
  }
  const address = new Uint8Array(2 + path.length);
  new Uint16Array(address.buffer, 0, 1)[0] = AF_UNIX;
  address.set(path, 2);
  return address;
}
